"""What another policy would have done, decision by decision."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Decision, FaultReason, FeedbackKind, Scopes, Source, Span
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.simulation.what_if import FEEDBACK_BIT, LARGEST, WhatIf, lacks_spans

LABELS = ("toxicity", "insult")
A, F, R, B = Action.ALLOW, Action.FLAG, Action.REVIEW, Action.BLOCK


def policy(version: str = "0-a", **more: Any) -> LivePolicy:
    labels = {"toxicity": {"flag": 0.5, "review": 0.7, "block": 0.9}, "insult": {"flag": 0.5}}
    return LivePolicy(version, parse({"schema_version": 1, "labels": labels, **more}, "p"))


STRICTER = policy("1-b", labels={"toxicity": {"flag": 0.4, "review": 0.7, "block": 0.8}, "insult": {"flag": 0.5}})


def inputs(n: int, toxicity: float = 0.0, insult: float = 0.0, **more: Any) -> Inputs:
    given = {"scores": {"toxicity": toxicity, "insult": insult}, "record_ms": 1000 + n, **more}
    return Inputs(
        id=f"c{n}", source=Source(topic="completions", partition=0, offset=n), epoch=1, model_version="m", **given
    )


def tallied(decisions: list[Decision], to: LivePolicy, **more: Any) -> WhatIf:
    tally = WhatIf(**more)
    for decision in decisions:
        tally.add(decision, decision, decide(Inputs.of(decision), to))
    return tally


def scoped(tenant: str, model: str = "m1") -> dict[str, Scopes]:
    return {"scopes": Scopes(tenant=tenant, model=model)}


def test_each_change_counts_once_by_action_before_and_after() -> None:
    #  toxicity  0.45 0.45 0.85 0.95 0.10
    #  was       A    A    R    B    A
    #  then      F    F    B    B    A
    decided = [decide(inputs(n, t), policy()) for n, t in enumerate((0.45, 0.45, 0.85, 0.95, 0.1))]
    found = tallied(decided, STRICTER).effects()
    assert [(c.was, c.now, c.count) for c in found.changes] == [(A, F, 2), (R, B, 1)]
    assert (found.decisions, found.changed, found.tighter, found.looser, found.other_labels) == (5, 3, 3, 0, 0)
    assert {a: n for a, n in found.newly.items() if n} == {F: 2, B: 1}
    assert {m.name: (m.was, m.now) for m in found.actions} == {
        "allow": (3, 1), "flag": (0, 2), "review": (1, 0), "redact": (0, 0), "block": (1, 2),
    }  # fmt: skip
    assert {m.name: (m.was, m.now) for m in found.labels_hit} == {"toxicity": (2, 4)}
    assert (found.first_ms, found.last_ms) == (1000, 1004)


def test_a_change_is_driven_by_the_stricter_sides_first_reason() -> None:
    """The strongest reason of the stricter side."""
    live = policy(prompt_labels={"toxicity": {"review": 0.5}})
    looser = policy("1-b", prompt_labels={"toxicity": {"review": "off"}})
    decided = [decide(inputs(0, 0.0, 0.6, prompt_scores={"toxicity": 0.8}), live)]
    (label,) = tallied(decided, looser).effects().labels
    assert (label.name, label.changed, label.looser) == (
        "prompt.toxicity",
        1,
        1,
    )  # review by the prompt -> flag: insult


def test_groups_hold_all_their_decisions() -> None:
    """And the smallest groups count together."""
    # Of 25 tenants the n-th has n decisions, and one that changes where n is 25 or 24: 325 decisions in all.
    names = [f"t{n:02}" for n in range(1, 26)]
    decided = []
    for n, name in enumerate(names, 1):
        changing = n >= 24
        decided += [decide(inputs(len(decided) + i, 0.45 if changing and i == 0 else 0.0, **scoped(name)), policy())
                    for i in range(n)]  # fmt: skip
    tenants = tallied(decided, STRICTER).effects().tenants
    assert len(tenants) == LARGEST + 1
    assert [(g.name, g.decisions, g.changed, g.share) for g in tenants[:3]] == [
        ("t25", 25, 1, 1 / 25), ("t24", 24, 1, 1 / 24), ("t23", 23, 0, 0.0),
    ]  # fmt: skip
    assert (tenants[-1].name, tenants[-1].others, tenants[-1].decisions) == ("other", 5, 1 + 2 + 3 + 4 + 5)
    assert sum(g.decisions for g in tenants) == 325


def test_names_without_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.streams.core.simulation.what_if.MOST_NAMES", 3)
    decided = [decide(inputs(n, 0.45, **scoped(f"t{n}")), policy()) for n in range(10)]
    tenants = tallied(decided, STRICTER).effects().tenants
    assert [(g.name, g.decisions, g.changed) for g in tenants] == [
        ("t0", 1, 1), ("t1", 1, 1), ("t2", 1, 1), ("other", 7, 7),
    ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_examples_are_the_first_by_time_and_id_in_any_order(order: int) -> None:
    decided = [decide(inputs(n, 0.45, record_ms=5000 - n // 2), policy()) for n in range(8)][::order]
    # times 5000 5000 4999 4999 4998 4998 4997 4997 of c0 … c7
    (change,) = tallied(decided, STRICTER).effects().changes
    assert [example.id for example in change.examples] == ["c6", "c7", "c4"]
    assert [len(c.examples) for c in tallied(decided, STRICTER, examples=0).effects().changes] == [0]


def test_feedback_is_counted_of_all_and_of_changed_decisions() -> None:
    decided = [decide(inputs(n, t), policy()) for n, t in enumerate((0.45, 0.45, 0.1, 0.1))]
    both = FEEDBACK_BIT[FeedbackKind.COMPLAINT] | FEEDBACK_BIT[FeedbackKind.OVERTURNED]
    feedback = {"c0": both, "c2": FEEDBACK_BIT[FeedbackKind.COMPLAINT], "c99": both}
    found = tallied(decided, STRICTER, feedback=feedback).effects()
    assert found.said.model_dump() == {"complaint": 2, "appeal": 0, "upheld": 0, "overturned": 1}
    assert found.said_of_changed.model_dump() == {"complaint": 1, "appeal": 0, "upheld": 0, "overturned": 1}
    assert found.changes[0].examples[0].said == [FeedbackKind.COMPLAINT, FeedbackKind.OVERTURNED]


def test_who_gave_the_score_that_drives_each_change_is_counted() -> None:
    whose: list[tuple[str, ...] | None] = [(), ("toxicity",), ("insult",), None]  # screen, encoder, screen, one model
    decided = [decide(inputs(n, 0.45, by_encoder=by), policy()) for n, by in enumerate(whose)]
    assert tallied(decided, STRICTER).effects().rests_on.model_dump() == {"screen": 2, "encoder": 1, "one_model": 1}


def test_faults_and_failures_are_judged_again_without_scores() -> None:
    closed = policy("1-b", faults={"fail": "closed"})
    decided = [
        decide(inputs(0, fault=FaultReason.BAD_SCORES, scores={}), policy()),
        decide(inputs(1, status="failed", scores={}), policy()),
    ]
    found = tallied(decided, closed).effects()
    assert (found.faults, found.producer_failed, found.changed, found.newly[B]) == (1, 1, 1, 1)
    assert found.labels[0].name == "fault"
    assert sum(found.rests_on.model_dump().values()) == 0


def test_a_text_shown_before_its_call_failed_is_judged_again() -> None:
    decided = [decide(inputs(0, 0.45, status="failed"), policy()), decide(inputs(1, 0.45), policy())]
    found = tallied(decided, STRICTER)
    assert (found.effects().producer_failed, found.effects().changed) == (1, 2)
    assert found.unscored_labels(STRICTER) == tallied(decided[1:], STRICTER).unscored_labels(STRICTER)


def test_another_label_for_the_same_action_is_counted_apart() -> None:
    live, other = policy(), policy("1-b", labels={"toxicity": {"flag": 0.5}, "insult": {"flag": 0.8}})
    found = tallied([decide(inputs(0, 0.6, 0.6), live)], other).effects()
    assert (found.changed, found.other_labels) == (0, 1)
    assert {m.name: (m.was, m.now) for m in found.labels_hit} == {"insult": (1, 0), "toxicity": (1, 1)}


def test_a_label_that_was_never_scored_is_named() -> None:
    more = policy(
        "1-b",
        labels={"toxicity": {"flag": 0.5}, "threat": {"flag": 0.5}},
        prompt_labels={"toxicity": {"flag": 0.5}, "threat": {"flag": 0.5}},
    )
    decided = [decide(inputs(n, prompt_scores={"toxicity": 0.1}), policy()) for n in range(3)]
    decided.append(decide(inputs(3, scores={"toxicity": 0.1, "threat": 0.1}), policy()))
    decided.append(decide(inputs(4, fault=FaultReason.BAD_SCORES, scores={}), policy()))
    named = tallied(decided, more).unscored_labels(more)
    assert [(n.label, n.of, n.decisions) for n in named] == [("threat", "completion", 3), ("threat", "prompt", 4)]


def test_a_redact_without_spans_is_known_from_a_review() -> None:
    redacts = policy("1-b", labels={"toxicity": {"review": 0.6, "redact": 0.8}})
    spans = (Span(start=0, end=3, label="toxicity"),)
    for toxicity, found, lacking in ((0.85, (), True), (0.85, spans, False), (0.7, (), False), (0.1, (), False)):
        assert lacks_spans(decide(inputs(0, toxicity, spans=found), redacts), redacts) is lacking


# --- properties

score = st.sampled_from((0.0, 0.3, 0.5, 0.6, 0.7, 0.85, 0.9, 1.0))
threshold = st.sampled_from((0.3, 0.5, 0.6, 0.7, 0.85, 0.9))
thresholds = st.lists(threshold, min_size=3, max_size=3).map(
    lambda t: dict(zip(("flag", "review", "block"), sorted(t), strict=True))
)


@st.composite
def policies(draw: st.DrawFn) -> LivePolicy:
    labels = {label: draw(thresholds) for label in LABELS}
    scopes = [{"tenant": "t1", "labels": {"toxicity": draw(thresholds)}}]
    fail = draw(st.sampled_from(("open", "closed")))
    data = {"schema_version": 1, "labels": labels, "scopes": scopes, "faults": {"fail": fail}}
    return LivePolicy("v", parse(data, "p"))


completions = st.lists(
    st.builds(
        lambda t, i, tenant, fault: inputs(0, t, i, scopes=Scopes(tenant=tenant), fault=fault),
        score,
        score,
        st.sampled_from(("t1", "t2")),
        st.sampled_from((None, None, None, FaultReason.BAD_SCORES)),
    ),
    max_size=20,
).map(lambda found: [one._replace(id=f"c{n}", record_ms=n) for n, one in enumerate(found)])


@given(completions, policies())
def test_the_policy_that_decided_changes_nothing(given: list[Inputs], live: LivePolicy) -> None:
    found = tallied([decide(one, live) for one in given], live).effects()
    assert (found.changed, found.other_labels, found.changes) == (0, 0, [])
    assert found.decisions == len(given)
    assert all(moved.was == moved.now for moved in (*found.actions, *found.labels_hit))


@given(completions, policies(), policies())
def test_there_and_back_mirror_each_other(given: list[Inputs], a: LivePolicy, b: LivePolicy) -> None:
    there = tallied([decide(one, a) for one in given], b).effects()
    back = tallied([decide(one, b) for one in given], a).effects()
    assert {(c.was, c.now): c.count for c in there.changes} == {(c.now, c.was): c.count for c in back.changes}
    assert (there.tighter, there.looser) == (back.looser, back.tighter)
    assert {m.name: (m.was, m.now) for m in there.actions} == {m.name: (m.now, m.was) for m in back.actions}
    assert {m.name: (m.was, m.now) for m in there.labels_hit} == {m.name: (m.now, m.was) for m in back.labels_hit}
    for mine, theirs in ((there.labels, back.labels), (there.tenants, back.tenants), (there.models, back.models)):
        assert {g.name: (g.tighter, g.looser) for g in mine} == {g.name: (g.looser, g.tighter) for g in theirs}


@given(completions, policies(), policies(), st.randoms(use_true_random=False))
def test_the_order_of_decisions_changes_nothing(given: list[Inputs], a: LivePolicy, b: LivePolicy, draw: Any) -> None:
    decided = [decide(one, a) for one in given]
    shuffled = decided[:]
    draw.shuffle(shuffled)
    assert tallied(decided, b).effects() == tallied(shuffled, b).effects()


@given(completions, policies(), policies())
def test_every_sum_closes(given: list[Inputs], a: LivePolicy, b: LivePolicy) -> None:
    found = tallied([decide(one, a) for one in given], b).effects()
    assert found.tighter + found.looser == found.changed == sum(found.newly.values())
    assert found.changed == sum(change.count for change in found.changes)
    assert found.changed == sum(group.changed for group in found.labels)
    assert sum(group.decisions for group in found.tenants) == found.decisions
    faults = sum(group.changed for group in found.labels if group.name == "fault")
    assert sum(found.rests_on.model_dump().values()) == found.changed - faults
