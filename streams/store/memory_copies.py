"""The in-memory twin's marks of decided copies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tidegate.streams.core.partition import Copy
from tidegate.streams.store import DecidedCopies
from tidegate.streams.store.keys import COPY_MS


@dataclass
class PartitionCopies:
    """The marks of one partition."""

    complete: bool = False
    marked: dict[int, tuple[Copy, int]] = field(default_factory=dict)  # origin -> the copy, and when it expires

    def conflict(self, copies: Sequence[Copy], now_ms: int) -> bool:
        """Returns whether an earlier copy of one of the origins was decided."""
        decided = self.decided([copy.origin for copy in copies], now_ms).decided
        return any(copy.origin in decided and decided[copy.origin].offset < copy.offset for copy in copies)

    def mark(self, copies: Sequence[Copy], now_ms: int) -> None:
        self.marked.update({copy.origin: (copy, now_ms + COPY_MS) for copy in copies})

    def restore(self, copies: Sequence[tuple[Copy, int]], complete: bool, now_ms: int) -> None:
        for copy, at_ms in copies:
            if at_ms + COPY_MS > now_ms and copy.origin not in self.decided([copy.origin], now_ms).decided:
                self.marked[copy.origin] = copy, at_ms + COPY_MS
        self.complete = self.complete or complete

    def decided(self, origins: Collection[int], now_ms: int) -> DecidedCopies:
        stored = {origin: self.marked[origin] for origin in origins if origin in self.marked}
        return DecidedCopies(
            self.complete, {origin: copy for origin, (copy, expires_ms) in stored.items() if expires_ms > now_ms}
        )
