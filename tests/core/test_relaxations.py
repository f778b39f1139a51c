"""What a policy loosens: resolved for every scope, so that no way round a block or a floor goes unsaid."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.streams.core.fields import Action, Scopes
from tidegate.streams.core.policy.model import Policy, parse
from tidegate.streams.core.policy.relaxations import only_from, relaxations
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import SCOPE_KINDS

# toxicity blocks at 0.9, at 0.6 for acme, at 0.4 for acme's kids; threat never does, but for its floor, 0.99
OLD: dict[str, Any] = {
    "labels": {"toxicity": {"flag": 0.3, "block": 0.9}, "threat": {"flag": 0.5}, "insult": {"flag": 0.5}},
    "prompt_labels": {"toxicity": {"block": 0.8}},
    "floors": {"threat": {"review": 0.8, "block": 0.99}},
    "prompt_floors": {"toxicity": {"block": 0.95}},
    "scopes": [
        {"tenant": "acme", "labels": {"toxicity": {"block": 0.6}}},
        {"tenant": "acme", "route": "kids", "labels": {"toxicity": {"block": 0.4}}},
    ],
    "faults": {"fail": "closed", "routes": {"kids": "closed", "batch": "open"}},
}
ACME, KIDS = OLD["scopes"]


def labels(**changed: Any) -> dict[str, Any]:
    return {"labels": {**OLD["labels"], **changed}}


# what is changed, and what is said of it
CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    # stricter, or neither block nor floor
    (labels(toxicity={"flag": 0.3, "block": 0.8}), []),
    (labels(toxicity={"flag": 0.7, "block": 0.9}), []),
    ({"scopes": [*OLD["scopes"], {"locale": "fr", "labels": {"toxicity": {"block": 0.5}}}]}, []),
    ({"floors": {**OLD["floors"], "insult": {"block": 0.9}}}, []),
    ({"resend_s": 5}, []),
    # words loosen nothing: given, changed, or taken away
    ({"mask": "***", "fallbacks": ["Sorry."]}, []),
    ({"scopes": [*OLD["scopes"], {"locale": "fr", "mask": "***", "fallbacks": ["Pardon."]}]}, []),
    ({"scopes": [{**ACME, "fallbacks": ["Sorry."]}, KIDS]}, []),
    # the default moves: acme has its own, and is not named
    (labels(toxicity={"flag": 0.3, "block": 0.95}), ["labels.toxicity.block: 0.9 -> 0.95"]),
    (labels(toxicity={"flag": 0.3}), ["labels.toxicity.block: 0.9 -> never"]),
    (labels(toxicity={"flag": 0.3, "block": "off"}), ["labels.toxicity.block: 0.9 -> never"]),
    # a rule moves, or is removed: the next wider one holds
    ({"scopes": [{**ACME, "labels": {"toxicity": {"block": 0.7}}}, KIDS],
      }, ["labels.toxicity.block for tenant=acme: 0.6 -> 0.7"]),
    ({"scopes": [ACME]}, ["labels.toxicity.block for tenant=acme,route=kids: 0.4 -> 0.6"]),
    ({"scopes": [KIDS]}, ["labels.toxicity.block for tenant=acme: 0.6 -> 0.9"]),
    ({"scopes": []}, [
        "labels.toxicity.block for tenant=acme,route=kids: 0.4 -> 0.9",
        "labels.toxicity.block for tenant=acme: 0.6 -> 0.9",
    ]),
    # a new rule that is looser than what held there
    ({"scopes": [*OLD["scopes"], {"route": "staff", "labels": {"toxicity": {"block": "off"}}}]},
     ["labels.toxicity.block for route=staff: 0.9 -> never"]),
    # floors; threat's block was the floor's everywhere
    ({"floors": {"threat": {"review": 0.9, "block": 0.99}}}, ["floors.threat.review: 0.8 -> 0.9"]),
    ({"floors": {}, "scopes": OLD["scopes"]}, [
        "floors.threat.review: 0.8 -> none", "floors.threat.block: 0.99 -> none", "labels.threat.block: 0.99 -> never",
    ]),
    # prompts
    ({"prompt_labels": {"toxicity": {"block": 0.97}}}, ["prompt_labels.toxicity.block: 0.8 -> 0.95"]),
    ({"prompt_floors": {}}, ["prompt_floors.toxicity.block: 0.95 -> none"]),
    ({"prompt_labels": {}, "prompt_floors": {}}, ["prompt_labels.toxicity: looked at -> not looked at"]),
    # a label is removed, and its floor with it
    ({"labels": {k: v for k, v in OLD["labels"].items() if k != "threat"}, "floors": {}},
     ["labels.threat: looked at -> not looked at"]),
    # faults
    ({"faults": {"fail": "open", "routes": {"kids": "closed", "batch": "open"}}}, ["faults.fail: closed -> open"]),
    ({"faults": {"fail": "closed", "routes": {"kids": "open"}}}, ["faults.fail for route=kids: closed -> open"]),
    ({"faults": {"fail": "open"}}, ["faults.fail: closed -> open", "faults.fail for route=kids: closed -> open"]),
    ({"faults": {"fail": "closed"}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "listed"), CASES)
def test_every_relaxation_is_listed_and_nothing_else(changed: dict[str, Any], listed: list[str]) -> None:
    found = relaxations(parse(OLD, "old"), parse({**OLD, **changed}, "new"))
    assert [str(line) for line in found] == listed


def test_two_rules_that_each_tighten_may_loosen_where_they_meet() -> None:
    # acme's kids were blocked at 0.3 by the route's rule; a tenant's rule comes before a route's, so 0.5 holds now.
    kids = {"route": "kids", "labels": {"toxicity": {"block": 0.3}}}
    acme = {"tenant": "acme", "labels": {"toxicity": {"block": 0.5}}}
    base = {"labels": {"toxicity": {"block": 0.9}}}
    found = relaxations(parse({**base, "scopes": [kids]}, "old"), parse({**base, "scopes": [kids, acme]}, "new"))
    assert [str(line) for line in found] == ["labels.toxicity.block for tenant=acme,route=kids: 0.3 -> 0.5"]


def test_thresholds_below_an_action_are_removed_everywhere() -> None:
    left = only_from(Action.REVIEW, parse(OLD, "old")).model_dump(mode="json", exclude_none=True)
    assert left["labels"] == {"toxicity": {"block": 0.9}, "threat": {}, "insult": {}}
    assert left["floors"] == OLD["floors"]
    assert only_from(Action.BLOCK, parse(OLD, "old")).floors["threat"].review is None
    scope = {"tenant": "a", "labels": {"toxicity": {"flag": 0.1}}, "prompt_labels": {"toxicity": {"review": 0.2}}}
    (rule,) = only_from(Action.BLOCK, parse({**OLD, "scopes": [scope]}, "old")).scopes
    assert (rule.labels["toxicity"].flag, rule.prompt_labels["toxicity"].review) == (None, None)


def scoped(kind: str, n: int, block: float) -> list[dict[str, Any]]:
    return [{kind: f"n{i}", "labels": {"toxicity": {"block": block}}} for i in range(n)]


def test_a_thousand_rules_are_compared_one_by_one() -> None:
    base, began = {"labels": {"toxicity": {"block": 0.95}}}, time.monotonic()
    old, new = ({**base, "scopes": scoped("tenant", 1_000, block)} for block in (0.8, 0.9))
    assert len(relaxations(parse(old, "old"), parse(new, "new"))) == 1_000
    assert time.monotonic() - began < 10  # 0.2 s on an idle machine


def test_too_many_scopes_to_compare_count_as_a_relaxation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.streams.core.policy.relaxations.MOST_PLACES", 100)
    base = {"labels": {"toxicity": {"block": 0.95}}}
    old, new = ({**base, "scopes": scoped("tenant", 9, b) + scoped("route", 9, b)} for b in (0.9, 0.8))
    assert [str(line) for line in relaxations(parse(old, "old"), parse(new, "new"))] == [
        "scopes: 18 rules -> 18: too many to compare"  # 1 + 18 + 18 x 10 scopes, though all of it is stricter
    ]


# --- any two policies, every completion

NAMES = ("a", "b", "elsewhere")  # no rule names the last
BLOCK = st.sampled_from([0.2, 0.4, 0.6, 0.8, "off", None])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    def thresholds(block: Any) -> dict[str, Any]:
        return {"toxicity": {} if block is None else {"block": block}}

    scopes: list[dict[str, Any]] = []
    for kinds in draw(st.lists(st.sets(st.sampled_from(SCOPE_KINDS), min_size=1, max_size=3), max_size=4)):
        rule: dict[str, Any] = {kind: draw(st.sampled_from(NAMES[:2])) for kind in sorted(kinds)}
        if all({k: v for k, v in other.items() if k != "labels"} != rule for other in scopes):
            scopes.append({**rule, "labels": thresholds(draw(BLOCK))})
    floor = draw(st.sampled_from([None, None, 0.3, 0.7]))
    floors = {} if floor is None else {"toxicity": {"block": floor}}
    return parse({"labels": thresholds(draw(BLOCK)), "scopes": scopes, "floors": floors}, "any")


def block(live: LivePolicy, scopes: Scopes) -> float:
    thresholds = live.resolve(scopes)[0]["toxicity"]
    return next((bar.threshold for bar in thresholds if bar.action is Action.BLOCK), 2.0)  # 2: no score reaches it


@settings(max_examples=300, deadline=None)
@given(policies(), policies())
def test_a_relaxed_block_is_listed_exactly_where_it_applies(old: Policy, new: Policy) -> None:
    """A block is listed exactly where some completion would no longer be blocked."""
    was, now = LivePolicy("", old), LivePolicy("", new)
    every = [Scopes(**dict(zip(SCOPE_KINDS, names, strict=True))) for names in product(NAMES, repeat=4)]
    opened = {(block(was, s), block(now, s)) for s in every if block(now, s) > block(was, s)}
    listed = {
        (float(line.was), 2.0 if line.now == "never" else float(line.now))
        for line in relaxations(old, new)
        if line.key == "labels.toxicity.block"
    }
    assert listed == opened
