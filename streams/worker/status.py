"""A worker's word of itself, once a second, for `tidegate policy status`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from tidegate.streams.core.worker_status import WorkerStatus
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.store import Store

PERIOD_S = 1.0
KEEP_MS = 600_000  # who was silent for so long is forgotten


async def status_loop(store: Store, worker: str, word: Callable[[], WorkerStatus], stopping: asyncio.Event) -> None:
    """Says it until `stopping` is set, then that it stopped. Where the store is unavailable, nobody could read it anyway."""
    while not stopping.is_set():
        with suppress(StoreUnavailable):
            await store.put_status(worker, word().model_dump_json(), KEEP_MS)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), PERIOD_S)
    with suppress(StoreUnavailable):
        await store.put_status(worker, word().model_copy(update={"stopped": True}).model_dump_json(), KEEP_MS)
