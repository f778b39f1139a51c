"""The policy: live, versioned rules as data. This file says what may stand in one; `thresholds.py` resolves it.

Every key has a type, a unit, a range, a default and a description: `docs/policy.md` and the schema are made of them.
Unknown keys are errors. Nothing here reads a file, a clock or a topic.
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streams.core.contract import Action, Name
from streams.core.measures import Measure, measure
from streams.core.problems import problems

# Strict: `block = true` or `"0.5"` is a slip, not a number.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Threshold = Annotated[Number, Field(ge=0, le=1)]
OFF: Literal["off"] = "off"
_NAME = re.compile(r"[\w.-]{1,64}")  # of a label or a rule: part of series, keys and metrics
GRADED = (Action.FLAG, Action.REVIEW, Action.REDACT, Action.BLOCK)  # weakest first


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Thresholds(_Part):
    """Scores at or above which a label asks for an action. Absent: as the next wider scope. "off": never."""

    flag: Threshold | Literal["off"] | None = Field(None, description="let it pass, and mark it")
    review: Threshold | Literal["off"] | None = Field(None, description="a person should look at it")
    redact: Threshold | Literal["off"] | None = Field(
        None, description="hide the spans that carry the label; without spans it becomes `review`"
    )
    block: Threshold | Literal["off"] | None = Field(None, description="do not show it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        given = [(a, v) for a in GRADED if isinstance(v := getattr(self, a.value), float)]
        for (weak, low), (strong, high) in pairwise(given):
            if high < low:
                raise ValueError(
                    f"{strong.value} {high:g} is below {weak.value} {low:g}; expected {weak.value} <= {strong.value}"
                )
        return self


class Floor(_Part):
    """A threshold that no scope can raise or turn off: the organisation's own."""

    flag: Threshold | None = Field(None, description="flagged from here on, whatever a scope says")
    review: Threshold | None = Field(None, description="reviewed from here on")
    redact: Threshold | None = Field(None, description="redacted from here on; without spans, reviewed")
    block: Threshold | None = Field(None, description="blocked from here on")


class ScopeRule(_Part):
    """Thresholds for completions that match every selector given; the rule with most selectors wins."""

    tenant: Name | None = Field(None, description="only completions of this tenant")
    model: Name | None = Field(None, description="only those of this model: the producer's, not our classifier")
    route: Name | None = Field(None, description="only those of this route")
    locale: Name | None = Field(None, description="only those in this locale, compared as it is written")
    labels: dict[str, Thresholds] = Field({}, description="thresholds that differ here")
    prompt_labels: dict[str, Thresholds] = Field({}, description="the same for prompts")

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


class Faults(_Part):
    """What becomes of a completion that we could not score."""

    fail: Literal["open", "closed"] = Field("open", description="`open`: allow it; `closed`: block it")
    routes: dict[str, Literal["open", "closed"]] = Field({}, description="by route, where a route wants otherwise")


class Windows(_Part):
    """How time is cut. Seconds."""

    bucket_s: Whole = Field(10, ge=1, le=60, description="counts are kept per bucket; every window is a multiple of it")
    rate_window_s: Whole = Field(
        300, ge=1, le=86_400, description="window of the rates published for every label and action"
    )
    late_s: Whole = Field(
        600, ge=0, le=86_400, description="a completion older than its record by more is decided, counted as `too_late`"
    )
    future_s: Whole = Field(
        60, ge=0, le=86_400, description="one that claims to be newer by more counts under its record's timestamp"
    )
    grace_s: Whole = Field(2, ge=0, le=600, description="rules look at a bucket this long after its end")


