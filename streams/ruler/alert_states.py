"""The alert states in the store: evaluated, saved, published, acknowledged, in that order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from tidegate.streams.core.alerts import lifecycle as alerts
from tidegate.streams.core.alerts import status as statuses
from tidegate.streams.core.alerts.status import AlertStatus
from tidegate.streams.core.events import Alert, AlertState, Silence
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.rules import active_rules, version_of
from tidegate.streams.core.policy.silences import silenced_by
from tidegate.streams.core.series import prefixes, series
from tidegate.streams.kafka.producer import Message
from tidegate.streams.ruler.store import AlertStates
from tidegate.streams.ruler.windows import RuleWindows
from tidegate.streams.store import Lease

Publish = Callable[[Sequence[Message]], Awaitable[None]]
_Key = tuple[str, str]  # rule, scope


class ActiveAlerts:
    """Every alert that is not inactive, as the store has it plus what changed since the last `save`."""

    def __init__(self, store: AlertStates, publish: Publish, silences: Callable[[], Iterable[Silence]]) -> None:
        self._store, self._publish, self._silences = store, publish, silences
        self._all: dict[_Key, AlertStatus] = {}
        self._changed: set[_Key] = set()
        self.transitions: Counter[tuple[str, str]] = Counter()  # (rule, state) -> published
        self.resent = 0

    @property
    def states(self) -> Counter[str]:
        """State -> alerts in it."""
        return Counter(status.state.value for status in self._all.values())

    @property
    def changed(self) -> bool:
        return bool(self._changed)

    def load(self, stored: Mapping[str, str]) -> None:
        """Replaces all states with those of the store."""
        self._all = {(status.rule, status.scope): status for status in statuses.parse_statuses(stored).values()}
        self._changed.clear()

    def restore(self, published: Iterable[AlertStatus]) -> None:
        """Takes each published status that is ahead of the store's: the store lost it."""
        for status in published:
            stored = self._all.get((status.rule, status.scope))
            if stored is None or stored.sequence < status.sequence:
                self._put(status)

    async def evaluate(
        self, at_ms: int, partitions: Sequence[TopicPartition], live: LivePolicy, windows: RuleWindows, now_ms: int
    ) -> None:
        """Evaluates every rule, in every scope that has hits or an alert, at one bucket boundary."""
        for name, rule, of in active_rules(live):
            with_alert = {scope for rule_name, scope in self._all if rule_name == name}
            sums = windows.of_rule(rule.window_s, at_ms)
            for observed in alerts.observe(rule, of, sums, with_alert, at_ms):
                if alerts.wants_users(observed, rule):
                    bucket_ms = live.policy.windows.bucket_s * 1000
                    starts = range(at_ms - rule.window_s * 1000, at_ms, bucket_ms)
                    users = await self._store.users(partitions, series(of.hits, observed.scope), starts)
                    observed = replace(observed, users=users)
                before = self._all.get((name, observed.scope))
                self._apply(before, alerts.step(before, observed, name, rule), live, now_ms)

    def remove_unruled(self, live: LivePolicy, at_ms: int, now_ms: int) -> None:
        """Ends alerts whose rule, or its kind of scope, is not in the policy any more."""
        rules = {name: rule for name, rule, _ in active_rules(live)}
        for (name, scope), status in list(self._all.items()):
            rule = rules.get(name)
            if rule is None or not scope.startswith(prefixes(rule.by)):
                self._apply(status, alerts.end_removed(status, at_ms), live, now_ms)

    def _apply(self, before: AlertStatus | None, stepped: alerts.Step, live: LivePolicy, now_ms: int) -> None:
        status, transition = stepped
        if status is None or status is before:
            return
        if transition is not None:
            silence = silenced_by(self._silences(), status.rule, status.scope, now_ms)
            status = statuses.with_unpublished(
                status, statuses.alert_event(status, transition, version_of(status.rule, live), silence)
            )
        self._put(status)

    def _put(self, status: AlertStatus) -> None:
        self._all[status.rule, status.scope] = status
        self._changed.add((status.rule, status.scope))

    async def save(self, lease: Lease, more: Mapping[str, str] | None = None) -> bool:
        """Writes the changed states and `more` in one step. Returns False if another worker holds the lease."""
        states: dict[str, str | None] = dict(more or {})
        for key in self._changed:
            status = self._all[key]
            states[status.fingerprint] = None if status.forgotten else status.model_dump_json()
        if states and not await self._store.save_alerts(lease, states):
            return False
        for key in self._changed:
            if self._all[key].forgotten:
                del self._all[key]
        self._changed.clear()
        return True

    async def publish_queued(self, lease: Lease) -> bool:
        """Publishes the saved transitions and acknowledges them. Returns False if another worker holds the lease."""
        queued = [status for status in self._all.values() if status.unpublished]
        if not queued:
            return True
        await self._publish([_message(alert) for status in queued for alert in status.unpublished])
        for status in queued:
            self.transitions.update((alert.rule, alert.state.value) for alert in status.unpublished)
            self._put(statuses.acknowledged(status, lease.now_ms))
        return await self.save(lease)

    async def resend(self, lease: Lease, live: LivePolicy, *, incomplete: bool) -> bool:
        """Publishes firing alerts last sent resend_s ago again. Returns False if another worker holds the lease."""
        due = [
            alerts.mark_incomplete(status) if incomplete else status
            for status in self._all.values()
            if status.state is AlertState.FIRING and lease.now_ms - status.last_sent_ms >= live.policy.resend_s * 1000
        ]
        if not due:
            return True
        # As the live policy describes them, also where no boundary was evaluated since it changed.
        rules = {active.name: active.rule for active in active_rules(live)}
        due = [alerts.with_annotations(s, rules[s.rule]) if s.rule in rules else s for s in due]
        await self._publish([_message(self._resent(status, live, lease.now_ms)) for status in due])
        self.resent += len(due)
        for status in due:
            self._put(statuses.acknowledged(status, lease.now_ms))
        return await self.save(lease)

    def _resent(self, status: AlertStatus, live: LivePolicy, now_ms: int) -> Alert:
        silence = silenced_by(self._silences(), status.rule, status.scope, now_ms)
        return statuses.alert_event(status, None, version_of(status.rule, live), silence)


def _message(alert: Alert) -> Message:
    return Message("alerts", alert.fingerprint.encode(), alert.model_dump_json().encode())
