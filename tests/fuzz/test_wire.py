"""Records of any bytes: decoded, or refused with a reason and what was expected; never more than the schema allows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.fuzz.forms import BINARY, COMPLETIONS, FEEDBACK, FEEDBACKS, GATEWAY, KEYS, NATIVE
from tests.fuzz.hostile import CANARY, any_words, as_json, mutated
from tests.fuzz.profile import fuzzed
from tests.wire.records import Fake
from tidegate.streams.core.events import Completion, DeadLetterReason, Feedback
from tidegate.streams.core.partition import Record
from tidegate.streams.wire import Unreadable, dead_letter, decode_completion, decode_feedback

ROOT = Path(__file__).parents[2]
SCHEMAS = {
    name: Draft202012Validator(json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text()))
    for name in ("completion", "feedback", "dead-letter")
}
Decode = Callable[[Record], Completion | Feedback | Unreadable]

headers = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([*BINARY, *GATEWAY, "content-type", "CE_ID", "Tidegate-Tenant"]), any_words),
        st.one_of(
            st.none(),
            st.binary(max_size=12),
            any_words.map(lambda word: word.encode("utf-8", "surrogatepass")),
            st.sampled_from([value.encode() for value in BINARY.values()]),
            st.just(b"application/cloudevents+json; charset=utf-8"),
        ),
    ),
    max_size=6,
).map(tuple)
of_any = st.one_of(
    st.none(), st.binary(max_size=64), as_json(mutated(COMPLETIONS, KEYS)), as_json(mutated(FEEDBACKS, KEYS))
)


def assert_decoded_or_refused(decode: Decode, value: bytes | None, given_: Sequence[tuple[str, bytes | None]]) -> None:
    """Fails unless the record is decoded to a valid form, or refused with a place and what was expected."""
    record = Fake(value, tuple(given_))  # type: ignore[arg-type]
    found = decode(record)
    if isinstance(found, Unreadable):
        assert isinstance(found.reason, DeadLetterReason)
        assert found.where, found
        assert found.expected, found
        assert CANARY not in str(found)
        letter = dead_letter(record, found, 1, 0)
        SCHEMAS["dead-letter"].validate(json.loads(letter.model_dump_json()))
        return
    name = type(found).__name__.lower()
    SCHEMAS[name].validate(json.loads(found.model_dump_json()))  # and so it is text that UTF-8 can hold


@fuzzed(400)
@given(of_any, headers)
def test_any_record_is_a_completion_or_unreadable_with_a_reason(
    value: bytes | None, given_: Sequence[tuple[str, bytes | None]]
) -> None:
    assert_decoded_or_refused(decode_completion, value, given_)


@fuzzed(250)
@given(of_any, headers)
def test_any_record_is_feedback_or_unreadable_with_a_reason(
    value: bytes | None, given_: Sequence[tuple[str, bytes | None]]
) -> None:
    assert_decoded_or_refused(decode_feedback, value, given_)


# --- the published schema and the decoder


def is_native(found: Any, form: str) -> bool:
    """Whether a document is decoded by the native form's rules: the schemas describe no other form."""
    if not isinstance(found, dict) or "specversion" in found:
        return False
    kind = found.get("object")
    return form == "feedback" or kind not in ("chat.completion", "chat.completion.chunk", "text_completion", "response")


NAMES = ("tenant", "model", "route", "locale", "user", "conversation", "prompt")


def without_ignored_fields(found: dict[str, Any]) -> dict[str, Any]:
    """The document without fields that decide nothing: the decoder accepts any value there, the schema does not."""
    left = {name: value for name, value in found.items() if name not in NAMES}
    if left.get("status") not in ("ok", "failed"):
        left.pop("status", None)
    if isinstance(choices := left.get("completion"), list):
        left["completion"] = [choice if isinstance(choice, str) else "" for choice in choices]
    if isinstance(left.get("completion_id"), str | int | float):
        left["completion_id"] = "x"
    return {**left, "id": "x"}


def stricter(found: dict[str, Any]) -> bool:
    """Where the decoder refuses more than a JSON Schema says: docs/reference/input-forms.md, "Native"."""
    return (
        type(found.get("schema_version", 1)) is float  # 1.0 is an integer to a schema
        or type(found.get("at_ms")) is float
        or str(found.get("completion_id")).endswith("\n")  # Python's `$`; ECMA's is stricter too
    )


@pytest.mark.parametrize(
    ("form", "valid", "decode"), [("completion", NATIVE, decode_completion), ("feedback", FEEDBACK, decode_feedback)]
)
def test_the_valid_ones_are_read(form: str, valid: dict[str, Any], decode: Decode) -> None:
    assert not isinstance(decode(Fake(json.dumps(valid).encode())), Unreadable), form


@fuzzed(400)
@given(as_json(mutated([NATIVE, {"id": "x", "status": "failed"}], sorted(NATIVE))))
def test_a_completion_that_the_schema_refuses_is_refused(value: bytes) -> None:
    assert_schema_agrees("completion", value, decode_completion(Fake(value)))


@fuzzed(250)
@given(as_json(mutated([FEEDBACK], sorted(FEEDBACK))))
def test_feedback_that_the_schema_refuses_is_refused(value: bytes) -> None:
    assert_schema_agrees("feedback", value, decode_feedback(Fake(value)))


def assert_schema_agrees(form: str, value: bytes, read: Completion | Feedback | Unreadable) -> None:
    """Compares the decoder with the schema, as another program would use it."""
    try:
        found = json.loads(value.decode("utf-8-sig"))
        accepted = is_native(found, form) and SCHEMAS[form].is_valid(found)
        forgivable = is_native(found, form) and SCHEMAS[form].is_valid(without_ignored_fields(found))
    except (ValueError, RecursionError):
        assert isinstance(read, Unreadable), "no JSON, and read all the same"
        return
    if not isinstance(read, Unreadable):
        assert accepted or forgivable or not is_native(found, form), f"the schema refuses {found}"
    elif accepted:
        too_deep = read.reason is DeadLetterReason.TOO_DEEP
        assert too_deep or stricter(found), f"the schema accepts it, the decoder says {read}"
