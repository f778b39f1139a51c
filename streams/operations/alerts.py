"""Alerts: those of now, from the store, and the history, from the topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tidegate.streams.core.alerts.status import AlertStatus, parse_statuses
from tidegate.streams.core.events import Alert
from tidegate.streams.core.policy.rules import SHADOW
from tidegate.streams.core.policy.silences import silenced_by
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.policy_log.history import read_log
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import ALERTS

STATES = ("firing", "pending", "resolved")  # the worst first


@dataclass(frozen=True)
class ActiveAlert:
    """An alert that the store keeps, and the silence that it is under."""

    status: AlertStatus
    silenced_by: str | None

    @property
    def shadow(self) -> bool:
        """Whether it is a shadow policy's, of what that would have done."""
        return self.status.rule.startswith(SHADOW)

    def as_json(self) -> dict[str, Any]:
        return {
            **self.status.model_dump(mode="json", exclude={"unpublished", "last_sent_ms"}),
            "fingerprint": self.status.fingerprint,
            "shadow": self.shadow,
            "silenced_by": self.silenced_by,
        }


@dataclass(frozen=True)
class AlertList:
    """Those pending, firing, or resolved within the last hour, the worst first. now_ms: the store's time."""

    alerts: list[ActiveAlert]
    now_ms: int


async def active_alerts(deployment: Deployment, note: Note = unheeded) -> AlertList:
    """Every alert that the store keeps. Raises StoreUnavailable, BrokerUnavailable."""
    now_ms, every = await stored_alerts(deployment)
    found = [status for status in every if not status.forgotten]
    silences = (await read_log(deployment, note)).log.silences.values() if found else ()
    found.sort(key=lambda status: (STATES.index(status.state) if status.state in STATES else 9, -status.since_ms))
    return AlertList([ActiveAlert(s, silenced_by(silences, s.rule, s.scope, now_ms)) for s in found], now_ms)


async def stored_alerts(deployment: Deployment) -> tuple[int, list[AlertStatus]]:
    """The store's time, and every alert that it keeps. Raises StoreUnavailable."""
    store = RedisStore(deployment.store, deployment.namespace)
    try:
        return await store.now_ms(), list(parse_statuses(await store.alerts()).values())
    finally:
        await store.close()


async def alert_history(deployment: Deployment, note: Note = unheeded) -> list[Alert]:
    """Every transition on the topic, in the order of their boundaries; each once. Raises BrokerUnavailable."""
    found: dict[str, Alert] = {}
    async for record in read_all(deployment.brokers, ALERTS):
        try:
            alert = Alert.read(record.value)
        except ValidationError:
            note(f"alerts[{record.partition}]@{record.offset}: not an alert; left out")
            continue
        if not alert.resent:
            found.setdefault(alert.id, alert)
    return sorted(found.values(), key=lambda alert: (alert.at_ms, alert.id))
