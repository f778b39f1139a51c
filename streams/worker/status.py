"""Writes a worker's status to the store once a second, for `tidegate policy status`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from tidegate.streams.core.worker_status import WorkerStatus
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.tasks import waiting_for as waiting_for_stop
from tidegate.streams.worker.policy_follower import PolicyFollower

PERIOD_S = 1.0
KEEP_MS = 600_000  # a status that is not written again for so long expires


class WorkerStatuses(Protocol):
    """What writing a status needs of the store (`store/__init__.py` describes it)."""

    async def put_status(self, worker: str, state: str, keep_ms: int) -> None: ...


def status_of(
    worker: str,
    started_ms: int,
    follower: PolicyFollower,
    scorer: LiveScorer,
    waiting_for: Mapping[str, str],
    probes: str,
) -> WorkerStatus:
    """Returns the status of a worker that follows the policy log by `follower`, and scores by `scorer`."""
    policies = follower.policies
    live = policies.log.live
    return WorkerStatus(
        name=worker,
        started_ms=started_ms,
        version=live.version if live else None,
        shadow=live.shadow.version if live and live.shadow else None,
        since_ms=follower.since_ms,
        model=scorer.under(live).version if live else None,
        next=policies.log.next,
        log=policies.fold_from.match,
        file=follower.file,
        waiting_for=dict(waiting_for),
        probes=probes,
    )


async def status_loop(
    store: WorkerStatuses, worker: str, status: Callable[[], WorkerStatus], stopping: asyncio.Event
) -> None:
    """Writes the status until `stopping` is set, then once more as stopped.

    Skips a write while the store is unavailable: nobody could read it either.
    """
    wait = waiting_for_stop(stopping)
    while not stopping.is_set():
        with suppress(StoreUnavailable):
            await store.put_status(worker, status().model_dump_json(), KEEP_MS)
        await wait(PERIOD_S)
    with suppress(StoreUnavailable):
        await store.put_status(worker, status().model_copy(update={"stopped": True}).model_dump_json(), KEEP_MS)
