"""Fields that decide nothing never cost the text: what is odd in one is mended, or dropped and named."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from tidegate.streams.core.fields import Incoming, shortened
from tidegate.streams.wire.fields import EXPECTED

E = TypeVar("E", bound=Incoming)

MOST = 16  # paths named on one event
LONGEST_NAME = 200  # characters, as `Name` in core/contract.py

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAMES = ("tenant", "model", "route", "locale")
_IDS = ("id", "completion_id", "user", "conversation")
_OTHERS = ("prompt", "status")
_NEEDED = ("completion_id",)  # without this one nobody knows what is spoken of


def text_of(found: Any) -> str | None:
    """A string, or a number as its text: many a system counts its users. None for anything else."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    if isinstance(found, float) and not math.isfinite(found):
        return None
    try:
        return str(found)
    except ValueError:  # an integer of more digits than Python writes
        return None


def id_of(found: Any) -> str | None:
    """An id or user as Tidegate keeps it, or None where it cannot be read."""
    text = text_of(found)
    return shortened(text) if text and not _CONTROL.search(text) else None


def name_of(found: Any) -> str | None:
    """A tenant, model, route or locale, or None where it cannot be read."""
    text = text_of(found)
    return text if text and len(text) <= LONGEST_NAME and "|" not in text and not _CONTROL.search(text) else None


class Unmendable(Exception):
    """A field without which there is no event. Never leaves this package."""

    def __init__(self, name: str, error: ValidationError) -> None:
        super().__init__("unmendable")
        self.name, self.error = name, error


def mended(
    event: type[E], fields: dict[str, Any], error: ValidationError, position: str, place: Callable[[str], str]
) -> tuple[E, Sequence[str]]:
    """The event of fields that its model refused for that error, and where each stood that had to be dropped.

    position: the record's, which is the id where none can be read. place: our field -> where it stood. Raises
    Unmendable.
    """
    better, dropped = _mended(fields, error, position, place)
    try:
        return event.model_validate(better), dropped
    except ValidationError as again:
        raise Unmendable(str(again.errors()[0]["loc"][0]), again) from None


def _mended(
    fields: dict[str, Any], error: ValidationError, position: str, place: Callable[[str], str]
) -> tuple[dict[str, Any], list[str]]:
    found, dropped = dict(fields), []
    places = error.errors(include_url=False, include_context=False, include_input=False)
    for name in dict.fromkeys(str(one["loc"][0]) for one in places):
        if name not in found or name not in (*_IDS, *_NAMES, *_OTHERS):
            raise Unmendable(name, error)
        value = found[name]
        good = id_of(value) if name in _IDS else name_of(value) if name in _NAMES else None
        if good is None and name in _NEEDED:
            raise Unmendable(name, error)
        if good is None and value != "":
            dropped.append(place(name))
        if good is not None:
            found[name] = good
        elif name == "id":
            found["id"] = position
        else:
            del found[name]
    return found, dropped


def named(*lists: Any) -> tuple[str, ...]:
    """Paths of what was dropped, each once, in the order they were found; so many at most."""
    return tuple(dict.fromkeys(path for paths in lists for path in paths))[:MOST]


def expected(name: str, given: bool) -> str:
    """What a field should have been."""
    said = EXPECTED.get(name, "a valid value")
    return said if given else "this key: " + said
