"""A shadow as values, inside a running event loop: started, compared, promoted, dropped; and a what-if."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.operations.conftest import BY, EmbeddedDeployment
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Scopes, Source
from tidegate.streams.core.policy.log import ChangeVerdict
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.errors import RequestInvalid, RequestRefused
from tidegate.streams.operations.comparison import compare, what_if
from tidegate.streams.operations.policy_change import Attribution, Committed, commit, propose_key
from tidegate.streams.operations.policy_history import NamedPolicy, read_live
from tidegate.streams.operations.shadow import (
    ShadowChanged,
    ShadowNotChanged,
    drop_shadow,
    propose_promotion,
    propose_shadow,
    start_shadow,
)
from tidegate.streams.operations.what_if_report import as_json


@pytest.fixture
def stricter(policy: Policy) -> Policy:
    """Blocks toxicity at 0.8."""
    toxicity = policy.labels["toxicity"].model_copy(update={"review": None, "block": 0.8})
    return policy.model_copy(update={"labels": {**policy.labels, "toxicity": toxicity}})


async def decided(deployment: EmbeddedDeployment, *toxicity: float) -> None:
    """Decisions of now by the live policy and its shadow."""
    _, live = await read_live(deployment)
    now_ms = int(time.time() * 1000)
    inputs = [
        Inputs(
            f"c{n}", Source(topic="completions", partition=0, offset=n), 1, now_ms, "twin@1",
            scores={"toxicity": score, "insult": 0.0, "threat": 0.0}, scopes=Scopes(tenant="acme"),
        )
        for n, score in enumerate(toxicity)
    ]  # fmt: skip
    await deployment.write([("decisions", b"k", decide(each, live).model_dump_json().encode()) for each in inputs])


async def test_a_shadow_runs_is_compared_and_promoted(live: EmbeddedDeployment, stricter: Policy) -> None:
    """0.85 is flagged by the live policy and blocked by the shadow."""
    with pytest.raises(RequestRefused, match="no shadow runs"):
        await compare(live, 0, int(time.time() * 1000))
    started = await start_shadow(live, await propose_shadow(live, NamedPolicy("p.toml", stricter)), BY)
    assert isinstance(started, ShadowChanged)
    await decided(live, 0.85, 0.1)
    now_ms = int(time.time() * 1000) + 1000
    found = await compare(live, 0, now_ms)
    assert (found.shadow.version, found.result.effects.changed) == (started.entry.version, 1)
    promotion = await propose_promotion(live)
    assert isinstance(await commit(live, promotion.proposal, BY, consent=promotion.proposal.needs_consent), Committed)
    _, now = await read_live(live)
    assert (now.policy, now.shadow) == (stricter, None)


async def test_what_a_promotion_takes_back_needs_consent(live: EmbeddedDeployment, stricter: Policy) -> None:
    await start_shadow(live, await propose_shadow(live, NamedPolicy("p.toml", stricter)), BY)
    await commit(live, await propose_key(live, "resend_s", "30", {}), BY)
    proposal = (await propose_promotion(live)).proposal
    assert [str(difference) for difference in proposal.taken_back] == ["resend_s: 30 -> 60"]
    with pytest.raises(RequestRefused, match="nobody agreed"):
        await commit(live, proposal, BY)


async def test_a_shadow_that_comes_second_names_the_first(live: EmbeddedDeployment, stricter: Policy) -> None:
    proposal = await propose_shadow(live, NamedPolicy("p.toml", stricter))
    results = await asyncio.gather(
        start_shadow(live, proposal, Attribution("grace", "mine")), start_shadow(live, proposal, BY)
    )
    (won,) = [result for result in results if isinstance(result, ShadowChanged)]
    (lost,) = [result for result in results if isinstance(result, ShadowNotChanged)]
    assert lost.winner is not None
    assert (lost.entry.verdict, lost.winner.version) == (ChangeVerdict.LOST, won.entry.version)
    assert (lost.runs and lost.runs.version) == won.entry.version


async def test_a_shadow_no_different_is_said_and_one_is_dropped(
    live: EmbeddedDeployment, policy: Policy, stricter: Policy
) -> None:
    assert ((await propose_shadow(live, NamedPolicy("p.toml", policy))).same_as or "").startswith("the live policy 0-")
    await start_shadow(live, await propose_shadow(live, NamedPolicy("p.toml", stricter)), BY)
    assert ((await propose_shadow(live, NamedPolicy("p.toml", stricter))).same_as or "").endswith("which runs")
    _, running, made = await drop_shadow(live, BY)
    assert (running.policy, made.runs) == (stricter, None)
    with pytest.raises(RequestRefused, match="no shadow runs"):
        await drop_shadow(live, BY)


async def test_a_what_if_counts_what_would_change(live: EmbeddedDeployment, stricter: Policy) -> None:
    await decided(live, 0.85, 0.1, 0.99)
    now_ms = int(time.time() * 1000) + 1000
    found = await what_if(live, NamedPolicy("p.toml", stricter), now_ms - 60_000, now_ms, now_ms)
    assert (found.result.effects.decisions, found.result.effects.changed, found.against) == (3, 1, None)
    assert as_json(found.result, found.over, {})["effects"]["newly"]["block"] == 1
    against_live = await what_if(
        live, NamedPolicy("p.toml", stricter), now_ms - 60_000, now_ms, now_ms, against_live=True
    )
    assert against_live.against is not None
    with pytest.raises(RequestInvalid, match="where the range ends"):
        await what_if(live, NamedPolicy("p.toml", stricter), now_ms, now_ms - 1, now_ms)
