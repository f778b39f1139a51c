"""The life of an alert: inactive -> pending -> firing -> resolved. Pure, and in event time only.

`step` takes what a rule observed over the window that ends at a bucket boundary, and returns the alert's next status.
The same observations give the same transitions with the same ids, whenever they are replayed: what depends on the
clock (resending, silences) belongs to the ruler and is never a step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import assert_never

from tidegate.streams.core.alerts.facts import rule_annotations, rule_facts
from tidegate.streams.core.alerts.status import AlertStatus, Transition
from tidegate.streams.core.events import AlertReason, AlertState
from tidegate.streams.core.measures import Counted
from tidegate.streams.core.policy.tables import AlertRule
from tidegate.streams.core.rates.rates import share, total_of, wilson_lower
from tidegate.streams.core.rates.windows import Sums
from tidegate.streams.core.series import prefixes

RESOLVED_KEPT_MS = 3_600_000  # a resolved alert is shown this long (event time), then forgotten


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule observed of one scope over `[at_ms - window_s * 1000, at_ms)`."""

    scope: str
    at_ms: int
    hits: int
    total: int
    users: int | None = None  # read only where `wants_users` is true
    incomplete: bool = False


Step = tuple[AlertStatus | None, Transition | None]


def observe(
    rule: AlertRule, measure: Counted, sums: Sums, alerting: Collection[str], at_ms: int
) -> Iterator[Observation]:
    """Yields an observation of each scope with hits, and of each scope in `alerting`; in the scopes' order."""
    starts, hits = prefixes(rule.by), sums[measure.hits]
    for scope in sorted({scope for scope in hits if scope.startswith(starts)}.union(alerting)):
        yield Observation(scope, at_ms, hits.get(scope, 0), total_of(measure, scope, sums))


def wants_users(observed: Observation, rule: AlertRule) -> bool:
    """Whether the condition holds but for min_users, so that the store must count distinct users."""
    return rule.min_users > 0 and not observed.incomplete and _judge(observed, rule)[1] is AlertReason.BROKEN


def step(status: AlertStatus | None, observed: Observation, name: str, rule: AlertRule) -> Step:
    """Returns the alert's next status (None: nothing to keep) and its transition, at the boundary observed.at_ms.

    Raises ValueError where `wants_users` holds and observed.users is None.
    """
    value, verdict = _judge(observed, rule)
    if verdict is AlertReason.BROKEN and rule.min_users > 0:
        if observed.users is None:
            raise ValueError(f"alerts.{name}: min_users is set and users were not asked")
        if observed.users < rule.min_users:
            verdict = AlertReason.TOO_FEW_USERS
    state = AlertState.INACTIVE if status is None else status.state
    if observed.incomplete:
        return (None if status is None else mark_incomplete(status)), None
    broken = verdict is AlertReason.BROKEN
    if status is None and not broken:
        return None, None
    updated = _update(status, observed, name, rule, value, verdict)
    if state is AlertState.FIRING:
        return _firing(updated, rule, verdict)
    if state is AlertState.PENDING:
        if not broken:
            # It was published as pending: a reader of the topic alone must learn that it never fired.
            return _transition(updated, AlertState.RESOLVED, verdict)
        if updated.at_ms - (updated.pending_since_ms or updated.at_ms) >= rule.for_s * 1000:
            return _transition(updated, AlertState.FIRING, AlertReason.HELD)
        return updated, None
    if broken:
        if rule.for_s == 0:
            return _transition(updated, AlertState.FIRING, AlertReason.BROKEN)
        return _transition(updated, AlertState.PENDING, AlertReason.BROKEN)
    if state is AlertState.RESOLVED and updated.at_ms - updated.since_ms < RESOLVED_KEPT_MS:
        return status, None  # shown as it was resolved
    return _with_state(updated, AlertState.INACTIVE, verdict), None


