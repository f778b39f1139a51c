"""Unreadable records: why a record cannot be read, and its dead letter."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Source
from tidegate.streams.core.partition import Record, UnreadableRange, content_sha256, end_of


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a record cannot be read: where in it, and what was expected there. Never the value found."""

    reason: DeadLetterReason
    where: str  # "byte 17", or the path of a field or header
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason.value}; expected {self.expected}"


class Refused(Exception):
    """Carries an Unreadable from a form up to `decode`, which returns it. Leaves this package only to `http`."""

    def __init__(self, reason: DeadLetterReason, where: str, expected: str) -> None:
        super().__init__(reason.value)
        self.unreadable = Unreadable(reason, where, expected)


def value_of(record: Record, expected: str) -> bytes:
    """Returns a record's value. expected: in its place, as "an event".

    Raises Refused: a batch that cannot be decoded, or a tombstone.
    """
    if isinstance(record, UnreadableRange):
        raise Refused(DeadLetterReason.UNREADABLE_BATCH, "batch", f"records that can be decoded; {record.why}")
    if record.value is None:
        raise Refused(DeadLetterReason.TOMBSTONE, "value", f"{expected}: there is nothing here to delete")
    return record.value


def dead_letter(record: Record, unreadable: Unreadable, epoch: int, keep_up_to: int) -> DeadLetter:
    """Returns the dead letter of an unreadable record: its id is the record's position.

    keep_up_to: it holds the value of records of at most so many bytes; 0 (the setting `dead_letter_bytes` is off):
    nothing of a record's content leaves Tidegate but its length and its hash.
    """
    value = record.value or b""
    source = Source(topic=record.topic, partition=record.partition, offset=record.offset)
    return DeadLetter(
        id=str(source),
        source=source,
        epoch=epoch,
        reason=unreadable.reason,
        where=unreadable.where,
        expected=unreadable.expected,
        length=len(value),
        sha256=content_sha256(value),
        record_ms=record.timestamp,
        offsets=end_of(record) - record.offset,
        value_base64=base64.b64encode(value).decode() if len(value) <= keep_up_to and keep_up_to else None,
    )
