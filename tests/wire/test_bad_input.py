"""Hostile and broken input: each ends as a dead letter that says where and what was expected. Nothing raises."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.records import Fake, record
from tidegate.streams.core.events import Completion, Feedback
from tidegate.streams.wire import Unreadable, dead_letter, decode_completion, decode_feedback

NATIVE = {"id": "x", "completion": "hello"}
CHAT: dict[str, Any] = {"id": "x", "object": "chat.completion", "choices": [{"message": {"content": "hello"}}]}
LITELLM: dict[str, Any] = {"id": "x", "call_type": "completion", "status": "success", "response": CHAT}
EVENT: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": NATIVE}
BINARY = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s"}

ID = "a string, not empty, without control characters"
NAME = "a string of 1 to 200 characters, none of them a control character or `|`"
TEXTS = "a string, or a list of 1 to 128 strings, one a choice"
ATTRIBUTE = "a string, not empty, without control characters"
RESPONSE = "a string, or an object with `choices`, `output` or `content`"
FORMS = (
    "a native completion, a CloudEvent, a LiteLLM payload, or an answer of OpenAI's, Anthropic's, Gemini's, Bedrock's "
    "or Ollama's API"
)
CUT = "; this ends before its JSON does: it may have been cut short"
RAW = "; a line break or another control character stands in a string as it is: write it with a JSON library"
PACKED = "; this begins like {}: send the JSON itself, and let the producer compress (compression.type)"


def packed(value: bytes) -> dict[str, Any]:
    return {**EVENT, "data": None, "data_base64": base64.b64encode(value).decode()}


def chat(**message: Any) -> dict[str, Any]:
    return {**CHAT, "choices": [{"message": {"content": "a"}}, {"message": message}]}


# value, headers, and the message
BAD: list[tuple[Any, dict[str, Any] | None, str]] = [
    # --- bytes
    (None, None, "value: tombstone; expected an event: there is nothing here to delete"),
    (b"", None, "byte 0: not_json; expected JSON"),
    (b"   ", None, "byte 3: not_json; expected JSON"),
    (b'{"id": "x"', None, "byte 10: not_json; expected JSON" + CUT),
    (b'{"id": "x"}\x00', None,
     "byte 11: not_json; expected JSON; zero bytes stand behind the JSON: leave them out"),
    (b'{"id": "x"}}', None, "byte 11: not_json; expected JSON"),
    (b'{"id":\n "x",\n\n  x}', None, "byte 16: not_json; expected JSON"),
    (b'{"id": "x", "completion": "a\nb"}', None, "byte 28: not_json; expected JSON" + RAW),
    (b'{"id": "x", "completion": "\x00"}', None, "byte 27: not_json; expected JSON" + RAW),
    (b'{"id": "x", "completion": "\\ud8"}', None, "byte 31: not_json; expected JSON"),
    (b'{"a": "\\ud800", "b": x}', None, "byte 21: not_json; expected JSON"),  # a mended surrogate moves no byte
    (b"\xef\xbb\xbf{", None, "byte 4: not_json; expected JSON" + CUT),  # a byte order mark is read over, and counted
    (b'{"id": "x", "completion": "\xff"}', None, "byte 27: not_utf8; expected UTF-8"),
    (b'{"id": "x", "completion": "\xed\xa0\x80"}', None, "byte 27: not_utf8; expected UTF-8"),  # a raw surrogate
    ("\ufeffhello".encode("utf-16"), None,
     "byte 0: not_utf8; expected UTF-8; this begins with the byte order mark of UTF-16 or UTF-32: encode it as UTF-8"),
    (b"\x1f\x8b\x08\x00", None,  "byte 1: not_utf8; expected UTF-8" + PACKED.format("gzip")),
    (b"\x28\xb5\x2f\xfd\x04", None, "byte 1: not_utf8; expected UTF-8" + PACKED.format("zstd")),
    (b"\x04\x22\x4d\x18\x64", None, "byte 0: not_json; expected JSON" + PACKED.format("lz4")),
    (b"\x00\x00\x00\x00\x07{}", None, "byte 0: not_json; expected JSON; this begins like Confluent's framing (a zero "
     "byte, a schema's id): send JSON without a registry"),
    ('{"id": "x"}'.encode("utf-16-le"), None,
     "byte 1: not_json; expected JSON; this begins like UTF-16: encode it as UTF-8"),
    ('{"id": "x"}'.encode("utf-16-be"), None,
     "byte 0: not_json; expected JSON; this begins like UTF-16: encode it as UTF-8"),
    (b"Obj\x01\x04", None, "byte 0: not_json; expected JSON; this begins like an Avro file: send JSON"),
    (b"\x0a\x03c-1\x12\x05hello", None, "byte 1: not_json; expected JSON; this may be Protobuf: send JSON"),
    (b'data: {"id": "x"}', None, "byte 0: not_json; expected JSON; this begins like a server-sent event: send what "
     "stands after data:, and whole answers only"),
    (b"{'id': 'x'}", None,
     "byte 1: not_json; expected JSON; this begins like a dict of Python's: write it with json.dumps"),
    (base64.b64encode(b'{"id": "x"}'), None,
     "byte 0: not_json; expected JSON; this begins like base64 of JSON: send the JSON itself"),
    (b'{"id": "x"}\n{"id": "y"}', None,
     "byte 12: not_json; expected JSON; this holds several lines: send one event a record"),
    (b"[" * 100_000, None, "byte 201: too_deep; expected at most 200 levels of nesting"),
    (b'{"a":' * 300 + b"1" + b"}" * 300, None, "byte 1005: too_deep; expected at most 200 levels of nesting"),
    (b'{"id": "x", "completion": "a", "more": ' + b"[" * 5000, None,
     "byte 239: too_deep; expected at most 200 levels of nesting"),
    (b"[]", None, "value: not_an_object; expected a JSON object"),
    ([NATIVE], None, "value: not_an_object; expected a JSON object; this is a list of 1: send one event a record"),
    (json.dumps(NATIVE), None,
     "value: not_an_object; expected a JSON object; this is JSON inside a JSON string: encode it once"),
    (b'"text"', None, "value: not_an_object; expected a JSON object"),
    (b"null", None, "value: not_an_object; expected a JSON object"),
    (b"17", None, "value: not_an_object; expected a JSON object"),
    # --- which form
    ({}, None, f"value: unknown_form; expected {FORMS}"),
    ({"text": "hello"}, None, f"value: unknown_form; expected {FORMS}; text may be meant as completion"),
    ({"ID": "x", "complétion": "a", "modle": "m", "tennant": "t"}, None, f"value: unknown_form; expected {FORMS}; "
     "ID may be meant as id, complétion may be meant as completion, modle may be meant as model"),
    ({"event": "heartbeat", "error": {"code": 7}}, None, f"value: unknown_form; expected {FORMS}"),
    ({"object": ["chat.completion"]}, None, f"value: unknown_form; expected {FORMS}"),
    ({**CHAT, "object": "chat.completion.chunk"}, None,
     "object: stream_chunk; expected the whole answer, not a chunk of it"),
    ({**EVENT, "data": EVENT}, None,
     f"data: unknown_form; expected {FORMS}; data holds one of these: send that alone"),
    ({"schema": {}, "payload": CHAT}, None,
     f"value: unknown_form; expected {FORMS}; payload holds one of these: send that alone"),
    ({"id": "f", "completion_id": "x", "kind": "appeal"}, None,
     f"value: unknown_form; expected {FORMS}; this looks like feedback: send it to the topic of feedback"),
    # --- native
    ({"id": "x"}, None, f"completion: invalid; expected this key: {TEXTS}"),
    ({"id": "x", "status": "ok"}, None, f"completion: invalid; expected this key: {TEXTS}"),
    ({"id": "x", "completion": None}, None, f"completion: invalid; expected this key: {TEXTS}"),
    ({"schema_version": 1, "id": "x", "completoin": "a"}, None,
     f"completion: invalid; expected this key: {TEXTS}; completoin may be meant as completion"),
    ({"status": "ok", "id": "x", "message": "a"}, None,
     f"completion: invalid; expected this key: {TEXTS}; message may be meant as completion"),
    ({"id": "x", "completion": 7}, None, f"completion: invalid; expected {TEXTS}"),
    ({"id": "x", "completion": {"text": "a"}}, None, f"completion: invalid; expected {TEXTS}"),
    ({"id": "x", "completion": []}, None, f"completion: invalid; expected {TEXTS}"),
    ({"id": "x", "completion": ["a"] * 129}, None, f"completion: invalid; expected {TEXTS}"),
    ({**NATIVE, "schema_version": 2}, None, "schema_version: unknown_version; expected 1"),
    ({**NATIVE, "schema_version": "1"}, None, "schema_version: unknown_version; expected 1"),
    ({**NATIVE, "schema_version": True}, None, "schema_version: unknown_version; expected 1"),
    ({"schema_version": 9, "text": "of the future"}, None, "schema_version: unknown_version; expected 1"),
    # --- headers
    # --- OpenAI
    ({**CHAT, "choices": None}, None, "choices: invalid; expected a list, one a choice"),
    ({**CHAT, "choices": CHAT["choices"] * 129}, None, f"choices: invalid; expected {TEXTS}"),
    ({**CHAT, "choices": [{"message": {"content": 7}}, None]}, None,
     "choices[0].message.content: invalid; expected a string, null, or a list of parts"),
    ({**CHAT, "choices": [{"index": 0}]}, None, "choices[0].message: invalid; expected an object"),
    ({"id": "x", "completion": [None, 7]}, None, f"completion[1]: invalid; expected {TEXTS}"),
    # --- the other APIs' answers, and their streams
    ({"object": "response"}, None, "output: invalid; expected a list of items"),
    ({"object": "response", "status": "in_progress", "output": []}, None,
     "status: stream_chunk; expected a response that has ended"),
    ({"object": "response", "output": [{"type": "message", "content": [{"type": "output_text", "text": 7}]}]}, None,
     "output[0].content[0].text: invalid; expected a string"),
    ({"type": "message", "role": "assistant", "content": 7}, None,
     "content: invalid; expected a string, null, or a list of parts"),
    ({"candidates": [7]}, None, "candidates[0]: invalid; expected an object"),
    ({"type": "response.output_text.delta", "delta": "He"}, None,
     "type: stream_chunk; expected the whole answer, not a chunk of it"),
    ({"type": "response.created", "response": {"object": "response", "output": []}}, None,
     "type: stream_chunk; expected the whole answer, not a chunk of it"),
    ({"type": "response.completed"}, None, "type: stream_chunk; expected the whole answer, not a chunk of it"),
    ({"type": "message_start", "message": {"type": "message", "content": []}}, None,
     "type: stream_chunk; expected the whole answer, not a chunk of it"),
    ({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "He"}}, None,
     "type: stream_chunk; expected the whole answer, not a chunk of it"),
    ({"model": "m", "message": {"role": "assistant", "content": "He"}, "done": False}, None,
     "done: stream_chunk; expected the whole answer, not a chunk of it"),
    ({"id": "x", "choices": [{"index": 0, "delta": {"content": "He"}}]}, None,
     "choices: stream_chunk; expected the whole answer, not a chunk of it"),
    # --- LiteLLM
    ({**LITELLM, "response": None}, None, f"response: invalid; expected {RESPONSE}"),
    ({**LITELLM, "response": {"data": []}}, None, f"response: invalid; expected {RESPONSE}"),
    ({**LITELLM, "call_type": "aembedding", "response": {"object": "list", "data": []}}, None,
     f"response: invalid; expected {RESPONSE}; by its call_type this call makes no text for a person: do not send "
     "those"),
    ({**LITELLM, "response": {"object": "response", "output": [{"type": "message", "content": [7]}]}}, None,
     "response.output[0].content[0]: invalid; expected a part: an object"),
    ({**LITELLM, "response": {"text": "redacted-by-litellm"}}, None,
     "response: invalid; expected the text; LiteLLM's turn_off_message_logging took it out"),
    ({**LITELLM, "response": {"choices": [{"message": {"content": "redacted-by-litellm"}}]}}, None,
     "response: invalid; expected the text; LiteLLM's turn_off_message_logging took it out"),
    # --- CloudEvents
    ({**EVENT, "specversion": "0.3"}, None, "specversion: unknown_version; expected 1.0"),
    (NATIVE, {"content-type": "application/cloudevents+json"}, "specversion: unknown_version; expected 1.0"),
    ({**EVENT, "data": "text"}, None, "data: invalid; expected a JSON object, or its bytes as data_base64"),
    ({**EVENT, "data": {"id": "x"}}, None, f"data.completion: invalid; expected this key: {TEXTS}"),
    ({**EVENT, "data": {**NATIVE, "schema_version": 2}}, None, "data.schema_version: unknown_version; expected 1"),
    ({**EVENT, "data": {**CHAT, "object": "chat.completion.chunk"}}, None,
     "data.object: stream_chunk; expected the whole answer, not a chunk of it"),
    ({**EVENT, "data": None, "data_base64": "%%%"}, None, "data_base64: invalid; expected base64"),
    ({**EVENT, "data": None, "data_base64": "é"}, None, "data_base64: invalid; expected base64"),
    (packed(b"{"), None, "data_base64: byte 1: not_json; expected JSON" + CUT),
    (packed(b"\xff"), None, "data_base64: byte 0: not_utf8; expected UTF-8"),
    (packed(b"[]"), None, "data_base64: not_an_object; expected a JSON object"),
    (packed(b'{"id": "x", "completion": 7}'), None, f"data_base64.completion: invalid; expected {TEXTS}"),
    (NATIVE, {**BINARY, "ce_specversion": "2.0"}, "header ce_specversion: unknown_version; expected 1.0"),
    (NATIVE, {"ce_id": "1"}, "header ce_specversion: unknown_version; expected 1.0"),
    (None, BINARY, "value: tombstone; expected an event: there is nothing here to delete"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "headers", "message"), BAD)
def test_a_dead_letter_names_the_place_and_what_was_expected(
    value: Any, headers: dict[str, Any] | None, message: str
) -> None:
    found = decode_completion(record(value, headers))
    assert isinstance(found, Unreadable), "read, though it should not be"
    assert str(found) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"id": "f", "kind": "appeal"}, f"completion_id: invalid; expected this key: {ID}"),
        ({"schema_version": 1, "id": "f", "kind": "appeal", "completionId": "x"},
         f"completion_id: invalid; expected this key: {ID}; completionId may be meant as completion_id"),
        ({"id": "f", "completion_id": "x"}, "kind: invalid; expected this key: one of thumb_up, thumb_down, complaint, "
         "mistaken, appeal, upheld, overturned"),
        ({"id": "f", "completion_id": "x", "kind": "star"}, "kind: invalid; expected one of thumb_up, thumb_down, "
         "complaint, mistaken, appeal, upheld, overturned"),
        ({"id": "f", "completion_id": "x", "kind": "appeal", "schema_version": 2},
         "schema_version: unknown_version; expected 1"),
        (CHAT, "value: unknown_form; expected native feedback, alone or in a CloudEvent; this looks like a completion: "
         "send it to the topic of completions"),
        ({"note": "x"}, "value: unknown_form; expected native feedback, alone or in a CloudEvent"),
        (None, "value: tombstone; expected an event: there is nothing here to delete"),
        (b"\xff", "byte 0: not_utf8; expected UTF-8"),
    ],
)  # fmt: skip
def test_unreadable_feedback_is_named_too(value: Any, message: str) -> None:
    assert str(decode_feedback(record(value))) == message


def test_a_text_as_large_as_a_broker_takes_is_read() -> None:
    found = decode_completion(record({"id": "x", "completion": "a " * 500_000}))
    assert isinstance(found, Completion)


# --- anything at all

CANARY = "canary-5f1d"
TEXT = st.sampled_from([CANARY, "", "\x00" + CANARY, CANARY * 40, "2026-01-01T00:00:00Z", "1.0", "success", "user"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT)
KEYS = st.sampled_from([
    "id", "completion", "prompt", "status", "tenant", "user", "at_ms", "schema_version", "object", "choices",
    "message", "content", "refusal", "text", "type", "audio", "created", "metadata", "model", "call_type",
    "response", "messages", "role", "endTime", "end_user", "requester_metadata", "specversion", "source", "time",
    "data", "data_base64", "kind", "completion_id",
])  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=8)),
    max_leaves=30,
)
SEEDS = st.sampled_from([{}, NATIVE, CHAT, LITELLM, EVENT, {"id": "f", "completion_id": "x", "kind": "appeal"}])
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["tidegate-tenant", "tidegate-user", "ce_specversion", "ce_id", "ce_source", "ce_time", "content-type"]
        ),
        st.one_of(st.binary(max_size=8), st.sampled_from([b"1.0", CANARY.encode(), b"application/cloudevents+json"])),
    ),
    max_size=5,
).map(tuple)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.none(), st.binary(max_size=200)), HEADERS)
def test_no_bytes_raise(value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> None:
    assert isinstance(decode_completion(Fake(value, headers)), Completion | Unreadable)
    assert isinstance(decode_feedback(Fake(value, headers)), Feedback | Unreadable)


@settings(max_examples=600, deadline=None)
@given(SEEDS, st.dictionaries(KEYS, JSON, max_size=6), HEADERS)
def test_no_object_raises_and_no_message_holds_a_value(
    seed: dict[str, Any], changed: dict[str, Any], headers: tuple[tuple[str, bytes], ...]
) -> None:
    broken = Fake(json.dumps({**seed, **changed}).encode(), headers)
    for found in (decode_completion(broken), decode_feedback(broken)):
        if isinstance(found, Unreadable):
            letter = dead_letter(broken, found, epoch=1, keep_up_to=0)
            assert CANARY not in letter.model_dump_json()
