"""The policy: live, versioned rules as data. `tables.py` defines its tables; `resolved.py` resolves it.

Unknown keys are errors. Nothing here reads a file, a clock or a topic.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from tidegate.streams.core.measures import Counted, find_measure, of_kind
from tidegate.streams.core.policy.tables import (
    AlertRule,
    Fallbacks,
    Faults,
    Floor,
    Frozen,
    Integer,
    Limits,
    Mask,
    ScopeRule,
    Strikes,
    Thresholds,
    Windows,
)
from tidegate.streams.core.policy.validation import MAX_PROBLEMS, describe_value, did_you_mean, problems, quoted

_NAME = re.compile(r"[\w.-]{1,64}")  # of a label or a rule: part of series, keys and metrics
FORMAT: Literal[1] = 1  # of policies: what `schema_version` says


class Policy(Frozen):
    """Everything an operator can change while Tidegate runs."""

    schema_version: Literal[1] = Field(FORMAT, description="of the policy's format")
    labels: dict[str, Thresholds] = Field(description="thresholds per label of the classifier, for completions")
    prompt_labels: dict[str, Thresholds] = Field({}, description="the same for prompts; without any, none is scored")
    floors: dict[str, Floor] = Field({}, description="thresholds that no scope can loosen")
    prompt_floors: dict[str, Floor] = Field({}, description="the same for prompts")
    scopes: tuple[ScopeRule, ...] = Field((), description="thresholds for some tenants, models, routes or locales")
    faults: Faults = Field(Faults(), description="what becomes of a completion that we could not score")
    windows: Windows = Field(Windows(), description="how time is cut")
    limits: Limits = Field(Limits(), description="what keeps a slip from costing too much")
    mask: Mask | None = Field(
        None,
        description="what `serve` puts in place of a redacted piece, at most 100 characters; where not given, █████",
    )
    fallbacks: Fallbacks | None = Field(
        None,
        description="sentences, one of which `serve` gives to be shown in place of a blocked text: at most 100, of at "
        "most 1,000 characters",
    )
    resend_s: Integer = Field(60, ge=1, le=86_400, description="a firing alert is sent again this often")
    alerts: dict[str, AlertRule] = Field({}, description="rules, by name")
    strikes: Strikes = Field(Strikes(), description="decaying marks on users, and what becomes of those with many")

    def measure_of(self, rule: AlertRule) -> Counted:
        measure = find_measure(rule.of, self.labels, self.prompt_labels)
        if measure is None:
            raise PolicyError(f"unknown measure {rule.of!r}")
        return of_kind(measure, rule.kind)

    @model_validator(mode="after")
    def _check_between_keys(self) -> Self:
        messages = chain(self._name_problems(), self._label_problems(), self._scope_problems(), self._window_problems())
        if wrong := list(islice(messages, MAX_PROBLEMS)):
            raise ValueError("\n".join(wrong))
        return self

    def _name_problems(self) -> Iterator[str]:
        for key, names in (("labels", self.labels), ("prompt_labels", self.prompt_labels), ("alerts", self.alerts)):
            for name in names:
                if not _NAME.fullmatch(name):
                    expected = "letters, digits, _ . - and at most 64 of them"
                    yield f"{key}: {describe_value(name)} is no name; expected {expected}"

    def _label_problems(self) -> Iterator[str]:
        references: list[tuple[str, Iterable[str], Iterable[str]]] = [
            ("floors", self.floors, self.labels),
            ("prompt_floors", self.prompt_floors, self.prompt_labels),
            ("strikes.weights", self.strikes.weights, self.labels),
            ("strikes.prompt_weights", self.strikes.prompt_weights, self.prompt_labels),
        ]
        for i, scope in enumerate(self.scopes):
            references.append((f"scopes[{i}].labels", scope.labels, self.labels))
            references.append((f"scopes[{i}].prompt_labels", scope.prompt_labels, self.prompt_labels))
        for key, labels, defined in references:
            for label in labels:
                if label not in defined:
                    meant = did_you_mean(label, defined)
                    yield f"{key}.{quoted(label)}: unknown label{meant}; expected one of {_join_names(defined)}"
        for name, rule in self.alerts.items():
            if find_measure(rule.of, self.labels, self.prompt_labels) is None:
                yield (
                    f"alerts.{quoted(name)}.of: unknown measure {describe_value(rule.of)}; expected label.<label>, "
                    "prompt.<label>, action.<action>, fault, producer_failed, satisfaction, overturned or a feedback "
                    "kind"
                )

    def _scope_problems(self) -> Iterator[str]:
        seen: set[tuple[tuple[str, str], ...]] = set()
        for i, scope in enumerate(self.scopes):
            selectors = tuple(scope.selectors.items())
            if selectors in seen:
                yield f"scopes[{i}]: a second rule for {quoted(scope.selector)}; expected one rule a selector"
            seen.add(selectors)

    def _window_problems(self) -> Iterator[str]:
        bucket_s, longest_s = self.windows.bucket_s, self.limits.longest_window_s
        windows = {"windows.rate_window_s": self.windows.rate_window_s}
        windows |= {f"alerts.{quoted(name)}.window_s": rule.window_s for name, rule in self.alerts.items()}
        for key, window_s in windows.items():
            if window_s % bucket_s:
                yield f"{key}: found {window_s}; expected a multiple of bucket_s, {bucket_s}"
            if window_s > longest_s:
                yield (
                    f"{key}: {window_s} s is longer than counts are kept; "
                    f"expected at most limits.longest_window_s, {longest_s}"
                )


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(quoted, names))) or "(none)"


class PolicyError(ValueError):
    """A policy was refused; the live policy stands. Correct the key that the message names and apply again."""


def parse(data: Any, where: str) -> Policy:
    """Parses the policy in `data`, a mapping as read from TOML or JSON.

    Raises PolicyError: one line a problem, with `where`, the key, the value found and the values allowed.
    """
    number = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(number, int) and number > FORMAT:  # "unknown key" would be true, and of no help
        raise PolicyError(
            f"{where}: schema_version: {describe_value(number)} is newer than this Tidegate reads, {FORMAT}; "
            f"expected {FORMAT}, or a newer Tidegate"
        )
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        raise PolicyError("\n".join(problems(where, data, error, _schema()))) from None


@cache
def _schema() -> dict[str, Any]:
    """The JSON Schema of a policy, cached: it costs tens of milliseconds, and every refused record needs it."""
    return Policy.model_json_schema()


def digest(policy: Policy) -> str:
    """8 hex digits of the policy's content: equal policies have equal digests, in whatever order their keys are.

    Defaults are left out: a key added to Tidegate later must not change the versions that the log names as parents.
    """
    content = policy.model_dump(mode="json", exclude_defaults=True)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def version(offset: int, policy: Policy) -> str:
    """A policy's version: its offset on the `policies` log, and its digest."""
    return f"{offset}-{digest(policy)}"
