"""Measures: what can be counted, and over what total. The one table behind rates, alert rules and dashboards.

`store.apply` adds to counters. A measure is computed from counters: hits, and the total they are a share of.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tidegate.streams.core.events import Action, FeedbackKind

SCORED = "scored"  # completions with scores: no faults, and of the producer's failures those with a text
FAULT = "fault"
PRODUCER_FAILED = "producer_failed"
# Of those the ones that are in `scored` too: the text that was shown before the call failed has scores.
SCORED_FAILED = "scored_failed"

FEEDBACK = tuple(kind.value for kind in FeedbackKind)
ACTIONS = tuple(f"action.{action.value}" for action in Action)


@dataclass(frozen=True, slots=True)
class Measure:
    """A share over counters: `hits` is a counter's name, `total` the counters whose sum it is a share of.

    twice: counters of what is in two of `total`: subtracted, so that each completion is in the sum once.
    """

    name: str
    hits: str
    total: tuple[str, ...]
    twice: tuple[str, ...] = ()

    @property
    def counters(self) -> tuple[str, ...]:
        """Every counter that the measure is computed from."""
        return (self.hits, *self.total, *self.twice)


_FIXED = (
    *(Measure(action, action, (SCORED,)) for action in ACTIONS),
    Measure(FAULT, FAULT, (SCORED, FAULT)),
    Measure(PRODUCER_FAILED, PRODUCER_FAILED, (SCORED, PRODUCER_FAILED), (SCORED_FAILED,)),
    Measure("satisfaction", "thumb_up", ("thumb_up", "thumb_down")),
    Measure("overturned", "overturned", ("upheld", "overturned")),
    *(Measure(kind, kind, FEEDBACK) for kind in FEEDBACK if kind != "overturned"),
)
FIXED = {measure.name: measure for measure in _FIXED}
WOULD = "would."  # before the name of a measure or a counter: the shadow policy's


def shadow_measure(measure: Measure, shadow: str) -> Measure:
    """Returns the measure over the shadow policy's counters; a measure of feedback, which no policy changes, itself.

    shadow: its version. It is in the counters' names, so that two shadows are never one sum.
    """
    if measure.hits in FEEDBACK:
        return measure
    total, twice = (
        tuple(shadow_counter(counter, shadow) for counter in counters) for counters in (measure.total, measure.twice)
    )
    return Measure(WOULD + measure.name, shadow_counter(measure.hits, shadow), total, twice)


def shadow_counter(counter: str, shadow: str) -> str:
    """Returns the counter's name for a shadow of that version: `would.12-7f3a91c2.label.toxicity`."""
    return f"{WOULD}{shadow}.{counter}"


def find_measure(name: str, labels: Collection[str], prompt_labels: Collection[str]) -> Measure | None:
    """Returns the measure of that name, or None where there is none.

    name: `label.<label>`, `prompt.<label>`, `action.<action>`, `fault`, `producer_failed`, `satisfaction`,
    `overturned`, or a feedback kind.
    """
    head, _, label = name.partition(".")
    if (head == "label" and label in labels) or (head == "prompt" and label in prompt_labels):
        return Measure(name, name, (SCORED,))
    return FIXED.get(name)
