"""Bodies of any kind, for every API: a request or a RequestRefused, never another exception, never a text in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.fuzz.hostile import CANARY, any_words, as_json, mutated, values
from tests.fuzz.profile import fuzzed
from tests.wire.http.rows import document, row
from tidegate.streams.wire.http import (
    azure_content_safety,
    decide,
    fms_detectors,
    guard,
    litellm_guardrail,
    openai_moderations,
    perspective,
)
from tidegate.streams.wire.http.refused import FormRefused, parse_json

SCORE = {"value": 0.5, "type": "PROBABILITY"}
COMMENT = {"comment": {"text": "a 😀", "type": "PLAIN_TEXT"}, "context": {"entries": []}, "languages": ["en"]}
Parse = Callable[[Any], Any]
# Per API: its module, how it reads a body, and valid bodies to change.
APIS: Mapping[str, tuple[Any, Parse, list[Any]]] = {
    "openai": (
        openai_moderations,
        lambda body: openai_moderations.parse(body, "http-1"),
        [{"input": "a"}, {"input": ["a", "b"], "model": "m"}, {"input": [{"type": "text", "text": "a"}]}],
    ),
    "guard": (
        guard,
        lambda body: guard.parse(body, "http-1"),
        [{"prompt": "a", "tenant": "t", "model": "m", "route": "r", "user": "u"}],
    ),
    "perspective": (
        perspective,
        lambda body: perspective.parse(body, "http-1"),
        [
            {
                **COMMENT,
                "requestedAttributes": {"TOXICITY": {"scoreType": "PROBABILITY", "scoreThreshold": 0.1}},
                "sessionId": "s",
                "clientToken": "t",
                "spanAnnotations": True,
                "dropUnsupportedAttributes": True,
            }
        ],
    ),
    "litellm": (
        litellm_guardrail,
        lambda body: litellm_guardrail.parse(body, "http-1"),
        [
            {
                "input_type": "request",
                "texts": ["a"],
                "images": [],
                "request_data": {"user_api_key_team_id": "t", "user_api_key_user_id": "u"},
                "litellm_call_id": "c",
                "litellm_trace_id": "t",
                "model": "m",
            }
        ],
    ),
    "fms": (
        fms_detectors,
        lambda body: fms_detectors.parse(body, "http-1"),
        [{"contents": ["a", ""], "detector_params": {"threshold": 0.5}}],
    ),
    "azure": (
        azure_content_safety,
        lambda body: azure_content_safety.parse(body, "http-1"),
        [{"text": "a", "categories": ["Hate"], "blocklistNames": [], "outputType": "FourSeverityLevels"}],
    ),
}
KEYS = ("input", "text", "texts", "comment", "requestedAttributes", "model", "user", "prompt", "images", "type")


@pytest.mark.parametrize("name", APIS)
@given(data=st.data())
@fuzzed(200)
def test_any_body_is_answered_or_refused(name: str, data: st.DataObject) -> None:
    """What is taken has an answer by the API's schema, and one that UTF-8 can hold."""
    module, parse, valid = APIS[name]
    body = data.draw(st.one_of(values, mutated(valid, KEYS)))
    try:
        request = parse(body)
    except FormRefused as refused:
        _check_refusal(module, refused)
        return
    answer = module.answer(request, [row({"insult": 0.85}, spans=((0, 1, "insult"),))] * len(request.completions))
    Draft202012Validator(document(module.SCHEMAS, module.RESPONSE)).validate(answer)
    json.dumps(answer, ensure_ascii=False).encode()


@given(body=st.one_of(values, mutated([{**COMMENT, "attributeScores": {"INSULT": {"summaryScore": SCORE}}}], KEYS)))
@fuzzed(200)
def test_any_suggestion_is_taken_or_refused(body: Any) -> None:
    try:
        request = perspective.parse_suggestion(body)
    except FormRefused as refused:
        _check_refusal(perspective, refused)
        return
    json.dumps(perspective.answer_suggestion(request), ensure_ascii=False).encode()


@given(
    body=st.one_of(st.binary(max_size=40), as_json(mutated([{"id": "x", "completion": "a"}], ("completion", "user")))),
    headers=st.lists(st.tuples(st.sampled_from(["tidegate-tenant", "ce-id", "ce-specversion", "x"]), any_words)),
)
@fuzzed(300)
def test_any_bytes_are_decided_or_refused(body: bytes, headers: list[tuple[str, str]]) -> None:
    try:
        request = decide.parse(body, headers, "http-1")
    except FormRefused as refused:
        _check_refusal(decide, refused)
        return
    answer = decide.answer(request, [row({"insult": 0.85}, spans=((0, 1, "insult"),))])
    Draft202012Validator(document(decide.SCHEMAS, decide.RESPONSE)).validate(answer)
    json.dumps(answer, ensure_ascii=False).encode()


@given(body=st.one_of(st.binary(max_size=40), as_json(values)))
@fuzzed(200)
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    message = ""
    try:
        assert isinstance(parse_json(body), dict)
    except FormRefused as refused:
        message = str(refused)
    assert CANARY not in message


@pytest.mark.parametrize("name", [*APIS, "decide"])
def test_every_reference_of_a_document_is_there(name: str) -> None:
    """Modules share components under one name only where they are the same."""
    module = decide if name == "decide" else APIS[name][0]
    for schema in module.SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(module.SCHEMAS)
    named = {piece.partition('"')[0] for piece in text.split("#/components/schemas/")[1:]}
    assert named | {module.REQUEST, module.RESPONSE, module.ERROR} <= set(module.SCHEMAS)


def test_a_component_means_the_same_in_every_module() -> None:
    together: dict[str, Any] = {}
    for module in (decide, *(one[0] for one in APIS.values())):
        for name, schema in module.SCHEMAS.items():
            assert together.setdefault(name, schema) == schema


def _check_refusal(module: Any, refused: FormRefused) -> None:
    status, body, headers = module.error(refused)
    assert status in (400, 422)
    Draft202012Validator(document(module.SCHEMAS, module.ERROR)).validate(body)
    text = json.dumps([body, headers, str(refused)], ensure_ascii=False)
    text.encode()
    assert CANARY not in text
