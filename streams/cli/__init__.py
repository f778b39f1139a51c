"""The command line: `tidegate …`, or `python -m tidegate …`.

Every command is a thin hand onto `streams/`: it reads settings, calls, and shows. Whatever is heavy (Faust, Kafka,
ONNX) is imported by the command that needs it, so that `tidegate --help` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from tidegate.streams.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Ends the process: 0 done, 1 some refused, 2 wrong settings or usage, 3 a dependency is unavailable."""
    try:
        app(prog_name="tidegate")
    except SystemExit as ended:
        others = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
        if any(not thread.daemon for thread in others):
            # As a worker does: a scoring thread that never came back would keep the process for ever.
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError):
                    stream.flush()
            os._exit(ended.code if isinstance(ended.code, int) else 1 if ended.code else 0)
        raise
