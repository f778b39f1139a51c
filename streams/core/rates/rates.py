"""Rates: shares of counts, their confidence, and which rates a policy publishes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import sqrt
from statistics import NormalDist

from tidegate.streams.core.measures import (
    ACTIONS,
    FAULT,
    FEEDBACK,
    PRODUCER_FAILED,
    Counted,
    find_measure,
    shadow_measure,
)
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.rules import active_rules
from tidegate.streams.core.rates.windows import Sums
from tidegate.streams.core.times import AHEAD_MS

FEEDBACK_WINDOW_S = 3600  # of rates of feedback, which comes late and thin, where no rule has another window
_FEEDBACK = ("satisfaction", "complaint", "overturned")


def share(hits: int, total: int, min_total: int) -> float | None:
    """Returns hits / total in [0, 1], or None where total < min_total or is 0: too few to say."""
    return None if total < max(min_total, 1) else hits / total


def wilson_lower(hits: int, total: int, confidence: float) -> float:
    """Returns the lower end of the Wilson score interval: the true share is above it with that confidence (one-sided).

    0 where total is 0. Wilson 1927, as in Brown, Cai and DasGupta 2001, "Interval Estimation".
    """
    if total == 0 or hits == 0:
        return 0.0
    z = _z(confidence)
    observed, spread = hits / total, z * z / total
    return max(0.0, (observed + spread / 2 - z * sqrt((observed * (1 - observed) + spread / 4) / total)) / (1 + spread))


@cache
def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(confidence)


@dataclass(frozen=True, slots=True)
class RateSpec:
    """A rate that the policy publishes, of every live scope."""

    measure: Counted
    window_s: int
    min_total: int  # fewer: its share is None


def published_rates(live: LivePolicy) -> tuple[RateSpec, ...]:
    """Returns every rate to publish, for each live scope.

    Labels, prompt labels, actions and failures at `windows.rate_window_s`; feedback at its
    rules' windows or an hour; the same of the shadow policy; and the measure of each alert rule.
    Of a rate requested twice the smaller min_total holds.
    """
    policy, window_s = live.policy, live.policy.windows.rate_window_s
    specs: dict[tuple[str, int], RateSpec] = {}

    def request(measure: Counted, window_s: int, min_total: int) -> None:
        key = (measure.name, window_s)
        if key not in specs or specs[key].min_total > min_total:
            specs[key] = RateSpec(measure, window_s, min_total)

    for measure in _completion_measures(policy):
        request(measure, window_s, 1)
    if live.shadow is not None:
        for measure in _completion_measures(live.shadow.policy):
            request(shadow_measure(measure, live.shadow.version), window_s, 1)
    for name in _FEEDBACK:
        own = {rule.window_s for rule in policy.alerts.values() if rule.of == name}
        for feedback_s in own or {_round_up(FEEDBACK_WINDOW_S, policy.windows.bucket_s)}:
            request(_measure(name, policy), feedback_s, 1)
    for _, rule, measure in active_rules(live):
        request(measure, rule.window_s, rule.min_total)
    return tuple(specs.values())


def _completion_measures(policy: Policy) -> list[Counted]:
    labels = [f"label.{label}" for label in policy.labels] + [f"prompt.{label}" for label in policy.prompt_labels]
    return [_measure(name, policy) for name in (*labels, *ACTIONS, FAULT, PRODUCER_FAILED)]


def _measure(name: str, policy: Policy) -> Counted:
    measure = find_measure(name, policy.labels, policy.prompt_labels)
    if measure is None:
        raise LookupError(f"no measure {name!r}")
    return measure


def _round_up(window_s: int, bucket_s: int) -> int:
    """The window, rounded up to a multiple of the bucket."""
    return window_s + -window_s % bucket_s


def longest_window_s(live: LivePolicy, *, feedback: bool) -> int:
    """Returns the longest window over counters of feedback, or of completions: how long their buckets are needed."""
    return max(
        rate.window_s
        for rate in published_rates(live)
        if any((counter in FEEDBACK) is feedback for counter in rate.measure.counters)
    )


def keep_ms(live: LivePolicy, *, feedback: bool) -> int:
    """Returns how long a bucket is needed after its last write, whenever it begins.

    Bucket plus longest window, plus the longer of two: the allowed lateness, or how far ahead one may be written.
    """
    windows = live.policy.windows
    needed_s = windows.bucket_s + longest_window_s(live, feedback=feedback)
    return needed_s * 1000 + max(windows.late_s * 1000, windows.future_s * 1000 + AHEAD_MS)


def counters_by_window(rates: Iterable[RateSpec]) -> dict[int, set[str]]:
    """Returns, by window (s), the counters that its rates are made of."""
    counters: dict[int, set[str]] = {}
    for rate in rates:
        counters.setdefault(rate.window_s, set()).update(rate.measure.counters)
    return counters


def total_of(measure: Counted, scope: str, sums: Sums) -> int:
    """Returns the total that the measure's hits are a share of: each completion (or feedback) once."""
    total = sum(sums[counter].get(scope, 0) for counter in measure.total)
    return total - sum(sums[counter].get(scope, 0) for counter in measure.twice) if measure.twice else total
