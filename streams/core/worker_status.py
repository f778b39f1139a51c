"""A worker's status, written once a second, and its health compared with the `policies` log. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.streams.core.policy.log import PolicyLog
from tidegate.streams.core.policy.snapshot import LogMatch

SILENT_MS = 5_000  # a status is written once a second


class WorkerStatus(BaseModel):
    """The status of one worker. Keys of a newer Tidegate are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str  # the setting; a restart under it is another worker
    started_ms: int
    version: str | None = None  # of the policy it decides by; None: none yet
    shadow: str | None = None
    since_ms: int | None = None  # when it took that version
    model: str | None = None
    next: int = 0  # next offset of the `policies` log
    log: LogMatch = LogMatch.WHOLE  # how that log compares with the snapshot
    file: Literal["same", "ignored"] | None = (
        None  # the policy file, compared with the live policy; None: no policy is live
    )
    waiting_for: Mapping[str, str] = Field({})  # what keeps it from its job
    probes: str = ""
    stopped: bool = False  # the last status: the worker ended in order


@dataclass(frozen=True)
class WorkerHealth:
    """The health of one worker; `why` names what is wrong, and is empty where nothing is."""

    worker: str
    status: WorkerStatus
    seen_ms: int
    behind: int | None  # changes that it has not applied; None: its version is not of this log
    silent: bool
    why: str


def worker_healths(
    texts: Mapping[str, tuple[int, str]], log: PolicyLog, changes: Collection[int], now_ms: int
) -> list[WorkerHealth]:
    """Returns the health of every worker that did not end in order, by name.

    texts: worker -> when its status was written (store time), and the JSON. changes: offsets of the log that changed
    policy or shadow. Of several workers of one name the silent ones were restarted: only the others are returned, or
    the last where all are silent.
    """
    by_name: dict[str, list[WorkerHealth]] = {}
    for worker, (seen_ms, text) in texts.items():
        try:
            status = WorkerStatus.model_validate_json(text)
        except ValidationError:
            status = WorkerStatus(
                name=worker, started_ms=0, waiting_for={"report": "its status cannot be read: another version?"}
            )
        if not status.stopped:
            health = _health(worker, status, seen_ms, log, changes, now_ms)
            by_name.setdefault(status.name, []).append(health)
    healths = []
    for _, those in sorted(by_name.items()):
        those.sort(key=lambda s: s.status.started_ms)
        healths += [s for s in those if not s.silent] or those[-1:]
    return healths


def _health(
    worker: str, status: WorkerStatus, seen_ms: int, log: PolicyLog, changes: Collection[int], now_ms: int
) -> WorkerHealth:
    live = log.live
    shadow = live.shadow if live else None
    silent = now_ms - seen_ms > SILENT_MS
    current = status.version == (live.version if live else None)
    current &= status.shadow == (shadow.version if shadow else None)
    missed = sum(offset >= status.next for offset in changes)
    behind = 0 if current else missed or None
    if silent:
        why = f"silent for {(now_ms - seen_ms) // 1000} s"
    elif status.version is None:
        why = "no policy yet"
    elif behind is None:
        why = "on a version that is not the log's"
    elif behind:
        why = f"{behind} change{'s' if behind > 1 else ''} behind"
    else:
        why = ""
    return WorkerHealth(worker, status, seen_ms, behind, silent, why)
