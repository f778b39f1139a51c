"""Which workers are behind: their statuses, compared with the log."""

from __future__ import annotations

import json

import pytest

from tidegate.streams.core.policy.log import PolicyLog
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.worker_status import SILENT_MS, WorkerHealth, WorkerStatus, worker_healths

NOW = 1_767_268_800_000
POLICY = parse({"labels": {"toxicity": {"block": 0.9}}}, "p")
SHADOW = LivePolicy("5-bbbbbbbb", POLICY)
# Changes at 0, 2, 4 (a policy) and 5 (its shadow); 1 and 3 were refused.
LOG = PolicyLog(LivePolicy("4-aaaaaaaa", POLICY, SHADOW), {}, 6)
CHANGES = [0, 2, 4, 5]


def status_json(name: str = "w", **more: object) -> str:
    known = {"version": "4-aaaaaaaa", "shadow": "5-bbbbbbbb", "next": 6, "started_ms": 1}
    return WorkerStatus.model_validate({"name": name, **known, **more}).model_dump_json()


def health(text: str, seen_ms: int = NOW) -> WorkerHealth:
    (found,) = worker_healths({"w-1": (seen_ms, text)}, LOG, CHANGES, NOW)
    return found


# what a worker says, how many changes it is behind, why it is not as it should be
TABLE: list[tuple[str, int | None, str]] = [
    (status_json(), 0, ""),
    (status_json(next=7), 0, ""),  # a silence more than we read
    (status_json(shadow=None, next=5), 1, "1 change behind"),
    (status_json(version="2-cccccccc", shadow=None, next=3), 2, "2 changes behind"),  # 4 and 5; 3 is none
    (status_json(version="2-cccccccc", shadow=None, next=4), 2, "2 changes behind"),
    (status_json(version=None, shadow=None, next=0), 4, "no policy yet"),
    (status_json(version="9-dddddddd", next=10), None, "on a version that is not the log's"),
    (status_json(waiting_for={"redis": "unavailable"}), 0, ""),  # not ready, but not behind
    ("{", 4, "no policy yet"),
    (json.dumps({**json.loads(status_json()), "added_later": 1}), 0, ""),  # of a newer Tidegate
]


@pytest.mark.parametrize(("text", "behind", "why"), TABLE)
def test_a_worker_is_behind_by_the_changes_it_has_not_read(text: str, behind: int | None, why: str) -> None:
    found = health(text)
    assert (found.behind, found.why, found.silent) == (behind, why, False)


def test_a_worker_without_a_status_for_5_seconds_is_silent() -> None:
    assert health(status_json(), NOW - SILENT_MS).why == ""
    found = health(status_json(), NOW - SILENT_MS - 1)
    assert (found.silent, found.why) == (True, "silent for 5 s")


def test_an_unreadable_status_is_reported() -> None:
    assert dict(health("[]").status.waiting_for) == {"report": "its status cannot be read: another version?"}


def test_an_ended_worker_is_gone_and_a_restarted_one_replaces_it() -> None:
    """A worker that started again stands for the one before."""
    late = NOW - 60_000
    words = {
        "a-1": (late, status_json("a", started_ms=1)),  # killed, and started again
        "a-2": (NOW, status_json("a", started_ms=2)),
        "b-1": (late, status_json("b", started_ms=1)),  # killed twice, and nobody came
        "b-2": (late, status_json("b", started_ms=2)),
        "c-1": (NOW, status_json("c", stopped=True)),
        "d-1": (NOW, status_json("d", started_ms=1)),  # two under one name
        "d-2": (NOW, status_json("d", started_ms=2)),
    }
    found = worker_healths(words, LOG, CHANGES, NOW)
    assert [(s.worker, s.silent) for s in found] == [("a-2", False), ("b-2", True), ("d-1", False), ("d-2", False)]
