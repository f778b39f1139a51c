"""What one policy lets pass that another one stops: blocks, floors, closed faults and labels that it loosens. Pure.

Resolved, not compared as text: a rule that goes away, a floor that no longer overrules, a wider default all count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

from streams.core.contract import Action, Scopes
from streams.core.parts import GRADED, SCOPE_KINDS, Floor, ScopeRule, Thresholds
from streams.core.policy import Policy
from streams.core.thresholds import Bars, LivePolicy

NEVER = "never"  # no score asks for that action
NOBODY = "\x00"  # no rule can name it: whatever has no rule of its own

Selectors = Mapping[str, str]
G = TypeVar("G", Thresholds, Floor)


class Loosened(NamedTuple):
    """One thing that is stopped under the old policy and not under the new one."""

    key: str  # as in the file: labels.toxicity.block, floors.threat.review, faults.fail, labels.insult
    scope: str  # as reasons name it, `tenant=acme`; empty: wherever no scope says otherwise
    was: str
    now: str
    action: Action = Action.BLOCK  # the strongest that it may have kept a completion from

    def __str__(self) -> str:
        return f"{self.key}{f' for {self.scope}' if self.scope else ''}: {self.was} -> {self.now}"


def loosened(old: Policy, new: Policy) -> list[Loosened]:
    """What `new` loosens: labels that go away, then floors, then blocks in any scope, then faults. Empty: nothing."""
    return [*_labels(old, new), *_floors(old, new), *_blocks(old, new), *_faults(old, new)]


def only_from(weakest: Action, policy: Policy) -> Policy:
    """The policy with nothing in it that asks for less than that action: what it stops, without what it marks."""
    weaker = {action.value: None for action in GRADED if action.strength < weakest.strength}

    def of(graded: Mapping[str, G]) -> dict[str, G]:
        return {label: thresholds.model_copy(update=weaker) for label, thresholds in graded.items()}

    scopes = [
        rule.model_copy(update={"labels": of(rule.labels), "prompt_labels": of(rule.prompt_labels)})
        for rule in policy.scopes
    ]
    return policy.model_copy(
        update={
            "labels": of(policy.labels),
            "prompt_labels": of(policy.prompt_labels),
            "floors": of(policy.floors),
            "prompt_floors": of(policy.prompt_floors),
            "scopes": tuple(scopes),
        }
    )


def _labels(old: Policy, new: Policy) -> Iterator[Loosened]:
    for key in ("labels", "prompt_labels"):
        for label in getattr(old, key):
            if label not in getattr(new, key):
                yield Loosened(f"{key}.{label}", "", "looked at", "not looked at")


def _floors(old: Policy, new: Policy) -> Iterator[Loosened]:
    for key, labels in (("floors", new.labels), ("prompt_floors", new.prompt_labels)):
        for label, floor in getattr(old, key).items():
            if label not in labels:
                continue  # said already: the label goes away
            now = getattr(new, key).get(label, Floor())
            for action in GRADED:
                was, is_ = getattr(floor, action.value), getattr(now, action.value)
                if was is not None and (is_ is None or is_ > was):
                    after = "none" if is_ is None else f"{is_:g}"
                    yield Loosened(f"{key}.{label}.{action.value}", "", f"{was:g}", after, action)


def _blocks(old: Policy, new: Policy) -> Iterator[Loosened]:
    was, now = LivePolicy("", old), LivePolicy("", new)
    found: dict[tuple[str, str, str], list[Selectors]] = {}
    for selectors in _places(old, new):
        scopes = Scopes(**{kind: selectors.get(kind, NOBODY) for kind in SCOPE_KINDS})
        for key, before, after in zip(("labels", "prompt_labels"), was.bars(scopes), now.bars(scopes), strict=True):
            for label in before.keys() & after.keys():
                blocked, blocks = _block(before, label), _block(after, label)
                if blocked is not None and (blocks is None or blocks > blocked):
                    line = f"{key}.{label}.block", f"{blocked:g}", NEVER if blocks is None else f"{blocks:g}"
                    found.setdefault(line, []).append(selectors)
    for (key, before_, after_), places in sorted(found.items()):
        for i, place in enumerate(places):  # widest first: what holds there holds in what it contains
            if not any(wider.items() <= place.items() for wider in places[:i]):
                yield Loosened(key, ",".join(f"{kind}={name}" for kind, name in place.items()), before_, after_)


def _block(bars: Bars, label: str) -> float | None:
    return next((bar.threshold for bar in bars[label] if bar.action is Action.BLOCK), None)


def _places(old: Policy, new: Policy) -> list[Selectors]:
    """Selectors, fewest first, that stand for every completion: what is loosened anywhere is loosened at one of them.

    For a completion, one rule (or the default) gives a threshold under the old policy and one under the new. Where
    both rules match, and nothing else has to, fewer rules match than for that completion, and the same two are the
    most specific of them. So pairs are enough; and of two rules that stand unchanged in both policies one wins in
    both, so one rule of a pair has changed, or both are one.
    """
    everywhere: list[Selectors] = [{}, *(rule.selectors for rule in (*old.scopes, *new.scopes))]
    changed = [rule for rule in (*old.scopes, *new.scopes) if not _in(rule, old) or not _in(rule, new)]
    pairs = [
        {**rule.selectors, **other}
        for rule in changed
        for other in everywhere
        if all(other.get(kind, name) == name for kind, name in rule.selectors.items())
    ]
    distinct = {tuple(sorted(place.items())): place for place in (*everywhere, *pairs)}
    in_order = ({kind: place[kind] for kind in SCOPE_KINDS if kind in place} for place in distinct.values())
    return sorted(in_order, key=len)


def _in(rule: ScopeRule, policy: Policy) -> bool:
    return rule in policy.scopes


def _faults(old: Policy, new: Policy) -> Iterator[Loosened]:
    if old.faults.fail == "closed" and new.faults.fail == "open":
        yield Loosened("faults.fail", "", "closed", "open")
    for route in dict.fromkeys([*old.faults.routes, *new.faults.routes]):
        was = old.faults.routes.get(route, old.faults.fail)
        if was == "closed" and new.faults.routes.get(route, new.faults.fail) == "open":
            yield Loosened("faults.fail", f"route={route}", "closed", "open")
