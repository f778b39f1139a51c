"""CloudEvents 1.0: an envelope around any of the other forms, in the value (structured) or in headers (binary)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any, NamedTuple

from streams.core.events import DeadLetterReason
from streams.core.times import read
from streams.wire.headers import Headers
from streams.wire.parse import json_object
from streams.wire.record import Refused

STRUCTURED = "application/cloudevents+json"
LONGEST_ID = 256  # characters, as `Id` in core/events.py

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Envelope(NamedTuple):
    """An envelope, opened."""

    data: dict[str, Any]
    at: str  # where data stands, as a prefix of its fields' paths
    fields: dict[str, Any]  # `id`, and `at_ms` where the envelope has a time: they win over the data's own
    paths: dict[str, str]

    def over(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The data's fields with the envelope's over them; a `time` that is no time gives way to the data's own."""
        own = fields.get("at_ms")
        merged = {**fields, **self.fields}
        if own is not None and read(merged["at_ms"]) is None:
            merged["at_ms"] = own
        return merged


def is_structured(found: dict[str, Any], headers: Headers) -> bool:
    return "specversion" in found or headers.content_type.startswith(STRUCTURED)


def structured(found: dict[str, Any]) -> Envelope:
    """The envelope that is the value. `data` must be an object, or `data_base64` the bytes of one."""
    fields = _fields(found, "")
    data, packed = found.get("data"), found.get("data_base64")
    if isinstance(data, dict):
        at = "data."
    elif data is None and packed is not None:
        data, at = json_object(_unpacked(packed), "data_base64"), "data_base64."
    else:
        raise Refused(DeadLetterReason.INVALID, "data", "a JSON object, or its bytes as data_base64")
    return Envelope(data, at, fields, {"id": "id", "at_ms": "time"})


def binary(found: dict[str, Any], headers: Headers) -> Envelope:
    """The envelope that is in `ce_` headers; the value is its data."""
    return Envelope(
        found, "", _fields(headers.envelope, "header ce_"), {"id": "header ce_id", "at_ms": "header ce_time"}
    )


def identity(source: str, id: str) -> str:
    """An event's id: CloudEvents count one as the same only where source and id both are.

    `source#id`, or where that is too long for an id of ours, `sha256:` and its hash.
    """
    whole = f"{source}#{id}"
    return whole if len(whole) <= LONGEST_ID else "sha256:" + hashlib.sha256(whole.encode()).hexdigest()


def _fields(attributes: dict[str, Any], at: str) -> dict[str, Any]:
    if attributes.get("specversion") != "1.0":
        raise Refused(DeadLetterReason.UNKNOWN_VERSION, at + "specversion", "1.0")
    source, id = (_attribute(attributes, name, at) for name in ("source", "id"))
    fields: dict[str, Any] = {"id": identity(source, id)}
    if (time := attributes.get("time")) is not None:
        fields["at_ms"] = time
    return fields


def _attribute(attributes: dict[str, Any], name: str, at: str) -> str:
    found = attributes.get(name)
    if not isinstance(found, str) or not found or _CONTROL.search(found):
        raise Refused(DeadLetterReason.INVALID, at + name, "a string, not empty, without control characters")
    return found


def _unpacked(packed: Any) -> bytes:
    try:
        if isinstance(packed, str):
            return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters outside ASCII
        pass
    raise Refused(DeadLetterReason.INVALID, "data_base64", "base64")
