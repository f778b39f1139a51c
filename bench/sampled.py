"""A worker that profiles itself: `python -m bench.sampled OUT worker` is `tidegate worker` with a sampling profiler.

SIGRTMIN starts it, SIGRTMIN+1 ends it and writes OUT: every stack seen on the main thread and how often, counted in
CPU time (ITIMER_PROF), so that waiting costs nothing and C code counts for the line that called it.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S = 0.001  # the kernel rounds it up to its timer interval, 1 to 10 ms


class Sampler:
    """Counts stacks: innermost frame first, each as `file:function`."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._seen: Counter[tuple[str, ...]] = Counter()

    def install(self) -> None:
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGRTMIN, self._start)
        signal.signal(signal.SIGRTMIN + 1, self._stop)

    def _start(self, number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def _sample(self, number: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
            frame = frame.f_back
        self._seen[tuple(stack)] += 1

    def _stop(self, number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        temporary = self._out.with_suffix(".part")
        temporary.write_text(json.dumps([[list(stack), n] for stack, n in self._seen.items()]))
        temporary.rename(self._out)


if __name__ == "__main__":
    Sampler(Path(sys.argv.pop(1))).install()
    from tidegate.streams.cli import main

    main()
