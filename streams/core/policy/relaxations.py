"""Relaxations: what a new policy allows that the old one stops, by blocks, floors, closed faults and labels. Pure.

Policies are compared as resolved, not as text: a removed rule, a floor that no longer overrules and a wider default
all count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations, islice
from typing import NamedTuple, TypeVar

from tidegate.streams.core.fields import Action
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.tables import GRADED, OFF, SCOPE_KINDS, Floor, ScopeRule, Thresholds

NEVER = "never"  # no score asks for that action
MOST_PLACES = 100_000  # scopes compared: some seconds; more than that counts as a relaxation
_NONE = 2.0  # no score reaches it

Place = tuple[tuple[str, str], ...]  # a scope: kind and name of each selector, in the order of SCOPE_KINDS
G = TypeVar("G", Thresholds, Floor)


class Relaxation(NamedTuple):
    """One thing that is stopped under the old policy and not under the new one."""

    key: str  # as in the file: labels.toxicity.block, floors.threat.review, faults.fail, labels.insult
    scope: str  # as reasons name it, `tenant=acme`; empty: wherever no scope rule overrides it
    was: str
    now: str
    action: Action = Action.BLOCK  # the strongest that it may have kept a completion from

    def __str__(self) -> str:
        return f"{self.key}{f' for {self.scope}' if self.scope else ''}: {self.was} -> {self.now}"


def relaxations(old: Policy, new: Policy) -> list[Relaxation]:
    """Returns what `new` loosens: labels removed, then floors, then blocks in any scope, then faults."""
    return [*_labels(old, new), *_floors(old, new), *_blocks(old, new), *_faults(old, new)]


def only_from(weakest: Action, policy: Policy) -> Policy:
    """Returns the policy without thresholds for actions weaker than `weakest`."""
    weaker = {action.value: None for action in GRADED if action.strength < weakest.strength}

    def without_weaker(graded: Mapping[str, G]) -> dict[str, G]:
        return {label: thresholds.model_copy(update=weaker) for label, thresholds in graded.items()}

    scopes = [
        rule.model_copy(
            update={"labels": without_weaker(rule.labels), "prompt_labels": without_weaker(rule.prompt_labels)}
        )
        for rule in policy.scopes
    ]
    return policy.model_copy(
        update={
            "labels": without_weaker(policy.labels),
            "prompt_labels": without_weaker(policy.prompt_labels),
            "floors": without_weaker(policy.floors),
            "prompt_floors": without_weaker(policy.prompt_floors),
            "scopes": tuple(scopes),
        }
    )


def _labels(old: Policy, new: Policy) -> Iterator[Relaxation]:
    for key in ("labels", "prompt_labels"):
        for label in getattr(old, key):
            if label not in getattr(new, key):
                yield Relaxation(f"{key}.{label}", "", "looked at", "not looked at")


def _floors(old: Policy, new: Policy) -> Iterator[Relaxation]:
    for key, labels in (("floors", new.labels), ("prompt_floors", new.prompt_labels)):
        for label, floor in getattr(old, key).items():
            if label not in labels:
                continue  # reported above: the label is removed
            new_floor = getattr(new, key).get(label, Floor())
            for action in GRADED:
                was, is_ = getattr(floor, action.value), getattr(new_floor, action.value)
                if was is not None and (is_ is None or is_ > was):
                    after = "none" if is_ is None else f"{is_:g}"
                    yield Relaxation(f"{key}.{label}.{action.value}", "", f"{was:g}", after, action)


def _blocks(old: Policy, new: Policy) -> Iterator[Relaxation]:
    places_of: dict[tuple[str, str, str], list[Place]] = {}
    places = sorted(dict.fromkeys(islice(_places(old, new), MOST_PLACES)), key=len)
    for key, floors in (("labels", "floors"), ("prompt_labels", "prompt_floors")):
        was, now = _BlockThresholds(old, key, floors), _BlockThresholds(new, key, floors)
        for label in was.default.keys() & now.default.keys():
            for place in places:
                blocked, blocks = was.at(label, place), now.at(label, place)
                if blocks > blocked:
                    line = f"{key}.{label}.block", f"{blocked:g}", NEVER if blocks > 1 else f"{blocks:g}"
                    places_of.setdefault(line, []).append(place)
    for (key, before, after), where in sorted(places_of.items()):
        for place in _widest(where):
            yield Relaxation(key, ",".join(f"{kind}={name}" for kind, name in place), before, after)
    if next(islice(_places(old, new), MOST_PLACES, None), None) is not None:
        yield Relaxation("scopes", "", f"{len(old.scopes):,} rules", f"{len(new.scopes):,}: too many to compare")


class _BlockThresholds:
    """The lowest score that a policy blocks, in any scope: as in `resolved.py`, without a scan of every rule."""

    def __init__(self, policy: Policy, key: str, floors: str) -> None:
        self.default: Mapping[str, Thresholds] = getattr(policy, key)
        self._floors: Mapping[str, Floor] = getattr(policy, floors)
        self._rules = {_place(rule): getattr(rule, key) for rule in policy.scopes}

    def at(self, label: str, place: Place) -> float:
        """Returns the lowest score that is blocked there; over 1: none is."""
        own = None
        for wider in _wider(place):  # the most specific first
            if (rule := self._rules.get(wider)) and label in rule and (own := rule[label].block) is not None:
                break
        else:
            own = self.default[label].block
        floor = self._floors[label].block if label in self._floors else None
        return min(_NONE if own is None or own == OFF else own, _NONE if floor is None else floor)


def _wider(place: Place) -> Iterator[Place]:
    """Yields the scopes that contain `place`, itself first: more selectors before fewer, then the earlier kinds."""
    return chain.from_iterable(combinations(place, n) for n in range(len(place), 0, -1))


def _place(rule: ScopeRule) -> Place:
    return tuple(rule.selectors.items())


def _widest(places: Sequence[Place]) -> Iterator[Place]:
    """Yields the places that no other place contains: a relaxation of a scope holds in what it contains.

    places: widest first.
    """
    yielded: set[Place] = set()
    for place in places:
        if () not in yielded and yielded.isdisjoint(_wider(place)):
            yielded.add(place)
            yield place


def _places(old: Policy, new: Policy) -> Iterator[Place]:
    """Yields scopes that stand for every completion: a relaxation anywhere is a relaxation at one of them.

    For a completion, one rule (or the default) gives a threshold under the old policy and one under the new. Where
    both rules match, and nothing else has to, fewer rules match than for that completion, and the same two are the
    most specific of them. So pairs are enough; and of two rules that stand unchanged in both policies one wins in
    both, so one rule of a pair has changed, or both are one.
    """
    was, now = ({_place(rule): rule for rule in policy.scopes} for policy in (old, new))
    selected = list({**was, **now})
    yield ()
    yield from selected
    rules = _OverlappingRules(selected)
    for place in selected:
        if was.get(place) != now.get(place):
            for other in rules.overlapping(place):
                pair = {**dict(place), **dict(other)}
                yield tuple((kind, pair[kind]) for kind in SCOPE_KINDS if kind in pair)


class _OverlappingRules:
    """An index of rules that may match the same completion as a given rule, by the names that both select."""

    def __init__(self, rules: Sequence[Place]) -> None:
        self._by_kinds: dict[tuple[str, ...], list[Place]] = {}
        for rule in rules:
            self._by_kinds.setdefault(tuple(kind for kind, _ in rule), []).append(rule)
        self._by_shared: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[Place, list[Place]]] = {}

    def overlapping(self, rule: Place) -> Iterator[Place]:
        for kinds in self._by_kinds:
            shared = tuple(kind for kind, _ in rule if kind in kinds)
            yield from self._index(kinds, shared).get(_only(rule, shared), ())

    def _index(self, kinds: tuple[str, ...], shared: tuple[str, ...]) -> dict[Place, list[Place]]:
        by_names = self._by_shared.get((kinds, shared))
        if by_names is None:
            by_names = self._by_shared[kinds, shared] = {}
            for rule in self._by_kinds[kinds]:
                by_names.setdefault(_only(rule, shared), []).append(rule)
        return by_names


def _only(rule: Place, kinds: tuple[str, ...]) -> Place:
    return tuple((kind, name) for kind, name in rule if kind in kinds)


def _faults(old: Policy, new: Policy) -> Iterator[Relaxation]:
    if old.faults.fail == "closed" and new.faults.fail == "open":
        yield Relaxation("faults.fail", "", "closed", "open")
    for route in dict.fromkeys([*old.faults.routes, *new.faults.routes]):
        was = old.faults.routes.get(route, old.faults.fail)
        if was == "closed" and new.faults.routes.get(route, new.faults.fail) == "open":
            yield Relaxation("faults.fail", f"route={route}", "closed", "open")
