"""Restores from Kafka which copies of a partition were decided, if Redis lost it, before any other copy is decided.

The marks of `apply` are as old as the checkpoint beside them, so `rebuild.py` repairs a Redis that came back older. One
that came back empty has no mark from before the windows. Only a record that was sent again needs those, so nothing is
read until one comes. Then the partition is taken over again, and `decisions` are read as far back as marks are kept. Of
feedback nothing is published: its own topic is read. Knows no Kafka client: it reads from a `HistoryReader`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple, Protocol

from pydantic_core import from_json

from tidegate.streams.core.partition import Copy, Record, TopicPartition
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.kafka.ranges import SKEW_MS, OffsetRange
from tidegate.streams.recovery.published import HistoryReader
from tidegate.streams.store.keys import COPY_MS
from tidegate.streams.topics import DEAD_LETTERS, DECISIONS, FEEDBACK
from tidegate.streams.wire.copies import copies_in

log = logging.getLogger(__name__)


class CopyMarks(Protocol):
    """What restoring copies needs of the store (`store/__init__.py` describes it)."""

    async def now_ms(self) -> int: ...

    async def mark_copies(
        self, partition: TopicPartition, epoch: int, copies: Sequence[tuple[Copy, int]], *, complete: bool
    ) -> bool: ...


class _CopyOutcome(NamedTuple):
    """What the highest epoch published of a record that was sent again."""

    epoch: int
    copy: Copy | None  # None: a dead letter
    at_ms: int


class LostCopies:
    """Restores copies for one worker. wanted: partitions with a redriven record and incomplete marks in Redis."""

    def __init__(self, store: CopyMarks, history: HistoryReader, partitions: Callable[[], Mapping[str, int]]) -> None:
        self._store, self._history, self._partitions = store, history, partitions
        self.wanted: set[TopicPartition] = set()
        self._reading: set[TopicPartition] = set()

    @property
    def status(self) -> str | None:
        """What is being read, for people; None if nothing is."""
        return "reading which copies were decided: " + ", ".join(map(str, self._reading)) if self._reading else None

    async def restore(self, partition: TopicPartition, epoch: int, end: int) -> None:
        """Marks the copies that were decided below `end`, if they are wanted.

        Raises StoreUnavailable and BrokerUnavailable.
        """
        if partition not in self.wanted:
            return
        began = time.monotonic()
        self._reading.add(partition)
        try:
            decided = await self._decided(partition, end)
            if not await self._store.mark_copies(partition, epoch, list(decided.values()), complete=True):
                raise StoreUnavailable(f"{partition}: has another owner while its copies are read")
        finally:
            self._reading.discard(partition)
        self.wanted.discard(partition)
        took_s = time.monotonic() - began
        log.info(
            "%s: a record was sent again; read in %.1f s that %d were decided before", partition, took_s, len(decided)
        )

    async def _decided(self, partition: TopicPartition, end: int) -> dict[int, tuple[Copy, int]]:
        """Returns origin -> the first copy that was decided, and when."""
        since_ms = max(1, await self._store.now_ms() - COPY_MS - SKEW_MS)
        letters = [TopicPartition(DEAD_LETTERS, p) for p in range(self._partitions()[DEAD_LETTERS])]
        own = TopicPartition(DECISIONS, partition.partition) if partition.topic != FEEDBACK else partition
        decisions, *dead = await self._history.since([own, *letters], since_ms)
        outcomes: dict[int, _CopyOutcome] = {}
        await self._read(outcomes, partition, [decisions])
        await self._read(outcomes, partition, dead)
        first: dict[int, tuple[Copy, int]] = {}
        for offset in sorted(offset for offset in outcomes if offset < end):
            copy = outcomes[offset].copy
            if copy is not None:
                first.setdefault(copy.origin, (copy, outcomes[offset].at_ms))
        return first

    async def _read(
        self, outcomes: dict[int, _CopyOutcome], partition: TopicPartition, ranges: Sequence[OffsetRange]
    ) -> None:
        async with aclosing(self._history.read(*ranges)) as batches:
            async for records in batches:
                for record in records:
                    if record.topic == partition.topic or b'"origin":null' not in (record.value or b""):
                        _add_outcome(outcomes, partition, record)


def _add_outcome(outcomes: dict[int, _CopyOutcome], partition: TopicPartition, record: Record) -> None:
    if record.topic == partition.topic:  # feedback is decided unless it has a dead letter
        for offset, copy in copies_in([record]).by_offset.items():
            outcomes[offset] = _CopyOutcome(-1, copy, record.timestamp)
        return
    try:
        event: Any = from_json(record.value or b"")
        source, epoch = event["source"], int(event["epoch"])
        decided: Copy | None = None
        if (source["topic"], source["partition"]) != partition:
            return
        offset = int(source["offset"])
        if record.topic == DECISIONS:
            decided = Copy(int(event["origin"]["offset"]), str(event["origin_sha256"]), offset)
    except (ValueError, TypeError, KeyError, OverflowError):
        return
    if offset not in outcomes or outcomes[offset].epoch < epoch:
        outcomes[offset] = _CopyOutcome(epoch, decided, record.timestamp)
