"""An alert as it is stored between evaluations, and as it is published. Pure; `lifecycle.py` changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from tidegate.streams.core.alerts.facts import AlertFacts, alert_facts
from tidegate.streams.core.events import Alert, AlertReason, AlertState
from tidegate.streams.core.policy.rules import SHADOW

RULER_KEY = "@"  # the ruler's own state stands beside the alerts' under this key


class AlertStatus(AlertFacts):
    """An alert as it is stored between evaluations: what `store.save_alerts` holds, as JSON."""

    pending_since_ms: int | None = None  # boundary from which for_s is measured
    few_since_ms: int | None = None  # firing: boundary from which there were too few
    last_sent_ms: int = 0  # store time
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
        **alert_facts(status),
        id=f"{status.fingerprint}-{status.sequence}",
        fingerprint=status.fingerprint,
        previous=transition.previous if transition else status.state,
        resent=transition is None,
        silenced_by=silenced_by,
        shadow=status.rule.startswith(SHADOW),
        policy_version=policy_version,
    )


def published_status(alert: Alert, at_ms: int) -> AlertStatus:
    """Rebuilds the status that an alert was published with, at at_ms; nothing of it is left to publish."""
    pending = alert.since_ms if alert.state is AlertState.PENDING else None
    return AlertStatus(**alert_facts(alert), pending_since_ms=pending, last_sent_ms=at_ms)


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
