"""What decisions and feedback add to the counts."""

from __future__ import annotations

import pytest

from tidegate.streams.core.events import (
    Action,
    Decision,
    EventTime,
    FaultReason,
    Feedback,
    FeedbackKind,
    Reason,
    Scopes,
    Source,
    WouldBe,
)
from tidegate.streams.core.measures import FIXED
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates import aggregate as count
from tidegate.streams.core.rates.aggregate import ReceivedFeedback, aggregate, aggregate_feedback
from tidegate.streams.core.rates.rates import total_of
from tidegate.streams.core.series import names, prefixes, scoped, split
from tidegate.streams.core.times import Arrival, TimeSource

S = 1000


def _live(**alerts: dict[str, object]) -> LivePolicy:
    return LivePolicy("0-test", Policy.model_validate({"labels": {"toxicity": {}, "insult": {}}, "alerts": alerts}))


def _reason(label: str, action: str) -> Reason:
    return Reason(
        label=label, action=Action(action), score=None if label == "producer_failed" else 0.9, scope="default"
    )


def _decision(at_ms: int = 0, action: str = "allow", labels: str = "", prompt: str = "", **fields: object) -> Decision:
    reasons = [_reason(label, action) for label in labels.split()]
    reasons += [
        Reason(label=label, action=Action(action), score=0.9, scope="default", of="prompt") for label in prompt.split()
    ]
    facts: dict[str, object] = {
        "id": "c1",
        "source": Source(topic="completions", partition=0, offset=0),
        "epoch": 1,
        "action": Action(action),
        "reasons": tuple(reasons),
        "record_ms": at_ms,
        "at_ms": at_ms,
        "policy_version": "0-test",
        "model_version": "m",
        "scopes": Scopes(tenant="acme", model="gpt", route="chat"),
    }
    return Decision.model_validate(facts | fields)


def _everywhere(counter: str, n: int) -> dict[str, int]:
    return {f"{counter}|{scope}": n for scope in ("all", "tenant=acme", "model=gpt", "route=chat")}


@pytest.mark.parametrize(
    ("decision", "counters", "totals"),
    [
        (_decision(), ["scored", "action.allow"], {"decided": 1}),
        # any graded action is a hit of the label; the prompt's labels are measures of their own
        (
            _decision(action="flag", labels="toxicity insult", prompt="toxicity"),
            ["scored", "action.flag", "label.toxicity", "label.insult", "prompt.toxicity"],
            {"decided": 1},
        ),
        # a fault is neither a violation nor a pass, whatever its route's `fail` made of it
        (
            _decision(action="block", labels="fault", fault=FaultReason.CLASSIFIER_ERROR),
            ["fault"],
            {"faults": 1},
        ),
        (_decision(labels="producer_failed", status="failed"), ["producer_failed"], {"decided": 1}),
        # the text that was shown before the call failed has scores: what they say, and the failure, each once
        (
            _decision(action="block", labels="toxicity producer_failed", status="failed", scores={"toxicity": 0.99}),
            ["scored", "action.block", "label.toxicity", "producer_failed", "scored_failed"],
            {"decided": 1},
        ),
        (
            _decision(labels="fault", status="failed", fault=FaultReason.CLASSIFIER_ERROR),
            ["fault", "producer_failed"],
            {"faults": 1},
        ),
        # too late for any bucket
        (_decision(action="block", labels="toxicity", time=EventTime.TOO_LATE), [], {"decided": 1, "too_late": 1}),
    ],
    ids=["allow", "flag", "fault", "producer_failed", "failed_halfway", "failed_fault", "too_late"],
)
def test_a_decision_counts_as(decision: Decision, counters: list[str], totals: dict[str, int]) -> None:
    counted = aggregate([decision], 0, _live(), scoped)
    assert counted.totals == totals
    assert counted.counts.get(0, {}) == {k: v for counter in counters for k, v in _everywhere(counter, 1).items()}
    assert counted.users == {}


