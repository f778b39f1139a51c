"""Times: parsing and plausibility, for producers' times and for records' timestamps. Pure.

A number is read by its magnitude: seconds, milliseconds, microseconds or nanoseconds since 1970, whichever is the
first to stay within the year 9999. So a time in another unit than the field asks for is that time all the same.

The parsed time is then compared with the clocks. A time that no completion can have is replaced by the next best:

    producer's own  ->  the record's (with LogAppendTime the broker's)  ->  the worker's clock when it read the record

`arrival` chooses between the last two; `decide.event_time` compares the producer's with that choice.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema

LATEST_MS = 253_402_300_799_999  # the year 9999, where other clocks stop
# Older than any topic keeps its records, unless somebody keeps them for over a year; what is older still is a clock
# that was never set, or a sample's time out of some documentation.
BACK_MS = 400 * 86_400_000
AHEAD_MS = 300_000  # clocks of producers, brokers and workers are apart by so much at the most
NO_TIME = 0  # as milliseconds: a time was given, and it is unusable

_LATEST_S = LATEST_MS // 1000
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?")
_ISO = re.compile(
    r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[Tt ][0-9]{2}(:?[0-9]{2}){1,2}([.,][0-9]{1,20})?"
    r" ?([Zz]|UTC|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
_LONGEST = 64  # characters of a time in text
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class TimeSource(StrEnum):
    """Whose clock a time is from."""

    PRODUCER = "producer"  # the event's own time
    RECORD = "record"  # the record's timestamp, set by who sent it
    BROKER = "broker"  # the record's timestamp, set by the broker (LogAppendTime)
    WORKER = "worker"  # our clock, when the record was read: nothing better was given


class Arrival(NamedTuple):
    """When a record arrived, as far as that can be known: its event's own time is compared with it."""

    ms: int
    by: TimeSource


def parse_time(raw: object) -> int | None:
    """Returns the time in milliseconds since 1970, from 1 up to the year 9999; None where `raw` is no time.

    raw: a number, the same as text, or ISO 8601 text with a time of day (UTC where it has no offset). Zero, what is
    negative, bool, NaN and infinities are no times.
    """
    if isinstance(raw, str):
        return _parse_text(raw.strip()) if len(raw) <= _LONGEST else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    return _parse_number(raw)


def parse_given_time(raw: object) -> int:
    """As `parse_time`, but NO_TIME where `raw` is no time: an unusable time differs from a missing one."""
    if type(raw) is int and _LATEST_S < raw <= LATEST_MS:  # milliseconds, as nearly every producer writes them
        return raw
    return parse_time(raw) or NO_TIME


def record_time(timestamp: int, now_ms: int) -> int | None:
    """Returns a record's timestamp (by magnitude) in milliseconds; None where no record can have it.

    now_ms: our clock. Kafka's "none" is -1.
    """
    at_ms = _parse_number(timestamp)
    return at_ms if at_ms is not None and now_ms - BACK_MS <= at_ms <= now_ms + AHEAD_MS else None


def arrival(timestamp: int, by_broker: bool, now_ms: int) -> Arrival:
    """Returns when a record arrived: by its timestamp where a record can have that, else by our clock.

    by_broker: the topic's timestamps are LogAppendTime. now_ms: our clock, when the record was read.
    """
    at_ms = record_time(timestamp, now_ms)
    if at_ms is None:
        return Arrival(now_ms, TimeSource.WORKER)
    return Arrival(at_ms, TimeSource.BROKER if by_broker else TimeSource.RECORD)


def _parse_number(value: int | float) -> int | None:
    if value <= 0:
        return None
    if value <= _LATEST_S:
        at_ms = value * 1000 if isinstance(value, int) else round(value * 1000)
    elif value <= LATEST_MS:
        at_ms = int(value)
    elif value <= LATEST_MS * 1000:
        at_ms = int(value) // 1000
    elif value <= LATEST_MS * 1_000_000:
        at_ms = int(value) // 1_000_000
    else:
        return None
    return min(at_ms, LATEST_MS) or None


def _parse_text(value: str) -> int | None:
    if _NUMBER.fullmatch(value):
        return _parse_number(int(value) if value.lstrip("+-").isdigit() else float(value))
    if not _ISO.fullmatch(value):
        return None
    try:
        at = datetime.fromisoformat(value.upper().removesuffix("UTC").strip())
    except ValueError:  # a 13th month
        return None
    at_ms = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
    return at_ms if 0 < at_ms <= LATEST_MS else None


# A field of an event from outside. Producers should send whole milliseconds; all that `parse_time` reads is accepted.
_SCHEMA: dict[str, Any] = {
    "description": "When it happened. What is no time never costs the text: the record's timestamp is used.",
    "examples": [1767268800000],
    "anyOf": [
        {"type": "integer", "description": "Milliseconds since 1970-01-01 UTC: the form to send."},
        {"description": "Other units since 1970 are recognised by their magnitude; ISO 8601 text is read."},
    ],
}
GivenTime = Annotated[int, Field(ge=0, le=LATEST_MS), BeforeValidator(parse_given_time), WithJsonSchema(_SCHEMA)]
