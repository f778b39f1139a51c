"""One worker: builds its components, starts them in order, and reports what it waits for. Knows no Faust.

Nothing connects before `open`. A worker waits for what is unavailable; a wrong setting ends it with a message.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

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
from tidegate.streams.ingest.heartbeat import heartbeat_loop
from tidegate.streams.ingest.takeover import OwnedPartition, take_over
from tidegate.streams.installed import describe_policy_file, python, release
from tidegate.streams.kafka.consumer import require_codecs
from tidegate.streams.kafka.discovery import Topology, find_topics
from tidegate.streams.kafka.lookup import KafkaLookup
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.kafka.reader import TopicHistory
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.model_reload import ModelReloader
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
from tidegate.streams.tasks import Tasks, exit_refused, retry_named
from tidegate.streams.topics import COMPLETIONS, DECIDED, FEEDBACK, MODERATIONS, SOURCES
from tidegate.streams.worker.completion_handler import CompletionHandler
from tidegate.streams.worker.enforcement import Enforcer
from tidegate.streams.worker.feedback_handler import FeedbackHandler
from tidegate.streams.worker.garbage import tune_garbage_collection
from tidegate.streams.worker.limits import dead_letter_input_bytes
from tidegate.streams.worker.moderation_handler import ModerationHandler
from tidegate.streams.worker.pipeline import Pipeline
from tidegate.streams.worker.policy_follower import PolicyFollower
from tidegate.streams.worker.readiness import ingest_waiting_for
from tidegate.streams.worker.replaced import ReplacedTimes
from tidegate.streams.worker.sources import HandOut, Sources
from tidegate.streams.worker.status import status_loop, status_of

log = logging.getLogger(__name__)

BACKOFF_S = (0.2, 5.0)  # between tries at start

LOOK_S = 30.0  # between looks whether a topic of this release is there


class Worker:
    """Everything that one worker process runs, except Faust."""

    def __init__(self, settings: Settings) -> None:
        """Loads what can be wrong before anything connects. Raises SettingsError and PolicyError."""
        require_codecs()
        self._settings = s = settings
        self.id = f"{s.worker}-{secrets.token_hex(4)}"  # per process: a restart under the same name is another owner
        self._user_key = UserKey(s.user_key_bytes())
        self.metrics = Metrics()
        self._reloader = ModelReloader(
            s.classifier_manifest,
            lambda: load_scorer(s.classifier, s.classifier_manifest, s.score_threads),
            self.metrics.set_model,
            self.metrics.models_refused.inc,
        )
        self._scorer = self._reloader.scorer
        self.store = RedisStore(s.store, s.namespace)
        self.follower = PolicyFollower(s.brokers, s.policy_file, s.worker, self._scorer, self.metrics, self.store)
        self.publisher = Publisher(
            s.brokers, idempotent=s.idempotent, max_record_bytes=s.max_record_bytes, client_id=s.worker
        )
        self._scoring = Scoring(s.score_threads, s.score_timeout_s, self.metrics.count_texts)
        self._lookup = KafkaLookup(s.brokers)
        self._scopes = ScopeLimiter(self.store, s.live_scopes)
        self._history = TopicHistory(s.brokers)
        self._rebuild = Rebuild(
            self.store,
            self._history,
            self._scopes,
            lambda: self.follower.live,
            self.follower.strikes_of,
            lambda: self._topology.counts,
            self.metrics,
        )
        self._lost_copies = LostCopies(self.store, self._history, lambda: self._topology.counts)
        self._probes = ProbeServer(self.metrics.registry, self.waiting_for, self._refresh, s.token())
        self._probes_at = ""
        self._started_ms = int(time.time() * 1000)
        self._waiting_for: dict[str, str] = {}
        self._sources = Sources(
            s, self.store, self.publisher, self._scopes, lambda: self.follower.live, self.metrics, self._take_over,
            self._lost_copies.wanted.add,
        )  # fmt: skip
        self._ingests = self._sources.ingests
        self._tasks = Tasks()
        self._stopping = asyncio.Event()
        self._topology = Topology("", (), {})
        self.ruler: Ruler | None = None
        self.completions: Pipeline[Any, Any]
        self.feedback: Pipeline[Any, Any]
        self.moderations: Pipeline[Any, Any]

    # --- up and down

    async def open(self) -> None:
        """Starts the probes, then waits for Redis, Kafka, the topics and a policy; /readyz names the one it waits for.

        Raises StoreRefused, PolicyError and SettingsError: a wrong setting is not waited for.
        """
        s = self._settings
        port = await self._probes.start(s.http_host, s.http_port)
        self._probes_at = f"http://{s.http_host}:{port}"
        log.info("tidegate %s on Python %s, policy file %s", release(), python(), describe_policy_file(s.policy_file))
        log.info("worker %s: pages on %s/readyz", self.id, self._probes_at)
        await self.retry_while_unavailable("redis", lambda: self.store.check(self._user_key.fingerprint))
        self._tasks.spawn(status_loop(self.store, self.id, self.status, self._stopping))
        await self.retry_while_unavailable("kafka", self.publisher.start)
        await self.retry_while_unavailable("topics", self._find_topics)
        await self.retry_while_unavailable("policies", lambda: self.follower.start(self.publisher))

    async def start(self, completions: HandOut, feedback: HandOut, moderations: HandOut) -> None:
        """Joins the consumer groups, and starts the heartbeat and the ruler. Call `open` first."""
        s = self._settings
        keep_up_to = dead_letter_input_bytes(s)
        replaced = ReplacedTimes(self.metrics.count_times_replaced, s.live_scopes)
        moderator = Moderator(
            self._scoring, self._scorer.under, explained=lambda outcome: self.metrics.explained.labels(outcome).inc()
        )
        completion_handler = CompletionHandler(
            RecordModerator(moderator, self._user_key, keep_bytes_up_to=keep_up_to),
            self.store,
            lambda: self.follower.live,
            self.metrics,
            replaced=replaced,
        )
        feedback_handler = FeedbackHandler(self._user_key, self.metrics, keep_bytes_up_to=keep_up_to, replaced=replaced)
        moderation_handler = ModerationHandler(self.follower, self._user_key, self.metrics, keep_bytes_up_to=keep_up_to)
        self.completions = self._sources.add(COMPLETIONS, completions, completion_handler)
        self.feedback = self._sources.add(FEEDBACK, feedback, feedback_handler)
        self.moderations = self._sources.add(MODERATIONS, moderations, moderation_handler, moderation_handler.split)
        for topic in SOURCES:
            if topic in self._topology.counts:
                self._sources.read(topic)
        self._tasks.spawn(self._bring_up())

    async def _await_moderations(self) -> None:
        """Reads `moderations` once it is there: it came with a later release than the other topics."""
        while MODERATIONS not in self._topology.counts:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_S)
            if self._stopping.is_set():
                return
            await self.retry_while_unavailable("topics", self._find_topics)
        await self.retry_while_unavailable(MODERATIONS, self._sources.read(MODERATIONS).start)

    async def _bring_up(self) -> None:
        reading = list(self._ingests.items())
        await asyncio.gather(*(self.retry_while_unavailable(topic, ingest.start) for topic, ingest in reading))
        if MODERATIONS not in self._ingests:
            self._tasks.spawn(self._await_moderations())
        self.ruler = Ruler(
            self.store,
            self.publisher.publish,
            lambda: self._topology.partitions,
            lambda: self.follower.live,
            lambda: self.follower.policies.log.silences.values(),
            self.id,
            published_alerts=lambda since_ms: last_published_alerts(
                self._history, self._topology.counts["alerts"], since_ms
            ),
            lease_ms=int(self._settings.ruler_lease_s * 1000),
        )
        self._tasks.spawn(heartbeat_loop(self.store, self._ingests.values(), self._waiting_for, self._stopping))
        self._tasks.spawn(self.ruler.run(self._stopping))
        enforcer = Enforcer(self.store, self.publisher.publish, self._deciding, self.metrics)
        self._tasks.spawn(enforcer.run(self._stopping))
        if ":" not in self._settings.classifier:  # a custom scorer has no manifest
            self._tasks.spawn(
                self._reloader.run(lambda: self.follower.live, self._stopping, self._settings.model_poll_s)
            )
        tune_garbage_collection()

    async def retry_while_unavailable(self, what: str, call: Callable[[], Awaitable[Any]]) -> None:
        """Calls until nothing that the call needs is unavailable; /readyz shows what it waits for."""
        await retry_named(
            what, call, self._waiting_for, backoff_s=BACKOFF_S, wanted=lambda: not self._stopping.is_set(),
            errors=(StoreUnavailable, BrokerUnavailable, TopicsMissing, NoPolicy),
            final=(StoreDenied,),  # a wrong password at start is an error; one that changes while we run is waited for
        )  # fmt: skip

    async def stop(self) -> None:
        """Finishes the batches in flight, releases the partitions, and closes every connection."""
        self._stopping.set()
        await asyncio.gather(*(ingest.stop() for ingest in self._ingests.values()), return_exceptions=True)
        await self._tasks.finish(within_s=3.0)  # the ruler ends its evaluation and releases its lease
        await self.follower.stop()
        await self._lookup.stop()
        await self.publisher.stop()
        await self.store.close()
        self._scoring.close()
        await self._probes.stop()
        faulthandler.cancel_dump_traceback_later()  # last: a stop that hangs is ended too, with a traceback

    async def _find_topics(self) -> None:
        self._topology = await find_topics(self._settings.brokers)

    # --- callbacks of the ingests

    async def _take_over(self, partition: TopicPartition, committed: int | None) -> OwnedPartition:
        try:
            await self.store.check(self._user_key.fingerprint)  # an empty store may have got another key meanwhile
        except StoreRefused as error:
            exit_refused(error)
        owned = await take_over(
            self.store, self._lookup, partition, self.id, self._topology.cluster, committed, self._rebuild
        )
        await self._lost_copies.restore(partition, owned.epoch, owned.position)
        self.metrics.takeovers.labels(partition.topic, owned.trust.value).inc()
        return owned

    def _deciding(self) -> list[Ingest]:
        return [ingest for topic, ingest in self._ingests.items() if topic in DECIDED]

    # --- what operators see

    def waiting_for(self) -> dict[str, str]:
        """Returns what this worker waits for, by name; empty where it can do its job."""
        waiting_for = dict(self._waiting_for)
        if not self._ingests and not waiting_for:
            waiting_for["start"] = "joining the group"
        if self.follower.policies.unavailable:
            waiting_for["policies"] = f"{self.follower.policies.unavailable}; the last good version stands"
        for ingest in self._ingests.values():
            waiting_for |= ingest_waiting_for(ingest, waiting_for)
        if self._rebuild.status is not None:
            waiting_for["completions"] = self._rebuild.status
        if self._lost_copies.status is not None:
            waiting_for["copies"] = self._lost_copies.status
        return waiting_for

    def status(self) -> WorkerStatus:
        """Returns this worker's status, as `tidegate policy status` shows it."""
        return status_of(
            self._settings.worker, self._started_ms, self.follower, self._scorer, self.waiting_for(), self._probes_at
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
        for kind, n in self._scopes.overflowed.items():
            m.overflow.labels(kind).set(n)
        if self.ruler is not None and self.ruler.stats.leading:
            m.set_ruler(self.ruler.stats, self.ruler.alerts.states, self.ruler.alerts.transitions)
