"""Which form a record is, what is made of it beyond the mapping tables, and that nothing else is."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.wire.records import Fake, record
from tidegate.streams.core.events import Completion, DeadLetter, DeadLetterReason, Feedback, Source
from tidegate.streams.core.times import NO_TIME
from tidegate.streams.wire import Unreadable, dead_letter, decode_completion, decode_feedback

NATIVE = {"id": "x", "completion": "hello"}
CHAT: dict[str, Any] = {"id": "x", "object": "chat.completion", "choices": [{"message": {"content": "hello"}}]}
LITELLM = {"id": "x", "call_type": "completion", "status": "success", "response": CHAT}


def completion(value: Any, headers: dict[str, Any] | None = None) -> Completion:
    found = decode_completion(record(value, headers))
    assert isinstance(found, Completion), found
    return found


# --- native


def test_an_empty_completion_is_a_completion() -> None:
    assert completion({"id": "x", "completion": ""}).choices == ("",)


def test_a_failed_completion_needs_no_text() -> None:
    assert completion({"id": "x", "status": "failed"}).status == "failed"


def test_null_is_the_same_as_leaving_a_key_out() -> None:
    assert completion({**NATIVE, "tenant": None, "user": None, "at_ms": None, "schema_version": None}) == completion(
        NATIVE
    )


def test_keys_that_we_do_not_know_are_ignored() -> None:
    assert completion({**NATIVE, "object": "thing", "usage": {"tokens": 3}}) == completion(NATIVE)


@pytest.mark.parametrize(("given", "at_ms"), [(0, 0), (1, 1000), (4_102_444_800_000, 4_102_444_800_000)])
def test_times_in_1970_and_the_future_are_left_to_decide(given: int, at_ms: int) -> None:
    """They are read as they are."""
    assert completion({**NATIVE, "at_ms": given}).at_ms == at_ms


def test_a_text_may_hold_null_bytes_and_control_characters() -> None:
    assert completion(b'{"id": "x", "completion": "a\\u0000b\\u001f"}').completion == "a\x00b\x1f"


@pytest.mark.parametrize(
    ("escaped", "read"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\udc00 first", "\ufffd first"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\\ud83d and \ud83d", r"\ud83d and " + "\ufffd"),  # an escaped backslash starts no escape
        (r"\\\ud83d", "\\\ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_one_replacement_character(escaped: str, read: str) -> None:
    assert completion(f'{{"id": "x", "completion": "{escaped}"}}'.encode()).completion == read


def test_of_two_equal_keys_the_last_wins() -> None:
    assert completion(b'{"id": "x", "completion": "a", "completion": "b"}').completion == "b"


# --- headers


def test_header_names_are_read_in_any_case_and_the_last_wins() -> None:
    found = decode_completion(
        Fake(
            json.dumps(NATIVE).encode(),
            (("Tidegate-Tenant", b"a"), ("tidegate-tenant", b"b"), ("traceparent", b"\xff")),
        )
    )
    assert isinstance(found, Completion)
    assert found.tenant == "b"


def test_a_header_with_a_null_value_is_not_there() -> None:
    found = decode_completion(Fake(json.dumps(NATIVE).encode(), (("tidegate-tenant", None),)))  # type: ignore[arg-type]
    assert found == completion(NATIVE)


@pytest.mark.parametrize("value", [NATIVE, CHAT, LITELLM])
def test_headers_come_before_the_value(value: dict[str, Any]) -> None:
    value = {**value, "model": "said", "tenant": "said"}
    found = completion(value, {"tidegate-tenant": "acme", "tidegate-model": "m", "tidegate-user": "ü"})
    assert (found.tenant, found.model, found.user) == ("acme", "m", "ü")


# --- OpenAI


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None}, ""),
        ({"content": None, "tool_calls": [{"function": {"arguments": "{}"}}]}, ""),
        ({}, ""),
        ({"content": "a", "refusal": None}, "a"),
        ({"content": None, "refusal": "no"}, "no"),
        ({"content": "a", "refusal": "no"}, "a\nno"),
        ({"content": []}, ""),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"content": [{"type": "image_url", "image_url": {}}, "b"]}, "b"),
        ({"content": None, "audio": {"transcript": "said", "data": "AAAA"}}, "said"),
    ],
)
def test_a_messages_text_is_what_a_person_would_read(message: dict[str, Any], text: str) -> None:
    assert completion({**CHAT, "choices": [{"message": message}]}).completion == text


def test_every_choice_is_read_in_its_place() -> None:
    choices = [{"message": {"content": "a"}}, {"message": {"content": None}}, {"message": {"content": "c"}}]
    assert completion({**CHAT, "choices": choices}).choices == ("a", "", "c")


# --- LiteLLM


def test_a_failed_call_needs_no_response() -> None:
    found = completion({**LITELLM, "status": "failure", "response": None, "error_str": "rate limited"})
    assert (found.status, found.completion) == ("failed", "")


@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        ("text", "text"),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}], "a"),
        ([{"role": "system", "content": "a"}], None),
        ([], None),
        (None, None),
        ({"other": "elsewhere"}, None),
        ({"messages": "text"}, "text"),
        ([{"role": "user", "content": "redacted-by-litellm"}], None),
    ],
)
def test_the_prompt_is_the_last_user_message(messages: Any, prompt: str | None) -> None:
    assert completion({**LITELLM, "messages": messages}).prompt == prompt


def test_the_gateways_tenant_comes_before_the_callers() -> None:
    metadata = {"user_api_key_team_id": "team", "requester_metadata": {"tenant": "claimed"}}
    assert completion({**LITELLM, "metadata": metadata}).tenant == "team"


# --- CloudEvents

EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
BINARY = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "t"}


@pytest.mark.parametrize("data", [NATIVE, CHAT, LITELLM])
def test_an_envelope_holds_any_form_either_way(data: dict[str, Any]) -> None:
    inside = completion(data)
    packed = base64.b64encode(json.dumps(data).encode()).decode()
    expected = inside.model_copy(update={"id": "/s#1"})
    assert completion({**EVENT, "data": data}) == expected
    assert completion({**EVENT, "data_base64": packed}) == expected
    assert completion(data, BINARY) == expected
    assert (
        completion({**EVENT, "data": data}, {"content-type": "application/cloudevents+json; charset=utf-8"}) == expected
    )


def test_a_structured_content_type_wins_over_binary_headers() -> None:
    headers = {"content-type": "application/cloudevents+json", "ce_id": "2"}
    assert completion({**EVENT, "data": NATIVE}, headers).id == "/s#1"


def test_source_is_part_of_an_events_identity() -> None:
    one, other = ({**EVENT, "source": source, "data": NATIVE} for source in ("/a", "/b"))
    assert (completion(one).id, completion(other).id) == ("/a#1", "/b#1")


@pytest.mark.parametrize(
    ("length", "shortened"),
    [(253, False), (254, False), (255, True), (4000, True)],  # source + "#" + "1": 254 + 2 = 256, the longest id
)
def test_a_long_identity_is_shortened_like_any_id(length: int, shortened: bool) -> None:
    source = "s" * length
    found = completion({**EVENT, "source": source, "data": NATIVE}).id
    whole = f"{source}#1"
    assert found == (f"{whole[:200]}~{hashlib.sha256(whole.encode()).hexdigest()[:16]}" if shortened else whole)


@pytest.mark.parametrize(
    ("time", "at_ms"),
    [
        ("2026-01-01T12:00:00", 1_767_268_800_000),  # no offset: UTC
        ("2026-01-01T12:00:00Z", 1_767_268_800_000),
        ("2026-01-01t12:00:00z", 1_767_268_800_000),
        ("2026-01-01T12:00:00.123456789Z", 1_767_268_800_123),
        ("2026-01-01T01:30:00.5-10:30", 1_767_268_800_500),
    ],
)
def test_an_envelopes_time_is_the_event_time(time: str, at_ms: int) -> None:
    assert completion({**EVENT, "time": time, "data": {**NATIVE, "at_ms": 5}}).at_ms == at_ms


@pytest.mark.parametrize("more", [{}, {"time": "noon"}, {"time": "1969-12-31T23:59:59Z"}, {"time": 0}, {"time": []}])
def test_without_a_time_the_datas_own_stands(more: dict[str, Any]) -> None:
    assert completion({**EVENT, **more, "data": {**NATIVE, "at_ms": 1_767_268_800_000}}).at_ms == 1_767_268_800_000
    assert completion({**EVENT, **more, "data": NATIVE}).at_ms == (NO_TIME if more else None)


def test_headers_come_before_the_data_in_an_envelope_too() -> None:
    assert completion({**NATIVE, "tenant": "said"}, {**BINARY, "tidegate-tenant": "acme"}).tenant == "acme"


# --- feedback

FEEDBACK = {"id": "f", "completion_id": "x", "kind": "thumb_up"}


def test_feedback_is_read_alone_and_in_an_envelope() -> None:
    plain = Feedback(id="f", completion_id="x", kind="thumb_up")  # type: ignore[arg-type]
    assert decode_feedback(record(FEEDBACK)) == plain
    assert decode_feedback(record({**EVENT, "data": FEEDBACK})) == plain.model_copy(update={"id": "/s#1"})
    assert decode_feedback(record(FEEDBACK, BINARY)) == plain.model_copy(update={"id": "/s#1"})
    assert decode_feedback(record(FEEDBACK, {"tidegate-tenant": "a"})) == plain.model_copy(update={"tenant": "a"})


# --- dead letters


def test_a_dead_letter_has_place_and_expectation_but_no_value() -> None:
    broken = record(b'{"id": "x", "completion": secret}')
    found = decode_completion(broken)
    assert found == Unreadable(DeadLetterReason.NOT_JSON, "byte 26", "JSON")
    letter = dead_letter(broken, found, epoch=7, keep_up_to=0)
    assert letter == DeadLetter(
        id="completions[3]@88214",
        source=Source(topic="completions", partition=3, offset=88214),
        epoch=7,
        reason=DeadLetterReason.NOT_JSON,
        where="byte 26",
        expected="JSON",
        length=33,
        sha256=hashlib.sha256(broken.value or b"").hexdigest(),
        record_ms=1_767_268_800_000,
    )
    assert "secret" not in letter.model_dump_json()


def test_a_dead_letter_keeps_the_bytes_where_configured() -> None:
    broken = record(b"\xff\x00")
    found = decode_completion(broken)
    assert isinstance(found, Unreadable)
    kept = dead_letter(broken, found, epoch=7, keep_up_to=1000).value_base64
    assert base64.b64decode(kept or "") == broken.value


def test_a_tombstones_dead_letter_has_no_length() -> None:
    gone = record(None)
    found = decode_completion(gone)
    assert isinstance(found, Unreadable)
    assert dead_letter(gone, found, epoch=7, keep_up_to=1000).length == 0


def test_an_unreadable_is_described_in_one_line() -> None:
    assert str(decode_completion(record(b"[1]"))) == "value: not_an_object; expected a JSON object"


# --- times: `core/times.py` says what one is; here, that none ever costs the text

NO_TIMES = [0, -1, True, "now", "2026-01-01", "9" * 400, 10**400, float("nan"), float("inf"), [], {}, [1], {"$date": 1}]
NOON_MS = 1_767_268_800_000
AS_NOON = [NOON_MS // 1000, NOON_MS, NOON_MS * 1000, NOON_MS * 10**6, str(NOON_MS), "2026-01-01T12:00:00Z"]


def timed(time: Any) -> dict[str, Completion]:
    """One completion in each form, with that time where the form has one."""
    found = {
        "native": completion({**NATIVE, "at_ms": time}),
        "openai": completion({**CHAT, "created": time}),
        "litellm": completion({**LITELLM, "endTime": time}),
        "litellm's start": completion({**LITELLM, "startTime": time}),
        "cloudevent": completion({**EVENT, "time": time, "data": NATIVE}),
        "in a cloudevent": completion({**EVENT, "data": {**CHAT, "created": time}}),
    }
    if isinstance(time, str):
        found["in headers"] = completion(NATIVE, {**BINARY, "ce_time": time})
    return found


@pytest.mark.parametrize("time", NO_TIMES, ids=lambda of: repr(of)[:20])
def test_what_is_no_time_costs_no_text_in_any_form(time: Any) -> None:
    for form, found in timed(time).items():
        assert (found.completion, found.at_ms) == ("hello", NO_TIME), form


@pytest.mark.parametrize("time", AS_NOON, ids=repr)
def test_a_time_in_any_unit_is_read_in_every_form(time: Any) -> None:
    for form, found in timed(time).items():
        assert (found.completion, found.at_ms) == ("hello", NOON_MS), form


@pytest.mark.parametrize("end", NO_TIMES, ids=lambda of: repr(of)[:20])
def test_of_litellms_times_the_one_that_is_a_time_wins(end: Any) -> None:
    assert completion({**LITELLM, "endTime": end, "startTime": NOON_MS / 1000}).at_ms == NOON_MS


@pytest.mark.parametrize("time", [*NO_TIMES, *AS_NOON], ids=lambda of: repr(of)[:20])
def test_no_time_costs_feedback(time: Any) -> None:
    said = {"id": "f1", "completion_id": "x", "kind": "complaint", "at_ms": time}
    assert isinstance(decode_feedback(record(said)), Feedback)
