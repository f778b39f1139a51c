"""The way that a piece of work takes through the rooms of streams/, counted by `sys.setprofile`.

A climb is a call from a room into a later one of the arrow table (tests/test_arrows.py), which may import the caller's
and not the other way round: what is called was handed down, as a progress bar is.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from tests.test_arrows import ROOT


@dataclass
class Walk:
    """What was entered. order: the rooms of the arrow table, from the bottom up."""

    order: Sequence[str]
    calls: Counter[str] = field(default_factory=Counter)  # by room
    arrows: Counter[tuple[str, str]] = field(default_factory=Counter)  # calls from a room into another
    climbs: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # and the functions that were called

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """For `sys.setprofile`."""
        room = _room(frame)
        if event != "call" or room is None or frame.f_code.co_name == "<module>":
            return
        self.calls[room] += 1
        caller = frame.f_back
        while caller is not None and _room(caller) is None:
            caller = caller.f_back
        if caller is None or (before := _room(caller)) == room or before is None:
            return
        self.arrows[before, room] += 1
        if self.order.index(room) > self.order.index(before):
            self.climbs.setdefault((before, room), set()).add(frame.f_code.co_name)


@contextmanager
def walking(order: Sequence[str]) -> Iterator[Walk]:
    """The walk of what is done inside, and in the threads that it starts."""
    walk = Walk(order)
    sys.setprofile(walk.profile)
    threading.setprofile(walk.profile)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


_TOPS = tuple(f"{ROOT}/{top}/" for top in ("tidegate/streams", "streams"))


def _room(frame: FrameType) -> str | None:
    file = frame.f_code.co_filename
    top = next((top for top in _TOPS if file.startswith(top)), None)
    return None if top is None else file.removeprefix(top).partition("/")[0].removesuffix(".py")
