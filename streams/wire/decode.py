"""One record to one event: tell its form, map it, validate it once. On the hot path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from streams.core.contract import Incoming
from streams.core.events import Completion, DeadLetterReason, Feedback
from streams.wire import cloudevents, headers, litellm, native, openai
from streams.wire.fields import EXPECTED, Mapped
from streams.wire.parse import json_object
from streams.wire.record import Record, Refused, Unreadable

Map = Callable[[dict[str, Any], str], Mapped]
E = TypeVar("E", bound=Incoming)


def decode_completion(record: Record) -> Completion | Unreadable:
    """The completion that a record reports, in any of the input forms. Never raises, whatever the bytes."""
    try:
        return _decode(record, Completion, _completion_form)
    except Refused as refused:
        return refused.unreadable


def decode_feedback(record: Record) -> Feedback | Unreadable:
    """What a person said of a completion: native, alone or in a CloudEvents envelope. Never raises."""
    try:
        return _decode(record, Feedback, _feedback_form)
    except Refused as refused:
        return refused.unreadable


def _completion_form(found: dict[str, Any], at: str) -> Map:
    kind = found.get("object")
    if kind == openai.KIND:
        return openai.completion
    if kind == openai.CHUNK:
        raise Refused(DeadLetterReason.STREAM_CHUNK, at + "object", "send the whole completion")
    if native.is_completion(found):
        return native.completion
    if litellm.is_completion(found):
        return litellm.completion
    raise Refused(
        DeadLetterReason.UNKNOWN_FORM,
        at[:-1] or "value",
        "a native completion, a CloudEvent, an OpenAI chat.completion or a LiteLLM StandardLoggingPayload",
    )


def _feedback_form(found: dict[str, Any], at: str) -> Map:
    if native.is_feedback(found):
        return native.feedback
    raise Refused(DeadLetterReason.UNKNOWN_FORM, at[:-1] or "value", "native feedback, alone or in a CloudEvent")


def _decode(record: Record, event: type[E], form: Callable[[dict[str, Any], str], Map]) -> E:
    if record.value is None:
        raise Refused(DeadLetterReason.TOMBSTONE, "value", "an event: there is nothing here to delete")
    said = headers.read(record.headers) if record.headers else headers.NONE
    found, at = json_object(record.value), ""
    envelope = None
    if cloudevents.is_structured(found, said):
        envelope = cloudevents.structured(found)
    elif said.envelope:
        envelope = cloudevents.binary(found, said)
    if envelope is not None:
        found, at = envelope.data, envelope.at
    mapped = form(found, at)(found, at)
    fields = mapped.fields
    if envelope is not None:
        fields = envelope.over(fields)
    if said.fields:
        fields = {**fields, **said.fields}
    try:
        return event.model_validate(fields)
    except ValidationError as error:
        refusal = error
    name, rest = _field(refusal)
    if name in said.fields:
        where = f"header tidegate-{name}"
    elif envelope is not None and name in envelope.fields:
        where = envelope.paths[name]
    else:
        where = mapped.paths.get(name, at + name)
    expected = EXPECTED.get(name, "a valid value")
    raise Refused(DeadLetterReason.INVALID, where + rest, expected if name in fields else "this key: " + expected)


def _field(error: ValidationError) -> tuple[str, str]:
    """The first field that was refused, and the index in it. A union says so once a branch: the deepest is meant."""
    places = [e["loc"] for e in error.errors(include_url=False, include_context=False, include_input=False)]
    name = str(places[0][0])
    deepest = max((place for place in places if place[0] == name), key=len)
    return name, "".join(f"[{part}]" for part in deepest if isinstance(part, int))
