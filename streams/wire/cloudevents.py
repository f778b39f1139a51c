"""CloudEvents 1.0: an envelope around any of the other forms, in the value (structured) or in headers (binary)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, NamedTuple

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.core.fields import shortened
from tidegate.streams.core.times import parse_time
from tidegate.streams.wire import hints
from tidegate.streams.wire.headers import Headers
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.repair import text_of

STRUCTURED = "application/cloudevents+json"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Envelope(NamedTuple):
    """An envelope, opened."""

    data: dict[str, Any]
    at: str  # path of the data, as a prefix of its fields' paths
    fields: dict[str, Any]  # `id`, and `at_ms` where the envelope has a time: they replace the data's own
    paths: dict[str, str]
    dropped: list[str]  # paths that could not be read

    def merge_over(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Returns the data's fields with the envelope's over them; an unusable `time` leaves the data's own."""
        own = fields.get("at_ms")
        merged = {**fields, **self.fields}
        if own is not None and parse_time(merged["at_ms"]) is None:
            merged["at_ms"] = own
        return merged


def is_structured(payload: dict[str, Any], headers: Headers) -> bool:
    return "specversion" in payload or headers.content_type.startswith(STRUCTURED)


def structured(payload: dict[str, Any]) -> Envelope:
    """Opens an envelope that is the record's value. `data` must be an object, or `data_base64` the bytes of one."""
    fields, dropped = _fields(payload, "")
    data, packed = payload.get("data"), payload.get("data_base64")
    if isinstance(data, dict):
        at = "data."
    elif data is None and packed is not None:
        data, at = json_object(_decode_base64(packed), "data_base64"), "data_base64."
    else:
        expected = "a JSON object, or its bytes as data_base64" + hints.of_other(data)
        raise Refused(DeadLetterReason.INVALID, "data", expected)
    return Envelope(data, at, fields, {"id": "id", "at_ms": "time"}, dropped)


def binary(payload: dict[str, Any], headers: Headers) -> Envelope:
    """Opens an envelope in `ce_` headers; the record's value is its data."""
    fields, dropped = _fields(headers.envelope, "header ce_")
    return Envelope(payload, "", fields, {"id": "header ce_id", "at_ms": "header ce_time"}, dropped)


def identity(source: str, id: str) -> str:
    """Returns an event's id, `source#id`, shortened: CloudEvents are the same only where source and id both are."""
    return shortened(f"{source}#{id}")


def _fields(attributes: dict[str, Any], at: str) -> tuple[dict[str, Any], list[str]]:
    """Returns the envelope's fields, and paths that cannot be read: without source or id the data's own id stands."""
    if text_of(attributes.get("specversion")) not in ("1.0", "1"):  # JavaScript writes the number 1.0 as 1
        raise Refused(DeadLetterReason.UNKNOWN_VERSION, at + "specversion", "1.0")
    dropped: list[str] = []
    source, id = (_attribute(attributes, name, at, dropped) for name in ("source", "id"))
    fields: dict[str, Any] = {"id": identity(source, id)} if source and id else {}
    if (time := attributes.get("time")) is not None:
        fields["at_ms"] = time
        if time != "" and parse_time(time) is None:
            dropped.append(at + "time")
    return fields, dropped


def _attribute(attributes: dict[str, Any], name: str, at: str, dropped: list[str]) -> str | None:
    """Returns the attribute, or None where it is missing or cannot be read: then its path is added to `dropped`."""
    value = attributes.get(name)
    text = text_of(value)
    if text and not _CONTROL.search(text):
        return text
    if value is not None and value != "":
        dropped.append(at + name)
    return None


def _decode_base64(packed: Any) -> bytes:
    try:
        if isinstance(packed, str):
            return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters outside ASCII
        pass
    raise Refused(DeadLetterReason.INVALID, "data_base64", "base64")
