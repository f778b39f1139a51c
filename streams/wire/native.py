"""The native form: our own fields, under their own names."""

from __future__ import annotations

from typing import Any

from tidegate.streams.core.events import Completion, DeadLetterReason, Feedback
from tidegate.streams.wire import hints
from tidegate.streams.wire.fields import EXPECTED, Mapped
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.said import Lost

COMPLETION_KEYS = frozenset(Completion.model_fields) - {"dropped"}
FEEDBACK_KEYS = frozenset(Feedback.model_fields) - {"dropped"}


def is_completion(found: dict[str, Any]) -> bool:
    """Whether this is meant as a native completion, be it a broken one: then its message names the field."""
    return (
        says_so(found) or found.get("status") in ("ok", "failed") or ("id" in found and found.keys() <= COMPLETION_KEYS)
    )


def says_so(found: dict[str, Any]) -> bool:
    """Whether it has a key that no other form has."""
    return "completion" in found or "schema_version" in found


def is_feedback(found: dict[str, Any]) -> bool:
    """Whether this is meant as feedback, be it broken."""
    return "completion_id" in found or "schema_version" in found or ("id" in found and found.keys() <= FEEDBACK_KEYS)


def completion(found: dict[str, Any], at: str) -> Mapped:
    """The object as it is. A text is missing only where its key is: an empty string is an empty completion."""
    choices = found.get("completion")
    found = _checked(found, at)
    if "completion" not in found and found.get("status") != "failed":
        expected = "this key: " + EXPECTED["completion"] + hints.of_object(found, ("completion",))
        raise Refused(DeadLetterReason.INVALID, at + "completion", expected)
    if type(choices) is not list or all(type(choice) is str for choice in choices):
        return Mapped(found)
    lost = Lost()
    read = [_choice(choice, f"{at}completion[{i}]", lost) for i, choice in enumerate(choices)]
    return Mapped({**found, "completion": lost.unless_said(read)}, {}, tuple(lost.places))


def feedback(found: dict[str, Any], at: str) -> Mapped:
    return Mapped(_checked(found, at))


def _choice(found: Any, where: str, lost: Lost) -> str:
    """A text; null is one that says nothing."""
    return found or "" if found is None or isinstance(found, str) else lost.add(where, EXPECTED["completion"])


def _checked(found: dict[str, Any], at: str) -> dict[str, Any]:
    if None in found.values() or "dropped" in found:  # null is "not given": many producers write every field of theirs
        found = {name: value for name, value in found.items() if value is not None and name != "dropped"}
    version = found.get("schema_version", 1)
    if type(version) is not int or version != 1:
        raise Refused(DeadLetterReason.UNKNOWN_VERSION, at + "schema_version", "1")
    return found
