"""A worker whose wall clock jumps: `time.time` and `time.time_ns` of its process say what a file says is to be added.

A `sitecustomize` on PYTHONPATH, which Python imports before anything else. What does not ask these two keeps the right
time: the monotonic clock, as on a machine whose clock is set, and `datetime.now`, which no worker asks.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

SITECUSTOMIZE = """
import json, os, time

_at = os.path.join(os.environ.get("DRILL_CLOCKS", ""), os.environ.get("TIDEGATE_WORKER", ""))
_time, _time_ns = time.time, time.time_ns
_seen = [0]


def _shift_s():
    try:
        with open(_at) as file:
            shift_s = int(file.read() or 0)
    except OSError:
        return _seen[-1]
    if shift_s != _seen[-1]:
        _seen.append(shift_s)
        with open(_at + ".heard", "w") as file:
            json.dump(_seen[1:], file)
    return shift_s


if "DRILL_CLOCKS" in os.environ and "TIDEGATE_WORKER" in os.environ:
    time.time = lambda: _time() + _shift_s()
    time.time_ns = lambda: _time_ns() + _shift_s() * 10**9
"""


class Clocks:
    """The clocks of workers that are started with `environ`; each goes right until it is told otherwise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "clocks"
        self._folder.mkdir()
        (self._folder / "sitecustomize.py").write_text(SITECUSTOMIZE)

    @property
    def environ(self) -> dict[str, str]:
        path = [str(self._folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(path), "DRILL_CLOCKS": str(self._folder)}

    def shift(self, worker: str, by_s: int) -> None:
        new = self._folder / f"{worker}.new"
        new.write_text(str(by_s))
        new.replace(self._folder / worker)

    def heard(self, worker: str) -> list[int]:
        """The jumps that the worker's process saw."""
        found: list[int] = json.loads((self._folder / f"{worker}.heard").read_text())
        return found
