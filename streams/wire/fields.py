"""What the forms share: a mapped completion, and how a field is picked out of an object of someone else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.streams.core.events import MAX_CHOICES, FeedbackKind
from tidegate.streams.core.times import parse_time

# Our field -> where it may stand in the form, as a dotted path; the first that is there and not empty wins.
Paths = Mapping[str, tuple[str, ...]]

_ID = "a string, not empty, without control characters"
_NAME = "a string of 1 to 200 characters, none of them a control character or `|`"

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
}


class Mapped(NamedTuple):
    """An object of one form as fields of ours."""

    fields: dict[str, Any]
    paths: Mapping[str, str] = {}  # our field -> where it stood, for messages; absent: under its own name
    dropped: Sequence[str] = ()  # paths of what could not be read and costs only itself


def pick(payload: Mapping[str, Any], paths: Paths, at: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields that are there, and where each stood. null and "" count as not there.

    Of a time's places the first that has a time wins; one that is none stands only where no other is there.
    """
    fields: dict[str, Any] = {}
    paths_found: dict[str, str] = {}
    for name, candidates in paths.items():
        paths_found[name] = at + candidates[0]
        for path in candidates:
            value: Any = payload
            for key in path.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            if value is None or value == "":
                continue
            if name != "at_ms":
                fields[name], paths_found[name] = value, at + path
                break
            if parse_time(value) is not None or name not in fields:
                fields[name], paths_found[name] = value, at + path
            if parse_time(value) is not None:
                break
    return fields, paths_found


def strays(payload: Mapping[str, Any], objects: Sequence[str], at: str) -> list[str]:
    """Paths of those that should be objects, since fields of ours stand in them, and are something else."""
    odd = []
    for path in objects:
        value: Any = payload
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            odd.append(at + path)
    return odd


def one_or_all(choices: list[str]) -> str | list[str]:
    """One choice is a string, as in the native form."""
    return choices[0] if len(choices) == 1 else choices
