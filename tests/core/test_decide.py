"""decide: from scores and one policy version to one decision."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Decision, EventTime, FaultReason, Reason, Scopes, Source, Span, WouldBe
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.times import BACK_MS

COPY = Source(topic="completions", partition=3, offset=7)
RECORD_MS = 1_767_268_800_000
POLICY: dict[str, Any] = {
    "labels": {
        "toxicity": {"flag": 0.5, "review": 0.7, "block": 0.9},
        "insult": {"flag": 0.6},
        "pii": {"redact": 0.8},
    },
    "prompt_labels": {"toxicity": {"flag": 0.8}},
    "scopes": [{"tenant": "acme", "route": "kids", "labels": {"toxicity": {"block": 0.3}}}],
    "floors": {"insult": {"block": 0.95}},
    "faults": {"fail": "open", "routes": {"kids": "closed", "chat": "open"}},
}


def live(**changed: Any) -> LivePolicy:
    return LivePolicy("7-0123abcd", Policy.model_validate({**POLICY, **changed}))


LIVE = live()


def inputs(**fields: Any) -> Inputs:
    base = {
        "id": "x",
        "source": Source(topic="completions", partition=3, offset=88214),
        "epoch": 4,
        "record_ms": RECORD_MS,
        "model_version": "cascade-en@1",
    }
    return Inputs(**{**base, **fields})


def decided(**fields: Any) -> Decision:
    return decide(inputs(**fields), LIVE)


def format_reasons(decision: Decision) -> list[str]:
    """Each reason as `action label score>=threshold scope of[choice]`."""
    return [
        f"{r.action.value} {r.label} {r.score:g}>={r.threshold:g} {r.scope} {r.of}[{r.choice}]"
        for r in decision.reasons
    ]


KIDS = Scopes(tenant="acme", route="kids")

# scores, scopes, the action, the reasons
TABLE: list[tuple[dict[str, float], Scopes, str, list[str]]] = [
    ({}, Scopes(), "allow", []),
    ({"toxicity": 0.4999}, Scopes(), "allow", []),  # under the lowest bar, 0.5
    ({"toxicity": 0.5}, Scopes(), "flag", ["flag toxicity 0.5>=0.5 default completion[0]"]),  # at a bar is over it
    ({"toxicity": 0.7}, Scopes(), "review", ["review toxicity 0.7>=0.7 default completion[0]"]),
    ({"toxicity": 0.8999}, Scopes(), "review", ["review toxicity 0.8999>=0.7 default completion[0]"]),
    ({"toxicity": 0.9}, Scopes(), "block", ["block toxicity 0.9>=0.9 default completion[0]"]),
    ({"toxicity": 1.0}, Scopes(), "block", ["block toxicity 1>=0.9 default completion[0]"]),
    # two labels: block (toxicity) is stronger than flag (insult), though insult's score is higher
    ({"insult": 0.94, "toxicity": 0.9}, Scopes(), "block",
     ["block toxicity 0.9>=0.9 default completion[0]", "flag insult 0.94>=0.6 default completion[0]"]),
    # as strong as each other: the higher score first
    ({"insult": 0.6, "toxicity": 0.65}, Scopes(), "flag",
     ["flag toxicity 0.65>=0.5 default completion[0]", "flag insult 0.6>=0.6 default completion[0]"]),
    # as strong and as high: by name
    ({"toxicity": 0.6, "insult": 0.6}, Scopes(), "flag",
     ["flag insult 0.6>=0.6 default completion[0]", "flag toxicity 0.6>=0.5 default completion[0]"]),
    ({"toxicity": 0.3}, KIDS, "block", ["block toxicity 0.3>=0.3 tenant=acme,route=kids completion[0]"]),
    ({"toxicity": 0.3}, Scopes(tenant="acme"), "allow", []),
    ({"insult": 0.95}, Scopes(), "block", ["block insult 0.95>=0.95 floor completion[0]"]),
    ({"sarcasm": 1.0}, Scopes(), "allow", []),  # the policy does not name it: it asks for nothing
]  # fmt: skip


@pytest.mark.parametrize(("scores", "scopes", "action", "reasons"), TABLE)
def test_the_strongest_action_that_any_score_asks_for_wins(
    scores: dict[str, float], scopes: Scopes, action: str, reasons: list[str]
) -> None:
    decision = decided(scores=scores, scopes=scopes)
    assert (decision.action.value, format_reasons(decision)) == (action, reasons)


def test_a_score_of_zero_passes_a_bar_of_zero() -> None:
    decision = decide(inputs(scores={"toxicity": 0.0}), live(labels={"toxicity": {"flag": 0}}, floors={}, scopes=[]))
    assert format_reasons(decision) == ["flag toxicity 0>=0 default completion[0]"]


def test_a_reason_names_the_choice_that_gave_the_score() -> None:
    decision = decided(scores={"toxicity": 0.9, "insult": 0.7}, choice_of={"toxicity": 2, "insult": 0})
    assert [(r.label, r.choice) for r in decision.reasons] == [("toxicity", 2), ("insult", 0)]


# --- who gave a score

# labels the encoder gave (None: one model gave all), and what the reasons for toxicity and insult say
BY: list[tuple[tuple[str, ...] | None, list[str | None]]] = [
    (None, [None, None]),
    ((), ["screen", "screen"]),
    (("toxicity",), ["encoder", "screen"]),
    (("insult", "pii", "toxicity"), ["encoder", "encoder"]),
]


@pytest.mark.parametrize(("by_encoder", "by"), BY)
def test_a_reason_says_who_gave_its_score(by_encoder: tuple[str, ...] | None, by: list[str | None]) -> None:
    decision = decided(scores={"toxicity": 0.9, "insult": 0.7}, by_encoder=by_encoder)
    assert [reason.by for reason in decision.reasons] == by
    assert decision.by_encoder == by_encoder


def test_a_prompts_score_has_its_own_giver() -> None:
    scores = {"toxicity": 0.95}
    decision = decided(scores=scores, by_encoder=(), prompt_scores=scores, prompt_by_encoder=("toxicity",))
    assert {reason.of: reason.by for reason in decision.reasons} == {"completion": "screen", "prompt": "encoder"}


# --- the prompt


def test_the_prompt_is_judged_apart_by_the_prompt_labels() -> None:
    decision = decided(scores={"toxicity": 0.1}, prompt_scores={"toxicity": 0.85, "insult": 1.0})
    # insult is no prompt label; toxicity's bars for completions (review at 0.7) do not hold for prompts
    assert format_reasons(decision) == ["flag toxicity 0.85>=0.8 default prompt[0]"]


def test_the_prompt_and_the_completion_may_both_give_reasons() -> None:
    decision = decided(scores={"toxicity": 0.7}, prompt_scores={"toxicity": 0.85}, choice_of={"toxicity": 1})
    assert decision.action is Action.REVIEW
    assert format_reasons(decision) == [
        "review toxicity 0.7>=0.7 default completion[1]",
        "flag toxicity 0.85>=0.8 default prompt[0]",
    ]


# --- redact

SPAN = Span(start=3, end=9, label="pii")

REDACT: list[tuple[tuple[Span, ...], str]] = [
    ((SPAN,), "redact"),
    ((), "review"),  # nothing to redact by: a person looks
    ((SPAN.model_copy(update={"label": "toxicity"}),), "review"),  # spans, but another label's
]


@pytest.mark.parametrize(("spans", "action"), REDACT)
def test_redact_needs_spans_of_its_own_label(spans: tuple[Span, ...], action: str) -> None:
    decision = decided(scores={"pii": 0.8}, spans=spans)
    assert decision.action.value == action
    assert decision.reasons[0].threshold == 0.8
    assert decision.spans == spans


def test_a_prompt_has_no_spans_and_is_reviewed() -> None:
    policy = live(prompt_labels={"pii": {"redact": 0.8}})
    assert decide(inputs(prompt_scores={"pii": 0.9}, spans=(SPAN,)), policy).action is Action.REVIEW


# --- faults and failures


@pytest.mark.parametrize(
    ("route", "fail", "action", "scope"),
    [
        ("unknown", "open", "allow", "default"),
        ("unknown", "closed", "block", "default"),
        ("kids", "open", "block", "route=kids"),  # the route's own setting comes first, either way
        ("chat", "closed", "allow", "route=chat"),
    ],
)
def test_a_fault_is_decided_by_its_route(route: str, fail: str, action: str, scope: str) -> None:
    policy = live(faults={**POLICY["faults"], "fail": fail})
    decision = decide(inputs(fault=FaultReason.CLASSIFIER_ERROR, scopes=Scopes(route=route)), policy)
    assert decision.action.value == action
    assert decision.reasons == (Reason(label="fault", action=Action(action), scope=scope),)
    assert decision.fault is FaultReason.CLASSIFIER_ERROR
    assert decision.scores == {}


def test_a_producers_failure_is_allowed_and_is_no_fault() -> None:
    decision = decided(status="failed", scopes=KIDS)
    assert (decision.action, decision.fault, decision.status) == (Action.ALLOW, None, "failed")
    assert decision.reasons == (Reason(label="producer_failed", action=Action.ALLOW, scope="default"),)


@pytest.mark.parametrize(
    ("score", "action", "labels"),
    [
        (0.96, "block", ["toxicity", "producer_failed"]),
        (0.55, "flag", ["toxicity", "producer_failed"]),
        (0.10, "allow", ["producer_failed"]),
    ],
)
def test_a_text_shown_before_its_call_failed_is_judged(score: float, action: str, labels: list[str]) -> None:
    policy = live(labels={"toxicity": {"flag": 0.5, "block": 0.9}}, floors={})
    decision = decide(inputs(status="failed", scores={"toxicity": score}), policy)
    assert (decision.action.value, decision.status) == (action, "failed")
    assert [reason.label for reason in decision.reasons] == labels
    assert decision.reasons[-1] == Reason(label="producer_failed", action=Action.ALLOW, scope="default")


# --- event time: judged against the record's timestamp, R. late_s = 600, future_s = 60
#
#        too late   |<--------- on time --------->|   future
#   ----------------[-----------------------------]----------->
#                R - 600 s           R         R + 60 s


@pytest.mark.parametrize(
    ("event_ms", "time", "at_ms"),
    [
        (None, EventTime.ON_TIME, RECORD_MS),
        (RECORD_MS, EventTime.ON_TIME, RECORD_MS),
        (RECORD_MS + 60_000, EventTime.ON_TIME, RECORD_MS + 60_000),
        (RECORD_MS + 60_001, EventTime.FUTURE, RECORD_MS),  # the record's time is used
        (RECORD_MS - 600_000, EventTime.ON_TIME, RECORD_MS - 600_000),
        (RECORD_MS - 600_001, EventTime.TOO_LATE, RECORD_MS - 600_001),
        (RECORD_MS - BACK_MS, EventTime.TOO_LATE, RECORD_MS - BACK_MS),
        (RECORD_MS - BACK_MS - 1, EventTime.REPLACED, RECORD_MS),  # no completion is so old: the record's time is used
        (0, EventTime.REPLACED, RECORD_MS),  # 1970, and what is no time
        (253_402_300_799_999, EventTime.FUTURE, RECORD_MS),  # the year 9999
    ],
)
def test_event_time_is_judged_against_the_records_own(event_ms: int | None, time: EventTime, at_ms: int) -> None:
    decision = decided(event_ms=event_ms)
    assert (decision.time, decision.at_ms, decision.event_ms, decision.record_ms) == (time, at_ms, event_ms, RECORD_MS)


def test_lateness_changes_no_action() -> None:
    assert decided(event_ms=0, scores={"toxicity": 0.9}).action is Action.BLOCK


# --- what it is made from


def test_a_decision_carries_everything_it_was_made_from() -> None:
    fields = inputs(
        event_ms=RECORD_MS - 5,
        scores={"toxicity": 0.7},
        choice_of={"toxicity": 1},
        by_encoder=("toxicity",),
        prompt_scores={"toxicity": 0.1},
        prompt_by_encoder=(),
        spans=(SPAN,),
        scopes=KIDS,
        user="ab12",
        conversation="cd34",
        record_hmac="0f" * 16,
        origin=COPY,
        origin_sha256="0" * 16,
    )
    decision = decide(fields, LIVE)
    assert decision.record_hmac == "0f" * 16
    assert Inputs.of(decision) == fields
    assert decision.policy_version == "7-0123abcd"


def test_a_decision_from_before_there_was_a_record_hmac_has_none() -> None:
    older = decided(scores={"toxicity": 0.7}).model_dump(mode="json")
    del older["record_hmac"]
    read = Decision.read(json.dumps(older).encode())
    assert read.record_hmac is None
    assert decide(Inputs.of(read), LIVE) == read


SCORE = st.integers(0, 10_000).map(lambda n: n / 10_000)
LABEL = st.sampled_from(["toxicity", "insult", "pii", "sarcasm"])
SCOPES = st.builds(
    Scopes, tenant=st.sampled_from(["acme", "other"]), route=st.sampled_from(["kids", "chat"]), model=st.just("m")
)
SCORES = st.dictionaries(LABEL, SCORE)
BY_ENCODER = st.none() | st.lists(LABEL, unique=True).map(tuple)


@st.composite
def any_inputs(draw: st.DrawFn) -> Inputs:
    fault = draw(st.none() | st.sampled_from(FaultReason))
    scored = fault is None
    return inputs(
        id=draw(
            st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", codec="utf-8"), min_size=1, max_size=20)
        ),
        epoch=draw(st.integers(0, 2**53)),
        event_ms=draw(
            st.none() | st.integers(0, 253_402_300_799_999) | st.integers(-(10**6), 10**6).map(RECORD_MS.__add__)
        ),
        status=draw(st.sampled_from(["ok", "failed"])),
        fault=fault,
        scores=draw(SCORES) if scored else {},
        choice_of=draw(st.dictionaries(LABEL, st.integers(0, 127))) if scored else {},
        by_encoder=draw(BY_ENCODER) if scored else None,
        prompt_scores=draw(SCORES) if scored else {},
        prompt_by_encoder=draw(BY_ENCODER) if scored else None,
        spans=tuple(
            draw(st.lists(st.builds(Span, start=st.integers(0, 9), end=st.integers(9, 20), label=LABEL), max_size=3))
        ),
        scopes=draw(SCOPES),
        user=draw(st.none() | st.just("ab12")),
        conversation=draw(st.none() | st.just("cd34")),
        record_hmac=draw(st.none() | st.just("0f" * 16)),
        origin=(origin := draw(st.none() | st.just(COPY))),
        origin_sha256=origin and "0" * 16,
        dropped=draw(st.just(()) | st.just(("user", "metadata.tenant"))),
    )


@settings(max_examples=300, deadline=None)
@given(any_inputs())
def test_deciding_recorded_inputs_again_gives_the_same_decision(fields: Inputs) -> None:
    decision = decide(fields, LIVE)
    assert decide(Inputs.of(decision), LIVE) == decision
    read = Decision.model_validate_json(decision.model_dump_json())
    assert read == decision
    assert decide(Inputs.of(read), LIVE) == decision


@settings(max_examples=300, deadline=None)
@given(any_inputs())
def test_the_action_is_that_of_the_strongest_reason(fields: Inputs) -> None:
    """And there is a reason for every action but allow."""
    decision = decide(fields, LIVE)
    strengths = [reason.action.strength for reason in decision.reasons]
    assert strengths == sorted(strengths, reverse=True)
    assert decision.action.strength == (strengths[0] if strengths else 0)
    for reason in decision.reasons:
        if reason.score is not None and reason.threshold is not None:
            assert reason.score >= reason.threshold


@settings(max_examples=300, deadline=None)
@given(any_inputs(), LABEL, SCORE)
def test_a_higher_score_never_weakens_the_action(fields: Inputs, label: str, more: float) -> None:
    before = decide(fields, LIVE)
    if fields.fault is None:
        raised = Inputs.of(
            before.model_copy(update={"scores": {**before.scores, label: max(before.scores.get(label, 0), more)}})
        )
        # A label with spans goes review -> redact -> block; one without never reaches redact: still in order.
        assert decide(raised, LIVE).action.strength >= before.action.strength


@settings(max_examples=300, deadline=None)
@given(
    any_inputs(), st.sampled_from(["toxicity", "insult", "pii"]), st.sampled_from(["flag", "review", "block"]), SCORE
)
def test_a_floor_never_weakens_the_action(fields: Inputs, label: str, action: str, floor: float) -> None:
    without = live(floors={})
    with_floor = live(floors={label: {action: floor}})
    assert decide(fields, with_floor).action.strength >= decide(fields, without).action.strength


# --- beside a shadow

CANDIDATE: dict[str, Any] = {
    "labels": {
        "toxicity": {"flag": 0.4, "redact": 0.6, "block": 0.95},
        "insult": {"redact": 0.3},
        "sarcasm": {"block": 0.7},
        "pii": {},
    },
    "prompt_labels": {"insult": {"review": 0.5}},
    "scopes": [{"tenant": "acme", "labels": {"toxicity": {"flag": 0.1}}}],
    "faults": {"fail": "closed"},
}
SHADOW = LivePolicy("9-89abcdef", Policy.model_validate(CANDIDATE))
BESIDE = LivePolicy(LIVE.version, LIVE.policy, SHADOW)

# scores, scopes, the live action, what the shadow would have asked for
WOULD: list[tuple[dict[str, float], Scopes, str, str]] = [
    ({}, Scopes(), "allow", "allow"),
    ({"toxicity": 0.4}, Scopes(), "allow", "flag"),  # stricter
    ({"toxicity": 0.9}, Scopes(), "block", "review"),  # looser: redact from 0.6, and no span to redact by
    ({"toxicity": 0.2}, Scopes(tenant="acme"), "allow", "flag"),  # its own scopes
    ({"sarcasm": 1.0}, Scopes(), "allow", "block"),  # a label that only it names
    ({"pii": 1.0}, Scopes(), "review", "allow"),  # one that only the live policy holds against anything
    ({"insult": 0.95}, Scopes(), "block", "review"),  # the live policy's floors are not the shadow's
]


@pytest.mark.parametrize(("scores", "scopes", "action", "would"), WOULD)
def test_a_decision_records_what_the_shadow_would_request(
    scores: dict[str, float], scopes: Scopes, action: str, would: str
) -> None:
    decision = decide(inputs(scores=scores, scopes=scopes), BESIDE)
    assert decision.would_be is not None
    assert (decision.action.value, decision.would_be.action.value) == (action, would)
    assert (decision.policy_version, decision.would_be.policy_version) == ("7-0123abcd", "9-89abcdef")


def test_without_a_shadow_nothing_would_be() -> None:
    assert decided(scores={"toxicity": 0.9}).would_be is None


def test_a_prompt_may_be_judged_by_the_shadow_alone() -> None:
    decision = decide(inputs(prompt_scores={"toxicity": 0.1, "insult": 0.5}), BESIDE)
    assert (decision.action, decision.would_be and decision.would_be.action) == (Action.ALLOW, Action.REVIEW)


@pytest.mark.parametrize(("fact", "would"), [({"fault": FaultReason.CLASSIFIER_ERROR}, "block"),
                                             ({"status": "failed"}, "allow")])  # fmt: skip
def test_faults_and_failures_are_judged_by_the_shadow_too(fact: dict[str, Any], would: str) -> None:
    decision = decide(inputs(**fact), BESIDE)
    assert decision.action is Action.ALLOW
    assert decision.would_be is not None
    assert decision.would_be.action.value == would


PII, TOXIC, INSULT = (Span(start=n, end=n + 1, label=of) for n, of in enumerate(("pii", "toxicity", "insult")))


def test_spans_of_the_shadow_alone_stand_apart() -> None:
    """Spans that only the shadow requested hide nothing."""
    # live: redact pii >= 0.8; shadow: redact toxicity >= 0.6, insult >= 0.3
    scores = {"pii": 0.8, "toxicity": 0.6, "insult": 0.2}
    decision = decide(inputs(scores=scores, spans=(TOXIC, PII)), BESIDE)
    assert (decision.action, decision.spans) == (Action.REDACT, (PII,))
    assert decision.would_be == WouldBe(
        action=Action.REDACT,
        reasons=(Reason(label="toxicity", action=Action.REDACT, score=0.6, threshold=0.6, scope="default"),),
        spans=(TOXIC,),
        policy_version="9-89abcdef",
    )


@settings(max_examples=300, deadline=None)
@given(any_inputs())
def test_would_be_is_what_the_shadow_decides_when_live(fields: Inputs) -> None:
    """And a shadow changes nothing of the decision."""
    alone, beside = decide(fields, LIVE), decide(fields, BESIDE)
    own = LIVE.own_redact_from
    without = fields._replace(spans=[s for s in fields.spans if fields.scores.get(s.label, -1) >= own.get(s.label, 2)])
    assert beside.model_copy(update={"would_be": None}) == decide(without, LIVE)
    assert (beside.action, beside.reasons) == (alone.action, alone.reasons)
    promoted = decide(fields, SHADOW)
    would = beside.would_be
    assert would is not None
    assert (would.action, would.reasons) == (promoted.action, promoted.reasons)


@settings(max_examples=300, deadline=None)
@given(any_inputs())
def test_deciding_again_beside_a_shadow_gives_the_same_decision(fields: Inputs) -> None:
    """On a decision's recorded inputs, spans of the shadow included."""
    decision = decide(fields, BESIDE)
    read = Decision.model_validate_json(decision.model_dump_json())
    assert read == decision
    assert decide(Inputs.of(read), BESIDE) == decision
    assert sorted(Inputs.of(read).spans, key=repr) == sorted(fields.spans, key=repr)  # none is lost
