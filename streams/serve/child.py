"""One of several processes of `tidegate serve`: `python -m tidegate.streams.serve.child NUMBER PROCESSES FOLDER`.

Started by `parent.py` alone, with the settings in the environment. It ends when its standard input does.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from tidegate.streams.errors import TidegateError
from tidegate.streams.serve import process
from tidegate.streams.serve.siblings import Family
from tidegate.streams.settings.settings import Settings
from tidegate.streams.tasks import EXIT_WRONG

LATER_S = 10.0  # beyond the drain: a process whose parent is gone and that does not end is ended

log = logging.getLogger(__name__)


def main() -> None:
    number, processes, folder = sys.argv[1:]
    gone = threading.Event()
    try:
        settings = Settings.load()
        threading.Thread(target=end_with_parent, args=(gone, settings.serve_drain_s + LATER_S), daemon=True).start()
        process.run(settings, Family(int(number), int(processes), Path(folder)))
    except TidegateError as error:
        log.critical("%s", error)
        sys.exit(EXIT_WRONG)
    finally:
        if gone.is_set():
            shutil.rmtree(folder, ignore_errors=True)  # which the parent removes else


def end_with_parent(gone: threading.Event, within_s: float) -> None:
    """Drains this process when its parent is gone, and says so; ends it where it does not end by then."""
    os.read(0, 1)  # nothing is ever written: this returns when the parent is gone
    gone.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(within_s)
    os._exit(1)


if __name__ == "__main__":
    main()
