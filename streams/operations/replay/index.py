"""What became of one partition's records in a range, by source position: of several decisions the highest epoch's.

17 bytes a record, since a range may hold millions. Pure.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from tidegate.streams.core.events import Action

_ACTIONS = tuple(Action)
_DEAD, _NOTHING, _OUTSIDE = 253, 254, 255  # beside the actions' numbers


class RecordedIndex:
    """One partition's records, added in rising order; then what is recorded of them, in any order."""

    def __init__(self) -> None:
        self.first = 0
        self._became = bytearray()  # an action's number or one of the three above
        self._epochs = array("q")
        self._places = array("q")  # offsets of decisions, in their own topic

    def add(self, offset: int) -> None:
        """A record of the range. Offsets between it and the one before are outside."""
        if not self._became:
            self.first = offset
        gap = offset - self.first - len(self._became)
        self._became += bytes([_OUTSIDE]) * gap
        self._became.append(_NOTHING)
        for numbers in (self._epochs, self._places):
            numbers.extend([-1] * (gap + 1))

    def note(self, offset: int, epoch: int, action: Action | None, place: int = -1) -> None:
        """That the record was decided, or (no action) a dead letter, under an epoch. place: where that stands."""
        at = offset - self.first
        if 0 <= at < len(self._became) and self._became[at] != _OUTSIDE and epoch > self._epochs[at]:
            self._became[at] = _DEAD if action is None else _ACTIONS.index(action)
            self._epochs[at], self._places[at] = epoch, place

    def __len__(self) -> int:
        """How many records the range has here."""
        return len(self._became) - self._became.count(_OUTSIDE)

    def __contains__(self, offset: int) -> bool:
        at = offset - self.first
        return 0 <= at < len(self._became) and self._became[at] != _OUTSIDE

    @property
    def end(self) -> int:
        """After the last record of the range; `first` where there is none."""
        return self.first + len(self._became)

    @property
    def places_end(self) -> int:
        """After the last place where a decision stands."""
        return max(self._places, default=-1) + 1

    @property
    def dead_letters(self) -> int:
        return self._became.count(_DEAD)

    @property
    def nothing(self) -> int:
        """Records of which nothing is recorded: not yet decided, or their decision was deleted."""
        return self._became.count(_NOTHING)

    def action(self, offset: int) -> Action | None:
        """What was decided of a record; None where that is not known, or it was a dead letter."""
        became = self._became[offset - self.first] if offset in self else _NOTHING
        return _ACTIONS[became] if became < len(_ACTIONS) else None

    def place(self, offset: int) -> int:
        """Where a record's decision stands; -1 where there is none."""
        return self._places[offset - self.first] if self.action(offset) is not None else -1

    def decided(self) -> Iterator[tuple[int, int]]:
        """(offset, where its decision stands), in the records' order."""
        for at, became in enumerate(self._became):
            if became < len(_ACTIONS):
                yield self.first + at, self._places[at]
