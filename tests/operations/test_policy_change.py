"""A change of the policy as values, inside a running event loop: proposed, committed, lost, taken back."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.operations.conftest import BY, POLICY, EmbeddedDeployment
from tidegate.classifiers import MissingLabelError
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Scopes, Source
from tidegate.streams.core.policy.log import ChangeVerdict
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.errors import RequestInvalid, RequestRefused
from tidegate.streams.operations.policy_change import (
    Attribution,
    Committed,
    NotApplied,
    commit,
    find_rollback,
    propose_key,
    propose_policy,
    propose_rollback,
    propose_without_key,
)
from tidegate.streams.operations.policy_check import check_against_live, check_policy
from tidegate.streams.operations.policy_history import NamedPolicy, diff_policies, read_live, show_policy


async def decided(deployment: EmbeddedDeployment, **scores: float) -> None:
    """One decision of five minutes ago, by the live policy."""
    _, live = await read_live(deployment)
    source = Source(topic="completions", partition=0, offset=0)
    at_ms = int(time.time() * 1000) - 300_000
    inputs = Inputs("c1", source, 1, at_ms, "twin@1", scores=scores, scopes=Scopes(tenant="acme"))
    await deployment.write([("decisions", b"k", decide(inputs, live).model_dump_json().encode())])


async def test_the_first_policy_needs_no_consent(deployment: EmbeddedDeployment, policy: Policy) -> None:
    with pytest.raises(RequestRefused, match="no policy yet"):
        await propose_key(deployment, "resend_s", "5", {})
    proposal = await propose_policy(deployment, NamedPolicy("p.toml", policy))
    assert (proposal.live, proposal.parent, proposal.needs_consent, proposal.unchanged) == (None, None, False, False)
    made = await commit(deployment, proposal, BY)
    assert isinstance(made, Committed)
    shown = await show_policy(deployment)
    assert (shown.policy.version, shown.policy.policy, shown.made_by.author) == (made.version, policy, "ada")


async def test_a_proposal_says_what_it_opens_in_numbers(live: EmbeddedDeployment) -> None:
    """0.98 -> 0.99 lets one of one decisions pass that was blocked; nothing is written before consent."""
    await decided(live, toxicity=0.985)
    proposal = await propose_key(live, "labels.toxicity.block", "0.99", {})
    assert [str(change) for change in proposal.changes] == ["labels.toxicity.block: 0.98 -> 0.99"]
    assert [str(relaxed) for relaxed in proposal.relaxed] == ["labels.toxicity.block: 0.98 -> 0.99"]
    assert proposal.opened is not None
    assert proposal.opened.effects is not None
    assert (proposal.opened.effects.decisions, proposal.opened.effects.looser) == (1, 1)
    assert proposal.needs_consent
    with pytest.raises(RequestRefused, match="nobody agreed"):
        await commit(live, proposal, BY)
    history, now = await read_live(live)
    assert (now.version, len(history.entries)) == (proposal.parent, 1)
    assert isinstance(await commit(live, proposal, BY, consent=True), Committed)


async def test_a_proposal_that_changes_nothing_is_not_written(live: EmbeddedDeployment, policy: Policy) -> None:
    proposal = await propose_policy(live, NamedPolicy("p.toml", policy))
    assert proposal.unchanged
    with pytest.raises(RequestRefused, match="no different from the live policy"):
        await commit(live, proposal, BY)


async def test_a_lost_race_names_the_winner_and_the_difference(live: EmbeddedDeployment) -> None:
    """Of two proposals of one parent, committed side by side, one is live; the other names it."""
    mine = await propose_key(live, "resend_s", "30", {})
    theirs = await propose_key(live, "faults.fail", "closed", {})
    results = await asyncio.gather(
        commit(live, theirs, Attribution("grace", "incident 42")), commit(live, mine, Attribution("ada", "too slow"))
    )
    (won,) = [result for result in results if isinstance(result, Committed)]
    (lost,) = [result for result in results if isinstance(result, NotApplied)]
    assert lost.winner is not None
    assert (lost.entry.verdict, lost.winner.version) == (ChangeVerdict.LOST, won.version)
    assert (lost.live and lost.live.version) == won.version
    changed = {"grace": "faults.fail: open -> closed", "ada": "resend_s: 60 -> 30"}[won.entry.author]
    assert [str(difference) for difference in lost.changed] == [changed]


async def test_a_wrong_key_label_or_attribution_is_refused(live: EmbeddedDeployment, policy: Policy) -> None:
    with pytest.raises(RequestInvalid, match="did you mean block"):
        await propose_key(live, "labels.toxicity.blok", "0.9", {})
    with pytest.raises(RequestInvalid, match="not set"):
        await propose_without_key(live, "labels.toxicity.redact", {})
    with pytest.raises(RequestInvalid, match="a line of text that people can read"):
        Attribution("ada", " ")
    with pytest.raises(RequestInvalid, match="no such version on the log"):
        await propose_policy(live, NamedPolicy("p.toml", policy), "9-nope")
    sarcasm = policy.model_copy(update={"labels": {"sarcasm": policy.labels["insult"]}})
    with pytest.raises(MissingLabelError, match="sarcasm: twin@1 does not give it"):
        await propose_policy(live, NamedPolicy("p.toml", sarcasm))


async def test_a_scopes_rule_is_set_and_taken_out(live: EmbeddedDeployment) -> None:
    acme = {"tenant": "acme"}
    await commit(live, await propose_key(live, "labels.toxicity.block", "0.9", acme), BY)
    proposal = await propose_without_key(live, None, acme)
    assert [str(c) for c in proposal.changes] == ["scopes[tenant=acme].labels.toxicity.block: 0.9 -> (not set)"]
    assert proposal.needs_consent  # the wider 0.98 holds again


async def test_an_unavailable_store_is_a_warning(live: EmbeddedDeployment) -> None:
    """The policy must be changeable while Redis is unavailable."""
    proposal = await propose_key(live.without_store(), "labels.toxicity.flag", "0.6", {"tenant": "acme"})
    (warning,) = proposal.warnings
    assert "whether tenant=acme matches anything could not be checked" in warning


async def test_a_rollback_is_a_change_and_back_from_it_is_said(live: EmbeddedDeployment) -> None:
    with pytest.raises(RequestInvalid, match="nothing is before it"):
        await find_rollback(live, None)
    await commit(live, await propose_key(live, "resend_s", "30", {}), BY)
    target = await find_rollback(live, None)
    assert target.same_as_live is None
    proposal = await propose_rollback(live, target)
    assert [str(change) for change in proposal.changes] == ["resend_s: 30 -> 60"]
    assert isinstance(await commit(live, proposal, BY), Committed)
    again = await find_rollback(live, None)
    assert again.same_as_live is not None
    assert again.same_as_live.version == target.entry.version


async def test_policies_are_checked_and_compared(live: EmbeddedDeployment, policy: Policy) -> None:
    slower = policy.model_copy(update={"resend_s": 30})
    checked = await check_policy(live, slower, "next.toml")
    assert (checked.covered, checked.band_warnings) == ("twin@1 gives all 3 labels", [])
    against = await check_against_live(live, slower)
    assert ([str(c) for c in against.changes], against.relaxed) == (["resend_s: 60 -> 30"], [])
    found = await diff_policies(live, [NamedPolicy(str(POLICY), policy), NamedPolicy("next.toml", slower)])
    assert (found.old, found.new, len(found.differences)) == (str(POLICY), "next.toml", 1)
    assert (await diff_policies(live, [NamedPolicy("next.toml", slower)])).old.startswith("the live policy 0-")
