"""The active alert rules: the live policy's, and those of its shadow with `shadow = true`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tidegate.streams.core.measures import Counted, shadow_measure
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import AlertRule

SHADOW = "shadow:"  # before the name of a shadow's rule; no name holds a colon


class ActiveRule(NamedTuple):
    """A rule, the name of its alerts, and the measure that it evaluates."""

    name: str
    rule: AlertRule
    measure: Counted


def active_rules(live: LivePolicy) -> Iterator[ActiveRule]:
    """Yields every rule that may alert. A shadow's rule alerts only with `shadow = true`, and is marked.

    Its window is fitted to the live policy, in whose buckets counts are kept, and no longer than its limit.
    """
    for name, rule in live.policy.alerts.items():
        yield ActiveRule(name, rule, live.policy.measure_of(rule))
    shadow = live.shadow
    if shadow is not None:
        for name, rule in shadow.policy.alerts.items():
            if rule.shadow:
                measure = shadow_measure(shadow.policy.measure_of(rule), shadow.version)
                fitted = {"of": measure.name, "window_s": _fit_window(rule.window_s, live.policy)}
                yield ActiveRule(SHADOW + name, rule.model_copy(update=fitted), measure)


def _fit_window(window_s: int, policy: Policy) -> int:
    """Rounds the window up to a multiple of the policy's buckets, at most the longest that it allows."""
    bucket_s, longest_s = policy.windows.bucket_s, policy.limits.longest_window_s
    return min(window_s + -window_s % bucket_s, longest_s - longest_s % bucket_s)


def version_of(name: str, live: LivePolicy) -> str:
    """Returns the version of the policy, or of its shadow, that holds the rule of that name."""
    return live.shadow.version if name.startswith(SHADOW) and live.shadow is not None else live.version
