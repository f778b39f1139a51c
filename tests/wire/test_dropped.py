"""A field that decides nothing never costs the text: it is mended, or dropped and named."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.wire.records import Fake, record
from tidegate.streams.core.events import Completion, Feedback
from tidegate.streams.core.fields import shortened
from tidegate.streams.wire import decode_completion, decode_feedback

NATIVE = {"id": "x", "completion": "hello"}
MESSAGE = {"message": {"content": "hello"}}
CHAT: dict[str, Any] = {"id": "x", "object": "chat.completion", "choices": [MESSAGE]}
LITELLM: dict[str, Any] = {"id": "x", "call_type": "completion", "status": "success", "response": CHAT}
EVENT: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": NATIVE}
BINARY = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s"}
HERE = "completions[3]@88214"  # where tests.wire.records puts a record
LONG = "i" * 700
SHORT = "i" * 200 + "~" + hashlib.sha256(LONG.encode()).hexdigest()[:16]


def read(value: Any, headers: dict[str, Any] | None = None) -> Completion:
    found = decode_completion(record(value, headers))
    assert isinstance(found, Completion), found
    return found


# value, headers, the field and what it is, and what is named
ODD: list[tuple[Any, dict[str, Any] | None, str, Any, tuple[str, ...]]] = [
    # --- ids: a long one is shortened, a number is read as its text, and what is missing or odd is the position
    ({**NATIVE, "id": LONG}, None, "id", SHORT, ()),
    ({**NATIVE, "user": LONG}, None, "user", SHORT, ()),
    ({**NATIVE, "conversation": LONG}, None, "conversation", SHORT, ()),
    ({**CHAT, "id": LONG}, None, "id", SHORT, ()),
    ({**NATIVE, "id": "i" * 256}, None, "id", "i" * 256, ()),
    ({**NATIVE, "id": 7}, None, "id", "7", ()),
    ({**NATIVE, "id": 7.5}, None, "id", "7.5", ()),
    ({**NATIVE, "user": 2**70}, None, "user", str(2**70), ()),
    ({**CHAT, "user": 7}, None, "user", "7", ()),
    ({**LITELLM, "end_user": 7}, None, "user", "7", ()),
    ({"completion": "hello"}, None, "id", HERE, ()),
    ({**NATIVE, "id": None}, None, "id", HERE, ()),
    ({**NATIVE, "id": ""}, None, "id", HERE, ()),
    ({**CHAT, "id": None}, None, "id", HERE, ()),
    ({**NATIVE, "id": "a\x00b"}, None, "id", HERE, ("id",)),
    ({**NATIVE, "id": "a\x00" + LONG}, None, "id", HERE, ("id",)),
    ({**NATIVE, "id": ["x"]}, None, "id", HERE, ("id",)),
    ({**NATIVE, "id": True}, None, "id", HERE, ("id",)),
    ({**CHAT, "id": {}}, None, "id", HERE, ("id",)),
    ({**NATIVE, "id": int("9" * 400)}, None, "id", shortened("9" * 400), ()),
    # --- users and conversations
    ({**NATIVE, "user": "a\nb"}, None, "user", None, ("user",)),
    ({**NATIVE, "user": ["u"]}, None, "user", None, ("user",)),
    ({**NATIVE, "user": ""}, None, "user", None, ()),
    ({**NATIVE, "conversation": {"id": "c"}}, None, "conversation", None, ("conversation",)),
    ({**CHAT, "metadata": {"user": "a\x00"}}, None, "user", None, ("metadata.user",)),
    ({"object": "response", "output": [], "conversation": {"id": "c"}}, None, "conversation", "c", ()),
    ({"object": "response", "output": [], "conversation": "c"}, None, "conversation", "c", ()),
    # --- names
    ({**NATIVE, "tenant": 7}, None, "tenant", "7", ()),
    ({**NATIVE, "tenant": "a|b"}, None, "tenant", "unknown", ("tenant",)),
    ({**NATIVE, "tenant": "x" * 201}, None, "tenant", "unknown", ("tenant",)),
    ({**NATIVE, "model": ["m"]}, None, "model", "unknown", ("model",)),
    ({**NATIVE, "route": "a\tb"}, None, "route", "unknown", ("route",)),
    ({**NATIVE, "locale": {"lang": "en"}}, None, "locale", "unknown", ("locale",)),
    ({**CHAT, "model": None}, None, "model", "unknown", ()),
    ({**CHAT, "metadata": {"tenant": "a|b"}}, None, "tenant", "unknown", ("metadata.tenant",)),
    ({**CHAT, "metadata": "tenant=acme"}, None, "tenant", "unknown", ("metadata",)),
    ({**CHAT, "metadata": []}, None, "tenant", "unknown", ("metadata",)),
    ({**LITELLM, "metadata": {"user_api_key_team_id": "a|b"}}, None,
     "tenant", "unknown", ("metadata.user_api_key_team_id",)),
    ({**LITELLM, "metadata": {"requester_metadata": ["x"]}}, None,
     "tenant", "unknown", ("metadata.requester_metadata",)),
    # --- prompts and statuses
    ({**NATIVE, "prompt": ["p"]}, None, "prompt", None, ("prompt",)),
    ({**LITELLM, "messages": [{"role": "user", "content": 7}]}, None, "prompt", None, ("messages[0].content",)),
    ({**LITELLM, "messages": [{"role": "user", "content": ["a", 7]}]}, None,
     "prompt", "a", ("messages[0].content[1]",)),
    ({**LITELLM, "messages": [{"role": "user", "content": [None, {"type": "text", "text": None}]}]}, None,
     "prompt", "", ()),
    ({**LITELLM, "messages": [None, 7, {"role": "user", "content": "p"}]}, None, "prompt", "p", ()),
    ({**LITELLM, "messages": 7}, None, "prompt", None, ("messages",)),
    ({**NATIVE, "status": "success"}, None, "status", "ok", ("status",)),
    ({**LITELLM, "status": "ok!"}, None, "status", "ok", ("status",)),
    ({**LITELLM, "status": ["success"]}, None, "status", "ok", ("status",)),
    # --- one of several texts
    ({**NATIVE, "completion": ["a", None]}, None, "completion", ("a", ""), ()),
    ({**NATIVE, "completion": ["a", 7]}, None, "completion", ("a", ""), ("completion[1]",)),
    ({**CHAT, "choices": [MESSAGE, {"message": 7}]}, None, "completion", ("hello", ""), ("choices[1].message",)),
    ({**CHAT, "choices": [MESSAGE, {"message": {"content": ["a", 7]}}]}, None,
     "completion", ("hello", "a"), ("choices[1].message.content[1]",)),
    ({**CHAT, "choices": [MESSAGE, {"message": {"refusal": ["no"]}}]}, None,
     "completion", ("hello", ""), ("choices[1].message.refusal",)),
    ({**CHAT, "choices": [MESSAGE, {"message": {"audio": {"transcript": 1}}}]}, None,
     "completion", ("hello", ""), ("choices[1].message.audio.transcript",)),
    ({"object": "response", "output": [7, {"type": "message", "content": "hello"}]}, None,
     "completion", "hello", ("output[0]",)),
    ({"candidates": [7, {"content": {"parts": [{"text": "a"}, {"text": 7}]}}]}, None,
     "completion", ("", "a"), ("candidates[0]", "candidates[1].content.parts[1].text")),
    # --- headers: no other source replaces a gateway's
    ({**NATIVE, "tenant": "said"}, {"tidegate-tenant": "a|b"}, "tenant", "unknown", ("header tidegate-tenant",)),
    ({**NATIVE, "tenant": "said"}, {"tidegate-tenant": b"\xff"}, "tenant", "unknown", ("header tidegate-tenant",)),
    ({**NATIVE, "tenant": "said"}, {"tidegate-tenant": ""}, "tenant", "said", ()),
    ({**NATIVE, "user": "said"}, {"tidegate-user": LONG}, "user", SHORT, ()),
    (NATIVE, {"content-type": b"\xff"}, "id", "x", ()),
    # --- CloudEvents: without source and id the data's own id stands
    ({**EVENT, "id": 7}, None, "id", "/s#7", ()),
    ({**EVENT, "id": ""}, None, "id", "x", ()),
    ({**EVENT, "source": None}, None, "id", "x", ()),
    ({**EVENT, "source": "a\x00"}, None, "id", "x", ("source",)),
    ({**EVENT, "id": ["1"], "data": {"completion": "a"}}, None, "id", HERE, ("id",)),
    ({**EVENT, "specversion": 1.0}, None, "id", "/s#1", ()),
    ({**EVENT, "data": {**NATIVE, "tenant": []}}, None, "tenant", "unknown", ("data.tenant",)),
    (NATIVE, {**BINARY, "ce_id": b"\xff"}, "id", "x", ("header ce_id",)),
    # --- JSON that Python writes, and editors
    (b'\xef\xbb\xbf{"id": "x", "completion": "hello"}', None, "completion", "hello", ()),
    (b'{"id": "x", "completion": "hello", "logprobs": [NaN, -Infinity]}', None, "completion", "hello", ()),
    (b'{"id": "x", "completion": "hello", "user": NaN}', None, "user", None, ("user",)),
]  # fmt: skip


@pytest.mark.parametrize(("value", "headers", "field", "found", "dropped"), ODD)
def test_an_odd_field_costs_only_itself(
    value: Any, headers: dict[str, Any] | None, field: str, found: Any, dropped: tuple[str, ...]
) -> None:
    event = read(value, headers)
    assert (getattr(event, field), event.dropped) == (found, dropped)


def test_all_that_is_odd_is_named_in_the_order_it_is_found() -> None:
    value = {**CHAT, "metadata": {"user": [], "tenant": "a|b"}, "choices": [MESSAGE, 7], "model": {}}
    found = read(value, {"tidegate-route": b"\xff"})
    assert found.dropped[:2] == ("header tidegate-route", "choices[1]")
    assert set(found.dropped[2:]) == {"metadata.user", "metadata.tenant", "model"}
    assert (found.tenant, found.model, found.route, found.user) == ("unknown", "unknown", "unknown", None)


def test_names_of_what_was_dropped_are_bounded() -> None:
    found = read({**CHAT, "choices": [MESSAGE, *[7] * 100]})
    assert found.dropped == tuple(f"choices[{n}]" for n in range(1, 17))
    assert len(found.choices) == 101


def test_nobody_sends_what_was_dropped() -> None:
    for value in ({**NATIVE, "dropped": ["secret"]}, {**NATIVE, "dropped": 7}):
        assert read(value) == read(NATIVE)


@pytest.mark.parametrize(
    ("changed", "field", "found"),
    [
        ({"completion_id": LONG}, "completion_id", SHORT),
        ({"completion_id": 7}, "completion_id", "7"),
        ({"id": None}, "id", "feedback[3]@88214"),
        ({"user": ["u"]}, "user", None),
        ({"tenant": "a|b"}, "tenant", None),
        ({"user": LONG}, "user", SHORT),
    ],
)
def test_feedback_names_a_completion_by_the_same_id(changed: dict[str, Any], field: str, found: Any) -> None:
    value = {"id": "f", "completion_id": "x", "kind": "appeal", **changed}
    feedback = decode_feedback(Fake(json.dumps(value).encode(), topic="feedback"))
    assert isinstance(feedback, Feedback), feedback
    assert getattr(feedback, field) == found


@pytest.mark.parametrize("id", ["", "x", "i" * 256])
def test_an_id_that_is_short_enough_stays_as_it_is(id: str) -> None:
    assert shortened(id) == id


@pytest.mark.parametrize("length", [257, 700, 100_000])
def test_two_long_ids_that_begin_alike_stay_two(length: int) -> None:
    one, other = shortened("é" * length), shortened("é" * (length - 1) + "e")
    assert one != other
    assert one[:201] == other[:201] == "é" * 200 + "~"
    assert len(one) == len(other) == 217
    assert shortened(one) == one  # what is shortened once is as it is
