"""The resolved policy: for any scopes, the thresholds that each label's score is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from operator import attrgetter
from typing import NamedTuple

from tidegate.streams.core.events import Action, Scopes
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.tables import GRADED, OFF, SCOPE_KINDS, Floor, ScopeRule, Thresholds
from tidegate.streams.core.policy.wording import Wording, wording_of

ResolvedLabels = dict[str, tuple["ResolvedThreshold", ...]]  # per label, strongest action first

_names = attrgetter(*SCOPE_KINDS)  # of Scopes

# Combinations of tenant, route, model and locale kept resolved: some kB each; 100 of each would make 10^8.
MOST_RESOLVED = 4096


class ResolvedThreshold(NamedTuple):
    """A score at or above `threshold` requests `action`; `scope` names the rule that sets the threshold."""

    threshold: float
    action: Action
    scope: str


@dataclass(frozen=True)
class LivePolicy:
    """One version of the policy, resolved. Immutable; a change creates another one and swaps it between batches.

    shadow: a candidate that runs beside it; its decisions are recorded and counted, and never applied.
    """

    version: str
    policy: Policy
    shadow: LivePolicy | None = None
    # init=False: a copy made by `replace` resolves its own.
    _resolved: dict[tuple[str | None, ...], tuple[ResolvedLabels, ResolvedLabels]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _worded: dict[tuple[str | None, ...], Wording] = field(default_factory=dict, init=False, repr=False, compare=False)
    _mentioned: list[frozenset[str]] = field(default_factory=list, init=False, repr=False, compare=False)  # one a kind

    def __post_init__(self) -> None:
        for kind in SCOPE_KINDS:
            names = (getattr(rule, kind) for rule in self.policy.scopes)
            self._mentioned.append(frozenset(name for name in names if name is not None))

    @cached_property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Per label every threshold that some completion's or prompt's score is compared with, rising.

        All scopes and floors, the shadow's too. Without 0.0, which every score reaches, from any stage.
        """
        by_label: dict[str, set[float]] = {}
        for policy_thresholds in (
            _every_threshold(self.policy, prompts=False),
            _every_threshold(self.policy, prompts=True),
        ):
            for label, _, threshold in policy_thresholds:
                by_label.setdefault(label, set()).add(threshold)
        for label, thresholds in self.shadow.thresholds.items() if self.shadow else ():
            by_label.setdefault(label, set()).update(thresholds)
        return {label: tuple(sorted(by_label - {0.0})) for label, by_label in by_label.items()}

    @cached_property
    def own_lowest(self) -> float:
        """The lowest threshold of any label, scope or floor, for completions and prompts."""
        every = (threshold for of in (False, True) for _, _, threshold in _every_threshold(self.policy, prompts=of))
        return min(every, default=inf)

    @cached_property
    def own_redact_from(self) -> Mapping[str, float]:
        """Per label the lowest `redact` threshold of any scope or floor."""
        lowest: dict[str, float] = {}
        for label, action, threshold in _every_threshold(self.policy, prompts=False):
            if action is Action.REDACT:
                lowest[label] = min(threshold, lowest.get(label, 1.0))
        return lowest

    @cached_property
    def redact_from(self) -> Mapping[str, float]:
        """The same of this policy and its shadow: where spans are of use."""
        lowest = dict(self.own_redact_from)
        for label, threshold in self.shadow.redact_from.items() if self.shadow else ():
            lowest[label] = min(threshold, lowest.get(label, 1.0))
        return lowest

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Every label of the policy, for completions or prompts. The classifier must score them.

        Not the shadow's: where the classifier lacks one of those, no action is requested for it, without harm.
        """
        return tuple(dict.fromkeys([*self.policy.labels, *self.policy.prompt_labels]))

    @cached_property
    def prompt_labels(self) -> frozenset[str]:
        """The labels that prompts are scored for; the shadow's too."""
        return frozenset(self.policy.prompt_labels) | (self.shadow.prompt_labels if self.shadow else frozenset())

    def resolve(self, scopes: Scopes) -> tuple[ResolvedLabels, ResolvedLabels]:
        """Returns the thresholds for a completion's labels and for its prompt's labels.

        Resolved once for each combination of names that the policy mentions, so that a million distinct routes
        cost nothing; the cache is cleared at MOST_RESOLVED combinations.
        """
        key = self._key(scopes)
        resolved = self._resolved.get(key)
        if resolved is None:
            if len(self._resolved) >= MOST_RESOLVED:
                self._resolved.clear()
            rules = _matching(self.policy, key)
            resolved = self._resolved[key] = (
                {
                    label: _resolved(
                        self.policy.floors.get(label),
                        default,
                        [(rule.selector, rule.labels.get(label)) for rule in rules],
                    )
                    for label, default in self.policy.labels.items()
                },
                {
                    label: _resolved(
                        self.policy.prompt_floors.get(label),
                        default,
                        [(rule.selector, rule.prompt_labels.get(label)) for rule in rules],
                    )
                    for label, default in self.policy.prompt_labels.items()
                },
            )
        return resolved

    def wording(self, scopes: Scopes) -> Wording:
        """Returns the mask and the fallbacks for a completion. Resolved once, as thresholds are."""
        key = self._key(scopes)
        worded = self._worded.get(key)
        if worded is None:
            if len(self._worded) >= MOST_RESOLVED:
                self._worded.clear()
            rules = _matching(self.policy, key)
            worded = self._worded[key] = wording_of(self.policy.mask, self.policy.fallbacks, rules)
        return worded

    def _key(self, scopes: Scopes) -> tuple[str | None, ...]:
        """Returns the names, of each kind, that the policy mentions."""
        return tuple(
            [
                name if name in mentioned else None
                for name, mentioned in zip(_names(scopes), self._mentioned, strict=True)
            ]
        )


