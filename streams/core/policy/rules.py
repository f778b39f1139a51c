"""The alert rules in force: the live policy's, and those of its shadow that ask to alert. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tidegate.streams.core.measures import Measure, shadow_measure
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import AlertRule

SHADOW = "shadow:"  # before the name of a shadow's rule; no name holds a colon


class ActiveRule(NamedTuple):
    """A rule under the name that its alerts bear, and what it looks at."""

    name: str
    rule: AlertRule
    measure: Measure


def active_rules(live: LivePolicy) -> Iterator[ActiveRule]:
    """Every rule that may alert somebody. A shadow's rule does only where it says `shadow = true`, marked as such.

    Its window is made to fit the live policy, in whose buckets counts are kept, and for no longer than that one asks.
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
    """The whole number of the policy's buckets that holds the window, or the most that it allows."""
    bucket_s, longest_s = policy.windows.bucket_s, policy.limits.longest_window_s
    return min(window_s + -window_s % bucket_s, longest_s - longest_s % bucket_s)


def version_of(name: str, live: LivePolicy) -> str:
    """The version of the policy, or of its shadow, that the rule of that name is in."""
    return live.shadow.version if name.startswith(SHADOW) and live.shadow is not None else live.version
