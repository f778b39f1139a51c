"""What is read, and what becomes of it where it cannot be."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Source


class Record(Protocol):
    """One record as read from a topic; aiokafka's `ConsumerRecord` is one."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...  # meant as ms; -1 where there is none: `core/times.py` says what it can be
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(frozen=True, slots=True)
class UnreadableRange:
    """The records of a batch that cannot be decoded, as one that says nothing: offsets [offset, end)."""

    topic: str
    partition: int
    offset: int
    end: int
    why: str
    timestamp: int = 0  # ms, when somebody stood at it first; 0: not known
    key: None = None
    value: None = None
    headers: Sequence[tuple[str, bytes]] = ()


def end_of(record: Record) -> int:
    """The offset after it."""
    return record.end if isinstance(record, UnreadableRange) else record.offset + 1


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a record cannot be read: where in it, and what was expected there. Never what was found."""

    reason: DeadLetterReason
    where: str  # "byte 17", or the path of a field or header
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason.value}; expected {self.expected}"


def by_broker(record: Record) -> bool:
    """Whether the broker stamped the record (LogAppendTime). aiokafka says so; a record that is none of Kafka's not."""
    return getattr(record, "timestamp_type", 0) == 1


class Refused(Exception):
    """Carries an Unreadable from a form up to `decode`, which returns it. Never leaves this package."""

    def __init__(self, reason: DeadLetterReason, where: str, expected: str) -> None:
        super().__init__(reason.value)
        self.unreadable = Unreadable(reason, where, expected)


def dead_letter(record: Record, unreadable: Unreadable, epoch: int, keep_up_to: int) -> DeadLetter:
    """The event that takes an unreadable record's place: its id is the record's position.

    keep_up_to: records of at most so many bytes are kept in it whole; 0 (the setting `dead_letter_bytes` is off):
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
        sha256=hashlib.sha256(value).hexdigest(),
        record_ms=record.timestamp,
        offsets=end_of(record) - record.offset,
        value_base64=base64.b64encode(value).decode() if len(value) <= keep_up_to and keep_up_to else None,
    )
