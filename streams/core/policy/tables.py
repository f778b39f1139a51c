"""The tables of a policy, from thresholds to strikes. `model.py` joins them.

Every key has a type, a unit, a range, a default and a description: docs/reference/ and the schema are made of them.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tidegate.streams.core.fields import LINE, WEB_URL, Action, Name, Severity
from tidegate.streams.core.measures import MeasureKind
from tidegate.streams.core.policy.validation import describe_value
from tidegate.streams.core.series import KINDS, OTHER

# Strict: `block = true` or `"0.5"` is a slip, not a number.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Integer = Annotated[int, Field(strict=True)]
Threshold = Annotated[Number, Field(ge=0, le=1)]
Weight = Annotated[Number, Field(ge=0, le=1000)]
OFF: Literal["off"] = "off"
GRADED = (Action.FLAG, Action.REVIEW, Action.REDACT, Action.BLOCK)  # weakest first
LONGEST_WINDOW_S = 604_800  # as long as decisions are kept on their topic by default


class Frozen(BaseModel):
    """The base of every table: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Graded(Frozen):
    """Keys named after actions, whose numbers rise with the action's strength."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        thresholds = [(a, v) for a in GRADED if isinstance(v := getattr(self, a.value), float)]
        for (weak, low), (strong, high) in pairwise(thresholds):
            if high < low:
                raise ValueError(
                    f"{strong.value} {high:g} is below {weak.value} {low:g}; expected {weak.value} <= {strong.value}"
                )
        return self


class Thresholds(_Graded):
    """Scores at or above which a label requests an action. Absent: as the next wider scope. "off": never."""

    flag: Threshold | Literal["off"] | None = Field(None, description="let it pass, and mark it")
    review: Threshold | Literal["off"] | None = Field(None, description="a person should look at it")
    redact: Threshold | Literal["off"] | None = Field(
        None, description="hide the spans that carry the label; without spans it becomes `review`"
    )
    block: Threshold | Literal["off"] | None = Field(None, description="do not show it")


class Floor(_Graded):
    """A threshold that no scope can raise or turn off: the organisation's own."""

    flag: Threshold | None = Field(None, description="flagged from here on, whatever a scope says")
    review: Threshold | None = Field(None, description="reviewed from here on")
    redact: Threshold | None = Field(None, description="redacted from here on; without spans, reviewed")
    block: Threshold | None = Field(None, description="blocked from here on")


Mask = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=LINE)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=LINE)]
Fallbacks = Annotated[tuple[Sentence, ...], Field(min_length=1, max_length=100)]


class ScopeRule(Frozen):
    """Thresholds and words for completions that match every selector given; the rule with most selectors wins."""

    tenant: Name | None = Field(None, description="only completions of this tenant")
    model: Name | None = Field(None, description="only those of this model: the producer's, not our classifier")
    route: Name | None = Field(None, description="only those of this route")
    locale: Name | None = Field(None, description="only those in this locale, compared as it is written")
    labels: dict[str, Thresholds] = Field({}, description="thresholds that differ here")
    prompt_labels: dict[str, Thresholds] = Field({}, description="the same for prompts")
    mask: Mask | None = Field(None, description="the mask here, where it differs")
    fallbacks: Fallbacks | None = Field(None, description="the sentences here: these, and none of the wider scope's")

    @property
    def selectors(self) -> dict[str, str]:
        return {kind: name for kind in SCOPE_KINDS if (name := getattr(self, kind)) is not None}

    @property
    def selector(self) -> str:
        """As reasons name it: `tenant=acme,route=kids`."""
        return ",".join(f"{kind}={name}" for kind, name in self.selectors.items())

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if not self.selectors:
            raise ValueError("no selector; expected at least one of tenant, model, route, locale")
        return self


# Between rules with equally many selectors, the earlier kind wins.
SCOPE_KINDS = ("tenant", "route", "model", "locale")


class Faults(Frozen):
    """The action on a completion that could not be scored."""

    fail: Literal["open", "closed"] = Field("open", description="`open`: allow it; `closed`: block it")
    routes: dict[str, Literal["open", "closed"]] = Field({}, description="by route, where a route wants otherwise")


class Windows(Frozen):
    """Buckets, windows, allowed lateness and grace. Seconds."""

    bucket_s: Integer = Field(
        10, ge=1, le=60, description="counts are kept per bucket; every window is a multiple of it"
    )
    rate_window_s: Integer = Field(
        300, ge=1, le=LONGEST_WINDOW_S, description="window of the rates published for every label and action"
    )
    late_s: Integer = Field(
        600, ge=0, le=86_400, description="a completion older than its record by more is decided, counted as `too_late`"
    )
    future_s: Integer = Field(
        60, ge=0, le=86_400, description="one that claims to be newer by more counts under its record's timestamp"
    )
    grace_s: Integer = Field(2, ge=0, le=600, description="rules look at a bucket this long after its end")


class Limits(Frozen):
    """Limits that keep a mistake in a policy from costing too much."""

    longest_window_s: Integer = Field(
        86_400, ge=60, le=LONGEST_WINDOW_S, description="counts are kept for so long: no window may be longer"
    )
    rates_per_evaluation: Integer = Field(
        1_000, ge=1, le=100_000, description="rates published a second, about; where more change, scopes take turns"
    )


