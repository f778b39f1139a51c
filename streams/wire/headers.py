"""Reads a record's headers: the scopes of its completion, and the envelope of a binary CloudEvent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# `tidegate-<name>` gives the field of that name, in every form, before anything in the value.
NAMES = ("tenant", "model", "route", "locale", "user", "conversation")
# `ce_<name>`: the CloudEvents attributes that we read.
ATTRIBUTES = ("specversion", "id", "source", "time")

# Of a record that `redrive` sent again: the position of the first one, `topic[partition]@offset`. Never a field.
ORIGIN = "tidegate-origin"

_FIELDS = {f"tidegate-{name}": name for name in NAMES}
_ENVELOPE = {f"ce_{name}": name for name in ATTRIBUTES}


class Headers(NamedTuple):
    """The headers that Tidegate reads."""

    fields: dict[str, str]
    envelope: dict[str, str | bytes]  # empty: no binary CloudEvent; bytes: no UTF-8
    content_type: str
    unreadable: list[str]  # fields whose header is not UTF-8


NONE = Headers({}, {}, "", [])


def read_headers(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """Reads the headers. Names in any case; of two with one name the last wins; null and empty count as absent."""
    result = Headers({}, {}, "", [])
    for name, value in headers:
        name = name.lower()
        if not value:
            continue
        if name in _FIELDS:
            field = _FIELDS[name]
            if field in result.unreadable:
                result.unreadable.remove(field)
            text = _text(value)
            if isinstance(text, str):
                result.fields[field] = text
            else:
                result.fields.pop(field, None)
                result.unreadable.append(field)
        elif name in _ENVELOPE:
            result.envelope[_ENVELOPE[name]] = _text(value)
        elif name == "content-type":
            result = result._replace(content_type=value.decode(errors="replace").strip().lower())
    return result


def read_origin(headers: Sequence[tuple[str, bytes | None]]) -> str | None:
    """Returns the origin header's text, whatever it is; None where there is none. Never raises.

    As with our other headers: the name in any case, the last of several, and null counts as absent.
    """
    values = [value for name, value in headers if value is not None and name.lower() == ORIGIN]
    return values[-1].decode("utf-8", "replace") if values else None


def _text(value: bytes) -> str | bytes:
    """Returns the text, or the bytes where they are not UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
