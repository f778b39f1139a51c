"""The result of a what-if: the effects of another judgement of the same decisions. `what_if.py` tallies them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tidegate.streams.core.events import FeedbackKind
from tidegate.streams.core.fields import Action


class EffectsModel(BaseModel):
    """The base of every model here: frozen, and nothing but its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(EffectsModel):
    """One of the earliest decisions that would change. The producer can show its text, by the id."""

    id: str
    record_ms: int
    source: str
    tenant: str
    model: str
    label: str  # the strongest reason of the stricter side
    score: float | None
    threshold: float | None
    scope: str | None  # the scope that sets the threshold
    by: Literal["screen", "encoder"] | None
    said: list[FeedbackKind]  # complaints, appeals and verdicts


class Change(EffectsModel):
    """How many decisions change from one action to another."""

    was: Action
    now: Action
    count: int
    examples: list[Example]


class Group(EffectsModel):
    """The changes at one tenant, one model, or because of one label."""

    name: str
    others: int = 0  # of the group `other`: how many counted names it stands for
    decisions: int  # all there are; of a label, all of the range
    changed: int
    share: float  # changed / decisions
    tighter: int
    looser: int
    newly: dict[Action, int]


class Shift(EffectsModel):
    """How many decisions have an action, or a label among their reasons: before and after."""

    name: str
    was: int
    now: int


class RestsOn(EffectsModel):
    """The stage that gave the score behind each change; a fault has none."""

    screen: int
    encoder: int
    one_model: int  # where one model gives every score


class FeedbackCounts(EffectsModel):
    """Completions with such feedback, each once a kind."""

    complaint: int = 0
    appeal: int = 0
    upheld: int = 0
    overturned: int = 0


class UnscoredLabel(EffectsModel):
    """A label without a score in so many decisions."""

    label: str
    of: Literal["completion", "prompt"]
    decisions: int


class Effects(EffectsModel):
    """The differences between two judgements of the same decisions."""

    decisions: int
    faults: int
    producer_failed: int
    first_ms: int | None  # record timestamps; None where there are none
    last_ms: int | None
    changed: int
    tighter: int  # to a stronger action
    looser: int  # to a weaker one
    other_labels: int  # the same action, for other labels
    newly: dict[Action, int]
    actions: list[Shift]
    labels_hit: list[Shift]
    changes: list[Change]
    labels: list[Group]
    tenants: list[Group]
    models: list[Group]
    rests_on: RestsOn
    said: FeedbackCounts  # of all decisions
    said_of_changed: FeedbackCounts
