"""The source topics of one worker: for each an ingest, which owns and reads, and a pipeline, which counts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest import Ingest
from tidegate.streams.ingest.batches import Batch
from tidegate.streams.ingest.takeover import OwnedPartition
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.worker.limits import ingest_limits
from tidegate.streams.worker.pipeline import Pipeline, Split, whole

log = logging.getLogger(__name__)

HandOut = Callable[[Batch], Awaitable[None]]
TakeOver = Callable[[TopicPartition, int | None], Awaitable[OwnedPartition]]


class Sources:
    """Makes the ingest and the pipeline of each source topic. `ingests`: of the topics that are read, by name."""

    def __init__(
        self,
        settings: Settings,
        store: RedisStore,
        publisher: Publisher,
        scopes: ScopeLimiter,
        live: Callable[[], LivePolicy],
        metrics: Metrics,
        take_over: TakeOver,
        want_copies: Callable[[TopicPartition], None],
    ) -> None:
        self._settings, self._store, self._publisher, self._scopes = settings, store, publisher, scopes
        self._live, self._metrics, self._take_over, self._want_copies = live, metrics, take_over, want_copies
        self._made: dict[str, Ingest] = {}
        self.ingests: dict[str, Ingest] = {}

    def add(self, topic: str, hand_out: HandOut, handler: Any, split: Split[Any] = whole) -> Pipeline[Any, Any]:
        """Returns the topic's pipeline. Nothing is read before `read` and the ingest's `start`."""
        s, metrics = self._settings, self._metrics
        self._made[topic] = ingest = Ingest(
            s.brokers, f"{s.group}-{topic}", topic, ingest_limits(s), hand_out, self._take_over, self._release,
            lambda owned, offset: self._store.unreadable(owned.partition, owned.epoch, offset),
            lambda outcome: metrics.unreadable.labels(topic, outcome).inc(),
        )  # fmt: skip
        return Pipeline(
            ingest, handler, self._publisher, self._store, self._scopes, self._live, metrics, self._want_copies,
            split=split,
        )  # fmt: skip

    def read(self, topic: str) -> Ingest:
        """Returns the topic's ingest, to be started; from now on it is one of `ingests`."""
        self.ingests[topic] = self._made[topic]
        return self.ingests[topic]

    async def _release(self, owned: OwnedPartition) -> None:
        try:
            await self._store.release(owned.partition, owned.epoch)
        except StoreUnavailable as error:
            log.info("%s: left without releasing it: %s", owned.partition, error)
