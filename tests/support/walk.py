"""Which rooms a piece of work walks through, and where it climbs: calls from a room to one above it in the arrow table.

    with walking() as walk:
        ...
    walk.rooms, walk.climbs

By `sys.setprofile`, on the thread that walks, so awaited code counts too. A climb is a callback: what was passed down
is called from below. A room's own code calling itself is no step.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

STREAMS = str(Path(__file__).parents[2] / "streams")


@dataclass
class Walk:
    """order: room -> its row in the arrow table, the lowest first."""

    order: Mapping[str, int]
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)  # (caller's room, callee's room) -> calls

    @property
    def rooms(self) -> set[str]:
        return {room for step in self.steps for room in step}

    @property
    def climbs(self) -> set[tuple[str, str]]:
        """(caller's room, callee's room) where the callee stands above the caller."""
        return {(a, b) for a, b in self.steps if self.order[b] > self.order[a]}

    def note(self, frame: FrameType, event: str, _arg: object) -> None:
        if event != "call" or (room := _room(frame)) not in self.order:
            return
        caller = frame.f_back
        while caller is not None and _room(caller) not in self.order:
            caller = caller.f_back
        if caller is not None and (above := _room(caller)) != room:
            self.steps[above, room] += 1


def _room(frame: FrameType) -> str:
    """The room of a frame's code; empty where it is not ours, or runs at import."""
    file = frame.f_code.co_filename.replace("/tidegate/streams/", "/streams/")
    if not file.startswith(STREAMS) or frame.f_code.co_name == "<module>":
        return ""
    return file[len(STREAMS) + 1 :].removesuffix(".py").partition("/")[0]


@contextmanager
def walking(order: Mapping[str, int]) -> Iterator[Walk]:
    """Everything that this thread, and threads begun meanwhile, call until the block ends."""
    walk = Walk(order)
    threading.setprofile(walk.note)
    sys.setprofile(walk.note)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
