"""The alert rules in force: the live policy's, and those of its shadow that ask to alert. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.core.measures import Measure, would
from streams.core.parts import AlertRule
from streams.core.thresholds import LivePolicy

SHADOW = "shadow:"  # before the name of a shadow's rule; no name holds a colon


class Ruled(NamedTuple):
    """A rule under the name that its alerts bear, and what it looks at."""

    name: str
    rule: AlertRule
    of: Measure


def ruled(live: LivePolicy) -> Iterator[Ruled]:
    """Every rule that may alert somebody. A shadow's rule does only where it says `shadow = true`, marked as such."""
    for name, rule in live.policy.alerts.items():
        yield Ruled(name, rule, live.policy.measure_of(rule))
    if live.shadow is not None:
        bucket_s = live.policy.windows.bucket_s  # counts are kept in the live policy's buckets
        for name, rule in live.shadow.policy.alerts.items():
            if rule.shadow:
                of, window_s = would(live.shadow.policy.measure_of(rule)), rule.window_s + -rule.window_s % bucket_s
                yield Ruled(SHADOW + name, rule.model_copy(update={"of": of.name, "window_s": window_s}), of)


def version_of(name: str, live: LivePolicy) -> str:
    """The version of the policy, or of its shadow, that the rule of that name is in."""
    return live.shadow.version if name.startswith(SHADOW) and live.shadow is not None else live.version
