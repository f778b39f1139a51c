"""LiteLLM's generic guardrail: which texts are judged, for whom, and which action it is answered with."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.http.rows import document, row
from tidegate.streams.core.events import FaultReason
from tidegate.streams.wire.http import litellm_guardrail as api
from tidegate.streams.wire.http.refused import FormRefused, Unscored
from tidegate.streams.wire.http.verdicts import Row

# As its class of 1.110.2 dumps a response's call: every field, null where it has none.
BODY: dict[str, Any] = {
    "input_type": "response",
    "litellm_call_id": "call-1",
    "litellm_trace_id": "trace-1",
    "structured_messages": None,
    "images": None,
    "tools": None,
    "texts": ["you fool", "fine"],
    "request_data": {"user_api_key_team_id": "acme", "user_api_key_user_id": "u-1", "user_api_key_hash": "h"},
    "request_headers": {"user-agent": "[present]"},
    "litellm_version": "1.110.2",
    "additional_provider_specific_params": {},
    "tool_calls": None,
    "model": "gpt-x",
    "of_a_later_release": 1,
}


def answer(*rows: Row) -> dict[str, Any]:
    found = api.answer(api.parse(BODY, "http-1"), rows, mask="***")
    Draft202012Validator(document(api.SCHEMAS, api.RESPONSE)).validate(found)
    return found


def test_each_text_is_a_completion() -> None:
    """So that of several choices each is redacted by its own spans."""
    request = api.parse(BODY, "http-1")
    assert [one.completion for one in request.completions] == BODY["texts"]
    assert {(one.tenant, one.model, one.user, one.conversation) for one in request.completions} == {
        ("acme", "gpt-x", "u-1", "trace-1")
    }
    assert [one.id for one in request.completions] == ["http-1-0", "http-1-1"]
    assert (request.call_id, request.of_prompt) == ("call-1", False)


def test_texts_of_a_request_are_prompts_too() -> None:
    """A policy without prompt labels must not pass them unseen."""
    request = api.parse({**BODY, "input_type": "request"}, "http-1")
    assert request.of_prompt
    assert [(one.completion, one.prompt) for one in request.completions] == [(text, text) for text in BODY["texts"]]


@pytest.mark.parametrize(
    ("data", "tenant", "user"),
    [
        ({"user_api_key_team_id": "t", "user_api_key_org_id": "o", "user_api_key_end_user_id": "e"}, "t", "e"),
        ({"user_api_key_org_id": "o", "user_api_key_user_id": 7}, "o", "7"),
        ({"user_api_key_team_id": "a|b", "user_api_key_org_id": "o", "user_api_key_user_id": "\ud800"}, "o", None),
        ({}, "unknown", None),
        (None, "unknown", None),
    ],
)
def test_tenant_and_user_come_from_the_key(data: Any, tenant: str, user: str | None) -> None:
    (completion, *_) = api.parse({**BODY, "request_data": data}, "http-1").completions
    assert (completion.tenant, completion.user) == (tenant, user)


def test_a_tenant_that_cannot_be_read_is_listed() -> None:
    body = {**BODY, "request_data": {"user_api_key_team_id": ["acme"]}}
    assert api.parse(body, "http-1").completions[0].dropped == ("request_data.user_api_key_team_id",)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"input_type": None}, "input_type"),
        ({"input_type": "both"}, "input_type"),
        ({"texts": "a"}, "texts"),
        ({"texts": ["a", None]}, "texts[1]"),
        ({"images": ["data:image/png;base64,AA"]}, "images"),  # never a silent pass
        ({"request_data": []}, "request_data"),
        ({"litellm_call_id": 1}, "litellm_call_id"),
    ],
)
def test_other_bodies_are_refused(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(FormRefused) as refused:
        api.parse({**BODY, **changed}, "http-1")
    assert refused.value.field == field
    assert api.error(refused.value)[0] == 400


@pytest.mark.parametrize("score", [0.1, 0.5, 0.75])
def test_allow_flag_and_review_change_nothing(score: float) -> None:
    """Without `texts`: with any action but BLOCKED they rewrite."""
    assert answer(row({"insult": score}), row()) == {"action": "NONE"}


def test_redact_answers_with_as_many_texts_in_order() -> None:
    found = answer(row({"insult": 0.85}, spans=((4, 8, "insult"),)), row({"insult": 0.6}))
    assert found == {"action": "GUARDRAIL_INTERVENED", "texts": ["you ***", "fine"]}


def test_a_block_of_one_text_blocks_all() -> None:
    """The reason reaches the user: labels and the policy's version, never a text."""
    found = answer(row({"insult": 0.85}, spans=((4, 8, "insult"),)), row({"threat": 0.95, "insult": 0.6}))
    assert found == {"action": "BLOCKED", "blocked_reason": "Blocked for threat by policy 7-0123abcd"}


def test_a_prompt_label_blocks_a_request() -> None:
    assert answer(row(prompt={"jailbreak": 0.95}), row())["action"] == "BLOCKED"


def test_a_fault_has_no_answer() -> None:
    """A 503 instead: then the user's own `unreachable_fallback` decides."""
    with pytest.raises(Unscored):
        answer(row(), row(fault=FaultReason.CLASSIFIER_ERROR))


def test_a_call_without_texts_changes_nothing() -> None:
    request = api.parse({**BODY, "texts": None, "tool_calls": [{}]}, "http-1")
    assert request.completions == ()
    assert api.answer(request, []) == {"action": "NONE"}
    assert api.headers([]) == {"x-tidegate-action": "allow"}
