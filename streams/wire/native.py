"""The native form: our own fields, under their own names."""

from __future__ import annotations

from typing import Any

from streams.core.events import Completion, DeadLetterReason, Feedback
from streams.wire.fields import EXPECTED, Mapped
from streams.wire.record import Refused

_COMPLETION_KEYS = frozenset(Completion.model_fields)
_FEEDBACK_KEYS = frozenset(Feedback.model_fields)


def is_completion(found: dict[str, Any]) -> bool:
    """Whether this is meant as a native completion, be it a broken one: then its message names the field."""
    return (
        "completion" in found
        or "schema_version" in found
        or found.get("status") in ("ok", "failed")
        or ("id" in found and found.keys() <= _COMPLETION_KEYS)
    )


def is_feedback(found: dict[str, Any]) -> bool:
    """Whether this is meant as feedback, be it broken."""
    return "completion_id" in found or "schema_version" in found or ("id" in found and found.keys() <= _FEEDBACK_KEYS)


def completion(found: dict[str, Any], at: str) -> Mapped:
    """The object as it is. A text is missing only where its key is: an empty string is an empty completion."""
    found = _checked(found, at)
    if "completion" not in found and found.get("status") != "failed":
        raise Refused(DeadLetterReason.INVALID, at + "completion", "this key: " + EXPECTED["completion"])
    return Mapped(found)


def feedback(found: dict[str, Any], at: str) -> Mapped:
    return Mapped(_checked(found, at))


def _checked(found: dict[str, Any], at: str) -> dict[str, Any]:
    if None in found.values():  # null is "not given": many producers write every field of theirs
        found = {name: value for name, value in found.items() if value is not None}
    version = found.get("schema_version", 1)
    if type(version) is not int or version != 1:
        raise Refused(DeadLetterReason.UNKNOWN_VERSION, at + "schema_version", "1")
    return found
