"""Doubts: what was read and may be a mistake, for its sender, before it is counted under the wrong name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tidegate.streams.core.events import UNKNOWN, Completion, Feedback
from tidegate.streams.core.partition import Record
from tidegate.streams.wire import forms, hints, native
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused

_AGO_S = 10**8  # 1973, in seconds: an earlier time is implausible
_TOO_MANY_S = 10**11  # the year 5138 in seconds; in milliseconds 1973


def doubts(record: Record, event: Completion | Feedback) -> list[str]:
    """Lists near misses in a record that was read as that event: keys and headers nearly ours, seconds for milliseconds
    and the other way round, keys of ours where the form has no place for them, and what was dropped. Never a value.
    """
    lines = [_unknown("header", *pair) for pair in hints.headers(record.headers)]
    try:
        payload = json_object(record.value or b"")
    except Refused:  # it was read as an event, so this is unreachable
        return lines
    data = payload.get("data")
    if "specversion" in payload and isinstance(data, dict):
        payload = data
    completion = isinstance(event, Completion)
    if forms.is_native(payload) if completion else native.is_feedback(payload):
        lines += _keys(payload, native.COMPLETION_KEYS if completion else native.FEEDBACK_KEYS)
        if _within(payload.get("at_ms"), _AGO_S, _TOO_MANY_S):
            lines.append("key at_ms: this looks like seconds; milliseconds are meant")
    elif completion:
        lines += _misplaced(payload, event)
    for key in ("created", "created_at", "endTime", "startTime"):
        if "completion" not in payload and _within(payload.get(key), _TOO_MANY_S, _TOO_MANY_S * 1000):
            lines.append(f"key {key}: this looks like milliseconds; seconds are meant")
    return lines + [f"{path}: cannot be read, and is left out" for path in event.dropped]


def _misplaced(payload: Mapping[str, Any], event: Completion | Feedback) -> list[str]:
    """Lists keys of ours that another form does not read, where no other field gives them; near misses in metadata."""
    inner = "metadata.requester_metadata" if "call_type" in payload else "metadata"
    meta: Any = payload
    for key in inner.split("."):
        meta = meta.get(key) if isinstance(meta, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    lines = [
        f"key {name}: not read in this form; put it in {inner}.{name}, or in the header tidegate-{name}"
        for name in ("tenant", "route", "locale")
        if isinstance(payload.get(name), str) and getattr(event, name, None) == UNKNOWN and meta.get(name) is None
    ]
    near = hints.keys(meta, ("tenant", "route", "locale", "conversation"))
    return lines + [_unknown("key", f"{inner}.{key}", meant) for key, meant in near]


def _keys(payload: Mapping[str, Any], ours: Collection[str]) -> list[str]:
    return [_unknown("key", key, meant) for key, meant in hints.keys(payload, ours)]


def _unknown(what: str, key: str, meant: str) -> str:
    return f"{what} {key}: not one of ours; did you mean {meant}?"


def _within(value: Any, first: int, end: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and first <= value < end
