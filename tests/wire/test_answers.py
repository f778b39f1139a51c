"""The answers of the large APIs, as producers send them: what they say to a person, and whether the call failed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.records import record
from tidegate.streams.core.events import Completion
from tidegate.streams.wire import decode_completion


def read(value: Any) -> Completion:
    found = decode_completion(record(value))
    assert isinstance(found, Completion), found
    return found


def text(*texts: Any, kind: str = "output_text") -> dict[str, Any]:
    """A message item of a response."""
    return {"type": "message", "role": "assistant", "content": [{"type": kind, "text": text} for text in texts]}


def response(*output: Any, **more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "completed", "error": None, "output": list(output), **more}


def litellm(answer: Any, call_type: str = "aresponses", **more: Any) -> dict[str, Any]:
    return {"id": "l", "call_type": call_type, "status": "success", "response": answer, **more}


REASONING = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hidden"}],
             "content": [{"type": "reasoning_text", "text": "hidden"}]}  # fmt: skip
CALL = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}
ERROR = {"code": "server_error", "message": "hidden"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (response(text("a")), "a"),
        (response(REASONING, text("a", "b"), CALL, text("c")), "ab\nc"),  # parts are one text, messages are lines
        (response(text("a"), {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}), "a\nno"),
        (response(None, text("a")), "a"),
        (response({"type": "message", "content": None}, text("a", None)), "a"),
        (response({"type": "message", "content": [None, {"type": "output_text", "text": "a"}]}), "a"),
        (response({"type": "message", "content": "a"}), "a"),
        (response({"type": "output_text", "text": "a"}), "a"),
        (response({"type": "widget", "text": "not shown"}, text("a")), "a"),
        (response(CALL), ""),
        (response(), ""),
        (response(output_text="a"), "a"),  # some clients write the whole text here
        (response(text("a"), output_text="a"), "a"),
        ({"object": "response", "output_text": "a"}, "a"),
        ({"id": "r", "output": [text("a")]}, "a"),  # the name is gone
        ({"id": "r", "object": None, "output": [text("a")]}, "a"),
        ({"object": "realtime.response", "output": [{"type": "message", "content": [
            {"type": "audio", "transcript": "a"}]}]}, "a"),
        ({"type": "response.completed", "response": response(text("a"))}, "a"),
        ({"type": "response.done", "response": {"object": "realtime.response", "output": [text("a")]}}, "a"),
    ],
)  # fmt: skip
def test_a_responses_text_is_that_of_its_messages(value: Any, said: str) -> None:
    found = read(value)
    assert (found.completion, found.status, found.dropped) == (said, "ok", ())


@pytest.mark.parametrize(
    ("status", "error", "ours"),
    [
        ("completed", None, "ok"),
        ("incomplete", None, "ok"),
        ("failed", ERROR, "failed"),
        ("cancelled", None, "failed"),
        ("completed", ERROR, "failed"),
        ("odd", None, "ok"),
        (None, None, "ok"),
        ("in_progress", None, "ok"),  # with a text, that was shown
    ],
)
def test_a_responses_status_says_whether_the_call_failed(status: Any, error: Any, ours: str) -> None:
    found = read(response(text("half"), status=status, error=error))
    assert (found.status, found.completion) == (ours, "half")


def test_the_last_event_of_a_failed_stream_is_a_failed_call() -> None:
    value = {"type": "response.failed", "response": response(text("half"), status="failed", error=ERROR)}
    found = read(value)
    assert (found.status, found.completion) == ("failed", "half")
    assert read({"type": "response.failed", "response": response(status="failed", error=ERROR)}).status == "failed"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]}, "a"),
        ({"type": "message", "content": [{"type": "thinking", "thinking": "hidden", "signature": "s"},
                                         {"type": "text", "text": "a"}, {"type": "tool_use", "input": {"text": "t"}},
                                         {"type": "text", "text": "b", "citations": []}]}, "ab"),
        ({"type": "message", "content": [{"type": "redacted_thinking", "data": "x"}, {"type": "tool_use"}]}, ""),
        ({"type": "message", "content": [None, {"type": "text", "text": None}, {"type": "text", "text": "a"}]}, "a"),
        ({"type": "message", "content": []}, ""),
        ({"type": "message", "content": "a"}, "a"),
        ({"type": "message", "content": {"type": "text", "text": "a"}}, "a"),
        ({"role": "assistant", "content": [{"type": "text", "text": "a"}], "stop_reason": "max_tokens"}, "a"),
        ({"type": "completion", "id": "c", "completion": "a", "stop_reason": "stop_sequence"}, "a"),  # the old API
        ({"custom_id": "1", "result": {"type": "succeeded", "message": {"type": "message", "content": "a"}}}, "a"),
    ],
)  # fmt: skip
def test_an_anthropic_messages_text_is_that_of_its_text_blocks(value: Any, said: str) -> None:
    found = read(value)
    assert (found.completion, found.status, found.dropped) == (said, "ok", ())


def gemini(*parts: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"candidates": [gemini({"text": "a"}, {"text": "b"})], "responseId": "r"}, ("ab",)),
        ({"candidates": [gemini({"text": "hidden", "thought": True}, {"text": "a"}, {"functionCall": {}})]}, ("a",)),
        ({"candidates": [gemini({"text": "a"}), {"finishReason": "SAFETY"}, None, gemini()]}, ("a", "", "", "")),
        ({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}, ("",)),
        ({"candidates": [{"content": {"parts": None}}, gemini(None, {"text": None}, {"text": "a"})]}, ("", "a")),
        ({"candidates": [{"content": {}}]}, ("",)),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, ("",)),
        ({"prompt_feedback": {"block_reason": "OTHER"}, "candidates": None}, ("",)),  # as the Python SDK writes it
        ({"candidates": []}, ("",)),
        ({"key": "1", "response": {"candidates": [gemini({"text": "a"})]}}, ("a",)),  # a batch's line
    ],
)
def test_a_gemini_response_has_a_text_a_candidate(value: Any, said: tuple[str, ...]) -> None:
    found = read(value)
    assert (found.choices, found.status, found.dropped) == (said, "ok", ())


def chat(*choices: Any, **more: Any) -> dict[str, Any]:
    return {"id": "x", "object": "chat.completion", "choices": list(choices), **more}


MESSAGE = {"role": "assistant", "content": "a"}
FILTERED = {"index": 0, "finish_reason": "content_filter", "content_filter_results": {"hate": {"filtered": True}}}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (chat({**FILTERED, "message": None}, {"message": MESSAGE}), ("", "a")),
        (chat(FILTERED, {"message": MESSAGE}), ("", "a")),  # without the key
        (chat({**FILTERED, "message": {"role": "assistant"}}, {"message": MESSAGE}), ("", "a")),
        (chat({**FILTERED, "message": {"role": "assistant", "content": None}}), ("",)),
        (chat(FILTERED), ("",)),
        (chat(None, {"message": MESSAGE}, None), ("", "a", "")),
        (chat({"message": {"content": [None, {"type": "text", "text": None}, {"type": "text", "text": "a"}]}}), ("a",)),
        (chat({"message": {"content": {"type": "text", "text": "a"}}}), ("a",)),
        (chat({"message": {"content": [{"type": "text", "text": {"value": "a"}}]}}), ("a",)),
        (chat({"message": {"content": [{"type": "thinking", "thinking": "hidden"}, {"type": "text", "text": "a"}]}}),
         ("a",)),
        (chat({"message": {"content": "a", "reasoning_content": "hidden", "reasoning": "hidden"}}), ("a",)),
        (chat(), ("",)),
        ({"id": "x", "object": "chat.completion", "choices": {"message": MESSAGE}}, ("a",)),
        ({"id": "x", "object": "chat.completion", "completion": "a"}, ("a",)),  # ours, under another's name
        ({"id": "x", "object": "response", "completion": "a"}, ("a",)),
        (chat({"message": MESSAGE, "error": None}, error={}), ("a",)),
        ({"object": "thread.message", "role": "assistant", "content": [{"type": "text", "text": {"value": "a"}}]},
         ("a",)),
        (chat({"message": MESSAGE}, object="chat.completions"), ("a",)),
        (chat({"message": MESSAGE}, object=None), ("a",)),
        (chat({"message": MESSAGE}, object=["chat.completion"]), ("a",)),
        (chat({"message": MESSAGE}, object=""), ("a",)),
        ({"id": "x", "choices": [{"message": MESSAGE}]}, ("a",)),
        ({"object": "text_completion", "choices": [{"text": "a"}, {"text": "", "logprobs": None}, {"text": None}]},
         ("a", "", "")),
        ({"choices": [{"text": "", "message": MESSAGE}]}, ("a",)),
        ({"custom_id": "1", "response": {"status_code": 200, "body": chat({"message": MESSAGE})}}, ("a",)),
    ],
)  # fmt: skip
def test_each_choice_has_its_text_at_its_place(value: Any, said: tuple[str, ...]) -> None:
    found = read(value)
    assert (found.choices, found.status, found.dropped) == (said, "ok", ())


@pytest.mark.parametrize(
    ("value", "said", "id"),
    [
        (chat({"message": MESSAGE, "finish_reason": "error", "error": ERROR}), "a", "x"),  # routers: half-way
        (chat({"message": MESSAGE, "finish_reason": "error"}), "a", "x"),
        ({"id": "x", "object": "chat.completion", "choices": None, "error": ERROR}, "", "x"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}, "request_id": "req_1"}, "", "req_1"),
        ({"error": {"message": "m", "type": "server_error", "code": None}}, "", "completions[3]@88214"),
        ({"custom_id": "7", "response": None, "error": ERROR}, "", "7"),
        ({"custom_id": "7", "response": {"status_code": 500, "body": {"error": ERROR}}, "error": None}, "", "7"),
        ({"custom_id": "7", "result": {"type": "errored", "error": ERROR}}, "", "7"),
        ({"custom_id": "7", "result": {"type": "expired"}}, "", "7"),
        (litellm(None, status="failure"), "", "l"),
        ({"id": "l", "call_type": "acompletion", "status": "failure", "error_str": "timeout"}, "", "l"),
        (litellm({}, status="failure"), "", "l"),
        (litellm(chat({"message": MESSAGE}), status="failure"), "a", "l"),
        (litellm(response(text("a"), status="failed"), status="failure"), "a", "l"),
        (litellm({"choices": [{"message": {"content": "redacted-by-litellm"}}]}, status="failure"), "", "l"),
        ({"id": "n", "status": "failed", "completion": "a"}, "a", "n"),
    ],
)
def test_a_failed_call_keeps_the_text_it_had(value: Any, said: str, id: str) -> None:
    found = read(value)
    assert (found.status, found.completion, found.id) == ("failed", said, id)


@pytest.mark.parametrize("call_type", ["aresponses", "responses"])
@pytest.mark.parametrize("answer", [response(REASONING, text("a")), {"output": [text("a")]},
                                    {"type": "response.completed", "response": response(text("a"))}])  # fmt: skip
def test_litellm_logs_responses(call_type: str, answer: Any) -> None:
    assert read(litellm(answer, call_type)).completion == "a"


@pytest.mark.parametrize(
    ("call_type", "answer", "said"),
    [
        ("anthropic_messages", {"type": "message", "content": [{"type": "text", "text": "a"}]}, ("a",)),
        ("anthropic_messages", {"content": [{"type": "text", "text": "a"}], "role": "assistant"}, ("a",)),
        ("anthropic_messages", chat({"message": MESSAGE}), ("a",)),  # logged in the shape of chat completions
        ("text_completion", {"object": "text_completion", "choices": [{"text": "a"}, {"text": "b"}]}, ("a", "b")),
        ("atext_completion", chat({"text": "a"}), ("a",)),
        ("agenerate_content", {"candidates": [gemini({"text": "a"})]}, ("a",)),
        ("acompletion", chat(None, {"message": MESSAGE}), ("", "a")),
        ("acompletion", "a", ("a",)),
        ("acompletion", [{"type": "text", "text": "a"}], ("a",)),
        ("pass_through_endpoint", {"completion": "a"}, ("a",)),
    ],
)
def test_litellm_logs_every_kind_of_text(call_type: str, answer: Any, said: tuple[str, ...]) -> None:
    found = read(litellm(answer, call_type))
    assert (found.choices, found.status, found.dropped) == (said, "ok", ())


def test_a_text_that_litellm_took_out_costs_none_of_the_others() -> None:
    answer = {"choices": [{"message": {"content": "redacted-by-litellm"}}, {"message": MESSAGE}]}
    found = read(litellm(answer))
    assert (found.choices, found.dropped) == (("", "a"), ("response",))
