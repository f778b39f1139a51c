"""The native form: our own fields, under their own names."""

from __future__ import annotations

from typing import Any

from tidegate.streams.core.events import Completion, DeadLetterReason, Feedback
from tidegate.streams.wire import hints
from tidegate.streams.wire.fields import EXPECTED, Mapped
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.texts import LostTexts

COMPLETION_KEYS = frozenset(Completion.model_fields) - {"dropped"}
FEEDBACK_KEYS = frozenset(Feedback.model_fields) - {"dropped"}


def is_completion(payload: dict[str, Any]) -> bool:
    """Whether this is meant as a native completion, also an invalid one: then the message names the field."""
    return (
        has_native_key(payload)
        or payload.get("status") in ("ok", "failed")
        or ("id" in payload and payload.keys() <= COMPLETION_KEYS)
    )


def has_native_key(payload: dict[str, Any]) -> bool:
    """Whether it has a key of the native form alone."""
    return "completion" in payload or "schema_version" in payload


def is_feedback(payload: dict[str, Any]) -> bool:
    """Whether this is meant as feedback, also invalid."""
    return (
        "completion_id" in payload
        or "schema_version" in payload
        or ("id" in payload and payload.keys() <= FEEDBACK_KEYS)
    )


def completion(payload: dict[str, Any], at: str) -> Mapped:
    """Maps the object as it is. A text is missing only where its key is: an empty string is an empty completion."""
    choices = payload.get("completion")
    payload = _checked(payload, at)
    if "completion" not in payload and payload.get("status") != "failed":
        expected = "this key: " + EXPECTED["completion"] + hints.of_object(payload, ("completion",))
        raise Refused(DeadLetterReason.INVALID, at + "completion", expected)
    if type(choices) is not list or all(type(choice) is str for choice in choices):
        return Mapped(payload)
    lost = LostTexts()
    texts = [_choice(choice, f"{at}completion[{i}]", lost) for i, choice in enumerate(choices)]
    return Mapped({**payload, "completion": lost.require_text(texts)}, {}, tuple(lost.places))


def feedback(payload: dict[str, Any], at: str) -> Mapped:
    return Mapped(_checked(payload, at))


def _choice(value: Any, where: str, lost: LostTexts) -> str:
    """Returns the text of a choice; null is an empty one."""
    return value or "" if value is None or isinstance(value, str) else lost.add(where, EXPECTED["completion"])


def _checked(payload: dict[str, Any], at: str) -> dict[str, Any]:
    if (
        None in payload.values() or "dropped" in payload
    ):  # null is "not given": many producers write every field of theirs
        payload = {name: value for name, value in payload.items() if value is not None and name != "dropped"}
    version = payload.get("schema_version", 1)
    if type(version) is not int or version != 1:
        raise Refused(DeadLetterReason.UNKNOWN_VERSION, at + "schema_version", "1")
    return payload
