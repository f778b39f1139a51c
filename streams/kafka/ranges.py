"""Records of one partition by their own offset: asked for in about the order they stand in, and read once.

Knows no Kafka client: what is read comes from a `RecordSource`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Sequence, Set
from typing import Any, NamedTuple, Protocol

from tidegate.streams.core.partition import Record, TopicPartition


class OffsetRange(NamedTuple):
    """Offsets [start, end) of a partition that is kept from `begins` on."""

    partition: TopicPartition
    begins: int
    start: int
    end: int

    @property
    def records(self) -> int:
        """At the most."""
        return self.end - self.start

    @property
    def deleted(self) -> bool:
        """Whether there were older records, and what is left has an oldest one."""
        return 0 < self.begins < self.end

    @property
    def whole(self) -> OffsetRange:
        """Everything that is kept."""
        return self._replace(start=self.begins)


def starts(at: Any, begins: int, end: int) -> int:
    """Where what was asked for by time begins. at: what aiokafka's `offsets_for_times` says of the partition.

    None: nothing was written since. The embedded broker says so by an offset without a time, which means nothing: then
    from the beginning. Its times are those of arrival, never before a record's own.
    """
    if at is None:
        return end
    return min(begins if at.timestamp < 0 else max(begins, int(at.offset)), end)


class RecordSource(Protocol):
    """What is read from. Raises BrokerUnavailable."""

    def read(self, stretch: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Its records in order, some at a time."""


class RangeCursor:
    """One partition, up to `end`. To be closed."""

    def __init__(self, log: RecordSource, partition: TopicPartition, end: int) -> None:
        self._log, self._partition, self._end = log, partition, end
        self._next = end + 1
        self._some: AsyncGenerator[Sequence[Record], None] | None = None
        self._ahead: deque[Record] = deque()  # fetched, and beyond what was asked for so far

    async def aclose(self) -> None:
        if self._some is not None:
            await self._some.aclose()

    async def at(self, wanted: Set[int]) -> dict[int, Record]:
        """Those at the offsets wanted; those that are no longer there are missing. Raises BrokerUnavailable.

        Cheap where what is wanted rises from call to call; else it is read again from further back.
        """
        found: dict[int, Record] = {}
        if not wanted:
            return found
        first, last = min(wanted), max(wanted)
        if self._some is None or first < self._next:
            await self.aclose()
            self._some = self._log.read(OffsetRange(self._partition, 0, first, self._end))
            self._ahead.clear()
        self._next = last + 1
        while True:
            while self._ahead and self._ahead[0].offset <= last:
                record = self._ahead.popleft()
                if record.offset in wanted:
                    found[record.offset] = record
            if self._ahead or not (fetched := await anext(self._some, None)):
                return found
            self._ahead.extend(fetched)
