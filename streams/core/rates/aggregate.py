"""Aggregates a record range of decisions or of feedback into counts. Pure: no store, no clock.

`aggregate` is on the hot path: decisions with equal counters are tallied first, and series are named once a tally.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tidegate.streams.core.events import Action, Decision, EventTime, Feedback, Source, WouldBe
from tidegate.streams.core.measures import (
    FAULT,
    PRODUCER_FAILED,
    PROMPT_BLOCKED,
    SCORED,
    SCORED_FAILED,
    shadow_counter,
)
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.rules import active_rules
from tidegate.streams.core.series import ALL, KINDS
from tidegate.streams.core.strikes import NewStrikes, new_strikes
from tidegate.streams.core.times import Arrival

# (kind, name) -> scope: `tenant=acme`, or `tenant:other` for a name beyond the limit of live scopes.
ScopeOf = Callable[[str, str], str]

_TOO_LATE = EventTime.TOO_LATE  # Python 3.11 looks a member up at the price of a function call
_FAULT: tuple[str, ...] = (FAULT,)
_FAILED: tuple[str, ...] = (PRODUCER_FAILED,)
_PROMPT_BLOCKED: tuple[str, ...] = (PROMPT_BLOCKED,)
_FAILED_HALFWAY: tuple[str, ...] = (PRODUCER_FAILED, SCORED_FAILED)
# (shadow version, counters) -> the shadow's counters: as many as labels combine; cleared at _MOST_WOULD.
_WOULD: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
_MOST_WOULD = 10_000
_SCORED: dict[Action, tuple[str, ...]] = {action: (SCORED, f"action.{action.value}") for action in Action}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The counts that one record range adds: all sums, so that the store runs few commands.

    counts: bucket start (ms) -> series -> n. A series is `<counter>|<scope>`, as `series.py` writes it.
    users: bucket start (ms) -> series -> hashed users among its hits (only series whose rule counts users).
    totals: counter -> n, for ever: decided, faults, dead_letters, redriven, feedback, too_late; absent where 0.
    new_strikes: the strikes of its users; None where there are none, as when the policy gives no weights.
    """

    counts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    users: Mapping[int, Mapping[str, Collection[str]]] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    new_strikes: NewStrikes | None = None


class ReceivedFeedback(NamedTuple):
    """One feedback ready to be counted: its user hashed. It counts under the arrival time of its record."""

    feedback: Feedback
    arrived: Arrival
    user: str | None
    source: Source
    record_ms: int  # the record's timestamp as it is


def aggregate(
    decisions: Collection[Decision], dead_letters: int, live: LivePolicy, scope_of: ScopeOf, redriven: int = 0
) -> Aggregate:
    """Counts the decisions of a record range, in `all` and in their tenant, model and route; and their strikes.

    A label is hit where it is among the reasons, whatever its action. A fault counts as `fault` alone (and as
    `producer_failed`, where it is one too), a producer's failure without a text only as `producer_failed`. One that
    failed after it had shown a text counts as its scores say, as `producer_failed`, and as `scored_failed`. A decision
    that came too late counts only in the totals. A prompt that was blocked counts as `prompt_blocked` alone.
    What a shadow policy would have done counts beside it, under the same names after `would.<its version>.`.
    """
    tally = _Tally(live, scope_of)
    decided = faults = too_late = 0
    for decision in decisions:
        if decision.fault is not None:
            faults += 1
        else:
            decided += 1
        counters = _counters(decision, decision)
        if decision.would_be is not None:
            counters += _shadow_counters(_counters(decision, decision.would_be), decision.would_be.policy_version)
        if decision.time is _TOO_LATE:
            too_late += 1
            continue
        scopes = decision.scopes
        tally.add(decision.at_ms, (scopes.tenant, scopes.model, scopes.route), counters, decision.user)
    totals = {"decided": decided, "faults": faults, "dead_letters": dead_letters, "too_late": too_late}
    totals["redriven"] = redriven
    return tally.aggregate(totals, new_strikes(decisions, live))


