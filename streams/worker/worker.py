"""One worker: its partitions made, brought up in order, and what it waits for said. Knows no Faust.

Nothing connects before `open`. What is unavailable is waited for; what is wrong ends the process with a message.
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
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.worker_status import WorkerStatus
from tidegate.streams.errors import (
    BrokerUnavailable,
    NoPolicy,
    StoreDenied,
    StoreRefused,
    StoreUnavailable,
    TopicsMissing,
)
from tidegate.streams.http.probes import ProbeServer
from tidegate.streams.ingest import Ingest
from tidegate.streams.ingest.batches import Batch, IngestLimits
from tidegate.streams.ingest.heartbeat import heartbeat_loop
from tidegate.streams.ingest.takeover import OwnedPartition, take_over
from tidegate.streams.installed import named, python, release
from tidegate.streams.kafka.consumer import require_codecs
from tidegate.streams.kafka.discovery import Topology, find_topics
from tidegate.streams.kafka.history import TopicHistory
from tidegate.streams.kafka.lookup import KafkaLookup
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scorer import load_scorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.recovery.alerts import last_published_alerts
from tidegate.streams.recovery.copies import LostCopies
from tidegate.streams.recovery.rebuild import Rebuild
from tidegate.streams.ruler.ruler import Ruler
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.tasks import Tasks, exit_refused
from tidegate.streams.worker.completion_handler import CompletionHandler
from tidegate.streams.worker.enforcement import Enforcer
from tidegate.streams.worker.feedback_handler import FeedbackHandler
from tidegate.streams.worker.model_reload import ModelReloader
from tidegate.streams.worker.pipeline import Pipeline
from tidegate.streams.worker.policy_follower import PolicyFollower
from tidegate.streams.worker.replaced import ReplacedTimes
from tidegate.streams.worker.status import status_loop

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
        self._swap = ModelReloader(
            s.classifier_manifest or DEFAULT_MANIFEST,
            lambda: load_scorer(s.classifier, s.classifier_manifest, s.score_threads),
            self.metrics,
        )
        self._scorer = self._swap.scorer
        self.store = RedisStore(s.store, s.namespace)
        self.follower = PolicyFollower(s.brokers, s.policy_file, s.worker, self._scorer, self.metrics, self.store)
        self.publisher = Publisher(
            s.brokers, idempotent=s.idempotent, max_record_bytes=s.max_record_bytes, client_id=s.worker
        )
        self._scoring = Scoring(s.score_threads, s.score_timeout_s, self.metrics.scored)
        self._source = KafkaLookup(s.brokers)
        self._names = ScopeLimiter(self.store, s.live_scopes)
        self._history = TopicHistory(s.brokers)
        self._rebuild = Rebuild(
            self.store,
            self._history,
            self._names,
            lambda: self.follower.live,
            self.follower.strikes_of,
            lambda: self._found.counts,
            self.metrics,
        )
        self._copies = LostCopies(self.store, self._history, lambda: self._found.counts)
        self._probes = ProbeServer(self.metrics.registry, self.waiting_for, self._refresh, s.token())
        self._probes_at = ""
        self._started_ms = int(time.time() * 1000)
        self._waiting_for: dict[str, str] = {}
        self._ingests: dict[str, Ingest] = {}
        self._tasks = Tasks()
        self._stopping = asyncio.Event()
        self._found = Topology("", (), {})
        self.ruler: Ruler | None = None
        self.completions: Pipeline[Any, Any]
        self.feedback: Pipeline[Any, Any]

    # --- up and down

    async def open(self) -> None:
        """Opens the pages, then waits for Redis, Kafka, the topics and a policy, saying on /readyz which it lacks.

        Raises StoreRefused, PolicyError and SettingsError: what is wrong is not waited for.
        """
        s = self._settings
        port = await self._probes.start(s.http_host, s.http_port)
        self._probes_at = f"http://{s.http_host}:{port}"
        log.info("tidegate %s on Python %s, policy file %s", release(), python(), named(s.policy_file))
        log.info("worker %s: pages on %s/readyz", self.id, self._probes_at)
        await self.retry_while_unavailable("redis", lambda: self.store.check(self._user_key.fingerprint))
        self._tasks.spawn(status_loop(self.store, self.id, self.report, self._stopping))
        await self.retry_while_unavailable("kafka", self.publisher.start)
        await self.retry_while_unavailable("topics", self._find_topics)
        await self.retry_while_unavailable("policies", lambda: self.follower.start(self.publisher))

    async def start(self, completions: HandOut, feedback: HandOut) -> None:
        """Joins the groups and begins to heartbeat and to tick. `open` comes first."""
        s = self._settings
        keep_up_to = (s.max_record_bytes - LETTER_BYTES) * 3 // 4 if s.dead_letter_bytes else 0  # base64 adds a third
        replaced = ReplacedTimes(self.metrics.times_replaced, s.live_scopes)
        moderator = Moderator(
            self._scoring,
            self._scorer.under,
            explained=lambda outcome: self.metrics.explained.labels(outcome).inc(),
        )
        moderate = CompletionHandler(
            RecordModerator(moderator, self._user_key, keep_bytes_up_to=keep_up_to),
            self.store,
            lambda: self.follower.live,
            self.metrics,
            replaced=replaced,
        )
        hear = FeedbackHandler(self._user_key, self.metrics, keep_bytes_up_to=keep_up_to, replaced=replaced)
        self.completions = self._pipeline("completions", completions, moderate)
        self.feedback = self._pipeline("feedback", feedback, hear)
        self._tasks.spawn(self._bring_up())

    def _pipeline(self, topic: str, hand_out: HandOut, handler: Any) -> Pipeline[Any, Any]:
        s = self._settings
        limits = IngestLimits(
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
            lambda owned, offset: self.store.unreadable(owned.partition, owned.epoch, offset),
            lambda outcome: self.metrics.unreadable.labels(topic, outcome).inc(),
        )  # fmt: skip
        self._ingests[topic] = ingest
        return Pipeline(
            ingest, handler, self.publisher, self.store, self._names, lambda: self.follower.live, self.metrics,
            self._copies.wanted.add,
        )  # fmt: skip

    async def _bring_up(self) -> None:
        await asyncio.gather(
            *(self.retry_while_unavailable(topic, ingest.start) for topic, ingest in self._ingests.items())
        )
        self.ruler = Ruler(
            self.store,
            self.publisher.publish,
            lambda: self._found.partitions,
            lambda: self.follower.live,
            lambda: self.follower.policies.log.silences.values(),
            self.id,
            words=lambda since_ms: last_published_alerts(self._history, self._found.counts["alerts"], since_ms),
            lease_ms=int(self._settings.ruler_lease_s * 1000),
        )
        self._tasks.spawn(heartbeat_loop(self.store, self._ingests.values(), self._waiting_for, self._stopping))
        self._tasks.spawn(self.ruler.run(self._stopping))
        enforcer = Enforcer(self.store, self.publisher.publish, self._ingests["completions"], self.metrics)
        self._tasks.spawn(enforcer.run(self._stopping))
        if ":" not in self._settings.classifier:  # a scorer of somebody's own has no manifest
            self._tasks.spawn(self._swap.run(lambda: self.follower.live, self._stopping, self._settings.model_poll_s))
        gc.collect()
        gc.freeze()  # what is here by now stays: a look for garbage need not walk through it again and again
        gc.set_threshold(YOUNG, 10, 10)

    async def retry_while_unavailable(self, what: str, call: Callable[[], Awaitable[Any]]) -> None:
        """Waits for what is unavailable, and says so on /readyz."""
        delay = 0.2
        while not self._stopping.is_set():
            try:
                await call()
                self._waiting_for.pop(what, None)
                return
            except StoreDenied:
                raise  # a wrong password at start is wrong, not away; one that changes under us is waited for
            except (StoreUnavailable, BrokerUnavailable, TopicsMissing, NoPolicy) as error:
                if self._waiting_for.get(what) != str(error):
                    log.warning("%s", error)
                self._waiting_for[what] = str(error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)

    async def stop(self) -> None:
        """Finishes what is in flight, lets the partitions go, and closes every connection."""
        self._stopping.set()
        await asyncio.gather(*(ingest.stop() for ingest in self._ingests.values()), return_exceptions=True)
        await self._tasks.finish(within_s=3.0)  # the ruler ends what it is at, and gives its lease back
        await self.follower.stop()
        await self._source.stop()
        await self.publisher.stop()
        await self.store.close()
        self._scoring.close()
        await self._probes.stop()
        faulthandler.cancel_dump_traceback_later()  # as the last: a stop that hangs is ended too, and says where

    async def _find_topics(self) -> None:
        self._found = await find_topics(self._settings.brokers)

    # --- what the ingests ask

    async def _take_over(self, partition: TopicPartition, committed: int | None) -> OwnedPartition:
        try:
            await self.store.check(self._user_key.fingerprint)  # an empty one may have got another key meanwhile
        except StoreRefused as error:
            exit_refused(error)
        owned = await take_over(
            self.store, self._source, partition, self.id, self._found.cluster, committed, self._rebuild
        )
        await self._copies.restore(partition, owned.epoch, owned.position)
        self.metrics.takeovers.labels(partition.topic, owned.trust.value).inc()
        return owned

    async def _let_go(self, owned: OwnedPartition) -> None:
        try:
            await self.store.release(owned.partition, owned.epoch)
        except StoreUnavailable as error:
            log.info("%s: left without a word: %s", owned.partition, error)

    # --- what people see

    def waiting_for(self) -> dict[str, str]:
        """What keeps this worker from its job, by name; empty where nothing does."""
        waiting_for = dict(self._waiting_for)
        if not self._ingests and not waiting_for:
            waiting_for["start"] = "joining the group"
        if self.follower.policies.unavailable:
            waiting_for["policies"] = f"{self.follower.policies.unavailable}; the last good version stands"
        for topic, ingest in self._ingests.items():
            if topic not in waiting_for and ingest.waiting_for is not None:
                waiting_for[topic] = f"waiting for {ingest.waiting_for}"
            elif topic not in waiting_for and not ingest.may_publish():
                waiting_for[topic] = (
                    "waiting for kafka: no heartbeat for longer than the session timeout; publishing nothing"
                )
            waiting_for |= {f"unreadable {partition}": why for partition, why in ingest.unreadable.waiting_for.items()}
        if self._rebuild.status is not None:
            waiting_for["completions"] = self._rebuild.status
        if self._copies.status is not None:
            waiting_for["copies"] = self._copies.status
        return waiting_for

    def report(self) -> WorkerStatus:
        """This worker's word of itself."""
        policies = self.follower.policies
        live = policies.log.live
        return WorkerStatus(
            name=self._settings.worker,
            started_ms=self._started_ms,
            version=live.version if live else None,
            shadow=live.shadow.version if live and live.shadow else None,
            since_ms=self.follower.since_ms,
            model=self._scorer.under(live).version if live else None,
            next=policies.log.next,
            log=policies.fold_from.match,
            file=self.follower.file,
            waiting_for=self.waiting_for(),
            probes=self._probes_at,
        )

    def _refresh(self) -> None:
        m = self.metrics
        m.ready.set(0 if self.waiting_for() else 1)
        m.log_incomplete.set(self.follower.policies.problem is not None)
        m.stuck.set(self._scoring.stuck)
        m.rebuilding.set(len(self._rebuild.in_progress))
        m.lag.clear()
        for ingest in self._ingests.values():
            m.unreadable_now.labels(ingest.topic).set(len(ingest.unreadable.waiting_for))
            for partition, lag in ingest.lags().items():
                m.lag.labels(partition.topic, str(partition.partition)).set(lag)
        for kind, n in self._names.overflowed.items():
            m.overflow.labels(kind).set(n)
        if self.ruler is not None and self.ruler.stats.leading:
            m.ruler_evaluated(self.ruler.stats, self.ruler.alerts.states, self.ruler.alerts.transitions)
