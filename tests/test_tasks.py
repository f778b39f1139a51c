"""The one retry: its backoff, its stop, and what passes through."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.tasks import retry, waiting_for


class FlakyCall:
    """Raises one error after another, then returns "done"."""

    def __init__(self, *errors: Exception) -> None:
        self._errors: Iterator[Exception] = iter(errors)
        self.seen: list[tuple[str, float]] = []  # what on_error got
        self.waited: list[float] = []

    async def __call__(self) -> str:
        if (error := next(self._errors, None)) is not None:
            raise error
        return "done"

    def on_error(self, error: Exception, delay_s: float) -> None:
        self.seen.append((str(error), delay_s))

    async def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


async def test_a_retry_doubles_its_wait_up_to_the_longest() -> None:
    call = FlakyCall(StoreUnavailable("a"), BrokerUnavailable("b"), StoreUnavailable("c"), StoreUnavailable("d"))
    result = await retry(call, backoff_s=(0.1, 0.3), wanted=lambda: True, on_error=call.on_error, wait=call.wait)
    assert result == "done"
    assert call.seen == [("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.3)]
    assert call.waited == [0.1, 0.2, 0.3, 0.3]


async def test_a_retry_ends_once_it_is_not_wanted() -> None:
    call = FlakyCall(*[StoreUnavailable("unavailable")] * 9)
    result = await retry(
        call, backoff_s=(1, 1), wanted=lambda: len(call.waited) < 2, on_error=call.on_error, wait=call.wait
    )
    assert (result, len(call.seen)) == (None, 2)


async def test_a_retry_raises_every_other_error() -> None:
    call = FlakyCall(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await retry(call, backoff_s=(1, 1), wanted=lambda: True, on_error=call.on_error, wait=call.wait)
    assert call.seen == call.waited == []


async def test_a_wait_ends_once_stop_is_set() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(waiting_for(stop)(60))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(5):
        await waiting