def test_the_failure_rate_is_a_share_of_each_completion_once() -> None:
    """6 fine, 2 that failed before they said anything, 1 half-way, 1 fault of ours."""
    decisions = [
        *(_decision(scores={"toxicity": 0.1}) for _ in range(6)),
        *(_decision(labels="producer_failed", status="failed") for _ in range(2)),
        _decision(labels="producer_failed", status="failed", scores={"toxicity": 0.2}),
        _decision(labels="fault", fault=FaultReason.BAD_SCORES),
    ]
    counts = aggregate(decisions, 0, _live(), scoped).counts[0]
    counted = {
        name: (counts[f"{of.hits}|all"], total_of(of, "all", sums))
        for name, of in FIXED.items()
        for sums in [{counter: {"all": counts.get(f"{counter}|all", 0)} for counter in of.counters}]
        if name in ("producer_failed", "fault", "action.allow")
    }
    assert counted == {
        "action.allow": (7, 7),  # scored: 6 + 1
        "fault": (1, 8),  # scored + fault: 7 + 1
        "producer_failed": (3, 9),  # scored + producer_failed - scored_failed: 7 + 3 - 1, in no place twice
    }


def test_counts_are_sums_per_bucket() -> None:
    #   [-- 2 --)[-- 1 --)
    #    0  9999  10000
    counted = aggregate([_decision(0), _decision(9999), _decision(10 * S)], 3, _live(), scoped)
    assert counted.totals == {"decided": 3, "dead_letters": 3}
    assert {start: counts["scored|all"] for start, counts in counted.counts.items()} == {0: 2, 10 * S: 1}


def test_names_beyond_the_limit_count_as_other() -> None:
    """Names beyond the limit count together, and apart from a tenant called "other"."""
    decisions = [_decision(scopes=Scopes(tenant=name)) for name in ("a", "b", "other")]
    counted = aggregate(
        decisions, 0, _live(), lambda kind, name: scoped(kind, name) if name == "other" else f"{kind}:other"
    )
    assert counted.counts[0]["scored|tenant:other"] == 2
    assert counted.counts[0]["scored|tenant=other"] == 1
    assert counted.counts[0]["scored|all"] == 3


def test_users_are_kept_only_where_a_rule_counts_users() -> None:
    live = _live(
        many={"of": "label.toxicity", "above": 0.1, "min_users": 3, "by": ["all", "tenant"]},
        any={"of": "label.insult", "above": 0.1},
    )
    decisions = [
        _decision(action="flag", labels="toxicity insult", user="u1"),
        _decision(action="flag", labels="toxicity", user="u2"),
        _decision(action="flag", labels="toxicity"),  # nobody known
        _decision(user="u3"),  # no hit
    ]
    users = {"u1", "u2"}
    assert aggregate(decisions, 0, live, scoped).users == {
        0: {"label.toxicity|all": users, "label.toxicity|tenant=acme": users}
    }


def test_redriven_ones_are_a_total_of_their_own() -> None:
    # 1 decided + 2 dead letters + 4 redriven = 7 records
    assert aggregate([_decision(0)], 2, _live(), scoped, 4).totals == {"decided": 1, "dead_letters": 2, "redriven": 4}
    assert aggregate_feedback([], 2, _live(), scoped, 4).totals == {"dead_letters": 2, "redriven": 4}


def test_feedback_without_scopes_counts_in_all_only() -> None:
    live = _live(complaints={"of": "complaint", "kind": "count", "above": 3, "min_users": 2, "by": ["all", "tenant"]})
    source, arrived = Source(topic="feedback", partition=0, offset=0), Arrival(5, TimeSource.RECORD)
    kinds = (("f1", FeedbackKind.COMPLAINT, None, "u1"), ("f2", FeedbackKind.COMPLAINT, "acme", "u2"))
    received = [
        ReceivedFeedback(Feedback(id=id_, completion_id="c", kind=kind, tenant=tenant), arrived, user, source, 5)
        for id_, kind, tenant, user in kinds
    ]
    counted = aggregate_feedback(received, 1, live, scoped)
    assert counted.counts == {0: {"complaint|all": 2, "complaint|tenant=acme": 1}}
    assert counted.users == {0: {"complaint|all": {"u1", "u2"}, "complaint|tenant=acme": {"u2"}}}
    assert counted.totals == {"feedback": 2, "dead_letters": 1}


