"""Whose threshold holds: defaults, scopes, floors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.events import Action, Scopes
from tidegate.streams.core.policy import resolved as thresholds
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy, ResolvedLabels

DEFAULT = {"toxicity": {"flag": 0.5, "block": 0.9}}


def resolve(at: Scopes | None = None, /, **policy: Any) -> ResolvedLabels:
    live = LivePolicy("0-0", Policy.model_validate({"labels": DEFAULT, **policy}))
    return live.resolve(at or Scopes())[0]


def format_thresholds(resolved: ResolvedLabels, label: str = "toxicity") -> list[str]:
    """Each bar as `action>=threshold (scope)`, strongest first."""
    return [f"{bar.action.value}>={bar.threshold:g} ({bar.scope})" for bar in resolved[label]]


def scope(**rule: Any) -> dict[str, Any]:
    """A rule with the given selectors; what else is given are toxicity's thresholds."""
    selectors = {key: rule.pop(key) for key in ("tenant", "model", "route", "locale") if key in rule}
    return {**selectors, "labels": {"toxicity": rule}}


def test_without_scopes_the_defaults_hold_strongest_first() -> None:
    assert format_thresholds(resolve()) == ["block>=0.9 (default)", "flag>=0.5 (default)"]


def test_a_label_without_thresholds_has_no_bars() -> None:
    assert resolve(labels={"toxicity": {}}) == {"toxicity": ()}


ACME_KIDS = Scopes(tenant="acme", model="atlas", route="kids", locale="en")

# rules, and whose threshold holds for ACME_KIDS. Each rule's threshold is its place in the list, in tenths.
PRECEDENCE: list[tuple[list[dict[str, str]], str]] = [
    ([{"tenant": "acme"}], "tenant=acme"),
    ([{"tenant": "other"}], "default"),
    ([{"tenant": "acme", "route": "other"}], "default"),  # every selector must match
    # one selector each: tenant > route > model > locale
    ([{"locale": "en"}, {"model": "atlas"}, {"route": "kids"}, {"tenant": "acme"}], "tenant=acme"),
    ([{"locale": "en"}, {"model": "atlas"}, {"route": "kids"}], "route=kids"),
    ([{"locale": "en"}, {"model": "atlas"}], "model=atlas"),
    ([{"locale": "en"}], "locale=en"),
    # more selectors win, whatever their kinds
    ([{"tenant": "acme"}, {"model": "atlas", "locale": "en"}], "model=atlas,locale=en"),
    ([{"tenant": "acme", "route": "kids"}, {"route": "kids", "model": "atlas", "locale": "en"}],
     "route=kids,model=atlas,locale=en"),
    # equally many: the first kind that only one of them has decides
    ([{"route": "kids", "model": "atlas"}, {"tenant": "acme", "locale": "en"}], "tenant=acme,locale=en"),
    ([{"tenant": "acme", "locale": "en"}, {"tenant": "acme", "model": "atlas"}], "tenant=acme,model=atlas"),
    ([{"tenant": "acme", "model": "atlas"}, {"tenant": "acme", "route": "kids"}], "tenant=acme,route=kids"),
    ([{"model": "atlas", "locale": "en"}, {"route": "kids", "locale": "en"}], "route=kids,locale=en"),
]  # fmt: skip


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("selectors", "winner"), PRECEDENCE)
def test_the_most_specific_rule_wins_in_any_order(
    selectors: list[dict[str, str]], winner: str, backwards: bool
) -> None:
    rules = [scope(**chosen, block=i / 10) for i, chosen in enumerate(selectors, start=1)]
    found = resolve(ACME_KIDS, labels={"toxicity": {"block": 0.95}}, scopes=rules[::-1] if backwards else rules)
    assert [bar.scope for bar in found["toxicity"]] == [winner]


def test_a_rule_overrides_only_the_actions_it_names() -> None:
    rules = [scope(tenant="acme", flag=0.3), scope(tenant="acme", route="kids", block=0.6)]
    # block: the narrowest rule; flag: not named there, so the next wider one
    assert format_thresholds(resolve(ACME_KIDS, scopes=rules)) == [
        "block>=0.6 (tenant=acme,route=kids)",
        "flag>=0.3 (tenant=acme)",
    ]


def test_a_rule_may_add_an_action_that_the_default_does_not_have() -> None:
    assert format_thresholds(resolve(ACME_KIDS, scopes=[scope(tenant="acme", review=0.7)])) == [
        "block>=0.9 (default)",
        "review>=0.7 (tenant=acme)",
        "flag>=0.5 (default)",
    ]


def test_off_removes_an_action_and_a_narrower_rule_restores_it() -> None:
    rules = [scope(tenant="acme", block="off"), scope(tenant="acme", route="kids", block=0.4)]
    assert format_thresholds(resolve(Scopes(tenant="acme"), scopes=rules)) == ["flag>=0.5 (default)"]
    assert format_thresholds(resolve(ACME_KIDS, scopes=rules)) == [
        "block>=0.4 (tenant=acme,route=kids)",
        "flag>=0.5 (default)",
    ]
    assert format_thresholds(resolve(scopes=rules)) == ["block>=0.9 (default)", "flag>=0.5 (default)"]


