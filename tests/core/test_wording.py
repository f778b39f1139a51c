"""What people see in place of a text: the most specific scope's mask and sentences, one chosen by the id."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.decide import Judged, judge
from tidegate.streams.core.fields import Scopes
from tidegate.streams.core.policy.model import digest, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.wording import MASK, Wording

LABELS = {"toxicity": {"flag": 0.3, "block": 0.9}}
WORDED: dict[str, Any] = {
    "mask": "[hidden]",
    "fallbacks": ["Let us talk about something else.", "I will not say that."],
    "scopes": [
        {"tenant": "acme", "fallbacks": ["Acme does not answer this."]},
        {"tenant": "acme", "route": "kids", "mask": "***"},
        {"locale": "de", "fallbacks": ["Reden wir über etwas anderes."]},
        {"route": "kids", "labels": {"toxicity": {"block": 0.5}}},
    ],
}


def wording(policy: dict[str, Any] = WORDED, **names: str) -> Wording:
    return LivePolicy("0-0", parse({"labels": LABELS, **policy}, "here")).wording(Scopes(**names))


def test_a_policy_without_words_has_a_mask_and_no_fallback() -> None:
    assert wording({}) == (MASK, ())
    assert wording({}).fallback("http-1") is None


@pytest.mark.parametrize(
    ("names", "mask", "first"),
    [
        ({}, "[hidden]", "Let us talk about something else."),
        ({"route": "kids"}, "[hidden]", "Let us talk about something else."),  # its rule has thresholds alone
        ({"tenant": "acme"}, "[hidden]", "Acme does not answer this."),
        # each is looked up for itself: the mask of two selectors, the sentences of one
        ({"tenant": "acme", "route": "kids"}, "***", "Acme does not answer this."),
        ({"tenant": "acme", "locale": "de"}, "[hidden]", "Acme does not answer this."),  # tenant before locale
        ({"tenant": "other", "locale": "de"}, "[hidden]", "Reden wir über etwas anderes."),
    ],
)
def test_the_most_specific_scope_wins(names: dict[str, str], mask: str, first: str) -> None:
    found = wording(**names)
    assert (found.mask, found.fallbacks[0]) == (mask, first)


@given(st.text(), st.lists(st.text(), min_size=1, max_size=5))
def test_the_choice_is_of_the_id_alone(id: str, sentences: list[str]) -> None:
    found = Wording(fallbacks=sentences).fallback(id)
    assert found in sentences
    assert Wording("another mask", tuple(sentences)).fallback(id) == found


def test_the_choice_is_pinned_and_even() -> None:
    """Another release chooses the same sentence of an id."""
    three = Wording(fallbacks=("a", "b", "c"))
    assert [three.fallback(f"http-{n}") for n in range(6)] == ["b", "c", "a", "a", "c", "b"]
    counted = Counter(three.fallback(f"http-{n}") for n in range(3000))
    assert all(900 < times < 1100 for times in counted.values())


def test_words_change_no_verdict() -> None:
    """Nothing that a decision is made from: it is repeated without them."""
    judged = Judged("m", scores={"toxicity": 0.95}, choice_of={"toxicity": 0})
    plain, worded = (LivePolicy("v", parse({"labels": LABELS, **more}, "here")) for more in ({}, WORDED))
    with_scopes = judged._replace(scopes=Scopes(tenant="acme"))
    assert judge(with_scopes, plain) == judge(with_scopes, worded)


def test_a_policy_without_words_keeps_its_version() -> None:
    """The log names versions as parents: those of before the two keys stand."""
    assert digest(parse({"labels": LABELS}, "here")) == "bc47d5e1"
    assert digest(parse({"labels": LABELS, "mask": "*"}, "here")) != digest(parse({"labels": LABELS}, "here"))
