"""What the forms share: a mapped completion, and how a field is picked out of an object of someone else's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streams.core.events import MAX_CHOICES, DeadLetterReason, FeedbackKind
from streams.wire.record import Refused

# Our field -> where it may stand in the form, as a dotted path; the first that is there and not empty wins.
Paths = Mapping[str, tuple[str, ...]]

_ID = "a string, not empty, without control characters"
_NAME = "a string of 1 to 200 characters, none of them a control character or `|`"
_MILLIS = "an integer: milliseconds since 1970-01-01 UTC, up to the year 9999"

# As it ends the sentence "<where>: invalid; expected ...".
EXPECTED: Mapping[str, str] = {
    "id": _ID,
    "completion_id": _ID,
    "completion": f"a string, or a list of 1 to {MAX_CHOICES} strings, one a choice",
    "prompt": "a string",
    "status": "ok or failed",
    "kind": "one of " + ", ".join(kind.value for kind in FeedbackKind),
    "tenant": _NAME,
    "model": _NAME,
    "route": _NAME,
    "locale": _NAME,
    "user": _ID,
    "conversation": _ID,
    "at_ms": _MILLIS,
}


class Mapped(NamedTuple):
    """An object of one form as fields of ours."""

    fields: dict[str, Any]
    paths: Mapping[str, str] = {}  # our field -> where it stood, for messages; absent: under its own name
    dropped: Sequence[str] = ()  # paths of what could not be read and costs only itself


def pick(found: Mapping[str, Any], paths: Paths, at: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields that are there, and where each stood. null and "" count as not there."""
    fields: dict[str, Any] = {}
    stood: dict[str, str] = {}
    for name, candidates in paths.items():
        stood[name] = at + candidates[0]
        for path in candidates:
            value: Any = found
            for key in path.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None and value != "":
                fields[name], stood[name] = value, at + path
                break
    return fields, stood


def strays(found: Mapping[str, Any], objects: Sequence[str], at: str) -> list[str]:
    """Paths of those that should be objects, since fields of ours stand in them, and are something else."""
    odd = []
    for path in objects:
        value: Any = found
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            odd.append(at + path)
    return odd


def milliseconds(seconds: Any, where: str) -> int:
    """A time in seconds since 1970 as whole milliseconds. Raises Refused where it is not a finite number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise Refused(DeadLetterReason.INVALID, where, "a number: seconds since 1970-01-01 UTC")
    return seconds * 1000 if isinstance(seconds, int) else round(seconds * 1000)


def texts(found: list[str]) -> str | list[str]:
    """One choice is a string, as in the native form."""
    return found[0] if len(found) == 1 else found
