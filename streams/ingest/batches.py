"""What an ingest hands out: batches of record ranges. Data only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from tidegate.streams.core.partition import Record, end_of
from tidegate.streams.ingest.takeover import OwnedPartition


@dataclass(slots=True, eq=False)
class RecordRange:
    """Consecutive records of one partition. Offsets [start, end): holes below the first record belong to it."""

    owned: OwnedPartition
    start: int
    records: list[Record]
    lag: int  # records behind the high-water mark after this record range; -1: unknown

    @property
    def end(self) -> int:
        return end_of(self.records[-1])


@dataclass(slots=True, eq=False)
class Batch:
    """Record ranges that are read together. Effects of a batch start when those of the batch before it have ended."""

    ranges: list[RecordRange]
    turn: asyncio.Event  # set when the batch before this one is finished
    events: int
    size: int  # bytes
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    polled_at: float = field(default_factory=time.monotonic)

    @property
    def quarantined(self) -> bool:
        """True where some of it may kill the worker: to be scored one record at a time."""
        return any(record_range.owned.quarantined for record_range in self.ranges)


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What an ingest may hold at once, and how it talks to the group. Seconds, bytes."""

    batch_events: int = 256
    inflight_batches: int = 4
    inflight_events: int = 2048
    inflight_bytes: int = 64 << 20
    session_timeout_s: float = 30.0
    heartbeat_s: float = 3.0
    commit_interval_s: float = 1.0
    skip_unreadable: bool = True  # a batch that cannot be decoded is stepped over in the end; else waited for
    unreadable_tries: int = 5  # after so many tries...
    unreadable_s: float = 600.0  # ...and so long
    group_instance: str | None = None  # a name in the group that outlives the process; None: a new member each start

    def leave_room(self, inflight: Collection[Batch]) -> bool:
        """Whether one more batch may be read."""
        return (
            len(inflight) < self.inflight_batches
            and sum(batch.events for batch in inflight) < self.inflight_events
            and sum(batch.size for batch in inflight) < self.inflight_bytes
        )
