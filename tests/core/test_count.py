"""What decisions and feedback add to the counts."""

from __future__ import annotations

import pytest

from streams.core.count import Heard, aggregate, aggregate_feedback
from streams.core.events import Action, Decision, EventTime, FaultReason, Feedback, FeedbackKind, Reason, Scopes, Source
from streams.core.policy import Policy
from streams.core.series import names, prefixes, scoped, split
from streams.core.thresholds import LivePolicy

S = 1000


def _live(**alerts: dict[str, object]) -> LivePolicy:
    return LivePolicy("0-test", Policy.model_validate({"labels": {"toxicity": {}, "insult": {}}, "alerts": alerts}))


def _decision(at_ms: int = 0, action: str = "allow", labels: str = "", prompt: str = "", **given: object) -> Decision:
    reasons = [Reason(label=label, action=Action(action), score=0.9, scope="default") for label in labels.split()]
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
    return Decision.model_validate(facts | given)


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
        # too late for any bucket
        (_decision(action="block", labels="toxicity", time=EventTime.TOO_LATE), [], {"decided": 1, "too_late": 1}),
    ],
    ids=["allow", "flag", "fault", "producer_failed", "too_late"],
)
def test_a_decision_counts_as(decision: Decision, counters: list[str], totals: dict[str, int]) -> None:
    found = aggregate([decision], 0, _live(), scoped)
    assert found.totals == totals
    assert found.counts.get(0, {}) == {k: v for counter in counters for k, v in _everywhere(counter, 1).items()}
    assert found.users == {}


def test_counts_are_sums_per_bucket() -> None:
    #   [-- 2 --)[-- 1 --)
    #    0  9999  10000
    found = aggregate([_decision(0), _decision(9999), _decision(10 * S)], 3, _live(), scoped)
    assert found.totals == {"decided": 3, "dead_letters": 3}
    assert {start: counts["scored|all"] for start, counts in found.counts.items()} == {0: 2, 10 * S: 1}


def test_names_beyond_the_limit_count_together_and_apart_from_a_tenant_called_other() -> None:
    decisions = [_decision(scopes=Scopes(tenant=name)) for name in ("a", "b", "other")]
    found = aggregate(
        decisions, 0, _live(), lambda kind, name: scoped(kind, name) if name == "other" else f"{kind}:other"
    )
    assert found.counts[0]["scored|tenant:other"] == 2
    assert found.counts[0]["scored|tenant=other"] == 1
    assert found.counts[0]["scored|all"] == 3


def test_users_are_kept_only_for_the_series_that_a_rule_asks_users_of() -> None:
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


def test_feedback_without_scopes_counts_in_all_only() -> None:
    live = _live(complaints={"of": "complaint", "kind": "count", "above": 3, "min_users": 2, "by": ["all", "tenant"]})
    heard = [
        Heard(Feedback(id="f1", completion_id="c1", kind=FeedbackKind.COMPLAINT), EventTime.ON_TIME, 5, "u1"),
        Heard(
            Feedback(id="f2", completion_id="c2", kind=FeedbackKind.COMPLAINT, tenant="acme"),
            EventTime.ON_TIME,
            5,
            "u2",
        ),
        Heard(Feedback(id="f3", completion_id="c3", kind=FeedbackKind.APPEAL), EventTime.TOO_LATE, 5, None),
    ]
    found = aggregate_feedback(heard, 1, live, scoped)
    assert found.counts == {0: {"complaint|all": 2, "complaint|tenant=acme": 1}}
    assert found.users == {0: {"complaint|all": {"u1", "u2"}, "complaint|tenant=acme": {"u2"}}}
    assert found.totals == {"feedback": 3, "dead_letters": 1, "too_late": 1}


def test_series_names_split_back() -> None:
    assert split("label.toxicity|tenant=a=b") == ("label.toxicity", "tenant=a=b")
    assert names("tenant", ["all", "tenant=a=b", "tenant:other", "model=m"]) == {"a=b"}
    assert prefixes(("all", "tenant")) == ("all", "tenant=", "tenant:")
