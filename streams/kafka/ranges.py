"""Ranges of offsets, and single records out of one: requested in about offset order, and read once.

Knows no Kafka client: it reads from a `RecordSource`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Sequence, Set
from typing import Any, NamedTuple, Protocol

from tidegate.streams.core.partition import Record, TopicPartition

# Two clocks stamp what belongs together: a producer's or the store's, and a worker's. They may differ by this much, and
# what was written close to the start of a range of time is still found.
SKEW_MS = 300_000


class OffsetRange(NamedTuple):
    """Offsets [start, end) of a partition whose log starts at `log_start`."""

    partition: TopicPartition
    log_start: int
    start: int
    end: int

    @property
    def records(self) -> int:
        """The most records that it can hold."""
        return self.end - self.start

    @property
    def truncated(self) -> bool:
        """Whether older records were deleted, and some are left."""
        return 0 < self.log_start < self.end

    @property
    def from_log_start(self) -> OffsetRange:
        """The range with its start moved back to the log's."""
        return self._replace(start=self.log_start)


def start_offset(at: Any, log_start: int, end: int) -> int:
    """Returns the first offset of a range requested by time. at: aiokafka's `offsets_for_times` for the partition.

    None: nothing was written since. The embedded broker answers so with an offset without a time, which tells
    nothing: then the log's start. Its times are those of arrival, never before a record's own.
    """
    if at is None:
        return end
    return min(log_start if at.timestamp < 0 else max(log_start, int(at.offset)), end)


class RecordSource(Protocol):
    """What a cursor reads from. Raises BrokerUnavailable."""

    def read(self, offset_range: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Yields its records in order, some at a time."""


class RangeCursor:
    """Reads single records of one partition, up to `end`. Close it after use."""

    def __init__(self, source: RecordSource, partition: TopicPartition, end: int) -> None:
        self._source, self._partition, self._end = source, partition, end
        self._next = end + 1
        self._reader: AsyncGenerator[Sequence[Record], None] | None = None
        self._ahead: deque[Record] = deque()  # fetched, and beyond what was requested so far

    async def aclose(self) -> None:
        if self._reader is not None:
            await self._reader.aclose()

    async def records_at(self, wanted: Set[int]) -> dict[int, Record]:
        """Returns offset -> record for the wanted offsets; deleted ones are missing. Raises BrokerUnavailable.

        Cheap if the offsets rise from call to call; else it reads again from further back.
        """
        records: dict[int, Record] = {}
        if not wanted:
            return records
        first, last = min(wanted), max(wanted)
        if self._reader is None or first < self._next:
            await self.aclose()
            self._reader = self._source.read(OffsetRange(self._partition, 0, first, self._end))
            self._ahead.clear()
        self._next = last + 1
        while True:
            while self._ahead and self._ahead[0].offset <= last:
                record = self._ahead.popleft()
                if record.offset in wanted:
                    records[record.offset] = record
            if self._ahead or not (fetched := await anext(self._reader, None)):
                return records
            self._ahead.extend(fetched)
