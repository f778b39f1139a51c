"""A replay as a value: inside a running event loop, from recorded decisions, without the command line."""

from __future__ import annotations

import time

import pytest

from tests.operations.conftest import BY, EmbeddedDeployment
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Source
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.errors import RequestInvalid, RequestRefused
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.operations.policy_change import commit, propose_policy
from tidegate.streams.operations.policy_history import NamedPolicy, read_live
from tidegate.streams.operations.replay.range import ReplayRange
from tidegate.streams.operations.replay.replay import ReplayRun


def within() -> ReplayRange:
    now_ms = int(time.time() * 1000) + 1000
    return ReplayRange(now_ms - 600_000, now_ms, now_ms)


async def test_a_range_is_decided_again_under_another_policy(live: EmbeddedDeployment, policy: Policy) -> None:
    """0.85 was flagged; blocked from 0.8 on, it is blocked. The account closes."""
    await live.write([("completions", b"k", b'{"id": "c0", "completion": "x"}')])
    _, decided_by = await read_live(live)
    now_ms = int(time.time() * 1000)
    inputs = Inputs(
        "c0", Source(topic="completions", partition=0, offset=0), 1, now_ms, "twin@1",
        scores={"toxicity": 0.85, "insult": 0.0, "threat": 0.0},
    )  # fmt: skip
    await live.write([("decisions", b"k", decide(inputs, decided_by).model_dump_json().encode())])
    toxicity = policy.labels["toxicity"].model_copy(update={"review": None, "block": 0.8})
    stricter = policy.model_copy(update={"labels": {**policy.labels, "toxicity": toxicity}})
    run = ReplayRun(live, within(), now_ms, policy=NamedPolicy("stricter.toml", stricter))
    await run.survey()
    assert (run.account.read, run.recorded["decided"]) == (1, 1)
    await run.replay()
    assert (run.account.closes, dict(run.account.changes)) == (True, {(Action.FLAG, Action.BLOCK): 1})
    assert len([record async for record in read_all(live.brokers, "replays")]) == 1


async def test_an_empty_range_and_no_policy_are_refused(deployment: EmbeddedDeployment, policy: Policy) -> None:
    with pytest.raises(RequestRefused, match="no policy is live yet"):
        await ReplayRun(deployment, within(), 1).replay()
    await commit(deployment, await propose_policy(deployment, NamedPolicy("p.toml", policy)), BY)
    with pytest.raises(RequestInvalid, match="expected a range that holds some"):
        await ReplayRun(deployment, within(), 1).replay()
