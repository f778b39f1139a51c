"""Our own `guard`: a prompt by the policy's prompt labels, before a model is asked."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.http.rows import document, row
from tidegate.streams.core.events import FaultReason
from tidegate.streams.wire.http import guard as api
from tidegate.streams.wire.http.refused import FormRefused
from tidegate.streams.wire.http.verdicts import Row


def answer(results: Row) -> dict[str, Any]:
    found = api.answer(api.parse({"prompt": "a"}, "http-1"), [results])
    Draft202012Validator(document(api.SCHEMAS, api.RESPONSE)).validate(found)
    return found


def test_a_prompt_is_a_completion_without_a_text() -> None:
    body = {"prompt": "a", "tenant": "acme", "model": "m", "route": "chat", "user": 7, "more": 1}
    (completion,) = api.parse(body, "http-1").completions
    assert (completion.prompt, completion.completion, completion.id) == ("a", "", "http-1")
    assert (completion.tenant, completion.model, completion.route, completion.user) == ("acme", "m", "chat", "7")


@pytest.mark.parametrize(
    ("body", "field", "found"),
    [
        ([], "", "a list"),
        ({}, "prompt", "nothing"),
        ({"prompt": None}, "prompt", "null"),
        ({"prompt": ["a"]}, "prompt", "a list"),
        ({"prompt": "\udc00"}, "prompt", "a string with half of a surrogate pair"),
        ({"prompt": "a", "tenant": "a|b"}, "tenant", "a string"),
        ({"prompt": "a", "tenant": "\ud800"}, "tenant", "a string"),
        ({"prompt": "a", "user": {}}, "user", "an object"),
    ],
)
def test_other_bodies_are_refused(body: Any, field: str, found: str) -> None:
    """A tenant that cannot be read is refused, not dropped: under another one other thresholds hold."""
    with pytest.raises(FormRefused) as refused:
        api.parse(body, "http-1")
    assert (refused.value.field, refused.value.found) == (field, found)


@pytest.mark.parametrize(
    ("score", "action", "verdict"),
    [(0.4, "allow", "allow"), (0.5, "allow", "flag"), (0.75, "allow", "review"), (0.95, "block", "block")],
)
def test_only_block_blocks(score: float, action: str, verdict: str) -> None:
    found = answer(row(prompt={"prompt_injection": score}))
    assert (found["action"], found["verdict"], found["scored"]) == (action, verdict, True)


def test_the_empty_completion_beside_it_blocks_nothing() -> None:
    found = answer(row({"toxicity": 0.99}, prompt={"jailbreak": 0.1}))
    assert (found["action"], found["reasons"], found["scores"]) == ("allow", [], {"jailbreak": 0.1})


def test_a_prompt_that_nothing_scored_says_so() -> None:
    assert answer(row())["scored"] is False


def test_a_fault_is_said() -> None:
    found = answer(row(fault=FaultReason.CLASSIFIER_ERROR))
    assert (found["fault"], found["action"], found["reasons"][0]["label"]) == ("classifier_error", "allow", "fault")
