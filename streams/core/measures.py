"""Measures: what can be counted, and over what total. The one table behind rates, alert rules and dashboards.

`store.apply` adds to counters. A measure is computed from counters, and is of one kind: a share or a count of hits, or
a statistic. `MeasureKind` names the kinds that rules may ask for; everything else reads them from there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Literal

from tidegate.streams.core.fields import Action
from tidegate.streams.core.incoming import FeedbackKind

SCORED = "scored"  # completions with scores: no faults, and of the producer's failures those with a text
FAULT = "fault"
PRODUCER_FAILED = "producer_failed"
# Of those the ones that are in `scored` too: the text that was shown before the call failed has scores.
SCORED_FAILED = "scored_failed"

PROMPT_BLOCKED = "prompt_blocked"  # prompts that `serve` blocked before a model was asked: in no label's total

FEEDBACK = tuple(kind.value for kind in FeedbackKind)
# `mistaken` is in no other kind's total: a flood of it must neither raise nor hide a rate of complaints.
_WITHOUT_MISTAKEN = tuple(kind for kind in FEEDBACK if kind != FeedbackKind.MISTAKEN)
ACTIONS = tuple(f"action.{action.value}" for action in Action)


# The kinds that a rule may ask for and an alert may be of. With another one mypy names each place that must know it.
MeasureKind = Literal["share", "count"]


@dataclass(frozen=True, slots=True)
class _OfHits:
    """`hits` is a counter's name, `total` the counters whose sum it is a share of.

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


class ShareMeasure(_OfHits):
    """Hits of a total, in [0, 1]."""

    __slots__ = ()
    kind: ClassVar[MeasureKind] = "share"


class CountMeasure(_OfHits):
    """Hits alone: a number of events. The total is published beside it, and nothing is compared with it."""

    __slots__ = ()
    kind: ClassVar[MeasureKind] = "count"


@dataclass(frozen=True, slots=True)
class StatisticMeasure:
    """A number computed from counters that has no hits, such as the distance of two distributions.

    None exists yet, and no rule can ask for one: `MeasureKind` does not name it.
    """

    kind: ClassVar[str] = "statistic"

    name: str
    counters: tuple[str, ...]


Counted = ShareMeasure | CountMeasure
Measure = Counted | StatisticMeasure


_BY_KIND: dict[str, type[ShareMeasure | CountMeasure]] = {
    ShareMeasure.kind: ShareMeasure,
    CountMeasure.kind: CountMeasure,
}


def of_kind(measure: Counted, kind: str) -> Counted:
    """Returns the measure of the same counters as a rule of that kind reads them.

    Raises ValueError where no rule can ask for that kind. A policy with one is refused before, with the key's name.
    """
    if kind not in _BY_KIND:
        raise ValueError(f"{measure.name}: unknown kind {kind!r}; expected one of {', '.join(_BY_KIND)}")
    return _BY_KIND[kind](measure.name, measure.hits, measure.total, measure.twice)


_FIXED = (
    *(ShareMeasure(action, action, (SCORED,)) for action in ACTIONS),
    ShareMeasure(FAULT, FAULT, (SCORED, FAULT)),
    ShareMeasure(PRODUCER_FAILED, PRODUCER_FAILED, (SCORED, PRODUCER_FAILED), (SCORED_FAILED,)),
    ShareMeasure(PROMPT_BLOCKED, PROMPT_BLOCKED, (SCORED, PROMPT_BLOCKED)),
    ShareMeasure("satisfaction", "thumb_up", ("thumb_up", "thumb_down")),
    ShareMeasure("overturned", "overturned", ("upheld", "overturned")),
    *(ShareMeasure(kind, kind, _WITHOUT_MISTAKEN) for kind in _WITHOUT_MISTAKEN if kind != "overturned"),
    ShareMeasure("mistaken", "mistaken", ("complaint", "mistaken")),
)
FIXED = {measure.name: measure for measure in _FIXED}
WOULD = "would."  # before the name of a measure or a counter: the shadow policy's


def shadow_measure(measure: Counted, shadow: str) -> Counted:
    """Returns the measure over the shadow policy's counters; a measure of feedback, which no policy changes, itself.

    shadow: its version. It is in the counters' names, so that two shadows are never one sum.
    """
    if measure.hits in FEEDBACK:
        return measure
    total, twice = (
        tuple(shadow_counter(counter, shadow) for counter in counters) for counters in (measure.total, measure.twice)
    )
    return type(measure)(WOULD + measure.name, shadow_counter(measure.hits, shadow), total, twice)


def shadow_counter(counter: str, shadow: str) -> str:
    """Returns the counter's name for a shadow of that version: `would.12-7f3a91c2.label.toxicity`."""
    return f"{WOULD}{shadow}.{counter}"


def find_measure(name: str, labels: Collection[str], prompt_labels: Collection[str]) -> ShareMeasure | None:
    """Returns the measure of that name, or None where there is none.

    name: `label.<label>`, `prompt.<label>`, `action.<action>`, `fault`, `producer_failed`,
    `prompt_blocked`, `satisfaction`, `overturned`, or a feedback kind.
    """
    head, _, label = name.partition(".")
    if (head == "label" and label in labels) or (head == "prompt" and label in prompt_labels):
        return ShareMeasure(name, name, (SCORED,))
    return FIXED.get(name)
