"""A worker whose wall clock jumps: its `time.time` and `time.time_ns` add the seconds that a file holds.

It is a `sitecustomize` on PYTHONPATH, which Python imports first. Other clocks stay right: the monotonic clock, as on a
machine whose clock is set, and `datetime.now`, which no worker calls.
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
        with open(_at + ".jumps", "w") as file:
            json.dump(_seen[1:], file)
    return shift_s


if "DRILL_CLOCKS" in os.environ and "TIDEGATE_WORKER" in os.environ:
    time.time = lambda: _time() + _shift_s()
    time.time_ns = lambda: _time_ns() + _shift_s() * 10**9
"""


class Clocks:
    """The clocks of workers that are started with `environ`. Each is right until `shift`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "clocks"
        self._folder.mkdir()
        (self._folder / "sitecustomize.py").write_text(SITECUSTOMIZE)

    @property
    def environ(self) -> dict[str, str]:
        path = [str(self._folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(path), "DRILL_CLOCKS": str(self._folder)}

    def shift(self, worker: str, by_s: int) -> None:
        """Adds by_s to the worker's wall clock, in place of what was added before."""
        new = self._folder / f"{worker}.new"
        new.write_text(str(by_s))
        new.replace(self._folder / worker)

    def jumps_seen(self, worker: str) -> list[int]:
        """The shifts that the worker's process read, in order."""
        shifts: list[int] = json.loads((self._folder / f"{worker}.jumps").read_text())
        return shifts
