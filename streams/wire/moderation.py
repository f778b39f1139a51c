"""Decodes a record of `moderations`, which `tidegate serve` writes. Never raises, whatever the bytes."""

from __future__ import annotations

from pydantic import ValidationError

from tidegate.streams.core.events import DeadLetterReason, Moderation
from tidegate.streams.core.partition import Record
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused, Unreadable, value_of


def decode_moderation(record: Record) -> Moderation | Unreadable:
    """Returns the moderation, without fields that this release does not know; Unreadable where it is none."""
    try:
        value = value_of(record, "a moderation")
        try:
            return Moderation.read(value)
        except ValidationError as error:
            json_object(value)  # says at which byte, where it is no JSON object
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    except Refused as refused:
        return refused.unreadable
    where = ".".join(map(str, first["loc"])) or "value"
    return Unreadable(DeadLetterReason.INVALID, where, "a moderation as `tidegate serve` writes it")