class AlertRule(_Part):
    """When a rate (`share`) or a number of events (`count`) is an incident."""

    kind: Literal["share", "count"] = Field("share", description="`share`: hits of a total; `count`: hits alone")
    of: str = Field(description="what is looked at: a measure, such as `label.toxicity` or `fault`")
    above: Number = Field(ge=0, description="broken where the value is above this: a share in [0, 1], or hits a window")
    resolve_below: Annotated[Number, Field(ge=0)] | None = Field(
        None, description="resolves under this; where not given, 0.8 times `above`"
    )
    window_s: Whole = Field(300, ge=1, le=86_400, description="how far back it looks; a multiple of `windows.bucket_s`")
    for_s: Whole = Field(60, ge=0, le=86_400, description="must be broken this long to fire; 0 fires at once")
    min_total: Whole = Field(50, ge=0, description="a smaller total is too few to say; `count` does not look at it")
    min_users: Whole = Field(
        0, ge=0, description="distinct users among the hits (an estimate, about 1%); 0 does not look"
    )
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] | None = Field(
        None, description="of a share: the Wilson lower bound at this confidence must be above too"
    )
    by: tuple[Literal["all", "tenant", "model", "route"], ...] = Field(
        ("all",), description="an alert of its own for each scope of these kinds"
    )
    shadow: Annotated[bool, Field(strict=True)] = Field(
        False, description="kept for shadow policies, which are not built yet; has no effect"
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


class Policy(_Part):
    """Everything an operator can change while Tidegate runs."""

    schema_version: Literal[1] = Field(1, description="of the policy's format")
    labels: dict[str, Thresholds] = Field(description="thresholds per label of the classifier, for completions")
    prompt_labels: dict[str, Thresholds] = Field({}, description="the same for prompts; without any, none is scored")
    floors: dict[str, Floor] = Field({}, description="thresholds that no scope can loosen")
    scopes: tuple[ScopeRule, ...] = Field((), description="thresholds for some tenants, models, routes or locales")
    faults: Faults = Field(Faults(), description="what becomes of a completion that we could not score")
    windows: Windows = Field(Windows(), description="how time is cut")
    resend_s: Whole = Field(60, ge=1, le=86_400, description="a firing alert is sent again this often")
    alerts: dict[str, AlertRule] = Field({}, description="rules, by name")

    @property
    def longest_window_s(self) -> int:
        return max([self.windows.rate_window_s, *(rule.window_s for rule in self.alerts.values())])

    def measure_of(self, rule: AlertRule) -> Measure:
        found = measure(rule.of, self.labels, self.prompt_labels)
        if found is None:
            raise PolicyError(f"unknown measure {rule.of!r}")
        return found

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for key, names in (("labels", self.labels), ("prompt_labels", self.prompt_labels), ("alerts", self.alerts)):
            for name in names:
                if not _NAME.fullmatch(name):
                    raise ValueError(
                        f"{key}: {name!r} is no name; expected letters, digits, _ . - and at most 64 of them"
                    )
        seen: set[tuple[tuple[str, str], ...]] = set()
        for i, scope in enumerate(self.scopes):
            for key, known in (("labels", self.labels), ("prompt_labels", self.prompt_labels)):
                for label in getattr(scope, key):
                    if label not in known:
                        raise ValueError(f"scopes[{i}].{key}.{label}: unknown label; expected one of {_listed(known)}")
            selectors = tuple(scope.selectors.items())
            if selectors in seen:
                raise ValueError(f"scopes[{i}]: a second rule for {scope.selector}; expected one rule a selector")
            seen.add(selectors)
        for label in self.floors:
            if label not in self.labels:
                raise ValueError(f"floors.{label}: unknown label; expected one of {_listed(self.labels)}")
        bucket_s = self.windows.bucket_s
        if self.windows.rate_window_s % bucket_s:
            found = self.windows.rate_window_s
            raise ValueError(f"windows.rate_window_s: found {found}; expected a multiple of bucket_s, {bucket_s}")
        for name, rule in self.alerts.items():
            if measure(rule.of, self.labels, self.prompt_labels) is None:
                raise ValueError(
                    f"alerts.{name}.of: unknown measure {rule.of!r}; expected label.<label>, prompt.<label>, "
                    "action.<action>, fault, producer_failed, satisfaction, overturned or a feedback kind"
                )
            if rule.window_s % bucket_s:
                raise ValueError(
                    f"alerts.{name}.window_s: found {rule.window_s}; expected a multiple of bucket_s, {bucket_s}"
                )
        return self


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "(none)"


class PolicyError(ValueError):
    """A policy was refused; the live one stands. Correct the key it names and apply again."""


def parse(data: Any, where: str) -> Policy:
    """The policy in `data` (a mapping as read from TOML or JSON).

    Raises PolicyError: one line a problem, each naming `where`, the key, what was found and what is allowed.
    """
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        raise PolicyError("\n".join(problems(where, data, error, Policy.model_json_schema()))) from None


def digest(policy: Policy) -> str:
    """8 hex digits of the policy's content: equal policies, equal digest, whatever order their keys stood in.

    Defaults are left out: a key added to Tidegate later must not change the versions that stand in the log as parents.
    """
    content = policy.model_dump(mode="json", exclude_defaults=True)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def version(offset: int, policy: Policy) -> str:
    """A policy's version: its offset on the `policies` log, and its digest."""
    return f"{offset}-{digest(policy)}"
