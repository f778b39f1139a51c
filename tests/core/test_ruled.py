"""Which rules may alert somebody: the live policy's, and those of its shadow that ask to."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.streams.core.alerts import status as statuses
from tidegate.streams.core.alerts.status import AlertStatus, fingerprint
from tidegate.streams.core.events import AlertReason, AlertState
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.rules import ActiveRule, active_rules, version_of

TOXIC = {"of": "label.toxicity", "above": 0.1}


def beside(live: dict[str, Any], shadow: dict[str, Any], **live_has: Any) -> LivePolicy:
    """A live policy with these rules, and a shadow with those."""
    labels = {"labels": {"toxicity": {}, "insult": {}}}
    candidate = LivePolicy("9-89abcdef", Policy.model_validate({**labels, "alerts": shadow}))
    return LivePolicy("7-01234567", Policy.model_validate({**labels, "alerts": live, **live_has}), candidate)


def rules_by_name(live: LivePolicy) -> dict[str, ActiveRule]:
    return {rule.name: rule for rule in active_rules(live)}


def test_a_shadows_rule_alerts_only_with_shadow_true() -> None:
    """And under a name of its own."""
    loud, quiet = {**TOXIC, "shadow": True}, {**TOXIC, "of": "label.insult"}
    rule = rules_by_name(beside({"toxic": TOXIC}, {"toxic": loud, "insults": quiet}))
    assert set(rule) == {"toxic", "shadow:toxic"}
    assert (rule["toxic"].measure.hits, rule["toxic"].rule.of) == ("label.toxicity", "label.toxicity")
    shadows = rule["shadow:toxic"]
    assert (shadows.rule.of, shadows.measure.name) == ("would.label.toxicity", "would.label.toxicity")
    assert shadows.measure.hits == "would.9-89abcdef.label.toxicity"
    assert shadows.measure.total == ("would.9-89abcdef.scored",)


def test_of_the_live_policy_shadow_has_no_effect() -> None:
    assert set(rules_by_name(beside({"a": {**TOXIC, "shadow": True}, "b": TOXIC}, {}))) == {"a", "b"}
    alone = beside({"a": {**TOXIC, "shadow": True}}, {})
    assert [rule.measure.name for rule in active_rules(LivePolicy(alone.version, alone.policy))] == ["label.toxicity"]


def test_feedback_is_the_same_whatever_policy_asks() -> None:
    rule = {"of": "complaint", "kind": "count", "above": 3, "shadow": True}
    shadows = rules_by_name(beside({}, {"complaints": rule}))["shadow:complaints"]
    assert (shadows.measure.name, shadows.measure.hits) == ("complaint", "complaint")


# windows of the live policy, the shadow's rule's window (its own bucket_s is 1), and the window that it looks over
WINDOWS = [
    ({}, 300, 300),
    ({"windows": {"bucket_s": 60}}, 90, 120),  # the smallest whole number of buckets that holds it
    ({"windows": {"bucket_s": 7, "rate_window_s": 7}}, 3, 7),
    ({"limits": {"longest_window_s": 600}}, 86_400, 600),  # a shadow does not have counts kept for longer
    ({"limits": {"longest_window_s": 600}, "windows": {"bucket_s": 7, "rate_window_s": 7}}, 86_400, 595),  # 85 * 7
]


@pytest.mark.parametrize(("live", "window_s", "looks_over"), WINDOWS)
def test_a_shadows_window_is_fitted_to_the_live_policy(live: dict[str, Any], window_s: int, looks_over: int) -> None:
    """To its buckets and its longest window."""
    policies = beside({}, {"x": {**TOXIC, "window_s": 300, "shadow": True}}, **live)
    assert policies.shadow is not None
    rule = policies.shadow.policy.alerts["x"].model_copy(update={"window_s": window_s})
    shadow = LivePolicy("9-89abcdef", policies.shadow.policy.model_copy(update={"alerts": {"x": rule}}))
    (rule,) = active_rules(LivePolicy(policies.version, policies.policy, shadow))
    assert rule.rule.window_s == looks_over


def test_a_rules_version_is_its_own_policys() -> None:
    live = beside({"a": TOXIC}, {"a": {**TOXIC, "shadow": True}})
    assert (version_of("a", live), version_of("shadow:a", live)) == ("7-01234567", "9-89abcdef")
    assert version_of("shadow:a", LivePolicy(live.version, live.policy)) == "7-01234567"  # it has ended


def test_no_rule_can_be_named_as_a_shadows() -> None:
    with pytest.raises(ValueError, match="'shadow:a' is no name"):
        beside({"shadow:a": TOXIC}, {})


@pytest.mark.parametrize(("rule", "shadow"), [("toxic", False), ("shadow:toxic", True)])
def test_an_alert_of_a_shadow_is_another_alert_and_marked(rule: str, shadow: bool) -> None:
    status = AlertStatus(
        rule=rule, scope="all", measure="label.toxicity", kind="share", above=0.1, resolve_below=0.08, window_s=300,
        state=AlertState.FIRING, reason=AlertReason.HELD, sequence=1, since_ms=0, at_ms=0, value=0.2, hits=2, total=10,
    )  # fmt: skip
    assert statuses.alert_event(status, None, "9-89abcdef", None).shadow is shadow
    assert fingerprint("toxic", "all") != fingerprint("shadow:toxic", "all")
