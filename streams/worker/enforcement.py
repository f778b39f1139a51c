"""Publishes enforcements: reads the outboxes of the partitions that this worker owns, publishes, then acknowledges.

A crash between the two publishes again, under the same ids. A user's crossings are published in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.strikes import AT_ONCE, enforcement
from tidegate.streams.ingest.takeover import OwnedPartition
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.store import Outbox, Queued
from tidegate.streams.tasks import retry, waiting_for

log = logging.getLogger(__name__)

PERIOD_S = 1.0
LONGEST_WAIT_S = 15.0  # between tries while a dependency is unavailable


class Outboxes(Protocol):
    """What publishing needs of the store (`store/__init__.py` describes it)."""

    async def outboxes(self, partitions: Sequence[TopicPartition], at_most: int) -> list[Outbox]: ...

    async def ack_outbox(self, partition: TopicPartition, queued: Sequence[Queued]) -> None: ...


class Owner(Protocol):
    """The partitions that this worker owns: the ingest of a topic whose decisions make strikes."""

    @property
    def owned(self) -> Mapping[TopicPartition, OwnedPartition]: ...

    def may_publish(self) -> bool: ...


class Enforcer:
    """Publishes the enforcements of one worker's partitions."""

    def __init__(
        self,
        store: Outboxes,
        publish: Callable[[Sequence[Message]], Awaitable[None]],
        owners: Callable[[], Iterable[Owner]],
        metrics: Metrics,
    ) -> None:
        """publish: must return only once all messages are acknowledged."""
        self._store, self._publish, self._owners, self._metrics = store, publish, owners, metrics

    async def run(self, stop: asyncio.Event) -> None:
        """Publishes once a second until stop is set. Waits while a dependency is unavailable: the outboxes stay."""
        wait = waiting_for(stop)
        while not stop.is_set():
            more = await retry(
                self.run_once,
                backoff_s=(2 * PERIOD_S, LONGEST_WAIT_S),
                wanted=lambda: not stop.is_set(),
                on_error=lambda error, wait_s: log.warning("enforcements: %s; next try in %g s", error, wait_s),
                wait=wait,
            )
            await wait(0.0 if more else PERIOD_S)

    async def run_once(self) -> bool:
        """Publishes one batch of each outbox. Returns True if more are queued.

        Raises StoreUnavailable or BrokerUnavailable: call it again.
        """
        partitions = [
            partition
            for owner in self._owners()
            if owner.may_publish()
            for partition, owned in owner.owned.items()
            if owned.valid
        ]
        outboxes = await self._store.outboxes(partitions, AT_ONCE) if partitions else []
        self._metrics.enforcements_waiting.set(sum(outbox.waiting for outbox in outboxes))
        due = [(partition, outbox) for partition, outbox in zip(partitions, outboxes, strict=True) if outbox.queued]
        if not due:
            return False
        enforcements = [enforcement(queued.crossing) for _, outbox in due for queued in outbox.queued]
        await self._publish(
            [
                Message("enforcements", f"{e.tenant}:{e.user}".encode(), e.model_dump_json().encode())
                for e in enforcements
            ]
        )
        for partition, outbox in due:
            await self._store.ack_outbox(partition, outbox.queued)
        for e in enforcements:
            self._metrics.enforcements.labels(e.action).inc()
        left = sum(outbox.waiting - len(outbox.queued) for outbox in outboxes)
        self._metrics.enforcements_waiting.set(left)
        return left > 0
