"""Strikes: what weighs, how it adds up and decays, what is enforced until when; and that no decision sees any of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tidegate.streams.core import strikes as core
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Decision, EventTime, FaultReason, Reason, Scopes, Source
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import Strikes
from tidegate.streams.core.rates.aggregate import aggregate
from tidegate.streams.core.series import scoped
from tidegate.streams.core.strikes import (
    Crossing,
    Strike,
    StrikeBalance,
    Terms,
    add,
    after_undo,
    below_ms,
    decayed,
    enforcement,
    negligible_in_ms,
    new_strikes,
    strike_of,
    terms,
    threshold_reached,
)

HOUR_MS = 3_600_000
LABELS = {"toxicity": {"flag": 0.5, "block": 0.9}, "insult": {"flag": 0.5}, "threat": {"review": 0.4}}
RULES = {
    "half_life_s": 3600,
    "throttle": 3,
    "suspend": 5,
    "weights": {"toxicity": {"flag": 0.25, "block": 1}, "insult": {"flag": 0.5}},
    "prompt_weights": {"toxicity": {"flag": 2}},
}
OF = Strikes.model_validate(RULES)
TERMS = Terms(HOUR_MS, 3.0, 5.0, 0.001, "7-ab")


def live(rules: dict[str, object] | None = None, version: str = "7-ab") -> LivePolicy:
    policy = {"labels": LABELS, "prompt_labels": LABELS, "strikes": rules or {}}
    return LivePolicy(version, Policy.model_validate(policy))


def reason(label: str, action: str, of: str = "completion") -> Reason:
    return Reason.model_validate(
        {"label": label, "action": action, "score": 0.95, "threshold": 0.5, "scope": "default", "of": of}
    )


def decision(*reasons: Reason, **more: object) -> Decision:
    facts: dict[str, object] = {
        "id": "c1", "source": Source(topic="completions", partition=3, offset=88), "epoch": 1,
        "action": max((r.action for r in reasons), key=lambda a: a.strength, default=Action.ALLOW), "reasons": reasons,
        "scopes": Scopes(tenant="acme"), "user": "ab12", "record_ms": 9, "at_ms": 7, "policy_version": "7-ab",
        "model_version": "m",
    }  # fmt: skip
    return Decision.model_validate(facts | more)


# --- what a decision weighs


@pytest.mark.parametrize(
    ("reasons", "weight", "why"),
    [
        ([reason("toxicity", "block")], 1.0, "toxicity.block"),
        ([reason("toxicity", "flag")], 0.25, "toxicity.flag"),
        # the largest, not the sum (1.5), nor that of the strongest action
        ([reason("toxicity", "block"), reason("insult", "flag")], 1.0, "toxicity.block"),
        ([reason("toxicity", "flag"), reason("insult", "flag")], 0.5, "insult.flag"),
        # the prompt's weights are its own
        ([reason("toxicity", "flag", "prompt")], 2.0, "prompt.toxicity.flag"),
        ([reason("insult", "flag", "prompt")], None, None),
        # no weight: an action, or a label, that the policy gives none
        ([reason("toxicity", "review")], None, None),
        ([reason("threat", "review")], None, None),
        ([], None, None),
    ],
)
def test_the_reason_that_weighs_most_counts(reasons: list[Reason], weight: float | None, why: str | None) -> None:
    expected = None if weight is None else Strike("completions[3]@88", "acme:ab12", 7, weight, why or "")
    assert strike_of(decision(*reasons), OF) == expected


@pytest.mark.parametrize(
    "facts",
    [
        {"fault": FaultReason.CLASSIFIER_ERROR},
        {"time": EventTime.TOO_LATE},
        {"user": None},
    ],
)
def test_faults_the_too_late_and_the_unknown_weigh_nothing(facts: dict[str, object]) -> None:
    assert strike_of(decision(reason("toxicity", "block"), **facts), OF) is None


def test_a_text_shown_before_its_call_failed_has_its_weight() -> None:
    """It weighs like any other."""
    failed = Reason(label="producer_failed", action=Action.ALLOW, scope="default")
    for status in ("ok", "failed"):
        drawn = strike_of(decision(reason("toxicity", "block"), failed, status=status), OF)
        assert drawn == strike_of(decision(reason("toxicity", "block")), OF) is not None
    assert strike_of(decision(failed, status="failed"), OF) is None


def test_a_future_time_strikes_at_the_time_it_is_counted_under() -> None:
    drawn = strike_of(decision(reason("toxicity", "block"), time=EventTime.FUTURE, at_ms=9), OF)
    assert drawn is not None
    assert drawn.at_ms == 9


def test_strikes_of_a_range_keep_its_order_and_terms() -> None:
    first, second = (
        decision(reason("toxicity", "block"), source=Source(topic="completions", partition=0, offset=n)) for n in (4, 5)
    )
    drawn = aggregate([second, decision(), first], 0, live(RULES), scoped).new_strikes
    assert drawn is not None
    assert [s.id for s in drawn.strikes] == ["completions[0]@5", "completions[0]@4"]
    assert drawn.terms == Terms(HOUR_MS, 3.0, 5.0, pytest.approx(0.00025), "7-ab")


@pytest.mark.parametrize("rules", [{}, {"throttle": 1}, {"weights": {"toxicity": {"block": 0}}}])
def test_without_weights_there_are_no_strikes(rules: dict[str, object]) -> None:
    assert new_strikes([decision(reason("toxicity", "block"))], live(rules)) is None


def test_strikes_are_off_by_default() -> None:
    assert new_strikes([decision(reason("toxicity", "block"))], live()) is None


# --- never in a decision


@given(
    score=st.floats(0, 1).map(lambda s: round(s, 4)),
    prompt=st.floats(0, 1).map(lambda s: round(s, 4)),
    weight=st.floats(0, 1000),
)
def test_strikes_never_change_a_decision(score: float, prompt: float, weight: float) -> None:
    inputs = Inputs(
        "c1", Source(topic="completions", partition=0, offset=0), 1, 9, "m", scores={"toxicity": score},
        prompt_scores={"toxicity": prompt}, user="ab12",
    )  # fmt: skip
    rules = {"throttle": 0.01, "suspend": 0.01, "weights": {"toxicity": {"flag": weight, "block": weight}}}
    assert decide(inputs, live(rules)) == decide(inputs, live())


def test_what_decides_does_not_know_strikes() -> None:
    for name in ("decide", "policy/resolved"):
        source = (Path(core.__file__).parent / f"{name}.py").read_text()
        named = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
        assert "strikes" not in source.replace("`strikes`", ""), name
        assert "strikes" not in named


# --- how they add up

times = st.integers(1_700_000_000_000, 1_700_000_000_000 + 50 * HOUR_MS)
weights = st.floats(0.01, 1000)
strike_lists = st.lists(st.tuples(times, weights), min_size=1, max_size=20)


def total(drawn: list[tuple[int, float]], half_life_ms: int = HOUR_MS) -> StrikeBalance:
    balance = None
    for at_ms, weight in drawn:
        balance = add(balance, Strike("", "", at_ms, weight, ""), half_life_ms)
    assert balance is not None
    return balance


def test_half_of_a_sum_is_left_after_a_half_life() -> None:
    #  at   0 h   1 h          3 h
    #  sum  4     2 + 1 = 3    0.75 + 0.25 = 1
    assert total([(0, 4), (HOUR_MS, 1), (3 * HOUR_MS, 0.25)]) == StrikeBalance(1.0, 3 * HOUR_MS)


@given(strike_lists, st.randoms(use_true_random=False))
def test_the_order_of_strikes_does_not_matter(drawn: list[tuple[int, float]], rng: object) -> None:
    shuffled = list(drawn)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = total(drawn), total(shuffled)
    assert one.at_ms == other.at_ms == max(at_ms for at_ms, _ in drawn)
    assert one.strikes == pytest.approx(other.strikes, rel=1e-9)
    #  and it is the sum of each one's rest
    assert one.strikes == pytest.approx(
        sum(w * 2 ** ((at_ms - one.at_ms) / HOUR_MS) for at_ms, w in drawn), rel=1e-9
    )  # fmt: skip


@given(weights, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(60_000, 10**9))
def test_decay_composes(strikes: float, one_ms: int, other_ms: int, half_life_ms: int) -> None:
    in_two = decayed(decayed(strikes, one_ms, half_life_ms), other_ms, half_life_ms)
    assert in_two == pytest.approx(decayed(strikes, one_ms + other_ms, half_life_ms), rel=1e-9, abs=1e-300)
    assert in_two <= strikes


@given(strike_lists, times, weights)
def test_a_strike_never_lessens_a_sum(drawn: list[tuple[int, float]], at_ms: int, weight: float) -> None:
    before, after = total(drawn), total([*drawn, (at_ms, weight)])
    assert after.strikes >= decayed(before.strikes, after.at_ms - before.at_ms, HOUR_MS)


@given(strike_lists, st.floats(0, 1000), st.integers(0, 10**9))
def test_an_undo_removes_the_weight_requested_and_never_more(
    drawn: list[tuple[int, float]], weight: float, later_ms: int
) -> None:
    balance = total(drawn)
    before, after = after_undo(balance, weight, balance.at_ms + later_ms, HOUR_MS)
    assert before == decayed(balance.strikes, later_ms, HOUR_MS)
    assert after == StrikeBalance(max(0.0, before - weight), balance.at_ms + later_ms)
    assert after_undo(balance, None, 0, HOUR_MS) == (balance.strikes, StrikeBalance(0.0, balance.at_ms))


# --- what is enforced, and until when


@pytest.mark.parametrize(
    ("strikes", "throttle", "suspend", "expected"),
    [
        (2.99, 3.0, 5.0, None),
        (3.0, 3.0, 5.0, ("throttle", 3.0)),  # at the threshold is reached, as scores are
        (4.99, 3.0, 5.0, ("throttle", 3.0)),
        (5.0, 3.0, 5.0, ("suspend", 5.0)),
        (9.0, 3.0, None, ("throttle", 3.0)),
        (9.0, None, 5.0, ("suspend", 5.0)),
        (3.0, 3.0, 3.0, ("suspend", 3.0)),  # the strongest of equals
        (1e9, None, None, None),
    ],
)
def test_the_strongest_threshold_reached_is_enforced(
    strikes: float, throttle: float | None, suspend: float | None, expected: tuple[str, float] | None
) -> None:
    of = Terms(HOUR_MS, throttle, suspend, 0.001, "v")
    assert threshold_reached(strikes, of) == expected
    assert (of.lowest is not None and strikes >= of.lowest) == (expected is not None)


@given(st.floats(0.001, 1e6), st.floats(0.001, 1e6), st.integers(60_000, 2_592_000_000))
def test_a_sum_falls_below_a_threshold_at_below_ms(strikes: float, threshold: float, half_life_ms: int) -> None:
    assume(strikes >= threshold)
    below = below_ms(StrikeBalance(strikes, 0), threshold, half_life_ms)
    assert decayed(strikes, below, half_life_ms) < threshold * (1 + 1e-12)
    assert decayed(strikes, below - 1, half_life_ms) >= threshold * (1 - 1e-12)


def test_below_already_is_below_now() -> None:
    assert below_ms(StrikeBalance(1.0, 7), 2.0, HOUR_MS) == 7


@given(st.floats(0, 1e9), st.integers(60_000, 2_592_000_000))
def test_strikes_are_kept_until_they_are_negligible(strikes: float, half_life_ms: int) -> None:
    of = Terms(half_life_ms, None, None, 0.001, "v")
    assert decayed(strikes, negligible_in_ms(strikes, of), half_life_ms) <= 0.001 * (1 + 1e-9)
    if strikes > 0.001:
        assert decayed(strikes, negligible_in_ms(strikes, of) - 2, half_life_ms) >= 0.001 * (1 - 1e-9)


@pytest.mark.parametrize(
    ("rules", "negligible"),
    [
        ({"throttle": 3, "weights": {"toxicity": {"block": 2, "flag": 0.5}}}, 0.0005),  # a thousandth of the smallest
        ({"throttle": 0.1, "prompt_weights": {"toxicity": {"block": 2}}}, 0.0001),
        ({"weights": {"toxicity": {"block": 1e-300}}}, 0.000001),
        ({}, 0.001),
    ],
)
def test_negligible_is_a_thousandth_of_the_smallest_number_named(rules: dict[str, object], negligible: float) -> None:
    assert terms(live(rules)).negligible == pytest.approx(negligible)


def test_an_enforcement_says_who_what_and_until_when() -> None:
    #  6 strikes are below 5 after log2(6/5) = 0.263 h = 946,923.6 ms, and below 3 after one hour
    made = enforcement(Crossing("completions[3]@88", "a:b:ab12", StrikeBalance(6.0, 1000), TERMS, "toxicity.block"))
    assert made.model_dump(exclude_none=True) == {
        "schema_version": 1, "id": "completions[3]@88", "tenant": "a:b", "user": "ab12", "action": "suspend",
        "strikes": 6.0, "threshold": 5.0, "at_ms": 1000, "until_ms": 1000 + 946_923 + 1,
        "throttled_until_ms": 1000 + HOUR_MS + 1, "reason": "toxicity.block", "policy_version": "7-ab",
    }  # fmt: skip


def test_an_undo_lifts_or_leaves_at_a_lower_threshold() -> None:
    lifted = enforcement(Crossing("u", "acme:ab", StrikeBalance(1.0, 5), TERMS, "a song", "ops"))
    assert (lifted.action, lifted.threshold, lifted.until_ms, lifted.author) == ("lifted", None, None, "ops")
    lowered = enforcement(Crossing("u", "acme:ab", StrikeBalance(3.0, 5), TERMS, "a song", "ops"))
    assert (lowered.action, lowered.threshold, lowered.until_ms) == ("throttle", 3.0, 6)
    assert lowered.throttled_until_ms is None
