"""Writes a worker's status to the store once a second, for `tidegate policy status`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tidegate.streams.core.worker_status import WorkerStatus
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.tasks import waiting_for

PERIOD_S = 1.0
KEEP_MS = 600_000  # a status that is not written again for so long expires


class WorkerStatuses(Protocol):
    """What writing a status needs of the store (`store/__init__.py` describes it)."""

    async def put_status(self, worker: str, state: str, keep_ms: int) -> None: ...


async def status_loop(
    store: WorkerStatuses, worker: str, status: Callable[[], WorkerStatus], stopping: asyncio.Event
) -> None:
    """Writes the status until `stopping` is set, then once more as stopped.

    Skips a write while the store is unavailable: nobody could read it either.
    """
    wait = waiting_for(stopping)
    while not stopping.is_set():
        with suppress(StoreUnavailable):
            await store.put_status(worker, status().model_dump_json(), KEEP_MS)
        await wait(PERIOD_S)
    with suppress(StoreUnavailable):
        await store.put_status(worker, status().model_copy(update={"stopped": True}).model_dump_json(), KEEP_MS)
