"""Shared by the forms: a mapped completion, and how a field is picked from another API's object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.streams.core.events import MAX_CHOICES, FeedbackKind
from tidegate.streams.core.times import parse_time

# Our field -> its candidate paths in the form, dotted; the first that is present and not empty wins.
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
    """An object of one form, mapped onto our fields."""

    fields: dict[str, Any]
    paths: Mapping[str, str] = {}  # our field -> its path, for messages; absent: under its own name
    dropped: Sequence[str] = ()  # paths that could not be read and cost only themselves


def pick(payload: Mapping[str, Any], paths: Paths, at: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the fields that are present, and the path of each. null and "" count as absent.

    Of a time's paths the first with a usable time wins; an unusable one stands only where no other is present.
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
    """Returns paths that should hold objects, since they hold fields of ours, and hold something else."""
    odd = []
    for path in objects:
        value: Any = payload
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            odd.append(at + path)
    return odd


def one_or_all(choices: list[str]) -> str | list[str]:
    """Returns a single choice as a string, as in the native form; several as the list."""
    return choices[0] if len(choices) == 1 else choices
