"""What can be read, and may not be meant so: for whoever sends it, before it is counted under the wrong name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from streams.core.events import Completion, Feedback
from streams.wire import forms, hints, native
from streams.wire.parse import json_object
from streams.wire.record import Record, Refused

_AGO_S = 10**8  # 1973, in seconds: before that, and it is no time of anybody's
_TOO_MANY_S = 10**11  # the year 5138 in seconds; in milliseconds 1973


def doubts(record: Record, event: Completion | Feedback) -> list[str]:
    """Near misses in a record that was read as that event: keys and headers nearly ours, seconds for milliseconds and
    the other way round, and what was dropped. No value is named.
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
    for key in ("created", "created_at", "endTime", "startTime"):
        if "completion" not in found and _within(found.get(key), _TOO_MANY_S, _TOO_MANY_S * 1000):
            said.append(f"key {key}: this looks like milliseconds; seconds are meant")
    return said + [f"{path}: cannot be read, and is left out" for path in event.dropped]


def _keys(found: Mapping[str, Any], ours: Collection[str]) -> list[str]:
    return [_unknown("key", key, meant) for key, meant in hints.keys(found, ours)]


def _unknown(what: str, key: str, meant: str) -> str:
    return f"{what} {key}: not one of ours; did you mean {meant}?"


def _within(found: Any, first: int, end: int) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and first <= found < end
