"""What can be counted, and over what: the one table behind rates, alert rules and the dashboards' names.

A counter is what `store.apply` adds to. A measure is a question over counters: hits, and the total they are
a share of.
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
    """A question over counters: `hits` is a counter's name, `total` the counters whose sum it is a share of.

    twice: counters of what is in two of `total`: taken off, so that each completion is in the sum once.
    """

    name: str
    hits: str
    total: tuple[str, ...]
    twice: tuple[str, ...] = ()

    @property
    def counters(self) -> tuple[str, ...]:
        """Every counter that the answer is made of."""
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
WOULD = "would."  # before the name of a measure or a counter: what the shadow policy would have made of it


def shadow_measure(measure: Measure, shadow: str) -> Measure:
    """The same question of what the shadow policy would have done; of feedback, which no policy changes, itself.

    shadow: its version. It is in the counters' names: what two shadows would have done is never one sum.
    """
    if measure.hits in FEEDBACK:
        return measure
    total, twice = (
        tuple(shadow_counter(counter, shadow) for counter in counters) for counters in (measure.total, measure.twice)
    )
    return Measure(WOULD + measure.name, shadow_counter(measure.hits, shadow), total, twice)


def shadow_counter(counter: str, shadow: str) -> str:
    """The counter's name where a shadow of that version is what counts: `would.12-7f3a91c2.label.toxicity`."""
    return f"{WOULD}{shadow}.{counter}"


def find_measure(name: str, labels: Collection[str], prompt_labels: Collection[str]) -> Measure | None:
    """The measure of that name, or None where there is none.

    name: `label.<label>`, `prompt.<label>`, `action.<action>`, `fault`, `producer_failed`, `satisfaction`,
    `overturned`, or a feedback kind.
    """
    head, _, label = name.partition(".")
    if (head == "label" and label in labels) or (head == "prompt" and label in prompt_labels):
        return Measure(name, name, (SCORED,))
    return FIXED.get(name)
