"""An alert as it is stored between evaluations, and as it is published. Pure; `lifecycle.py` changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from tidegate.streams.core.events import Alert, AlertReason, AlertState
from tidegate.streams.core.policy.rules import SHADOW

RULER_KEY = "@"  # the ruler's own state stands beside the alerts' under this key


class AlertStatus(BaseModel):
    """An alert as it is stored between evaluations: what `store.save_alerts` holds, as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    scope: str
    measure: str
    kind: Literal["share", "count"]
    above: float
    resolve_below: float
    window_s: int
    state: AlertState
    reason: AlertReason
    since_ms: int  # boundary at which the state began
    at_ms: int  # boundary that was last evaluated
    pending_since_ms: int | None = None  # boundary from which for_s is measured
    few_since_ms: int | None = None  # firing: boundary from which there were too few
    sequence: int = 0  # of the last transition that is published
    last_sent_ms: int = 0  # store time
    value: float | None = None
    hits: int = 0
    total: int = 0
    users: int | None = None
    unpublished: tuple[Alert, ...] = ()  # transitions saved with the state, to be published, then cleared

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.rule, self.scope)

    @property
    def forgotten(self) -> bool:
        """Whether nothing is left to store."""
        return self.state is AlertState.INACTIVE and not self.unpublished


class Transition(NamedTuple):
    """A change of state that is published: from pending, `resolved` says that it never fired."""

    previous: AlertState
    state: AlertState
    reason: AlertReason


def fingerprint(rule: str, scope: str) -> str:
    """16 hex digits: which alert this is, whatever state it is in."""
    return hashlib.sha256(f"{rule}|{scope}".encode()).hexdigest()[:16]


def alert_event(
    status: AlertStatus,
    transition: Transition | None,
    policy_version: str,
    silenced_by: str | None,
) -> Alert:
    """Builds the event of a status: with its transition, or (None) sent again under the last transition's id.

    policy_version: of the policy, or of the shadow, whose rule it is.
    """
    return Alert(
        id=f"{status.fingerprint}-{status.sequence}",
        fingerprint=status.fingerprint,
        sequence=status.sequence,
        rule=status.rule,
        scope=status.scope,
        measure=status.measure,
        kind=status.kind,
        state=status.state,
        previous=transition.previous if transition else status.state,
        reason=status.reason,
        resent=transition is None,
        value=status.value,
        above=status.above,
        resolve_below=status.resolve_below,
        hits=status.hits,
        total=status.total,
        users=status.users,
        window_s=status.window_s,
        at_ms=status.at_ms,
        since_ms=status.since_ms,
        silenced_by=silenced_by,
        shadow=status.rule.startswith(SHADOW),
        policy_version=policy_version,
    )


def published_status(alert: Alert, at_ms: int) -> AlertStatus:
    """Rebuilds the status that an alert was published with, at at_ms; nothing of it is left to publish."""
    pending = alert.since_ms if alert.state is AlertState.PENDING else None
    return AlertStatus(
        rule=alert.rule,
        scope=alert.scope,
        measure=alert.measure,
        kind=alert.kind,
        above=alert.above,
        resolve_below=alert.resolve_below,
        window_s=alert.window_s,
        state=alert.state,
        reason=alert.reason,
        since_ms=alert.since_ms,
        at_ms=alert.at_ms,
        pending_since_ms=pending,
        sequence=alert.sequence,
        last_sent_ms=at_ms,
        value=alert.value,
        hits=alert.hits,
        total=alert.total,
        users=alert.users,
    )


def with_unpublished(status: AlertStatus, alert: Alert) -> AlertStatus:
    """Returns the status with one more transition to publish."""
    return status.model_copy(update={"unpublished": (*status.unpublished, alert)})


def acknowledged(status: AlertStatus, now_ms: int) -> AlertStatus:
    """Returns the status after its outbox was acknowledged, at now_ms of the store's clock."""
    return status.model_copy(update={"unpublished": (), "last_sent_ms": now_ms})


def parse_statuses(stored: Mapping[str, str]) -> dict[str, AlertStatus]:
    """Parses what `store.alerts` returns, by fingerprint. The ruler's own state is left out.

    Unknown fields are left out too: a later Tidegate may have evaluated before a rollback.
    """
    return {
        key: AlertStatus.model_validate_json(text, extra="ignore") for key, text in stored.items() if key != RULER_KEY
    }
