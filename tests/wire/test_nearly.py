"""Answers that are nearly of a shape that we know: other servers', gateways', and of calls that failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wire.records import Fake, record
from tidegate.streams.core.events import Completion
from tidegate.streams.wire import decode_completion, doubts

ERROR = {"code": "server_error", "message": "hidden"}
MESSAGE = {"role": "assistant", "content": "a"}
CHOICE = {"index": 0, "finish_reason": "stop", "message": MESSAGE}
CHAT: dict[str, Any] = {"id": "x", "object": "chat.completion", "choices": [CHOICE]}
ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
RESPONSE: dict[str, Any] = {"id": "x", "object": "response", "status": "completed", "output": [ITEM]}
ANTHROPIC = {"id": "x", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "hidden"}}}


def chat(*choices: Any, **more: Any) -> dict[str, Any]:
    return {**CHAT, "choices": list(choices), **more}


def litellm(answer: Any, status: str = "success", **more: Any) -> dict[str, Any]:
    return {"id": "x", "call_type": "acompletion", "status": status, "response": answer, **more}


def read(value: Any) -> Completion:
    found = decode_completion(record(value))
    assert isinstance(found, Completion), found
    return found


@pytest.mark.parametrize(
    "value",
    [
        # what `object` says is not what it is: the keys tell
        {**CHAT, "object": "response"},
        {**RESPONSE, "object": "chat.completion"},
        {**ANTHROPIC, "object": "chat.completion"},
        # a version of theirs
        {"id": "x", "schema_version": 3, "choices": [CHOICE]},
        {**litellm(CHAT), "schema_version": "v2"},
        {**ANTHROPIC, "schema_version": 1},
        # a stream that was put together, and kept its names
        chat({"index": 0, "finish_reason": "stop", "delta": MESSAGE}),
        litellm(chat({"finish_reason": "stop", "delta": MESSAGE}, object="chat.completion.chunk")),
        # parts of another type, or of none
        chat({"message": {"content": [{"type": "refusal", "text": "a"}]}}),
        chat({"message": {"content": [{"refusal": "a"}]}}),
        {"object": "text_completion", "choices": [{"text": ["a"]}]},
        {"id": "msg_1", "model": "m", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"},
        chat({"message": {"content": [{"type": "text", "content": "a"}]}}),
        {**RESPONSE, "output": [{**ITEM, "type": "output_message"}]},
        # one message alone, as Ollama, Cohere and Bedrock write it
        {"model": "m", "created_at": "2026-01-01T12:00:00.123456789Z", "message": MESSAGE, "done": True},
        {"model": "m", "message": None, "response": "a", "done": True},
        {"id": "x", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": [{"text": "a"}]}},
        {"output": {"message": {"role": "assistant", "content": [THOUGHT, {"text": "a"}]}}, "stopReason": "end_turn"},
        {"request_id": "r", "output": {"choices": [CHOICE], "text": None}, "usage": {}},
        litellm({"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}}),
        # several answers, and answers as text
        litellm([CHAT]),
        litellm({"response": json.dumps(CHAT)}),
        litellm({"response": "a"}),
    ],
)
def test_the_text_is_found(value: Any) -> None:
    found = read(value)
    assert (found.completion, found.status, found.dropped) == ("a", "ok", ())


@pytest.mark.parametrize(
    ("line", "id", "dropped"),
    [
        ({"custom_id": "1", "response": {"body": CHAT}}, "x", ()),  # the answer's own
        ({"custom_id": "1", "id": "batch_req", "response": {"body": {"choices": [CHOICE]}}}, "1", ()),
        ({"key": 7, "response": {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}}, "7", ()),
        ({"id": "job", "status": "COMPLETED", "output": {"choices": [CHOICE]}}, "job", ()),
        ({"id": ["job"], "output": {"choices": [CHOICE]}}, "completions[3]@88214", ("id",)),
        ({"output": {"choices": [CHOICE]}}, "completions[3]@88214", ()),
    ],
)
def test_an_answer_without_an_id_has_that_of_what_holds_it(line: Any, id: str, dropped: tuple[str, ...]) -> None:
    found = read(line)
    assert (found.id, found.completion, found.dropped) == (id, "a", dropped)


@pytest.mark.parametrize(
    ("messages", "prompt", "dropped"),
    [
        ({"role": "user", "content": "q"}, "q", ()),
        ({"role": "user", "content": 7}, None, ("messages.content",)),
        ({"role": "system", "content": "s"}, None, ()),
        ({"model": "m", "messages": [{"role": "user", "content": "q"}]}, "q", ()),  # a request, passed through
        ({"input": "q"}, "q", ()),
        ({"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "q"}]}]}, "q", ()),
        ({"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": []}]}, "q", ()),
        ({"contents": 7}, None, ("messages.contents",)),
    ],
)
def test_litellms_messages_may_be_a_request(messages: Any, prompt: str | None, dropped: tuple[str, ...]) -> None:
    found = read(litellm(CHAT, messages=messages))
    assert (found.prompt, found.completion, found.dropped) == (prompt, "a", dropped)


def test_a_text_of_a_wrong_type_is_named() -> None:
    found = read({"object": "text_completion", "choices": [{"text": 7}, {"text": "a"}]})
    assert (found.completion, found.dropped) == (("", "a"), ("choices[0].text",))


def test_each_of_several_answers_has_its_choices() -> None:
    assert read(litellm([chat(CHOICE, None), None, CHAT])).completion == ("a", "", "", "a")


@pytest.mark.parametrize(
    "body", ["data: {}", "[1]", '{"a": 1}', '{"response": "x"}', "\ud800".encode("utf-8", "replace").decode()]
)
def test_text_that_is_no_answer_is_scored_as_it_is(body: str) -> None:
    assert read(litellm({"response": body})).completion == body


@pytest.mark.parametrize(
    "value",
    [
        {"usageMetadata": {"promptTokenCount": 3}, "modelVersion": "m", "responseId": "x"},
        {"candidates": None, "prompt_feedback": None, "usage_metadata": {"total_token_count": 3}, "response_id": "x"},
        {"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": [{}]}, "done": True},
    ],
)
def test_an_answer_may_have_no_text(value: Any) -> None:
    found = read(value)
    assert (found.completion, found.status, found.dropped) == ("", "ok", ())


@pytest.mark.parametrize(
    ("value", "said", "dropped"),
    [
        # LiteLLM says that the call failed: what came of it costs nothing
        (litellm(chat(choices="odd"), "failure"), "", ("response.choices",)),
        (litellm(chat(choices=None), "failure"), "", ("response.choices",)),
        (litellm({"object": "response"}, "failure"), "", ("response.output",)),
        (litellm({**RESPONSE, "status": "queued", "output": []}, "failure"), "", ("response.status",)),
        (litellm(chat(7, CHOICE), "failure"), ("", "a"), ("response.choices[0]",)),
        # LiteLLM does not, and the answer does
        (litellm({**RESPONSE, "status": "failed"}), "a", ()),
        (litellm({**CHAT, "error": ERROR}), "a", ()),
        (litellm({"response": json.dumps({**RESPONSE, "error": ERROR})}), "a", ()),
        (litellm([CHAT, {**CHAT, "error": ERROR}]), ("a", "a"), ()),
        # the answer alone
        ({**CHAT, "choices": [7], "error": ERROR}, "", ("choices[0]",)),
        ({**RESPONSE, "status": "failed", "output": [{"type": "message", "content": 7}]}, "", ("output[0].content",)),
        # errors as other servers write them
        ({"key": "1", "error": {"code": 13, "message": "hidden"}}, "", ()),
        ({"error": "overloaded", "error_type": "overloaded"}, "", ()),
        ({"error": ERROR, "user_id": "u"}, "", ()),
        ({"object": "error", "message": "hidden", "type": "BadRequestError", "param": None, "code": 400}, "", ()),
        ({"type": "error", "code": "ERR", "message": "hidden", "param": None, "sequence_number": 1}, "", ()),
    ],
)
def test_a_failed_call_is_counted_whatever_its_body(value: Any, said: Any, dropped: tuple[str, ...]) -> None:
    found = read(value)
    assert (found.status, found.completion, found.dropped) == ("failed", said, dropped)


DIGITS = b"9" * 5000


@pytest.mark.parametrize(
    ("more", "dropped"),
    [
        (b'"other": ' + DIGITS, ()),
        (b'"other": [-' + DIGITS + b"." + DIGITS + b"e-7, 1]", ()),
        (b'"at_ms": ' + DIGITS, ("at_ms",)),
        (b'"user": ' + DIGITS, ("user",)),
        (b'"user": "\\ud83d", "tenant": ' + DIGITS, ("tenant",)),
    ],
)
def test_a_number_too_long_to_read_costs_only_itself(more: bytes, dropped: tuple[str, ...]) -> None:
    text = "a" + "9" * 5000 + '\\" 1'
    found = read(b'{"id": "x", "completion": ' + json.dumps(text).encode() + b", " + more + b"}")
    assert (found.completion, found.dropped) == (text, dropped)


def test_behind_a_number_too_long_bytes_keep_their_places() -> None:
    found = decode_completion(record(b'{"other": ' + DIGITS + b', "id": x}'))
    assert str(found).startswith("byte 5018: not_json")


def test_an_envelopes_time_that_is_none_is_named() -> None:
    event = {"specversion": 1, "id": "1", "source": "/s", "time": "soon"}
    found = read({**event, "data": {"completion": "a", "at_ms": 1_767_268_800_000}})
    assert (found.at_ms, found.dropped) == (1_767_268_800_000, ("time",))
    assert read({**event, "data": {"completion": "a"}}).dropped == ("time",)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({**CHAT, "tenant": "acme"},
         ["key tenant: not read in this form; put it in metadata.tenant, or in the header tidegate-tenant"]),
        ({**litellm(CHAT), "route": "r"},
         ["key route: not read in this form; put it in metadata.requester_metadata.route, or in the header "
          "tidegate-route"]),
        ({**CHAT, "metadata": {"tennant": "acme"}}, ["key metadata.tennant: not one of ours; did you mean tenant?"]),
        ({**CHAT, "tenant": "acme", "metadata": {"tenant": "acme", "user_id": "u"}}, []),
        (litellm(CHAT, metadata={"user_api_key_team_id": "t", "user_api_key_alias": "a"}), []),
    ],
)  # fmt: skip
def test_a_key_of_ours_has_its_place_in_each_form(value: Any, said: list[str]) -> None:
    assert doubts(Fake(json.dumps(value).encode()), read(value)) == said


def test_a_header_supersedes_a_hint() -> None:
    sent = record({**CHAT, "tenant": "acme"}, {"tidegate-tenant": "acme"})
    found = decode_completion(sent)
    assert isinstance(found, Completion)
    assert doubts(sent, found) == []


@pytest.mark.parametrize("value", [{**RESPONSE, "status": "failed", "created_at": 1, "text": {}}, litellm(CHAT)])
def test_keys_of_another_form_are_no_slips(value: Any) -> None:
    sent = Fake(json.dumps(value).encode())
    assert doubts(sent, read(value)) == []
