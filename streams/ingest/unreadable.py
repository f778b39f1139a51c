"""Partitions that stand at a batch that cannot be decoded: read again, waited for, and stepped over in time.

How often and since when stands in the partition's slot in Redis, so that whoever takes it over goes on counting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalStateError

from tidegate.streams.core.partition import TopicPartition, UnreadableRange
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.ingest.batches import IngestLimits
from tidegate.streams.ingest.takeover import OwnedPartition
from tidegate.streams.kafka.batches import BadBatch
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.probe import end_of
from tidegate.streams.store import UnreadableWait
from tidegate.streams.tasks import Tasks

log = logging.getLogger(__name__)

LONGEST_S = 60.0  # between two tries
LEAST_S = 0.2
WAIT_S = 1.0  # where Redis or Kafka is unavailable, before it is asked again


class UnreadableReader(Protocol):
    """What is asked of the consumer (`kafka/consumer.py`)."""

    unreadable: dict[KafkaPartition, BadBatch]

    def again(self, tp: KafkaPartition) -> None: ...


# Says in the partition's slot that its owner stands at that offset; None: it is no longer the owner's.
Note = Callable[[OwnedPartition, int], Awaitable[UnreadableWait | None]]


class UnreadableBatches:
    """One ingest's. `look` after every poll; what is `due` is then handed out by the caller."""

    def __init__(
        self,
        kafka: Kafka | str,
        limits: IngestLimits,
        note: Note | None,
        count: Callable[[str], None] | None,
        tasks: Tasks,
    ) -> None:
        """note: None keeps nothing outside this process. count: told `waited` or `stepped_over`."""
        self._kafka, self._limits, self._tasks = kafka, limits, tasks
        self._note, self._count = note or _Alone().note, count or (lambda outcome: None)
        self._at: dict[TopicPartition, OwnedPartition] = {}  # those that a task is at
        self._due: list[tuple[OwnedPartition, UnreadableRange]] = []
        self.said: dict[TopicPartition, str] = {}  # what each waits for, in words

    def look(self, consumer: UnreadableReader, owned: Mapping[TopicPartition, OwnedPartition]) -> None:
        """Takes up what the consumer found since the last time."""
        for tp, bad in consumer.unreadable.items():
            partition = TopicPartition(*tp)
            mine = owned.get(partition)
            if mine is not None and mine.valid and self._at.get(partition) is not mine:
                self._at[partition] = mine
                self._tasks.spawn(self._stand(consumer, mine, bad))

    def read(self, partition: TopicPartition) -> None:
        """Says that records of it came: it stands no longer."""
        if self.said.pop(partition, None) is not None:
            log.info("%s: the batch it stood at was read after all", partition)

    def left(self) -> None:
        """Forgets everything: the partitions were given away."""
        self.said.clear()
        self._at.clear()
        self._due.clear()

    def due(self) -> list[tuple[OwnedPartition, UnreadableRange]]:
        """Ranges to be stepped over now, each once."""
        due, self._due = self._due, []
        for owned, _ in due:
            self._done(owned)
        return due

    def _done(self, owned: OwnedPartition) -> None:
        if self._at.get(owned.partition) is owned:
            del self._at[owned.partition]

    async def _stand(self, consumer: UnreadableReader, owned: OwnedPartition, bad: BadBatch) -> None:
        """One try: it is counted, then the range is due, or the partition is read again after a while."""
        partition = owned.partition
        while owned.valid:
            try:
                if not await self._counted(owned, bad):
                    return  # `due` goes on: until then it is not looked at again
                break
            except (StoreUnavailable, BrokerUnavailable) as error:
                log.warning("%s@%d: a batch that cannot be read: %s; %s", partition, bad.start, bad.why, error)
                await asyncio.sleep(WAIT_S)
        self._done(owned)
        if owned.valid:
            try:
                consumer.again(KafkaPartition(*partition))
            except IllegalStateError:
                log.info("%s: reassigned while it stood at a batch that cannot be read", partition)

    async def _counted(self, owned: OwnedPartition, bad: BadBatch) -> bool:
        """True where it is to be read again now; False where its range is due. Raises StoreUnavailable and BrokerUnavailable."""
        limits, partition = self._limits, owned.partition
        now = await self._note(owned, bad.start)
        if now is None or self._at.get(partition) is not owned:
            return True  # another owner's: what is read again is refused, and let go; or given away meanwhile
        stood_s = (now.now_ms - now.since_ms) / 1000
        if limits.skip_unreadable and now.tries >= limits.unreadable_tries and stood_s >= limits.unreadable_s:
            end = await end_of(self._kafka, KafkaPartition(*partition), bad)
            if end <= bad.start or self._at.get(partition) is not owned:
                await asyncio.sleep(LEAST_S)
                return True  # it was mended meanwhile, or given away
            log.error("%s: offsets %d to %d stepped over: a batch that cannot be read: %s; one dead letter says so",
                      partition, bad.start, end - 1, bad.why)  # fmt: skip
            self._count("stepped_over")
            self._due.append((owned, UnreadableRange(*partition, bad.start, end, bad.why, now.since_ms)))
            self.said.pop(partition, None)
            return False
        self._count("waited")
        self.said[partition] = self._words(partition, bad, now)
        log.warning("%s", self.said[partition])
        await asyncio.sleep(self._delay_s(now.tries, limits.unreadable_s - stood_s))
        return True

    def _delay_s(self, tries: int, left_s: float) -> float:
        """1 s, 2, 4, … up to a minute; sooner where few tries are to fit into a short time."""
        limits = self._limits
        share = max(LEAST_S, limits.unreadable_s / limits.unreadable_tries)
        delay = min(2.0 ** min(tries - 1, 6), LONGEST_S, share)
        return max(LEAST_S, min(delay, left_s)) if tries >= limits.unreadable_tries and left_s > 0 else delay

    def _words(self, partition: TopicPartition, bad: BadBatch, now: UnreadableWait) -> str:
        limits = self._limits
        what = f"{partition}@{bad.start}: a batch that cannot be read: {bad.why}; tries: {now.tries}"
        if not limits.skip_unreadable:
            return f"{what}; waiting for it (TIDEGATE_UNREADABLE_BATCH=wait): mend the log, or set it to skip"
        left_s = max(0.0, limits.unreadable_s - (now.now_ms - now.since_ms) / 1000)
        after = f"after {limits.unreadable_tries} tries and {limits.unreadable_s / 60:g} minutes ({left_s:.0f} s left)"
        return f"{what}; mend the log, or {after} its range is stepped over as a dead letter"


class _Alone:
    """Counts tries in this process alone."""

    def __init__(self) -> None:
        self._at: dict[TopicPartition, tuple[int, Any]] = {}

    async def note(self, owned: OwnedPartition, start: int) -> UnreadableWait:
        now_ms = int(time.monotonic() * 1000)
        at, known = self._at.get(owned.partition, (-1, None))
        fresh = known is None or at != start
        made = UnreadableWait(1 if fresh else known.tries + 1, now_ms if fresh else known.since_ms, now_ms)
        self._at[owned.partition] = start, made
        return made
