"""Background tasks that must not fail silently: a task that raises ends the process."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Coroutine
from typing import Any, NoReturn

log = logging.getLogger(__name__)

# sysexits.h: an internal error. Nothing was committed; the group gives this worker's partitions to another.
EXIT_BUG = 70
EXIT_WRONG = 2  # settings, or a store that must not be used: starting it again does not help


def exit_on_bug(error: BaseException) -> NoReturn:
    """Logs the traceback and ends the process. Without the error's message: it may quote a text."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.critical("bug: %s; exiting without a commit\n%s", type(error).__name__, frames)
    logging.shutdown()
    os._exit(EXIT_BUG)


def exit_refused(error: Exception) -> NoReturn:
    """Logs why, and ends the process with the exit code of one that could not start."""
    log.critical("%s; exiting without a commit", error)
    logging.shutdown()
    os._exit(EXIT_WRONG)


class Tasks:
    """The background tasks of one component of a worker."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            exit_on_bug(error)

    async def finish(self, within_s: float) -> None:
        """Waits up to `within_s` for all tasks, then cancels the rest."""
        if self._running:
            await asyncio.wait(self._running, timeout=within_s)
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