# the default, a tenant's own, the floor; what holds for the tenant
FLOORS: list[tuple[Any, Any, float, str]] = [
    (0.9, None, 0.95, "block>=0.9 (default)"),  # lower than the floor: stricter, stands
    (0.9, None, 0.9, "block>=0.9 (default)"),  # as strict: nothing to enforce
    (0.9, None, 0.8, "block>=0.8 (floor)"),  # laxer
    (0.9, 0.99, 0.95, "block>=0.95 (floor)"),  # a scope cannot raise it
    (0.9, "off", 0.95, "block>=0.95 (floor)"),  # nor turn it off
    (0.9, 0.2, 0.95, "block>=0.2 (tenant=acme)"),  # but be stricter
    ("off", None, 0.95, "block>=0.95 (floor)"),
    (None, None, 0.95, "block>=0.95 (floor)"),  # no default at all
    (None, None, 0.0, "block>=0 (floor)"),  # 0: every completion
]


@pytest.mark.parametrize(("default", "own", "floor", "holds"), FLOORS)
def test_a_floor_always_holds(default: Any, own: Any, floor: float, holds: str) -> None:
    rules = [] if own is None else [scope(tenant="acme", block=own)]
    found = resolve(
        ACME_KIDS, labels={"toxicity": {"block": default}}, floors={"toxicity": {"block": floor}}, scopes=rules
    )
    assert format_thresholds(found) == [holds]


def test_prompt_labels_have_thresholds_of_their_own() -> None:
    live = LivePolicy(
        "0-0",
        Policy.model_validate(
            {
                "labels": DEFAULT,
                "prompt_labels": {"toxicity": {"flag": 0.8}},
                "floors": {"toxicity": {"block": 0.7}},
                "scopes": [{"tenant": "acme", "prompt_labels": {"toxicity": {"flag": 0.1}}}],
            }
        ),
    )
    of_completion, of_prompt = live.resolve(ACME_KIDS)
    assert format_thresholds(of_completion) == ["block>=0.7 (floor)", "flag>=0.5 (default)"]
    assert format_thresholds(of_prompt) == ["flag>=0.1 (tenant=acme)"]  # a floor is the completion's


def test_a_million_unnamed_routes_are_resolved_once() -> None:
    """Routes that no rule of the policy names."""
    live = LivePolicy("0-0", Policy.model_validate({"labels": DEFAULT, "scopes": [scope(route="kids", flag=0.1)]}))
    found = {id(live.resolve(Scopes(route=f"r{i}"))) for i in range(1000)}
    assert len(found) == 1
    assert len(live._resolved) == 1


def test_the_cache_of_resolved_combinations_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thresholds, "MOST_RESOLVED", 10)
    rules = [scope(tenant=f"t{i}", flag=0.1) for i in range(8)] + [scope(route=f"r{i}", flag=0.2) for i in range(8)]
    live = LivePolicy("0-0", Policy.model_validate({"labels": DEFAULT, "scopes": rules}))
    for i in range(64):
        assert (
            format_thresholds(live.resolve(Scopes(tenant=f"t{i % 8}", route=f"r{i // 8}"))[0])[1]
            == f"flag>=0.1 (tenant=t{i % 8})"
        )
        assert len(live._resolved) <= 10


# --- every threshold of a policy, wherever it may hold

EVERYWHERE: dict[str, Any] = {
    "labels": {"toxicity": {"flag": 0.5, "block": 0.9}, "insult": {"flag": "off"}, "threat": {"flag": 0}},
    "prompt_labels": {"toxicity": {"flag": 0.8}},
    "scopes": [
        {"tenant": "acme", "labels": {"toxicity": {"flag": "off", "redact": 0.7}}},
        {"route": "kids", "labels": {"toxicity": {"redact": 0.6}}, "prompt_labels": {"toxicity": {"flag": 0.2}}},
    ],
    "floors": {"insult": {"redact": 0.95}},
}


def test_thresholds_are_those_of_every_scope_floor_and_prompt() -> None:
    live = LivePolicy("0-0", Policy.model_validate(EVERYWHERE))
    assert live.thresholds == {
        "toxicity": (0.2, 0.5, 0.6, 0.7, 0.8, 0.9),
        "insult": (0.95,),
        "threat": (),  # 0 is reached by every score
    }


def test_redact_from_is_the_lowest_of_any_scope_or_floor() -> None:
    assert LivePolicy("0-0", Policy.model_validate(EVERYWHERE)).redact_from == {"toxicity": 0.6, "insult": 0.95}
    assert LivePolicy("0-0", Policy.model_validate({"labels": DEFAULT})).redact_from == {}


def test_a_threshold_that_a_floor_overrules_is_the_floors() -> None:
    data = {"labels": {"toxicity": {"block": 0.99}}, "prompt_labels": {"toxicity": {"block": 0.98}}}
    live = LivePolicy("0-0", Policy.model_validate({**data, "floors": {"toxicity": {"block": 0.9}}}))
    assert live.thresholds == {"toxicity": (0.9, 0.98)}  # a floor is the completion's


