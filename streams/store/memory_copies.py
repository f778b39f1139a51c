"""Which origins have a decided copy, in the in-memory twin."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tidegate.streams.core.partition import Copy
from tidegate.streams.store import DecidedCopies
from tidegate.streams.store.keys import COPY_MS


@dataclass
class PartCopies:
    """One partition's."""

    whole: bool = False
    marked: dict[int, tuple[Copy, int]] = field(default_factory=dict)  # origin -> the copy, and when it expires

    def met(self, copies: Sequence[Copy], now_ms: int) -> bool:
        """Whether a copy of one of the origins was decided that comes before."""
        found = self.look([copy.origin for copy in copies], now_ms).decided
        return any(copy.origin in found and found[copy.origin].offset < copy.offset for copy in copies)

    def mark(self, copies: Sequence[Copy], now_ms: int) -> None:
        self.marked.update({copy.origin: (copy, now_ms + COPY_MS) for copy in copies})

    def restore(self, copies: Sequence[tuple[Copy, int]], whole: bool, now_ms: int) -> None:
        for copy, at_ms in copies:
            if at_ms + COPY_MS > now_ms and copy.origin not in self.look([copy.origin], now_ms).decided:
                self.marked[copy.origin] = copy, at_ms + COPY_MS
        self.whole = self.whole or whole

    def look(self, origins: Collection[int], now_ms: int) -> DecidedCopies:
        found = {origin: self.marked[origin] for origin in origins if origin in self.marked}
        return DecidedCopies(
            self.whole, {origin: copy for origin, (copy, expires_ms) in found.items() if expires_ms > now_ms}
        )
