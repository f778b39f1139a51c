"""Background tasks that must not fail silently: one that raises ends the process. And the one retry, with backoff."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable

T = TypeVar("T")
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


async def retry(
    call: Callable[[], Awaitable[T]],
    *,
    backoff_s: tuple[float, float],
    wanted: Callable[[], bool],
    on_error: Callable[[Exception, float], None],
    errors: tuple[type[Exception], ...] = (StoreUnavailable, BrokerUnavailable),
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T | None:
    """Returns what `call` returns, once it raises none of `errors`; None once `wanted` turns False before that.

    backoff_s: before the second try, and at the most: it doubles. on_error: logs and counts an error, given the seconds
    until the next try. wait: how these pass (`waiting_for(stop)` ends a wait early). Raises every other error.
    """
    delay_s, longest_s = backoff_s
    while wanted():
        try:
            return await call()
        except errors as error:
            on_error(error, delay_s)
        await wait(delay_s)
        delay_s = min(delay_s * 2, longest_s)
    return None


async def retry_named(
    what: str,
    call: Callable[[], Awaitable[Any]],
    waiting_for: MutableMapping[str, str],
    *,
    backoff_s: tuple[float, float],
    wanted: Callable[[], bool],
    errors: tuple[type[Exception], ...],
    final: tuple[type[Exception], ...] = (),
) -> None:
    """Calls until `call` raises none of `errors`: `waiting_for` has under `what` why it is waited for meanwhile.

    Logged where that changes. Raises every other error, and those of `errors` that are `final`. Rest as of `retry`.
    """

    async def called() -> None:
        await call()
        waiting_for.pop(what, None)

    def on_error(error: Exception, _: float) -> None:
        if isinstance(error, final):
            raise error
        if waiting_for.get(what) != str(error):
            log.warning("%s", error)
        waiting_for[what] = str(error)

    await retry(called, backoff_s=backoff_s, wanted=wanted, on_error=on_error, errors=errors)


def waiting_for(stop: asyncio.Event) -> Callable[[float], Awaitable[None]]:
    """Returns a sleep, in seconds, that ends once `stop` is set."""

    async def wait(seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)

    return wait


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