# --- a shadow beside it

CANDIDATE: dict[str, Any] = {
    "labels": {"toxicity": {"flag": 0.4, "redact": 0.55}, "sarcasm": {"redact": 0.3, "block": 0.99}},
    "prompt_labels": {"jailbreak": {"block": 0.97}},
}
BESIDE = LivePolicy("0-0", Policy.model_validate(EVERYWHERE), LivePolicy("1-1", Policy.model_validate(CANDIDATE)))


def test_a_shadows_thresholds_spans_and_prompts_are_included() -> None:
    assert BESIDE.thresholds == {
        "toxicity": (0.2, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9),
        "insult": (0.95,),
        "threat": (),
        "sarcasm": (0.3, 0.99),
        "jailbreak": (0.97,),
    }
    assert BESIDE.redact_from == {"toxicity": 0.55, "insult": 0.95, "sarcasm": 0.3}
    assert BESIDE.own_redact_from == {"toxicity": 0.6, "insult": 0.95}
    assert BESIDE.prompt_labels == {"toxicity", "jailbreak"}


def test_another_policy_made_from_one_resolves_its_own() -> None:
    alone = LivePolicy("0-0", Policy.model_validate(EVERYWHERE))
    assert format_thresholds(alone.resolve(Scopes(tenant="acme"))[0])[0] == "block>=0.9 (default)"
    other = replace(alone, policy=Policy.model_validate({"labels": {"toxicity": {"block": 0.1}}}))
    assert format_thresholds(other.resolve(Scopes(tenant="acme"))[0]) == ["block>=0.1 (default)"]


def test_a_shadow_changes_no_bar_and_demands_no_label() -> None:
    alone = LivePolicy("0-0", Policy.model_validate(EVERYWHERE))
    for scopes in (Scopes(), Scopes(tenant="acme"), Scopes(route="kids")):
        assert BESIDE.resolve(scopes) == alone.resolve(scopes)
    assert BESIDE.labels == alone.labels == ("toxicity", "insult", "threat")
    assert BESIDE.shadow is not None
    assert BESIDE.shadow.labels == ("toxicity", "sarcasm", "jailbreak")


# --- a floor never weakens

THRESHOLD = st.integers(0, 20).map(lambda n: n / 20)


@st.composite
def ordered(draw: st.DrawFn, off: bool = True) -> dict[str, Any]:
    """Thresholds in order: flag <= review <= redact <= block, some absent, some off."""
    actions = draw(st.lists(st.sampled_from(["flag", "review", "redact", "block"]), unique=True))
    actions.sort(key=["flag", "review", "redact", "block"].index)
    values = sorted(draw(st.lists(THRESHOLD, min_size=len(actions), max_size=len(actions))))
    turned_off = draw(st.sets(st.sampled_from(actions))) if off and actions else set()
    return {a: "off" if a in turned_off else v for a, v in zip(actions, values, strict=True)}


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    selectors = st.fixed_dictionaries(
        {}, optional={"tenant": st.sampled_from("ab"), "route": st.sampled_from("ab"), "model": st.sampled_from("ab")}
    ).filter(bool)
    rules = draw(st.lists(selectors, max_size=4, unique_by=lambda rule: tuple(sorted(rule.items()))))
    return {
        "labels": {"toxicity": draw(ordered())},
        "scopes": [{**rule, "labels": {"toxicity": draw(ordered())}} for rule in rules],
    }


@given(policies(), ordered(off=False), st.sampled_from("ab"), st.sampled_from("ab"))
def test_every_bar_that_holds_anywhere_is_among_the_thresholds(
    policy: dict[str, Any], floor: dict[str, Any], tenant: str, route: str
) -> None:
    live = LivePolicy("0-0", Policy.model_validate({**policy, "floors": {"toxicity": floor}}))
    for bar in live.resolve(Scopes(tenant=tenant, route=route))[0]["toxicity"]:
        assert bar.threshold in (0, *live.thresholds["toxicity"])
        assert bar.action is not Action.REDACT or bar.threshold >= live.redact_from["toxicity"]


@given(policies(), ordered(off=False), st.sampled_from("ab"), st.sampled_from("ab"), THRESHOLD)
def test_adding_a_floor_never_weakens_what_a_score_asks_for(
    policy: dict[str, Any], floor: dict[str, Any], tenant: str, route: str, score: float
) -> None:
    def strength(data: dict[str, Any]) -> int:
        found = LivePolicy("0-0", Policy.model_validate(data)).resolve(Scopes(tenant=tenant, route=route))[0]
        return max((bar.action.strength for bar in found["toxicity"] if score >= bar.threshold), default=0)

    with_floor = strength({**policy, "floors": {"toxicity": floor}})
    assert with_floor >= strength(policy)
    only_floor = strength({"labels": {"toxicity": {}}, "floors": {"toxicity": floor}})
    assert with_floor >= only_floor