def _resolved(
    floor: Floor | None, default: Thresholds, scoped: list[tuple[str, Thresholds | None]]
) -> tuple[ResolvedThreshold, ...]:
    resolved: list[ResolvedThreshold] = []
    for action in reversed(GRADED):
        threshold, scope = getattr(default, action.value), "default"
        for selector, thresholds in scoped:  # most specific first
            if thresholds is not None and (own := getattr(thresholds, action.value)) is not None:
                threshold, scope = own, selector
                break
        limit = getattr(floor, action.value) if floor is not None else None
        if limit is not None and (threshold is None or threshold == OFF or threshold > limit):
            threshold, scope = limit, "floor"
        if threshold is not None and threshold != OFF:
            resolved.append(ResolvedThreshold(threshold, action, scope))
    return tuple(resolved)


def _every_threshold(policy: Policy, *, prompts: bool) -> Iterator[tuple[str, Action, float]]:
    """Yields every threshold in force somewhere, as (label, action, threshold). A floor overrules a higher one."""
    places: tuple[Policy | ScopeRule, ...] = (policy, *policy.scopes)
    floors = policy.prompt_floors if prompts else policy.floors
    for by_label in (place.prompt_labels if prompts else place.labels for place in places):
        for label, thresholds in by_label.items():
            floor = floors.get(label)
            for action in GRADED:
                threshold = getattr(thresholds, action.value)
                limit = None if floor is None else getattr(floor, action.value)
                if threshold is not None and threshold != OFF:
                    yield label, action, threshold if limit is None else min(threshold, limit)
    for label, floor in floors.items():
        yield from ((label, action, v) for action in GRADED if (v := getattr(floor, action.value)) is not None)


def _matching(policy: Policy, key: tuple[str | None, ...]) -> list[ScopeRule]:
    """Returns the scope rules that match, most specific first: more selectors, then the earlier kind."""
    names = dict(zip(SCOPE_KINDS, key, strict=True))
    matching = [rule for rule in policy.scopes if all(names[kind] == name for kind, name in rule.selectors.items())]
    return sorted(
        matching, key=lambda rule: (-len(rule.selectors), [kind not in rule.selectors for kind in SCOPE_KINDS])
    )
