"""Which policy version each worker decides by, and who is behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.policy.log import ChangeVerdict
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.worker_status import WorkerHealth, worker_healths
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.policy_log.history import LogEntry, LogHistory, read_log
from tidegate.streams.store.redis import RedisStore

LOOKS = 3  # a status comes once a second: who took a change since is no longer behind by the next look
STATUS_S = 1.2


@dataclass(frozen=True)
class WorkersStatus:
    """Every worker beside the log, at one time (the store's)."""

    history: LogHistory
    workers: list[WorkerHealth]
    now_ms: int

    @property
    def live(self) -> LivePolicy | None:
        return self.history.log.live

    @property
    def live_made_by(self) -> LogEntry | None:
        """The change that made the live policy."""
        return self.history.maker(self.live.version) if self.live else None

    @property
    def problems(self) -> list[str]:
        """What is not as it should be, a line each; empty where every worker is on the live version."""
        if not self.workers:
            return ["no worker has said anything in the last 10 minutes"]
        return [f"{health.worker}: {health.why}" for health in self.workers if health.why]

    def as_json(self) -> list[dict[str, Any]]:
        return [self._worker_json(health) for health in self.workers]

    def _worker_json(self, health: WorkerHealth) -> dict[str, Any]:
        live, report = self.live, health.status
        return {
            "worker": health.worker, "version": report.version, "live": live.version if live else None,
            "behind": health.behind, "since_ms": report.since_ms, "shadow": report.shadow, "model": report.model,
            "file": report.file, "log": report.log.value, "read_to": report.next,
            "ready": not (health.silent or report.waiting_for), "waiting_for": dict(report.waiting_for),
            "probes": report.probes, "started_ms": report.started_ms, "seen_ms": health.seen_ms,
            "silent": health.silent, "why": health.why,
        }  # fmt: skip


async def workers_status(deployment: Deployment, note: Note = unheeded) -> WorkersStatus:
    """Looks again where a worker is behind: its status may be a second old. Raises Broker- or StoreUnavailable."""
    store = RedisStore(deployment.store, deployment.namespace)
    try:
        for look in range(LOOKS):
            history = await read_log(deployment, note)
            statuses, now_ms = await store.statuses(), await store.now_ms()
            changed = (ChangeVerdict.APPLIED, ChangeVerdict.SHADOWED, ChangeVerdict.DROPPED)
            changes = [e.offset for e in history.entries if e.verdict in changed and e.offset < history.log.next]
            workers = worker_healths(statuses, history.log, changes, now_ms)
            if all(health.silent or not health.why for health in workers):
                break
            if look < LOOKS - 1:
                await asyncio.sleep(STATUS_S)
        return WorkersStatus(history, workers, now_ms)
    finally:
        await store.close()
