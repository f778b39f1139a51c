"""The field types of every contract in `events.py`: names, times, scores, actions; and the base models."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

UNKNOWN = "unknown"

# A name that becomes part of a key or a metric: short, printable, no control characters or separators of ours.
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f|]+$")]
# One line of text, as people read it: no control characters, and none of Unicode's other ends of a line.
LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
# An http or https URL that fits a link of a pager: no user or password, no space, nothing that ends a link early.
WEB_URL = r"^https?://[^\s\x00-\x1f\x7f<>\"|\\^`{}/?#@]+([/?#][^\s\x00-\x1f\x7f<>\"|\\^`{}]*)?$"
Severity = Literal["critical", "warning", "info"]  # of an alert; the most urgent first
Id = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
Score = Annotated[float, Field(ge=0, le=1)]
# Milliseconds since 1970-01-01 UTC; the upper bound is the year 9999, where other clocks stop.
Millis = Annotated[int, Field(strict=True, ge=0, le=253_402_300_799_999)]
MAX_CHOICES = 128  # the most that the large APIs give; one event may not hold a worker for longer than that
Choices = Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_CHOICES)]


LONGEST_ID = 256  # characters, as `Id` says
_PREFIX = 200  # characters kept of a longer one; with `~` and 16 hex digits it is short enough


def shortened(id: str) -> str:
    """Returns the id or user as stored: one of over 256 characters as `id[:200] + "~" + sha256(id)[:16]` (hex)."""
    if len(id) <= LONGEST_ID:
        return id
    return f"{id[:_PREFIX]}~{hashlib.sha256(id.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


class Event(BaseModel):
    """The base of every event: frozen, strict about unknown keys, and silent about its input in errors.

    The docstring under a field becomes its description in schemas/: unit, range, what null means.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    schema_version: Literal[1] = 1
    """The version of this contract; within it fields are only added, never removed or changed in meaning."""


class Outgoing(Event):
    """An event that Tidegate writes: writing an unknown field is an error, reading one is not.

    Within one schema_version fields are only added, so a reader must leave out the fields that it does not know.
    """

    @classmethod
    def read(cls, value: bytes | None) -> Self:
        """Reads the event in a record's value, without unknown fields, at any depth.

        Raises ValidationError: no such event, another schema_version, or an unknown action, state or reason: the
        meaning of an event cannot be left out.
        """
        return cls.model_validate_json(value or b"", extra="ignore")


class Incoming(Event):
    """An event from outside: unknown keys are ignored, so that producers may send more than Tidegate reads."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)


M = TypeVar("M", bound=BaseModel)


def unchecked(model: type[M], fields: dict[str, Any]) -> M:
    """Builds `model(**fields)` without its checks, at a tenth of its cost: for values that are known to be valid.

    fields: every field, in the model's order, which is the order in JSON; the values as validation leaves them
    (enums, tuples, models). The event keeps the dict. Never for input from outside.
    """
    event = model.__new__(model)
    # What `model_construct` does, less its walk over defaults, aliases and private attributes: we have none.
    _set(event, "__dict__", fields)
    _set(event, "__pydantic_fields_set__", _names(model))
    _set(event, "__pydantic_extra__", None)
    _set(event, "__pydantic_private__", None)
    return event


_set = object.__setattr__


@cache
def _names(model: type[BaseModel]) -> set[str]:
    """All of a model's fields; events share the set, for fields of a frozen model are never set."""
    return set(model.model_fields)


class Action(StrEnum):
    """The actions that a decision can request, weakest first; the strongest of several wins."""

    ALLOW = "allow"
    FLAG = "flag"
    REVIEW = "review"
    REDACT = "redact"
    BLOCK = "block"

    @property
    def strength(self) -> int:
        return STRENGTH[self]


STRENGTH = {action: strength for strength, action in enumerate(Action)}


class Source(BaseModel):
    """The position of a record: the identity that all counting rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    topic: str
    """The topic's name."""
    partition: Annotated[int, Field(ge=0)]
    """The partition's number, from 0."""
    offset: Annotated[int, Field(ge=0)]
    """The record's offset in its partition, from 0."""

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Scopes(BaseModel):
    """The origin of a completion: what thresholds and rates can apply to."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tenant: str = UNKNOWN
    """Whose product it was; `unknown` where the producer does not say."""
    model: str = UNKNOWN
    """The producer's model, not our classifier; `unknown` where the producer does not say."""
    route: str = UNKNOWN
    """The part of the product, such as `chat`; `unknown` where the producer does not say."""
    locale: str = UNKNOWN
    """The text's language, as the producer names it; `unknown` where it does not say."""