def test_series_names_split_back() -> None:
    assert split("label.toxicity|tenant=a=b") == ("label.toxicity", "tenant=a=b")
    assert names("tenant", ["all", "tenant=a=b", "tenant:other", "model=m"]) == {"a=b"}
    assert prefixes(("all", "tenant")) == ("all", "tenant=", "tenant:")


# --- what a shadow would have done


def _would(action: str, labels: str = "", prompt: str = "", version: str = "9-89abcdef") -> WouldBe:
    reasons = _decision(action=action, labels=labels, prompt=prompt).reasons
    return WouldBe(action=Action(action), reasons=reasons, policy_version=version)


W = "would.9-89abcdef."


@pytest.mark.parametrize(
    ("decision", "counters", "totals"),
    [
        (_decision(would_be=_would("allow")), ["scored", "action.allow", f"{W}scored", f"{W}action.allow"],
         {"decided": 1}),
        (_decision(action="flag", labels="insult", would_be=_would("block", "toxicity", "insult")),
         ["scored", "action.flag", "label.insult",
          f"{W}scored", f"{W}action.block", f"{W}label.toxicity", f"{W}prompt.insult"], {"decided": 1}),
        (_decision(labels="fault", fault=FaultReason.CLASSIFIER_ERROR, would_be=_would("block", "fault")),
         ["fault", f"{W}fault"], {"faults": 1}),
        (_decision(labels="producer_failed", status="failed", would_be=_would("allow", "producer_failed")),
         ["producer_failed", f"{W}producer_failed"], {"decided": 1}),
        (_decision(status="failed", scores={"toxicity": 0.6}, would_be=_would("flag", "toxicity producer_failed")),
         ["scored", "action.allow", "producer_failed", "scored_failed", f"{W}scored", f"{W}action.flag",
          f"{W}label.toxicity", f"{W}producer_failed", f"{W}scored_failed"], {"decided": 1}),
        (_decision(time=EventTime.TOO_LATE, would_be=_would("block", "toxicity")), [], {"decided": 1, "too_late": 1}),
    ],
    ids=["allow", "block", "fault", "producer_failed", "failed_halfway", "too_late"],
)  # fmt: skip
def test_shadow_counters_stand_beside_and_never_in_totals(
    decision: Decision, counters: list[str], totals: dict[str, int]
) -> None:
    """What a shadow would have done counts beside the decision, and never in the totals."""
    counted = aggregate([decision], 0, _live(), scoped)
    assert counted.totals == totals
    assert counted.counts.get(0, {}) == {k: v for counter in counters for k, v in _everywhere(counter, 1).items()}


def test_two_shadows_after_one_another_are_never_one_sum() -> None:
    counted = aggregate(
        [_decision(would_be=_would("block", version=version)) for version in ("9-a", "9-a", "10-b")]
        + [_decision()],
        0, _live(), scoped,
    )  # fmt: skip
    would = {series: n for series, n in counted.counts[0].items() if series.endswith("action.block|all")}
    assert would == {"would.9-a.action.block|all": 2, "would.10-b.action.block|all": 1}
    assert counted.counts[0]["scored|all"] == 4


def test_the_cache_of_shadow_counters_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of a shadow's counters are forgotten where they are too many."""
    monkeypatch.setattr(count, "_MOST_WOULD", 3)
    for n in range(10):
        counted = aggregate([_decision(would_be=_would("block", version=f"{n}-a"))], 0, _live(), scoped)
        assert counted.counts[0][f"would.{n}-a.action.block|all"] == 1
        assert len(count._WOULD) <= 3


def test_users_of_shadow_hits_are_kept_for_its_user_rules() -> None:
    """Users of what a shadow would have done are kept where its rule counts users."""
    rule = {"of": "label.toxicity", "above": 0.1, "min_users": 3, "by": ["tenant"]}
    quiet, loud = _live(many=rule), _live(many={**rule, "shadow": True})
    decisions = [
        _decision(user="u1", would_be=_would("flag", "toxicity")),
        _decision(user="u2", action="flag", labels="toxicity", would_be=_would("allow")),
    ]
    for shadow, users in ((quiet, {}), (loud, {0: {f"{W}label.toxicity|tenant=acme": {"u1"}}})):
        live = LivePolicy("0-test", _live().policy, LivePolicy("9-89abcdef", shadow.policy))
        assert aggregate(decisions, 0, live, scoped).users == users
