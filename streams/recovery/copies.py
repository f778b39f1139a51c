"""Which copies of a partition were decided, found again on Kafka where Redis lost it: before any other copy is decided.

What `apply` marks is as old as the checkpoint beside it, so a Redis that came back older is made good by `rebuild.py`. One
that came back empty has no mark from before the windows. That is missed only by a record that was sent again, so it
waits for one: then the partition is taken over anew, and `decisions` are read as far back as marks are kept; of feedback,
of which nothing is published, the topic itself. Knows no Kafka client: what is read comes from a `HistoryReader`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from pydantic_core import from_json

from tidegate.streams.core.partition import Copy, Record, TopicPartition
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.recovery.published import HistoryReader
from tidegate.streams.store import Store
from tidegate.streams.store.keys import COPY_MS
from tidegate.streams.topics import COMPLETIONS, DEAD_LETTERS, DECISIONS
from tidegate.streams.wire.copies import copies_in

log = logging.getLogger(__name__)

SKEW_MS = 300_000  # a record is stamped by another clock than the store's


class _Said(NamedTuple):
    """What the highest epoch says of a record that was sent again."""

    epoch: int
    copy: Copy | None  # None: a dead letter
    at_ms: int


class LostCopies:
    """One worker's. wanted: parts of which a record was sent again, and Redis does not know which were decided."""

    def __init__(self, store: Store, past: HistoryReader, partitions: Callable[[], Mapping[str, int]]) -> None:
        self._store, self._past, self._partitions = store, past, partitions
        self.wanted: set[TopicPartition] = set()
        self._going: set[TopicPartition] = set()

    @property
    def status(self) -> str | None:
        """What is being read, for people; None where nothing is."""
        return "reading which copies were decided: " + ", ".join(map(str, self._going)) if self._going else None

    async def restore(self, partition: TopicPartition, epoch: int, end: int) -> None:
        """Marks the copies that were decided below `end`, where they are wanted. Raises StoreUnavailable and BrokerUnavailable."""
        if partition not in self.wanted:
            return
        began = time.monotonic()
        self._going.add(partition)
        try:
            found = await self._decided(partition, end)
            if not await self._store.mark_copies(partition, epoch, list(found.values()), complete=True):
                raise StoreUnavailable(f"{partition}: has another owner while its copies are read")
        finally:
            self._going.discard(partition)
        self.wanted.discard(partition)
        took_s = time.monotonic() - began
        log.info(
            "%s: a record was sent again; read in %.1f s that %d were decided before", partition, took_s, len(found)
        )

    async def _decided(self, partition: TopicPartition, end: int) -> dict[int, tuple[Copy, int]]:
        """By origin the first copy that was decided, and when."""
        since_ms = max(1, await self._store.now_ms() - COPY_MS - SKEW_MS)
        letters = [TopicPartition(DEAD_LETTERS, p) for p in range(self._partitions()[DEAD_LETTERS])]
        own = TopicPartition(DECISIONS, partition.partition) if partition.topic == COMPLETIONS else partition
        decided, *dead = await self._past.since([own, *letters], since_ms)
        said: dict[int, _Said] = {}
        await self._read(said, partition, [decided])
        await self._read(said, partition, dead)
        found: dict[int, tuple[Copy, int]] = {}
        for offset in sorted(offset for offset in said if offset < end):
            copy = said[offset].copy
            if copy is not None:
                found.setdefault(copy.origin, (copy, said[offset].at_ms))
        return found

    async def _read(self, said: dict[int, _Said], partition: TopicPartition, stretches: Sequence[OffsetRange]) -> None:
        async with aclosing(self._past.read(*stretches)) as some:
            async for records in some:
                for record in records:
                    if record.topic == partition.topic or b'"origin":null' not in (record.value or b""):
                        _note(said, partition, record)


def _note(said: dict[int, _Said], partition: TopicPartition, record: Record) -> None:
    if record.topic == partition.topic:  # of feedback: decided, where there is no dead letter of it
        for offset, copy in copies_in([record]).by_offset.items():
            said[offset] = _Said(-1, copy, record.timestamp)
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
    if offset not in said or said[offset].epoch < epoch:
        said[offset] = _Said(epoch, decided, record.timestamp)
