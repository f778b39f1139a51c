"""Our own `decide`: every input form of the stream, and an answer with texts only where they are redacted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.http.rows import document, row
from tidegate.streams.core.events import Completion, FaultReason
from tidegate.streams.wire.http import decide as api
from tidegate.streams.wire.http.refused import Failure, FailureKind, FormRefused

MESSAGE = {"role": "assistant", "content": "a"}
NATIVE = {"id": "c-1", "completion": "a", "tenant": "acme"}


def parse(value: Any, **headers: str) -> api.DecideRequest:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return api.parse(body, [(name.replace("_", "-"), text) for name, text in headers.items()], "http-1")


def completion(value: Any, **headers: str) -> Completion:
    return parse(value, **headers).completions[0]


def answer(value: Any, *args: Any, **more: Any) -> dict[str, Any]:
    found = api.answer(parse(value), [row(*args, **more)], mask="***", fallback="Sorry.")
    Draft202012Validator(document(api.SCHEMAS, api.RESPONSE)).validate(found)
    return found


@pytest.mark.parametrize(
    "value",
    [
        NATIVE,
        {"specversion": "1.0", "id": "e", "source": "s", "type": "t", "data": NATIVE},
        {"id": "c-1", "object": "chat.completion", "choices": [{"message": MESSAGE, "finish_reason": "stop"}]},
        {"id": "c-1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]},
        {"responseId": "c-1", "candidates": [{"content": {"parts": [{"text": "a"}]}}]},
        {"id": "c-1", "call_type": "acompletion", "status": "success", "response": "a"},
        {"model": "m", "message": MESSAGE, "done": True},
    ],
)
def test_every_form_of_the_stream_is_read(value: Any) -> None:
    assert completion(value).choices == ("a",)


def test_our_id_is_used_and_the_callers_is_kept_beside() -> None:
    request = parse(NATIVE)
    assert (request.id, request.request_id, request.completions[0].id) == ("http-1", "c-1", "http-1")
    assert parse({"completion": "a"}).request_id is None


def test_headers_of_ours_win_over_the_body() -> None:
    assert completion(NATIVE, tidegate_tenant="other", authorization="Bearer x").tenant == "other"


def test_a_binary_cloudevent_comes_in_http_headers() -> None:
    request = parse(NATIVE, ce_specversion="1.0", ce_id="e-1", ce_source="shop", ce_type="t")
    assert request.request_id is not None
    assert "e-1" in request.request_id


def test_a_header_that_is_not_utf8_is_dropped() -> None:
    assert completion(NATIVE, tidegate_user="\udcff").dropped == ("header tidegate-user",)
    assert completion(NATIVE, tidegate_user="\ud800").dropped == ("header tidegate-user",)


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        (b"hunter2", "not_json", "byte 0"),
        (b"\xff", "not_utf8", "byte 0"),
        (b"[]", "not_an_object", ""),
        ({"id": "x", "completion": 1}, "invalid", "completion"),
        ({"object": "chat.completion.chunk", "choices": []}, "stream_chunk", "object"),
        ({"hunter2": "hunter2"}, "unknown_form", ""),
    ],
)
def test_other_bodies_are_refused(body: Any, kind: str, field: str) -> None:
    with pytest.raises(FormRefused) as refused:
        parse(body)
    status, found, _ = api.error(refused.value)
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(found)
    assert (status, found["error"]["kind"], found["error"]["field"]) == (400, kind, field)
    assert "hunter2" not in json.dumps(found)


def test_an_allowed_completion_has_no_text_in_its_answer() -> None:
    found = answer(NATIVE, {"toxicity": 0.1})
    assert (found["action"], found["reasons"], found["redacted"], found["fallback"]) == ("allow", [], None, None)
    assert (found["policy_version"], found["model_version"]) == ("7-0123abcd", "screen-en-1")


def test_redact_hides_spans_by_code_points() -> None:
    """One mask for spans that overlap or touch; an emoji is one code point."""
    value = {"completion": "😀 you idiot, you"}
    found = answer(value, {"insult": 0.85}, spans=((2, 8, "insult"), (6, 11, "insult"), (11, 12, "insult")))
    assert (found["action"], found["redacted"]) == ("redact", "😀 *** you")
    assert found["spans"][0] == {"start": 2, "end": 8, "label": "insult", "choice": 0}


def test_of_several_choices_each_is_redacted_by_its_own() -> None:
    value = {"completion": ["fine", "you fool", "fine too"]}
    found = answer(value, {"insult": 0.85}, spans=((4, 8, "insult"),), choice_of={"insult": 1})
    assert found["redacted"] == ["fine", "you ***", "fine too"]
    assert found["spans"][0]["choice"] == 1


def test_a_block_has_the_fallback() -> None:
    found = answer(NATIVE, {"threat": 0.95, "insult": 0.6})
    assert (found["action"], found["fallback"], found["redacted"]) == ("block", "Sorry.", None)
    assert [(one["label"], one["action"], one["threshold"]) for one in found["reasons"]] == [
        ("threat", "block", 0.9),
        ("insult", "flag", 0.5),
    ]


def test_a_fault_is_said() -> None:
    found = answer(NATIVE, fault=FaultReason.CLASSIFIER_TIMEOUT)
    assert (found["fault"], found["action"], found["scores"]) == ("classifier_timeout", "allow", {})


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_is_in_our_error_form(kind: FailureKind) -> None:
    status, found, headers = api.error(Failure(kind))
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(found)
    assert (status, found["error"]["kind"]) == (kind.status, kind.name.lower())
    assert ("retry-after-ms" in headers) == (status in (429, 503))
