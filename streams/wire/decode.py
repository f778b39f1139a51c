"""Decodes one record to one event: recognise its form, map it, validate it once. On the hot path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from tidegate.streams.core.events import Completion, DeadLetterReason, Feedback
from tidegate.streams.core.partition import Record
from tidegate.streams.core.times import NO_TIME
from tidegate.streams.wire import cloudevents, forms, headers, hints
from tidegate.streams.wire.fields import Mapped
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused, Unreadable, value_of
from tidegate.streams.wire.repair import Unrepairable, describe_expected, merge_paths, repair

Map = Callable[[dict[str, Any], str], Mapped]
E = TypeVar("E", Completion, Feedback)


def decode_completion(record: Record) -> Completion | Unreadable:
    """Decodes the completion in a record, in any of the input forms. Never raises, whatever the bytes.

    Fields that decide nothing and cannot be read are left out, and listed in `dropped`.
    """
    try:
        return _decode(record, Completion, forms.completion)
    except Refused as refused:
        return refused.unreadable


def decode_feedback(record: Record) -> Feedback | Unreadable:
    """Decodes a person's feedback: native, bare or in a CloudEvents envelope. Never raises."""
    try:
        return _decode(record, Feedback, forms.feedback)
    except Refused as refused:
        return refused.unreadable


def position(record: Record) -> str:
    """Returns the id of a record that has none: its position."""
    return f"{record.topic}[{record.partition}]@{record.offset}"


def _decode(record: Record, event: type[E], form: Map) -> E:
    value = value_of(record, "an event")
    from_headers = headers.read_headers(record.headers) if record.headers else headers.NONE
    payload, at = json_object(value), ""
    envelope = None
    if cloudevents.is_structured(payload, from_headers):
        envelope = cloudevents.structured(payload)
    elif from_headers.envelope:
        envelope = cloudevents.binary(payload, from_headers)
    if envelope is not None:
        payload, at = envelope.data, envelope.at
    mapped = form(payload, at)
    fields = mapped.fields
    if envelope is not None:
        fields = envelope.merge_over(fields)
    if from_headers.fields:
        fields = {**fields, **from_headers.fields}
    if from_headers.unreadable:  # no other source replaces a gateway's header
        fields = {name: value for name, value in fields.items() if name not in from_headers.unreadable}

    if fields.get("id") in (None, ""):
        fields = {**fields, "id": position(record)}
    dropped: Sequence[str] = ()
    place = partial(_path_of, from_headers, envelope, mapped, at)
    try:
        decoded = event.model_validate(fields)
    except ValidationError as error:
        try:
            decoded, dropped = repair(event, fields, error, position(record), place)
        except Unrepairable as refused:
            name = refused.name
            where = place(name) + _index(refused.error, name)
            near = "" if name in fields else hints.of_object(payload, (name,))
            raise Refused(DeadLetterReason.INVALID, where, describe_expected(name, name in fields) + near) from None
    if decoded.at_ms == NO_TIME:  # a time was given, and is unusable: the record's is used
        dropped = (*dropped, place("at_ms"))
    if dropped or mapped.dropped or from_headers.unreadable or (envelope is not None and envelope.dropped):
        by_header = [f"header tidegate-{name}" for name in from_headers.unreadable]
        by_envelope = () if envelope is None else envelope.dropped
        decoded = decoded.model_copy(update={"dropped": merge_paths(by_header, by_envelope, mapped.dropped, dropped)})
    return decoded


def _path_of(
    from_headers: headers.Headers, envelope: cloudevents.Envelope | None, mapped: Mapped, at: str, name: str
) -> str:
    """Returns the path of one of our fields in the record."""
    if name in from_headers.fields:
        return f"header tidegate-{name}"
    if envelope is not None and name in envelope.fields:
        return envelope.paths[name]
    return mapped.paths.get(name, at + name)


def _index(error: ValidationError, name: str) -> str:
    """Returns the index in a refused field. A union reports each branch: the deepest is meant."""
    paths = [e["loc"] for e in error.errors(include_url=False, include_context=False, include_input=False)]
    deepest = max((path for path in paths if path[0] == name), key=len)
    return "".join(f"[{step}]" for step in deepest if isinstance(step, int))
