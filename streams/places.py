"""Records of one partition by their own offset: asked for in about the order they stand in, and read once.

Knows no Kafka client: what is read comes from a `Log`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Sequence, Set
from typing import NamedTuple, Protocol

from streams.store import Part
from streams.wire import Record


class Stretch(NamedTuple):
    """Offsets [start, end) of a partition that is kept from `begins` on."""

    part: Part
    begins: int
    start: int
    end: int


class Log(Protocol):
    """What is read from. Raises BrokerAway."""

    def read(self, stretch: Stretch) -> AsyncGenerator[Sequence[Record], None]:
        """Its records in order, some at a time."""


class Places:
    """One partition, up to `end`. To be closed."""

    def __init__(self, log: Log, part: Part, end: int) -> None:
        self._log, self._part, self._end = log, part, end
        self._next = end + 1
        self._some: AsyncGenerator[Sequence[Record], None] | None = None
        self._ahead: deque[Record] = deque()  # fetched, and beyond what was asked for so far

    async def aclose(self) -> None:
        if self._some is not None:
            await self._some.aclose()

    async def at(self, wanted: Set[int]) -> dict[int, Record]:
        """Those at the offsets wanted; those that are no longer there are missing. Raises BrokerAway.

        Cheap where what is wanted rises from call to call; else it is read again from further back.
        """
        found: dict[int, Record] = {}
        if not wanted:
            return found
        first, last = min(wanted), max(wanted)
        if self._some is None or first < self._next:
            await self.aclose()
            self._some = self._log.read(Stretch(self._part, 0, first, self._end))
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
