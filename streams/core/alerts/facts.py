"""The one struct of an alert: what its state in Redis and its event on `alerts` both say. Pure.

`AlertStatus` (status.py) and `Alert` (rated.py) extend it. A field added here is stored, published and restored; one
that a rule has under the same name is the rule's. Old states and events lack it: give it a default.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tidegate.streams.core.fields import Severity
from tidegate.streams.core.measures import MeasureKind
from tidegate.streams.core.policy.tables import AlertRule


class AlertState(StrEnum):
    """An alert's life. `inactive` is never published."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class AlertReason(StrEnum):
    """Why an alert is in the state it is in."""

    BROKEN = "broken"  # the rule's condition holds
    HELD = "held"  # it held for for_s
    BELOW = "below"  # under resolve_below
    BETWEEN = "between"  # under above, not yet under resolve_below: hysteresis
    TOO_FEW = "too_few"  # under min_total
    TOO_FEW_USERS = "too_few_users"
    NOT_CONFIDENT = "not_confident"  # the Wilson bound does not pass
    INCOMPLETE = "incomplete"  # a backlog must not resolve an alert
    QUIET = "quiet"  # too few for a whole window
    RULE_REMOVED = "rule_removed"


class Annotations(BaseModel):
    """What a rule says to people and to sinks. No evaluation reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    severity: Severity = "warning"
    """How urgent it is, as the rule says; of an event from before rules said it, `warning`."""
    labels: dict[str, str] = Field({})
    """The rule's own labels, to route by: names as Prometheus has them; none of them is a name that Tidegate sets."""
    summary: str | None = None
    """What is wrong, in one line, as the rule says. Null: it does not say."""
    runbook: str | None = None
    """URL of the page that says what to do. Null: the rule names none."""
    owner: str | None = None
    """The team or person whose alert it is. Null: the rule names none."""


class AlertFacts(Annotations):
    """An alert at one boundary: its rule's facts, what was observed, and the state that followed."""

    rule: str
    """The rule's name in the policy."""
    scope: str
    """Where it is broken: `all`, or one name of a kind, such as `tenant=acme`."""
    measure: str
    """The measure that the rule evaluates, such as `label.toxicity`."""
    kind: MeasureKind
    """Whether `value`, `above` and `resolve_below` are shares of a total or numbers of events."""
    above: float
    """The rule is broken where the value is above this."""
    resolve_below: float
    """The alert resolves where the value is under this."""
    window_s: int
    """How far back the rule looks, in seconds."""
    state: AlertState
    """The state that it is in now."""
    reason: AlertReason
    """Why it is in this state."""
    sequence: int
    """Of this alert's transitions the number; a later one has a greater one."""
    since_ms: int
    """When this state began, in ms since 1970-01-01 UTC."""
    at_ms: int
    """When the window ended that was evaluated last, in ms since 1970-01-01 UTC."""
    value: float | None
    """A share in [0, 1], or a count, as of `at_ms`. Null where there are too few to say."""
    hits: int
    """Events in the window that carry the measure."""
    total: int
    """Events in the window that could have carried it."""
    users: int | None = None
    """Distinct users among the hits, an estimate of about 1%. Null where the rule does not count users."""


def alert_facts(alert: AlertFacts) -> dict[str, Any]:
    """Returns what every form of the alert says, by name."""
    return {name: getattr(alert, name) for name in AlertFacts.model_fields}


def rule_annotations(rule: AlertRule) -> dict[str, Any]:
    """Returns what the rule says to people and to sinks, by name."""
    return {name: getattr(rule, name) for name in Annotations.model_fields}


def rule_facts(rule: AlertRule) -> dict[str, Any]:
    """Returns everything that an alert says of its rule, by name."""
    return {
        "measure": rule.of,
        "kind": rule.kind,
        "above": rule.above,
        "resolve_below": rule.resolves_below,
        "window_s": rule.window_s,
        **rule_annotations(rule),
    }
