"""Decodes a record of `moderations`, which `tidegate serve` writes. Never raises, whatever the bytes."""

from __future__ import annotations

from pydantic import ValidationError

from tidegate.streams.core.events import DeadLetterReason, Moderation
from tidegate.streams.core.partition import Record, UnreadableRange
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused, Unreadable


def decode_moderation(record: Record) -> Moderation | Unreadable:
    """Returns the moderation, without fields that this release does not know; Unreadable where it is none."""
    if isinstance(record, UnreadableRange):
        why = f"records that can be decoded; {record.why}"
        return Unreadable(DeadLetterReason.UNREADABLE_BATCH, "batch", why)
    if record.value is None:
        return Unreadable(DeadLetterReason.TOMBSTONE, "value", "a moderation: there is nothing here to delete")
    try:
        return Moderation.read(record.value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    try:
        json_object(record.value)
    except Refused as refused:
        return refused.unreadable
    where = ".".join(map(str, first["loc"])) or "value"
    return Unreadable(DeadLetterReason.INVALID, where, "a moderation as `tidegate serve` writes it")
