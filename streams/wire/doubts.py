"""What can be read, and may not be meant so: for whoever sends it, before it is counted under the wrong name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tidegate.streams.core.events import UNKNOWN, Completion, Feedback
from tidegate.streams.core.partition import Record
from tidegate.streams.wire import forms, hints, native
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused

_AGO_S = 10**8  # 1973, in seconds: before that, and it is no time of anybody's
_TOO_MANY_S = 10**11  # the year 5138 in seconds; in milliseconds 1973


def doubts(record: Record, event: Completion | Feedback) -> list[str]:
    """Near misses in a record that was read as that event: keys and headers nearly ours, seconds for milliseconds and
    the other way round, keys of ours where the form has no place for them, and what was dropped. No value is named.
    """
    said = [_unknown("header", *pair) for pair in hints.headers(record.headers)]
    try:
        found = json_object(record.value or b"")
    except Refused:  # of an event that was read it is none
        return said
    data = found.get("data")
    if "specversion" in found and isinstance(data, dict):
        found = data
    completion = isinstance(event, Completion)
    if forms.is_native(found) if completion else native.is_feedback(found):
        said += _keys(found, native.COMPLETION_KEYS if completion else native.FEEDBACK_KEYS)
        if _within(found.get("at_ms"), _AGO_S, _TOO_MANY_S):
            said.append("key at_ms: this looks like seconds; milliseconds are meant")
    elif completion:
        said += _misplaced(found, event)
    for key in ("created", "created_at", "endTime", "startTime"):
        if "completion" not in found and _within(found.get(key), _TOO_MANY_S, _TOO_MANY_S * 1000):
            said.append(f"key {key}: this looks like milliseconds; seconds are meant")
    return said + [f"{path}: cannot be read, and is left out" for path in event.dropped]


def _misplaced(found: Mapping[str, Any], event: Completion | Feedback) -> list[str]:
    """Keys of ours in another's form where nobody reads them, and nothing else says it; near misses in its metadata."""
    inner = "metadata.requester_metadata" if "call_type" in found else "metadata"
    meta: Any = found
    for key in inner.split("."):
        meta = meta.get(key) if isinstance(meta, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    said = [
        f"key {name}: not read in this form; put it in {inner}.{name}, or in the header tidegate-{name}"
        for name in ("tenant", "route", "locale")
        if isinstance(found.get(name), str) and getattr(event, name, None) == UNKNOWN and meta.get(name) is None
    ]
    near = hints.keys(meta, ("tenant", "route", "locale", "conversation"))
    return said + [_unknown("key", f"{inner}.{key}", meant) for key, meant in near]


def _keys(found: Mapping[str, Any], ours: Collection[str]) -> list[str]:
    return [_unknown("key", key, meant) for key, meant in hints.keys(found, ours)]


def _unknown(what: str, key: str, meant: str) -> str:
    return f"{what} {key}: not one of ours; did you mean {meant}?"


def _within(found: Any, first: int, end: int) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and first <= found < end
