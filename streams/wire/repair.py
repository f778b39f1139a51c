"""Repairs invalid fields that decide nothing, or drops and lists them: they never cost the text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from tidegate.streams.core.fields import Incoming, shortened
from tidegate.streams.wire.fields import EXPECTED

E = TypeVar("E", bound=Incoming)

MAX_PATHS = 16  # paths named on one event
LONGEST_NAME = 200  # characters, as `Name` in core/fields.py

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAMES = ("tenant", "model", "route", "locale")
_IDS = ("id", "completion_id", "user", "conversation")
_OTHERS = ("prompt", "status")
_NEEDED = ("completion_id",)  # without it feedback has no completion


def text_of(value: Any) -> str | None:
    """Returns a string, or a number as text (many systems number their users); None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python writes
        return None


def id_of(value: Any) -> str | None:
    """Returns an id or user as Tidegate stores it, or None where it cannot be read."""
    text = text_of(value)
    return shortened(text) if text and not _CONTROL.search(text) else None


def name_of(value: Any) -> str | None:
    """Returns a tenant, model, route or locale, or None where it cannot be read."""
    text = text_of(value)
    return text if text and len(text) <= LONGEST_NAME and "|" not in text and not _CONTROL.search(text) else None


class Unrepairable(Exception):
    """A required field cannot be repaired. Never leaves this package."""

    def __init__(self, name: str, error: ValidationError) -> None:
        super().__init__("unrepairable")
        self.name, self.error = name, error


def repair(
    event: type[E], fields: dict[str, Any], error: ValidationError, position: str, place: Callable[[str], str]
) -> tuple[E, Sequence[str]]:
    """Returns the event of fields that its model refused with that error, and the paths of dropped fields.

    position: the record's, which is the id where none can be read. place: our field -> its path. Raises
    Unrepairable.
    """
    repaired, dropped = _repair_fields(fields, error, position, place)
    try:
        return event.model_validate(repaired), dropped
    except ValidationError as still_invalid:
        raise Unrepairable(str(still_invalid.errors()[0]["loc"][0]), still_invalid) from None


def _repair_fields(
    fields: dict[str, Any], error: ValidationError, position: str, place: Callable[[str], str]
) -> tuple[dict[str, Any], list[str]]:
    repaired, dropped = dict(fields), []
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    for name in dict.fromkeys(str(problem["loc"][0]) for problem in problems):
        if name not in repaired or name not in (*_IDS, *_NAMES, *_OTHERS):
            raise Unrepairable(name, error)
        value = repaired[name]
        good = id_of(value) if name in _IDS else name_of(value) if name in _NAMES else None
        if good is None and name in _NEEDED:
            raise Unrepairable(name, error)
        if good is None and value != "":
            dropped.append(place(name))
        if good is not None:
            repaired[name] = good
        elif name == "id":
            repaired["id"] = position
        else:
            del repaired[name]
    return repaired, dropped


def merge_paths(*lists: Any) -> tuple[str, ...]:
    """Returns the paths of dropped fields, each once, in the order they were found; MAX_PATHS at most."""
    return tuple(dict.fromkeys(path for paths in lists for path in paths))[:MAX_PATHS]


def describe_expected(name: str, present: bool) -> str:
    """Describes the values that a field takes."""
    description = EXPECTED.get(name, "a valid value")
    return description if present else "this key: " + description
