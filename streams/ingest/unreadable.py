"""Partitions stopped at a batch that cannot be decoded: it is read again, waited for, and skipped in the end.

The number of tries, and when they began, stand in the checkpoint's hash, so that the next owner goes on counting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiokafka.errors import IllegalStateError

from tidegate.streams.core.partition import TopicPartition, UnreadableRange
from tidegate.streams.ingest.batches import IngestLimits
from tidegate.streams.ingest.takeover import OwnedPartition
from tidegate.streams.kafka.batches import BadBatch
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.probe import find_batch_end
from tidegate.streams.store import UnreadableWait
from tidegate.streams.tasks import Tasks, retry

log = logging.getLogger(__name__)

LONGEST_S = 60.0  # between two tries
LEAST_S = 0.2
WAIT_S = 1.0  # before another try, if Redis or Kafka is unavailable


class UnreadableReader(Protocol):
    """What is needed of the consumer (`kafka/consumer.py`)."""

    unreadable: dict[TopicPartition, BadBatch]

    def retry(self, tp: TopicPartition) -> None: ...


# Counts a try at that offset in the store; returns None if the worker is no longer the owner.
CountTry = Callable[[OwnedPartition, int], Awaitable[UnreadableWait | None]]


class UnreadableBatches:
    """The unreadable batches of one ingest. Call `check` after every poll, and hand out what `take_due` returns."""

    def __init__(
        self,
        kafka: Kafka | str,
        limits: IngestLimits,
        note: CountTry | None,
        count: Callable[[str], None] | None,
        tasks: Tasks,
    ) -> None:
        """note: None counts tries in this process only. count: called with `waited` or `stepped_over`."""
        self._kafka, self._limits, self._tasks = kafka, limits, tasks
        self._note, self._count = note or _LocalTries().note, count or (lambda outcome: None)
        self._in_progress: dict[TopicPartition, OwnedPartition] = {}  # partitions with a running task
        self._due: list[tuple[OwnedPartition, UnreadableRange]] = []
        self.waiting_for: dict[TopicPartition, str] = {}  # why each partition is stopped, for people

    def check(self, consumer: UnreadableReader, owned: Mapping[TopicPartition, OwnedPartition]) -> None:
        """Starts a task for each bad batch that the consumer found since the last call."""
        for partition, bad in consumer.unreadable.items():
            mine = owned.get(partition)
            if mine is not None and mine.valid and self._in_progress.get(partition) is not mine:
                self._in_progress[partition] = mine
                self._tasks.spawn(self._try_again(consumer, mine, bad))

    def mark_read(self, partition: TopicPartition) -> None:
        """Clears a partition: records of it were read, so it is no longer stopped."""
        if self.waiting_for.pop(partition, None) is not None:
            log.info("%s: the batch it stood at was read after all", partition)

    def clear(self) -> None:
        """Clears everything: the partitions were revoked."""
        self.waiting_for.clear()
        self._in_progress.clear()
        self._due.clear()

    def take_due(self) -> list[tuple[OwnedPartition, UnreadableRange]]:
        """Returns the ranges to be skipped now, each once."""
        due, self._due = self._due, []
        for owned, _ in due:
            self._end_task(owned)
        return due

    def _end_task(self, owned: OwnedPartition) -> None:
        if self._in_progress.get(owned.partition) is owned:
            del self._in_progress[owned.partition]

    async def _try_again(self, consumer: UnreadableReader, owned: OwnedPartition, bad: BadBatch) -> None:
        """Makes one try: counts it; then the range is due, or the partition is read again after a delay."""
        partition = owned.partition

        def on_error(error: Exception, _: float) -> None:
            log.warning("%s@%d: a batch that cannot be read: %s; %s", partition, bad.start, bad.why, error)

        again = await retry(
            lambda: self._count_try(owned, bad),
            backoff_s=(WAIT_S, WAIT_S),
            wanted=lambda: owned.valid,
            on_error=on_error,
        )
        if again is False:
            return  # `take_due` goes on: until then `check` ignores it
        self._end_task(owned)
        if owned.valid:
            try:
                consumer.retry(partition)
            except IllegalStateError:
                log.info("%s: reassigned while it stood at a batch that cannot be read", partition)

    async def _count_try(self, owned: OwnedPartition, bad: BadBatch) -> bool:
        """Returns True to read the batch again now, False if its range is due.

        Raises StoreUnavailable and BrokerUnavailable.
        """
        limits, partition = self._limits, owned.partition
        now = await self._note(owned, bad.start)
        if now is None or self._in_progress.get(partition) is not owned:
            return True  # not the owner any more: the store refuses what is read; or revoked meanwhile
        stood_s = (now.now_ms - now.since_ms) / 1000
        if limits.skip_unreadable and now.tries >= limits.unreadable_tries and stood_s >= limits.unreadable_s:
            end = await find_batch_end(self._kafka, partition, bad)
            if end <= bad.start or self._in_progress.get(partition) is not owned:
                await asyncio.sleep(LEAST_S)
                return True  # it was mended or revoked meanwhile
            log.error("%s: offsets %d to %d stepped over: a batch that cannot be read: %s; one dead letter says so",
                      partition, bad.start, end - 1, bad.why)  # fmt: skip
            self._count("stepped_over")
            self._due.append((owned, UnreadableRange(*partition, bad.start, end, bad.why, now.since_ms)))
            self.waiting_for.pop(partition, None)
            return False
        self._count("waited")
        self.waiting_for[partition] = self._describe(partition, bad, now)
        log.warning("%s", self.waiting_for[partition])
        await asyncio.sleep(self._delay_s(now.tries, limits.unreadable_s - stood_s))
        return True

    def _delay_s(self, tries: int, left_s: float) -> float:
        """Returns the delay before the next try: 1 s, 2, 4, … up to a minute; less if many must fit a short time."""
        limits = self._limits
        share = max(LEAST_S, limits.unreadable_s / limits.unreadable_tries)
        delay = min(2.0 ** min(tries - 1, 6), LONGEST_S, share)
        return max(LEAST_S, min(delay, left_s)) if tries >= limits.unreadable_tries and left_s > 0 else delay

    def _describe(self, partition: TopicPartition, bad: BadBatch, now: UnreadableWait) -> str:
        limits = self._limits
        what = f"{partition}@{bad.start}: a batch that cannot be read: {bad.why}; tries: {now.tries}"
        if not limits.skip_unreadable:
            return f"{what}; waiting for it (TIDEGATE_UNREADABLE_BATCH=wait): mend the log, or set it to skip"
        left_s = max(0.0, limits.unreadable_s - (now.now_ms - now.since_ms) / 1000)
        after = f"after {limits.unreadable_tries} tries and {limits.unreadable_s / 60:g} minutes ({left_s:.0f} s left)"
        return f"{what}; mend the log, or {after} its range is stepped over as a dead letter"


class _LocalTries:
    """Counts tries in this process only."""

    def __init__(self) -> None:
        self._tries: dict[TopicPartition, tuple[int, Any]] = {}

    async def note(self, owned: OwnedPartition, start: int) -> UnreadableWait:
        now_ms = int(time.monotonic() * 1000)
        at, last = self._tries.get(owned.partition, (-1, None))
        fresh = last is None or at != start
        wait = UnreadableWait(1 if fresh else last.tries + 1, now_ms if fresh else last.since_ms, now_ms)
        self._tries[owned.partition] = start, wait
        return wait
