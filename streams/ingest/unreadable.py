"""Partitions that stand at a batch that cannot be decoded: read again, waited for, and stepped over in time.

How often and since when stands in the partition's slot in Redis, so that whoever takes it over goes on counting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from tidegate.streams.core.partition import Part, UnreadableRange
from tidegate.streams.errors import BrokerAway, StoreAway
from tidegate.streams.ingest.batches import Limits
from tidegate.streams.ingest.takeover import Owned
from tidegate.streams.kafka.batches import BadBatch
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.probe import end_of
from tidegate.streams.store import UnreadableWait
from tidegate.streams.tasks import Tasks

log = logging.getLogger(__name__)

LONGEST_S = 60.0  # between two tries
LEAST_S = 0.2
WAIT_S = 1.0  # where Redis or Kafka is away, before it is asked again


class Reader(Protocol):
    """What is asked of the consumer (`kafka/consumer.py`)."""

    unreadable: dict[TopicPartition, BadBatch]

    def again(self, tp: TopicPartition) -> None: ...


# Says in the partition's slot that its owner stands at that offset; None: it is no longer the owner's.
Note = Callable[[Owned, int], Awaitable[UnreadableWait | None]]


class UnreadableBatches:
    """One ingest's. `look` after every poll; what is `due` is then handed out by the caller."""

    def __init__(
        self, kafka: Kafka | str, limits: Limits, note: Note | None, count: Callable[[str], None] | None, tasks: Tasks
    ) -> None:
        """note: None keeps nothing outside this process. count: told `waited` or `stepped_over`."""
        self._kafka, self._limits, self._tasks = kafka, limits, tasks
        self._note, self._count = note or _Alone().note, count or (lambda outcome: None)
        self._at: dict[Part, Owned] = {}  # those that a task is at
        self._due: list[tuple[Owned, UnreadableRange]] = []
        self.said: dict[Part, str] = {}  # what each waits for, in words

    def look(self, consumer: Reader, owned: Mapping[Part, Owned]) -> None:
        """Takes up what the consumer found since the last time."""
        for tp, bad in consumer.unreadable.items():
            part = Part(*tp)
            mine = owned.get(part)
            if mine is not None and mine.valid and self._at.get(part) is not mine:
                self._at[part] = mine
                self._tasks.spawn(self._stand(consumer, mine, bad))

    def read(self, part: Part) -> None:
        """Says that records of it came: it stands no longer."""
        if self.said.pop(part, None) is not None:
            log.info("%s: the batch it stood at was read after all", part)

    def left(self) -> None:
        """Forgets everything: the partitions were given away."""
        self.said.clear()
        self._at.clear()
        self._due.clear()

    def due(self) -> list[tuple[Owned, UnreadableRange]]:
        """Ranges to be stepped over now, each once."""
        due, self._due = self._due, []
        for owned, _ in due:
            self._done(owned)
        return due

    def _done(self, owned: Owned) -> None:
        if self._at.get(owned.part) is owned:
            del self._at[owned.part]

    async def _stand(self, consumer: Reader, owned: Owned, bad: BadBatch) -> None:
        """One try: it is counted, then the range is due, or the partition is read again after a while."""
        part = owned.part
        while owned.valid:
            try:
                if not await self._counted(owned, bad):
                    return  # `due` goes on: until then it is not looked at again
                break
            except (StoreAway, BrokerAway) as error:
                log.warning("%s@%d: a batch that cannot be read: %s; %s", part, bad.start, bad.why, error)
                await asyncio.sleep(WAIT_S)
        self._done(owned)
        if owned.valid:
            try:
                consumer.again(TopicPartition(*part))
            except IllegalStateError:
                log.info("%s: reassigned while it stood at a batch that cannot be read", part)

    async def _counted(self, owned: Owned, bad: BadBatch) -> bool:
        """True where it is to be read again now; False where its range is due. Raises StoreAway and BrokerAway."""
        limits, part = self._limits, owned.part
        now = await self._note(owned, bad.start)
        if now is None or self._at.get(part) is not owned:
            return True  # another owner's: what is read again is refused, and let go; or given away meanwhile
        stood_s = (now.now_ms - now.since_ms) / 1000
        if limits.skip_unreadable and now.tries >= limits.unreadable_tries and stood_s >= limits.unreadable_s:
            end = await end_of(self._kafka, TopicPartition(*part), bad)
            if end <= bad.start or self._at.get(part) is not owned:
                await asyncio.sleep(LEAST_S)
                return True  # it was mended meanwhile, or given away
            log.error("%s: offsets %d to %d stepped over: a batch that cannot be read: %s; one dead letter says so",
                      part, bad.start, end - 1, bad.why)  # fmt: skip
            self._count("stepped_over")
            self._due.append((owned, UnreadableRange(*part, bad.start, end, bad.why, now.since_ms)))
            self.said.pop(part, None)
            return False
        self._count("waited")
        self.said[part] = self._words(part, bad, now)
        log.warning("%s", self.said[part])
        await asyncio.sleep(self._delay_s(now.tries, limits.unreadable_s - stood_s))
        return True

    def _delay_s(self, tries: int, left_s: float) -> float:
        """1 s, 2, 4, … up to a minute; sooner where few tries are to fit into a short time."""
        limits = self._limits
        share = max(LEAST_S, limits.unreadable_s / limits.unreadable_tries)
        delay = min(2.0 ** min(tries - 1, 6), LONGEST_S, share)
        return max(LEAST_S, min(delay, left_s)) if tries >= limits.unreadable_tries and left_s > 0 else delay

    def _words(self, part: Part, bad: BadBatch, now: UnreadableWait) -> str:
        limits = self._limits
        what = f"{part}@{bad.start}: a batch that cannot be read: {bad.why}; tries: {now.tries}"
        if not limits.skip_unreadable:
            return f"{what}; waiting for it (TIDEGATE_UNREADABLE_BATCH=wait): mend the log, or set it to skip"
        left_s = max(0.0, limits.unreadable_s - (now.now_ms - now.since_ms) / 1000)
        after = f"after {limits.unreadable_tries} tries and {limits.unreadable_s / 60:g} minutes ({left_s:.0f} s left)"
        return f"{what}; mend the log, or {after} its range is stepped over as a dead letter"


class _Alone:
    """Counts tries in this process alone."""

    def __init__(self) -> None:
        self._at: dict[Part, tuple[int, Any]] = {}

    async def note(self, owned: Owned, start: int) -> UnreadableWait:
        now_ms = int(time.monotonic() * 1000)
        at, known = self._at.get(owned.part, (-1, None))
        fresh = known is None or at != start
        made = UnreadableWait(1 if fresh else known.tries + 1, now_ms if fresh else known.since_ms, now_ms)
        self._at[owned.part] = start, made
        return made