def _firing(updated: AlertStatus, rule: AlertRule, verdict: AlertReason) -> Step:
    if verdict is AlertReason.BELOW:
        return _transition(updated, AlertState.RESOLVED, AlertReason.BELOW)
    if updated.few_since_ms is not None and updated.at_ms - updated.few_since_ms >= rule.window_s * 1000:
        return _transition(updated, AlertState.RESOLVED, AlertReason.QUIET)
    return updated, None


def mark_incomplete(status: AlertStatus) -> AlertStatus:
    """Returns the status for a partition that is behind or has no owner: nothing is known, so nothing changes."""
    return status.model_copy(update={"reason": AlertReason.INCOMPLETE})


def end_removed(status: AlertStatus, at_ms: int) -> Step:
    """Returns the status after its rule, or the rule's kind of scope, left the policy."""
    updated = status.model_copy(update={"at_ms": max(at_ms, status.at_ms)})
    if status.state in (AlertState.PENDING, AlertState.FIRING):
        return _transition(updated, AlertState.RESOLVED, AlertReason.RULE_REMOVED)
    return _with_state(updated, AlertState.INACTIVE, AlertReason.RULE_REMOVED), None


def with_annotations(status: AlertStatus, rule: AlertRule) -> AlertStatus:
    """Returns the status as the rule now describes it to people and sinks: state, values and fingerprint stay."""
    return status.model_copy(update=rule_annotations(rule))


def _judge(observed: Observation, rule: AlertRule) -> tuple[float | None, AlertReason]:
    """Returns the value that the rule compares (None: too few to say), and its verdict, but for min_users."""
    value = _value(observed, rule)
    if value is None:
        return None, AlertReason.TOO_FEW
    if value > rule.above:
        return value, AlertReason.BROKEN if _confident(observed, rule) else AlertReason.NOT_CONFIDENT
    # No hits are below anything: else a rule with resolve_below 0 could never resolve.
    return value, AlertReason.BELOW if value < rule.resolves_below or observed.hits == 0 else AlertReason.BETWEEN


def _value(observed: Observation, rule: AlertRule) -> float | None:
    match rule.kind:
        case "share":
            return share(observed.hits, observed.total, rule.min_total)
        case "count":
            return float(observed.hits)
        case _:
            assert_never(rule.kind)


def _confident(observed: Observation, rule: AlertRule) -> bool:
    """Whether the true share is above too, with the confidence that the rule requires. A count is what it is."""
    if rule.kind != "share" or rule.confidence is None:
        return True
    return wilson_lower(observed.hits, observed.total, rule.confidence) > rule.above


def _update(
    status: AlertStatus | None,
    observed: Observation,
    name: str,
    rule: AlertRule,
    value: float | None,
    reason: AlertReason,
) -> AlertStatus:
    """Returns the status (None: a new, inactive one) with the rule as it is now and what was observed."""
    facts = {
        **rule_facts(rule),
        "reason": reason,
        "at_ms": observed.at_ms,
        "value": value,
        "hits": observed.hits,
        "total": observed.total,
        "users": observed.users,
    }
    if status is None:
        key = {"rule": name, "scope": observed.scope}
        return AlertStatus(**key, **facts, state=AlertState.INACTIVE, since_ms=observed.at_ms, sequence=0)
    few_since = status.few_since_ms if status.few_since_ms is not None else observed.at_ms
    return status.model_copy(update={**facts, "few_since_ms": few_since if reason is AlertReason.TOO_FEW else None})


def _with_state(status: AlertStatus, state: AlertState, reason: AlertReason) -> AlertStatus:
    pending = status.at_ms if state is AlertState.PENDING else None
    return status.model_copy(
        update={"state": state, "reason": reason, "since_ms": status.at_ms, "pending_since_ms": pending}
    )


def _transition(status: AlertStatus, state: AlertState, reason: AlertReason) -> Step:
    # The boundary in seconds: greater than any earlier one's even where the store lost the alert, so that an id
    # is never used for a second transition and consumers may drop repeated ids.
    sequence = max(status.sequence + 1, status.at_ms // 1000)
    updated = _with_state(status, state, reason).model_copy(update={"sequence": sequence})
    return updated, Transition(status.state, state, reason)
