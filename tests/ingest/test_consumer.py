"""The coordinator's responses to one consumer: a member or not, and a name that another member took."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.protocol.commit import OffsetCommitResponse_v2
from aiokafka.protocol.group import HeartbeatResponse_v0, JoinGroupResponse_v2, JoinGroupResponse_v5

import tidegate.streams.ingest.consumer
from tidegate.streams.errors import NameTaken
from tidegate.streams.ingest.batches import IngestLimits
from tidegate.streams.ingest.consumer import Membership, _sticky_assignor

UNKNOWN, FENCED, REBALANCING = 25, 82, 27


class ScriptedCoordinator:
    """The watched half of aiokafka's coordinator, with responses as given."""

    def __init__(self) -> None:
        self.heartbeat_ok, self.response = True, HeartbeatResponse_v0(0)
        self.froze: Callable[[], None] = lambda: None  # between a heartbeat and its answer

    async def _do_heartbeat(self) -> bool:
        self.froze()
        return self.heartbeat_ok

    async def _send_req(self, request: Any) -> Any:
        del request
        return self.response


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    time = SimpleNamespace(now=0.0, monotonic=lambda: time.now)
    monkeypatch.setattr(tidegate.streams.ingest.consumer, "time", time)
    return time


@pytest.fixture(autouse=True)
def raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's end, as an exception."""

    def refused(error: Exception) -> None:
        raise error

    monkeypatch.setattr(tidegate.streams.ingest.consumer, "exit_refused", refused)


def watched(name: str | None) -> tuple[Membership, Any]:
    coordinator: Any = ScriptedCoordinator()
    membership = Membership("g", IngestLimits(session_timeout_s=10, group_instance=name))
    membership.watch(coordinator)
    return membership, coordinator


async def test_a_member_is_alive_for_a_session_after_a_heartbeat(clock: SimpleNamespace) -> None:
    membership, coordinator = watched(None)
    assert not membership.alive()
    await coordinator._do_heartbeat()
    clock.now = 9.9
    assert membership.alive()
    coordinator.heartbeat_ok = False
    await coordinator._do_heartbeat()
    clock.now = 10.0
    assert not membership.alive()


async def test_a_heartbeat_counts_from_when_it_was_sent(clock: SimpleNamespace) -> None:
    #  sent [--- frozen for longer than a session ---) its answer is read
    #  0                                              11 s
    membership, coordinator = watched(None)
    coordinator.froze = lambda: setattr(clock, "now", 11.0)
    await coordinator._do_heartbeat()
    assert not membership.alive()


@pytest.mark.parametrize(
    ("response", "silent_s", "taken"),
    [
        (HeartbeatResponse_v0(0), 1, False),
        (HeartbeatResponse_v0(REBALANCING), 1, False),
        (HeartbeatResponse_v0(UNKNOWN), 1, True),
        (HeartbeatResponse_v0(UNKNOWN), 10, False),  # frozen: its session expired, and it joins again
        (OffsetCommitResponse_v2([("t", [(0, 0), (1, UNKNOWN)])]), 1, True),
        (OffsetCommitResponse_v2([("t", [(0, 0), (1, 0)])]), 1, False),
        (JoinGroupResponse_v5(0, FENCED, 0, "", "", "", []), 60, True),  # fenced: explicit, whatever time has passed
    ],
)
async def test_a_name_is_taken_if_another_member_has_it(
    clock: SimpleNamespace, response: Any, silent_s: float, taken: bool
) -> None:
    for name in ("worker-0", None):
        membership, coordinator = watched(name)
        clock.now = 0.0
        membership.mark_alive()
        clock.now, coordinator.response = silent_s, response
        if taken and name is not None:
            with pytest.raises(NameTaken, match="g: another worker joined as worker-0, or somebody removed"):
                await coordinator._send_req(None)
        else:
            assert await coordinator._send_req(None) is response


async def test_a_broker_without_static_members_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    _, coordinator = watched("worker-0")
    coordinator.response = JoinGroupResponse_v2(0, 0, 0, "", "", "", [])
    with caplog.at_level(logging.WARNING):
        await coordinator._send_req(None)
        await coordinator._send_req(None)
    assert [record.getMessage() for record in caplog.records] == [
        "g: this broker knows no names of members; TIDEGATE_GROUP_INSTANCE=worker-0 changes nothing here"
    ]


def test_two_consumers_do_not_share_their_assignments() -> None:
    completions, feedback = _sticky_assignor(), _sticky_assignor()
    completions.on_generation_assignment(7)
    completions.member_assignment = []
    assert (feedback.generation, feedback.member_assignment) == (-1, None)
    assert completions.name == "roundrobin"
