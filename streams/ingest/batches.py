"""Batches of record ranges, as an ingest hands them out. Data only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from tidegate.streams.core.partition import Record, end_of
from tidegate.streams.ingest.takeover import OwnedPartition


@dataclass(slots=True, eq=False)
class RecordRange:
    """Consecutive records of one partition. Offsets [start, end); it includes the hole before its first record."""

    owned: OwnedPartition
    start: int
    records: list[Record]
    lag: int  # records between `end` and the high-water mark; -1: unknown

    @property
    def end(self) -> int:
        return end_of(self.records[-1])


@dataclass(slots=True, eq=False)
class Batch:
    """Record ranges read together. The effects of a batch start when those of the batch before it have ended."""

    ranges: list[RecordRange]
    turn: asyncio.Event  # set when the batch before this one is finished
    events: int
    size: int  # bytes
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    polled_at: float = field(default_factory=time.monotonic)

    @property
    def quarantined(self) -> bool:
        """True if a record of it may kill the worker: its records must be scored one at a time."""
        return any(record_range.owned.quarantined for record_range in self.ranges)


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What an ingest may hold at once, and its timing in the consumer group. Seconds, bytes."""

    batch_events: int = 256
    inflight_batches: int = 4
    inflight_events: int = 2048
    inflight_bytes: int = 64 << 20
    session_timeout_s: float = 30.0
    heartbeat_s: float = 3.0
    commit_interval_s: float = 1.0
    skip_unreadable: bool = True  # skip a batch that cannot be decoded in the end; else wait for it
    unreadable_tries: int = 5  # skip it after so many tries...
    unreadable_s: float = 600.0  # ...and so long
    group_instance: str | None = None  # group.instance.id, which outlives the process; None: a new member each start

    def have_room(self, inflight: Collection[Batch]) -> bool:
        """Returns whether one more batch may be read."""
        return (
            len(inflight) < self.inflight_batches
            and sum(batch.events for batch in inflight) < self.inflight_events
            and sum(batch.size for batch in inflight) < self.inflight_bytes
        )
