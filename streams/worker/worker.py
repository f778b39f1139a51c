"""One worker: its parts made, brought up in order, and what it waits for said. Knows no Faust.

Nothing connects before `open`. What is away is waited for; what is wrong ends the process with a message.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tidegate.classifiers import DEFAULT_MANIFEST
from tidegate.streams.core.partition import Part
from tidegate.streams.core.worker_status import Report
from tidegate.streams.errors import BrokerAway, PolicyUnknown, StoreAway, StoreDenied, StoreRefused, TopicsMissing
from tidegate.streams.http.probes import Pages
from tidegate.streams.ingest import Ingest
from tidegate.streams.ingest.batches import Batch, Limits
from tidegate.streams.ingest.heartbeat import beat_regularly
from tidegate.streams.ingest.takeover import Owned, take_over
from tidegate.streams.installed import named, python, release
from tidegate.streams.kafka.consumer import require_codecs
from tidegate.streams.kafka.discovery import Found, find_topics
from tidegate.streams.kafka.history import History
from tidegate.streams.kafka.lookup import Source
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.model_reload import Swap
from tidegate.streams.moderation.moderate import Moderate
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.replaced import Replaced
from tidegate.streams.moderation.scorer import load_scorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.recovery.alerts import last_words
from tidegate.streams.recovery.copies import LostCopies
from tidegate.streams.recovery.rebuild import Rebuild
from tidegate.streams.ruler.ruler import Tick
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.store.scope_limiter import Names
from tidegate.streams.tasks import Tasks, exit_refused
from tidegate.streams.worker.enforcement import Enforcer
from tidegate.streams.worker.feedback import Hear
from tidegate.streams.worker.pipeline import Pipeline
from tidegate.streams.worker.policy_follower import InForce
from tidegate.streams.worker.status import report_regularly

log = logging.getLogger(__name__)

# Young objects between two looks for garbage: a few batches' worth, most of which are gone by then without a look.
YOUNG = 20_000
LETTER_BYTES = 4096  # of a dead letter beside the bytes it keeps, at the most
HandOut = Callable[[Batch], Awaitable[None]]


class Worker:
    """Everything one worker process runs, but for Faust."""

    def __init__(self, settings: Settings) -> None:
        """Loads what can be wrong before anything connects. Raises SettingsError and PolicyError."""
        require_codecs()
        self._settings = s = settings
        self.id = f"{s.worker}-{secrets.token_hex(4)}"  # per process: a restart under the same name is another owner
        self._user_key = UserKey(s.user_key_bytes())
        self.metrics = Metrics()
        self._swap = Swap(
            s.classifier_manifest or DEFAULT_MANIFEST,
            lambda: load_scorer(s.classifier, s.classifier_manifest, s.score_threads),
            self.metrics,
        )
        self._scorer = self._swap.scorer
        self.store = RedisStore(s.store, s.namespace)
        self.in_force = InForce(s.brokers, s.policy_file, s.worker, self._scorer, self.metrics, self.store)
        self.publisher = Publisher(
            s.brokers, idempotent=s.idempotent, max_record_bytes=s.max_record_bytes, client_id=s.worker
        )
        self._scoring = Scoring(s.score_threads, s.score_timeout_s, self.metrics.scored)
        self._source = Source(s.brokers)
        self._names = Names(self.store, s.live_scopes)
        self._history = History(s.brokers)
        self._rebuild = Rebuild(
            self.store,
            self._history,
            self._names,
            lambda: self.in_force.live,
            self.in_force.strikes_of,
            lambda: self._found.partitions,
            self.metrics,
        )
        self._copies = LostCopies(self.store, self._history, lambda: self._found.partitions)
        self._pages = Pages(self.metrics.registry, self.waits, self._refresh, s.token())
        self._pages_at = ""
        self._started_ms = int(time.time() * 1000)
        self._waits: dict[str, str] = {}
        self._ingests: dict[str, Ingest] = {}
        self._tasks = Tasks()
        self._stopping = asyncio.Event()
        self._found = Found("", (), {})
        self.tick: Tick | None = None
        self.completions: Pipeline[Any, Any]
        self.feedback: Pipeline[Any, Any]

    # --- up and down

    async def open(self) -> None:
        """Opens the pages, then waits for Redis, Kafka, the topics and a policy, saying on /readyz which it lacks.

        Raises StoreRefused, PolicyError and SettingsError: what is wrong is not waited for.
        """
        s = self._settings
        port = await self._pages.start(s.http_host, s.http_port)
        self._pages_at = f"http://{s.http_host}:{port}"
        log.info("tidegate %s on Python %s, policy file %s", release(), python(), named(s.policy_file))
        log.info("worker %s: pages on %s/readyz", self.id, self._pages_at)
        await self.until("redis", lambda: self.store.check(self._user_key.fingerprint))
        self._tasks.spawn(report_regularly(self.store, self.id, self.report, self._stopping))
        await self.until("kafka", self.publisher.start)
        await self.until("topics", self._find_topics)
        await self.until("policies", lambda: self.in_force.find(self.publisher))

    async def start(self, completions: HandOut, feedback: HandOut) -> None:
        """Joins the groups and begins to beat and to tick. `open` comes first."""
        s = self._settings
        keep_up_to = (s.max_record_bytes - LETTER_BYTES) * 3 // 4 if s.dead_letter_bytes else 0  # base64 adds a third
        replaced = Replaced(self.metrics.times_replaced, s.live_scopes)
        moderate = Moderate(
            self._scoring,
            self._scorer.under,
            self.store,
            self._user_key,
            lambda: self.in_force.live,
            self.metrics,
            keep_bytes_up_to=keep_up_to,
            replaced=replaced,
        )
        hear = Hear(self._user_key, self.metrics, keep_bytes_up_to=keep_up_to, replaced=replaced)
        self.completions = self._pipeline("completions", completions, moderate)
        self.feedback = self._pipeline("feedback", feedback, hear)
        self._tasks.spawn(self._bring_up())

    def _pipeline(self, topic: str, hand_out: HandOut, handler: Any) -> Pipeline[Any, Any]:
        s = self._settings
        limits = Limits(
            batch_events=s.batch_events,
            inflight_batches=s.concurrency + 2,
            inflight_events=s.inflight_events,
            inflight_bytes=s.inflight_bytes,
            session_timeout_s=s.session_timeout_s,
            heartbeat_s=s.heartbeat_s,
            commit_interval_s=s.commit_interval_s,
            skip_unreadable=s.unreadable_batch == "skip",
            unreadable_tries=s.unreadable_tries,
            unreadable_s=s.unreadable_minutes * 60,
            group_instance=s.group_instance or None,
        )
        ingest = Ingest(
            s.brokers, f"{s.group}-{topic}", topic, limits, hand_out, self._take_over, self._let_go,
            lambda owned, offset: self.store.unreadable(owned.part, owned.token, offset),
            lambda outcome: self.metrics.unreadable.labels(topic, outcome).inc(),
        )  # fmt: skip
        self._ingests[topic] = ingest
        return Pipeline(
            ingest, handler, self.publisher, self.store, self._names, lambda: self.in_force.live, self.metrics,
            self._copies.wanted.add,
        )  # fmt: skip

    async def _bring_up(self) -> None:
        await asyncio.gather(*(self.until(topic, ingest.start) for topic, ingest in self._ingests.items()))
        self.tick = Tick(
            self.store,
            self.publisher.publish,
            lambda: self._found.parts,
            lambda: self.in_force.live,
            lambda: self.in_force.policies.log.silences.values(),
            self.id,
            words=lambda since_ms: last_words(self._history, self._found.partitions["alerts"], since_ms),
            lease_ms=int(self._settings.tick_lease_s * 1000),
        )
        self._tasks.spawn(beat_regularly(self.store, self._ingests.values(), self._waits, self._stopping))
        self._tasks.spawn(self.tick.run(self._stopping))
        enforcer = Enforcer(self.store, self.publisher.publish, self._ingests["completions"], self.metrics)
        self._tasks.spawn(enforcer.run(self._stopping))
        if ":" not in self._settings.classifier:  # a scorer of somebody's own has no manifest
            self._tasks.spawn(self._swap.run(lambda: self.in_force.live, self._stopping, self._settings.model_poll_s))
        gc.collect()
        gc.freeze()  # what is here by now stays: a look for garbage need not walk through it again and again
        gc.set_threshold(YOUNG, 10, 10)

    async def until(self, what: str, call: Callable[[], Awaitable[Any]]) -> None:
        """Waits for what is away, and says so on /readyz."""
        delay = 0.2
        while not self._stopping.is_set():
            try:
                await call()
                self._waits.pop(what, None)
                return
            except StoreDenied:
                raise  # a wrong password at start is wrong, not away; one that changes under us is waited for
            except (StoreAway, BrokerAway, TopicsMissing, PolicyUnknown) as error:
                if self._waits.get(what) != str(error):
                    log.warning("%s", error)
                self._waits[what] = str(error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)

    async def stop(self) -> None:
        """Finishes what is in flight, lets the parts go, and closes every connection."""
        self._stopping.set()
        await asyncio.gather(*(ingest.stop() for ingest in self._ingests.values()), return_exceptions=True)
        await self._tasks.finish(within_s=3.0)  # the tick ends what it is at, and gives its lease back
        await self.in_force.stop()
        await self._source.stop()
        await self.publisher.stop()
        await self.store.close()
        self._scoring.close()
        await self._pages.stop()
        faulthandler.cancel_dump_traceback_later()  # as the last: a stop that hangs is ended too, and says where

    async def _find_topics(self) -> None:
        self._found = await find_topics(self._settings.brokers)

    # --- what the ingests ask

    async def _take_over(self, part: Part, committed: int | None) -> Owned:
        try:
            await self.store.check(self._user_key.fingerprint)  # an empty one may have got another key meanwhile
        except StoreRefused as error:
            exit_refused(error)
        owned = await take_over(self.store, self._source, part, self.id, self._found.cluster, committed, self._rebuild)
        await self._copies.restore(part, owned.token, owned.position)
        self.metrics.takeovers.labels(part.topic, owned.belief.value).inc()
        return owned

    async def _let_go(self, owned: Owned) -> None:
        try:
            await self.store.release(owned.part, owned.token)
        except StoreAway as error:
            log.info("%s: left without a word: %s", owned.part, error)

    # --- what people see

    def waits(self) -> dict[str, str]:
        """What keeps this worker from its job, by name; empty where nothing does."""
        waits = dict(self._waits)
        if not self._ingests and not waits:
            waits["start"] = "joining the group"
        if self.in_force.policies.away:
            waits["policies"] = f"{self.in_force.policies.away}; the last good version stands"
        for topic, ingest in self._ingests.items():
            if topic not in waits and ingest.waiting_for is not None:
                waits[topic] = f"waiting for {ingest.waiting_for}"
            elif topic not in waits and not ingest.may_publish():
                waits[topic] = "waiting for kafka: no heartbeat for longer than the session timeout; publishing nothing"
            waits |= {f"unreadable {part}": said for part, said in ingest.unreadable.said.items()}
        if self._rebuild.said is not None:
            waits["completions"] = self._rebuild.said
        if self._copies.said is not None:
            waits["copies"] = self._copies.said
        return waits

    def report(self) -> Report:
        """This worker's word of itself."""
        policies = self.in_force.policies
        live = policies.log.live
        return Report(
            name=self._settings.worker,
            started_ms=self._started_ms,
            version=live.version if live else None,
            shadow=live.shadow.version if live and live.shadow else None,
            since_ms=self.in_force.since_ms,
            model=self._scorer.under(live).version if live else None,
            next=policies.log.next,
            log=policies.begun.found,
            file=self.in_force.file,
            waits=self.waits(),
            pages=self._pages_at,
        )

    def _refresh(self) -> None:
        m = self.metrics
        m.ready.set(0 if self.waits() else 1)
        m.log_incomplete.set(self.in_force.policies.note is not None)
        m.stuck.set(self._scoring.stuck)
        m.rebuilding.set(len(self._rebuild.going))
        m.lag.clear()
        for ingest in self._ingests.values():
            m.unreadable_now.labels(ingest.topic).set(len(ingest.unreadable.said))
            for part, lag in ingest.lags().items():
                m.lag.labels(part.topic, str(part.partition)).set(lag)
        for kind, n in self._names.overflowed.items():
            m.overflow.labels(kind).set(n)
        if self.tick is not None and self.tick.stats.leading:
            m.ticked(self.tick.stats, self.tick.alerts.states, self.tick.alerts.transitions)
