"""Backtests alert rules: the alerts that a policy would have raised over recorded decisions and feedback. Pure.

The ruler's own steps, over complete buckets: `aggregate`, `windows`, `active_rules`, `lifecycle.step` at every
bucket boundary in event time. What only the ruler knows is left out: partitions that were behind, and silences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from tidegate.streams.core.alerts import lifecycle as alerts
from tidegate.streams.core.alerts import status as statuses
from tidegate.streams.core.alerts.status import AlertStatus
from tidegate.streams.core.events import Alert, AlertState, Decision
from tidegate.streams.core.measures import MeasureKind
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.rules import active_rules, version_of
from tidegate.streams.core.rates.aggregate import Aggregate, ReceivedFeedback, aggregate, aggregate_feedback
from tidegate.streams.core.rates.windows import Buckets, Sums, Window
from tidegate.streams.core.series import KINDS, other, scoped, series, split
from tidegate.streams.core.simulation.effects import EffectsModel

Counts = dict[int, dict[str, int]]  # bucket start (ms) -> series -> n


class Firing(EffectsModel):
    """One time that an alert fired. Boundaries, in event time (ms)."""

    rule: str
    scope: str
    measure: str
    kind: MeasureKind
    above: float
    pending_ms: int | None  # when the condition began to hold; None where it fired at once
    fired_ms: int
    resolved_ms: int | None  # None: it still fires at the end of the range
    peak: float | None  # the greatest value while it fired


class BacktestResult(EffectsModel):
    """The firings and transitions that the rules would have had in `[since_ms, until_ms]`."""

    policy_version: str
    since_ms: int
    until_ms: int
    firings: list[Firing] = Field([])  # by time, rule, scope; also those that began before and lasted into the range
    transitions: list[Alert] = Field([])  # as the ruler would have published them, of the range


class FirstScopes:
    """Scope names, limited as workers limit them: the first `limit` of a kind; the rest are `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: dict[str, set[str]] = {kind: set() for kind in KINDS}
        self.overflowed: set[str] = set()  # kinds with names beyond the limit

    def scope(self, kind: str, name: str) -> str:
        admitted = self._admitted[kind]
        if name not in admitted:
            if len(admitted) >= self._limit:
                self.overflowed.add(kind)
                return other(kind)
            admitted.add(name)
        return scoped(kind, name)


class Backtest:
    """Counts decisions and feedback under one policy; `run` then evaluates every boundary."""

    def __init__(self, live: LivePolicy, names: FirstScopes) -> None:
        self.live, self._names = live, names
        self._bucket_ms = live.policy.windows.bucket_s * 1000
        self._rules = [*active_rules(live)]
        self._wanted = {counter for _, _, measure in self._rules for counter in measure.counters}
        self._interned: dict[str, str | None] = {}  # series -> itself, one object; None where no rule needs it
        self._counts: Counts = {}
        self._users: dict[int, dict[str, set[str]]] = {}
        self._shared: Backtest | None = None

    def shared_with(self, other: Backtest) -> Backtest | None:
        """Returns a third backtest, for decisions that count the same under both policies, to count them once.

        None where none do: windows differ, or users are counted. The third only counts; it is never run.
        """
        mine, theirs = self.live.policy.windows, other.live.policy.windows
        if (mine.bucket_s, mine.late_s, mine.future_s) != (theirs.bucket_s, theirs.late_s, theirs.future_s):
            return None
        if any(rule.min_users for _, rule, _ in (*self._rules, *other._rules)):
            return None
        both = Backtest(self.live, self._names)
        both._wanted |= other._wanted
        self._shared = other._shared = both
        return both

    @property
    def lead_ms(self) -> int:
        """How long before the first boundary decisions are needed: the longest window, and `for_s` before that.

        An alert that fires at the first boundary has been pending for so long.
        """
        longest_s = max((rule.window_s for _, rule, _ in self._rules), default=0)
        return (longest_s + self.steps_early_ms // 1000) * 1000

    @property
    def steps_early_ms(self) -> int:
        """How long before the first boundary alerts are evaluated, so that alerts that fire then are known."""
        return max((rule.for_s for _, rule, _ in self._rules), default=0) * 1000 + self._bucket_ms

    def add(self, decisions: Sequence[Decision]) -> None:
        """Counts decisions, as this policy decides them or as they were recorded."""
        self._merge(aggregate(decisions, 0, self.live, self._names.scope))

    def add_feedback(self, received: Iterable[ReceivedFeedback]) -> None:
        """Counts feedback. Users may have any names that tell them apart."""
        self._merge(aggregate_feedback(received, 0, self.live, self._names.scope))

    def run(self, since_ms: int, until_ms: int) -> BacktestResult:
        """Evaluates every boundary up to until_ms, and returns firings and transitions from since_ms on."""
        bucket_ms = self._bucket_ms
        first = max(bucket_ms, since_ms - self.steps_early_ms)
        windows = _Windows(
            self._rules, [self._counts] if self._shared is None else [self._counts, self._shared._counts]
        )
        followed = _FollowedAlerts(self.live, since_ms)
        at_ms = first + -first % bucket_ms
        while at_ms <= until_ms:
            windows.move(at_ms)
            if windows.empty and not followed.any:  # no counts and no alerts: go on at the next count
                if (start := windows.next_start) is None:
                    break
                at_ms = max(at_ms + bucket_ms, start + -start % bucket_ms + bucket_ms)
                continue
            for name, rule, measure in self._rules:
                sums, alerting = windows.sums(rule.window_s), followed.scopes(name)
                for observed in alerts.observe(rule, measure, sums, alerting, at_ms):
                    if alerts.wants_users(observed, rule):
                        starts = range(at_ms - rule.window_s * 1000, at_ms, bucket_ms)
                        observed = replace(observed, users=self._distinct(series(measure.hits, observed.scope), starts))
                    followed.step(observed, name, rule)
            at_ms += bucket_ms
        return BacktestResult(
            policy_version=self.live.version,
            since_ms=since_ms,
            until_ms=until_ms,
            firings=followed.firings(),
            transitions=followed.transitions,
        )

    def _distinct(self, name: str, starts: Iterable[int]) -> int:
        """Returns the exact number of users; the ruler's is an estimate of about 1%."""
        return len(set().union(*(self._users.get(start, {}).get(name, ()) for start in starts)))

    def _merge(self, added: Aggregate) -> None:
        for start, counts in added.counts.items():
            into = self._counts.setdefault(start, {})
            for name, n in counts.items():
                if (interned := self._intern(name)) is not None:
                    into[interned] = into.get(interned, 0) + n
        for start, users in added.users.items():
            sets = self._users.setdefault(start, {})
            for name, hashed in users.items():
                if (interned := self._intern(name)) is not None:
                    sets.setdefault(interned, set()).update(hashed)

    def _intern(self, name: str) -> str | None:
        try:
            return self._interned[name]
        except KeyError:
            interned = self._interned[name] = name if split(name)[0] in self._wanted else None
            return interned


class _Windows:
    """The rules' windows, moved boundary by boundary; windows of one length share their buckets."""

    def __init__(self, rules: Iterable[Any], counts: Sequence[Counts]) -> None:
        wanted: dict[int, set[str]] = {}
        for _, rule, measure in rules:
            wanted.setdefault(rule.window_s, set()).update(measure.counters)
        self._counts = counts
        self._starts = sorted({start for one in counts for start in one})
        self._put = dict.fromkeys(wanted, 0)  # how many of the starts each window has
        self._by_length: dict[int, tuple[Buckets, Window]] = {}
        for window_s, counters in wanted.items():
            buckets = Buckets(dict.fromkeys(counters, window_s))
            self._by_length[window_s] = buckets, buckets.window(window_s, counters)
        self._sums: dict[int, Sums] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing was counted in any of them."""
        return not any(buckets.starts for buckets, _ in self._by_length.values())

    @property
    def next_start(self) -> int | None:
        """The next bucket in which something was counted; None where there is none."""
        n = min(self._put.values(), default=len(self._starts))
        return self._starts[n] if n < len(self._starts) else None

    def move(self, end_ms: int) -> None:
        """Moves the end of every window to end_ms, which never decreases."""
        for window_s, (buckets, window) in self._by_length.items():
            first = end_ms - window_s * 1000
            n = self._put[window_s]
            while n < len(self._starts) and self._starts[n] < end_ms:
                if (start := self._starts[n]) >= first:
                    for partition, counts in enumerate(self._counts):
                        buckets.put(partition, start, counts.get(start, {}))
                n += 1
            self._put[window_s] = n
            self._sums[window_s] = window.at(end_ms)
            buckets.drop_before(first)

    def sums(self, window_s: int) -> Sums:
        return self._sums[window_s]


@dataclass(slots=True)
class _FollowedAlert:
    """An alert, followed through its states."""

    status: AlertStatus
    pending_ms: int | None = None
    fired_ms: int | None = None
    peak: float | None = None


class _FollowedAlerts:
    """Every alert that is not inactive, and the firings that ended."""

    def __init__(self, live: LivePolicy, since_ms: int) -> None:
        self._live, self._since_ms = live, since_ms
        self._alive: dict[str, dict[str, _FollowedAlert]] = {}  # rule -> scope -> alert
        self._ended: list[Firing] = []
        self.transitions: list[Alert] = []

    @property
    def any(self) -> bool:
        return any(self._alive.values())

    def scopes(self, name: str) -> set[str]:
        """Returns the scopes in which the rule has an alert."""
        return set(self._alive.get(name, ()))

    def step(self, observed: alerts.Observation, name: str, rule: Any) -> None:
        by_scope = self._alive.setdefault(name, {})
        followed = by_scope.get(observed.scope)
        status, transition = alerts.step(followed.status if followed else None, observed, name, rule)
        if status is None:
            return
        if followed is None:
            followed = by_scope[observed.scope] = _FollowedAlert(status)
        previous, followed.status = followed.status.state, status
        if transition is not None and observed.at_ms >= self._since_ms:
            self.transitions.append(statuses.alert_event(status, transition, version_of(name, self._live), None))
        if status.state is AlertState.PENDING and transition is not None:
            followed.pending_ms = observed.at_ms
        elif status.state is AlertState.FIRING:
            if transition is not None:
                followed.fired_ms, followed.peak = observed.at_ms, None
            if status.value is not None:
                followed.peak = max(followed.peak or 0.0, status.value)
        elif previous is AlertState.FIRING:
            if observed.at_ms >= self._since_ms:
                self._ended.append(_firing(followed, observed.at_ms))
            followed.pending_ms = followed.fired_ms = None
        if status.forgotten:
            del by_scope[observed.scope]

    def firings(self) -> list[Firing]:
        lasting = [
            _firing(followed, None)
            for by_scope in self._alive.values()
            for followed in by_scope.values()
            if followed.status.state is AlertState.FIRING
        ]
        return sorted([*self._ended, *lasting], key=lambda firing: (firing.fired_ms, firing.rule, firing.scope))


def _firing(followed: _FollowedAlert, resolved_ms: int | None) -> Firing:
    status = followed.status
    return Firing(
        rule=status.rule,
        scope=status.scope,
        measure=status.measure,
        kind=status.kind,
        above=status.above,
        pending_ms=followed.pending_ms,
        fired_ms=followed.fired_ms or status.since_ms,
        resolved_ms=resolved_ms,
        peak=followed.peak,
    )
