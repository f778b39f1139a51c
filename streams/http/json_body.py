"""Reads a request's body as one JSON object, not deeper than its route allows."""

from __future__ import annotations

from typing import Any

from tidegate.streams.http.routes import Refusal
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused


def read_object(body: bytes, depth: int) -> dict[str, Any]:
    """Returns the object. Raises Refusal (400): what is wrong, and where; never what stands there."""
    try:
        parsed = json_object(body)
    except Refused as refused:
        unreadable = refused.unreadable
        message = f"body: {unreadable.reason.value} at {unreadable.where}; expected {unreadable.expected}"
        raise Refusal(400, unreadable.reason.value, message) from None
    # As many brackets as levels at least: most bodies have too few to be looked through.
    if body.count(b"{") + body.count(b"[") > depth and _deeper_than(parsed, depth):
        raise Refusal(400, "too_deep", f"body: too deep; expected at most {depth} levels of nesting")
    return parsed


def _deeper_than(value: Any, depth: int) -> bool:
    level: list[Any] = [value]
    for _ in range(depth):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [inner for inner in item.values() if isinstance(inner, dict | list)]
            elif isinstance(item, list):
                below += [inner for inner in item if isinstance(inner, dict | list)]
        if not below:
            return False
        level = below
    return True