def _counters(decision: Decision, judgement: Decision | WouldBe) -> tuple[str, ...]:
    """Returns the counters of one decision, by the action and reasons of `judgement`: its own or the shadow's."""
    failed = decision.status == "failed"
    if decision.fault is not None:
        return _FAULT + _FAILED if failed else _FAULT
    if failed and not decision.scores:
        return _FAILED
    if decision.status == "prompt_blocked":
        return _PROMPT_BLOCKED
    counters = _SCORED[judgement.action]
    if failed:
        counters += _FAILED_HALFWAY
    if judgement.reasons:
        counters += tuple(
            f"{'label' if reason.of == 'completion' else 'prompt'}.{reason.label}"
            for reason in judgement.reasons
            if reason.label != PRODUCER_FAILED or reason.score is not None
        )
    return counters


def _shadow_counters(counters: tuple[str, ...], shadow: str) -> tuple[str, ...]:
    renamed = _WOULD.get((shadow, counters))
    if renamed is None:
        if len(_WOULD) >= _MOST_WOULD:
            _WOULD.clear()
        renamed = _WOULD[shadow, counters] = tuple(shadow_counter(counter, shadow) for counter in counters)
    return renamed


def aggregate_feedback(
    received: Iterable[ReceivedFeedback], dead_letters: int, live: LivePolicy, scope_of: ScopeOf, redriven: int = 0
) -> Aggregate:
    """Counts the feedback of a record range by kind, in `all` and in the tenant, model and route that it names."""
    tally = _Tally(live, scope_of)
    counted = 0
    for feedback, arrived, user, *_ in received:
        counted += 1
        tally.add(arrived.ms, (feedback.tenant, feedback.model, feedback.route), (feedback.kind.value,), user)
    return tally.aggregate({"feedback": counted, "dead_letters": dead_letters, "redriven": redriven})


class _Tally:
    """Tallies equal (bucket, scopes, counters) as one number; `aggregate` spreads each tally over its series."""

    def __init__(self, live: LivePolicy, scope_of: ScopeOf) -> None:
        self._bucket_ms = live.policy.windows.bucket_s * 1000
        self._kinds_of = _kinds_counting_users(live)
        self._scope_of = scope_of
        self._tallies: dict[tuple[int, tuple[str | None, ...], tuple[str, ...]], int] = {}
        self._users: dict[int, dict[str, set[str]]] = {}
        self._scopes: dict[tuple[str, str], str] = {}

    def add(self, at_ms: int, names: tuple[str | None, ...], counters: tuple[str, ...], user: str | None) -> None:
        """names: one for each of KINDS, or None where it is not known."""
        start = at_ms - at_ms % self._bucket_ms
        key = (start, names, counters)
        self._tallies[key] = self._tallies.get(key, 0) + 1
        if user is not None and self._kinds_of:
            for counter in counters:
                for kind in self._kinds_of.get(counter, ()):
                    name = None if kind == ALL else names[KINDS.index(kind)]
                    if name is not None or kind == ALL:
                        scope = ALL if name is None else self._scope(kind, name)
                        users = self._users.setdefault(start, {}).setdefault(f"{counter}|{scope}", set())
                        users.add(user)

    def aggregate(self, totals: dict[str, int], new_strikes: NewStrikes | None = None) -> Aggregate:
        counts: dict[int, dict[str, int]] = {}
        for (start, names, counters), n in self._tallies.items():
            bucket = counts.get(start)
            if bucket is None:
                bucket = counts[start] = {}
            scopes = [ALL]
            scopes += [self._scope(kind, name) for kind, name in zip(KINDS, names, strict=True) if name is not None]
            for counter in counters:
                for scope in scopes:
                    series = f"{counter}|{scope}"
                    bucket[series] = bucket.get(series, 0) + n
        return Aggregate(counts, self._users, {name: n for name, n in totals.items() if n}, new_strikes)

    def _scope(self, kind: str, name: str) -> str:
        scope = self._scopes.get((kind, name))
        if scope is None:
            scope = self._scopes[kind, name] = self._scope_of(kind, name)
        return scope


def _kinds_counting_users(live: LivePolicy) -> dict[str, set[str]]:
    """Returns, by counter, the kinds of scope in which some rule counts the users of its hits."""
    kinds: dict[str, set[str]] = {}
    for _, rule, measure in active_rules(live):
        if rule.min_users > 0:
            kinds.setdefault(measure.hits, set()).update(rule.by)
    return kinds