MAX_LABELS = 16  # of a rule; sinks send all of them with every alert
_LABEL_NAME = r"^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,63}$"  # Prometheus's; it keeps names that begin with `__` for itself
# Sinks set these themselves, from the rule's name, the scope and the severity.
RESERVED_LABELS = ("alertname", "rule", "scope", "severity", "shadow", *KINDS, OTHER)


def _check_label_names(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > MAX_LABELS:
        raise ValueError(f"found {len(labels)} labels; expected at most {MAX_LABELS}")
    for name in labels:
        if not re.fullmatch(_LABEL_NAME, name):
            expected = "letters, digits and _, at most 64 of them, no digit first and no __"
            raise ValueError(f"{describe_value(name)} cannot name a label; expected {expected}")
        if name in RESERVED_LABELS:
            raise ValueError(f"{describe_value(name)} is set by Tidegate; expected another name")
    return labels


_LabelValue = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=LINE)]
_RuleLabels = Annotated[
    dict[str, _LabelValue],
    AfterValidator(_check_label_names),
    Field(
        json_schema_extra={
            "maxProperties": MAX_LABELS,
            "propertyNames": {"pattern": _LABEL_NAME, "not": {"enum": [*RESERVED_LABELS]}},
        }
    ),
]


class AlertRule(Frozen):
    """When a rate (`share`) or a number of events (`count`) is an incident, and what its alerts say to people."""

    kind: MeasureKind = Field("share", description="`share`: hits of a total; `count`: hits alone")
    of: str = Field(description="what is looked at: a measure, such as `label.toxicity` or `fault`")
    above: Number = Field(ge=0, description="broken where the value is above this: a share in [0, 1], or hits a window")
    resolve_below: Annotated[Number, Field(ge=0)] | None = Field(
        None, description="resolves under this; where not given, 0.8 times `above`"
    )
    window_s: Integer = Field(
        300, ge=1, le=LONGEST_WINDOW_S, description="how far back it looks; a multiple of `windows.bucket_s`"
    )
    for_s: Integer = Field(60, ge=0, le=86_400, description="must be broken this long to fire; 0 fires at once")
    min_total: Integer = Field(50, ge=0, description="a smaller total is too few to say; `count` does not look at it")
    min_users: Integer = Field(
        0, ge=0, description="distinct users among the hits (an estimate, about 1%); 0 does not look"
    )
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] | None = Field(
        None, description="of a share: the Wilson lower bound at this confidence must be above too"
    )
    by: tuple[Literal["all", "tenant", "model", "route"], ...] = Field(
        ("all",), description="an alert of its own for each scope of these kinds"
    )
    shadow: Annotated[bool, Field(strict=True)] = Field(
        False, description="where this policy runs as a shadow, this rule alerts too, marked; live, it has no effect"
    )
    severity: Severity = Field("warning", description="how urgent its alerts are, for pagers to route by")
    labels: _RuleLabels = Field(
        {}, description="name and value, for pagers to route by: at most 16, a value of at most 200 characters"
    )
    summary: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=LINE)] | None = Field(
        None, description="what is wrong, in one line of at most 200 characters"
    )
    runbook: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=WEB_URL)] | None = Field(
        None, description="URL (http or https) of the page that says what to do; it stands on the topic as it is"
    )
    owner: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=LINE)] | None = Field(
        None, description="the team or person whose alert it is, at most 64 characters"
    )

    @property
    def resolves_below(self) -> float:
        return 0.8 * self.above if self.resolve_below is None else self.resolve_below

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "share" and self.above > 1:
            raise ValueError(f"above {self.above:g} is outside [0, 1], the range of a share")
        if self.resolves_below > self.above:
            raise ValueError(f"resolve_below {self.resolves_below:g} is over {self.above:g}; expected at most `above`")
        if not self.by:
            raise ValueError("by is empty; expected at least one of all, tenant, model, route")
        return self


class Weights(Frozen):
    """The strikes that a completion adds to its user where a label requested that action. 0: none."""

    flag: Weight = Field(0.0, description="what a flag weighs")
    review: Weight = Field(0.0, description="what a review weighs")
    redact: Weight = Field(0.0, description="what a redaction weighs")
    block: Weight = Field(0.0, description="what a block weighs")


SMALLEST = 0.001  # strikes; the remainder of the lightest strike would reach a threshold below that
Sum = Annotated[Number, Field(ge=SMALLEST, le=1_000_000)]


class Strikes(Frozen):
    """Decaying strikes of hashed users. Without weights there are none. They never change a decision."""

    half_life_s: Integer = Field(86_400, ge=60, le=2_592_000, description="a user's strikes halve in this time")
    throttle: Sum | None = Field(None, description="a user left with this many or more is throttled")
    suspend: Sum | None = Field(None, description="with this many or more, suspended; at least `throttle`")
    weights: dict[str, Weights] = Field(
        {}, description="by label of the completion; of several reasons the one that weighs most counts"
    )
    prompt_weights: dict[str, Weights] = Field({}, description="the same by label of the prompt")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.throttle is not None and self.suspend is not None and self.suspend < self.throttle:
            raise ValueError(
                f"suspend {self.suspend:g} is below throttle {self.throttle:g}; expected throttle <= suspend"
            )
        return self
