"""One partition of a source topic, and its records, as every room reads them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class TopicPartition(NamedTuple):
    """One partition of a source topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class Copy(NamedTuple):
    """A record that `redrive` sent again, as its partition knows it."""

    origin: int  # offset of the record that was there first, in the same partition
    sha256: str  # of the value's bytes, 16 hex digits
    offset: int  # its own


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
    """The records of a batch that cannot be decoded, as one record without a value: offsets [offset, end)."""

    topic: str
    partition: int
    offset: int
    end: int
    why: str
    timestamp: int = 0  # ms, when a worker first met it; 0: unknown
    key: None = None
    value: None = None
    headers: Sequence[tuple[str, bytes]] = ()


def end_of(record: Record) -> int:
    """Returns the offset after the record."""
    return record.end if isinstance(record, UnreadableRange) else record.offset + 1


def by_broker(record: Record) -> bool:
    """Whether the broker stamped the record (LogAppendTime). False for a record that is not aiokafka's."""
    return getattr(record, "timestamp_type", 0) == 1


def content_sha256(value: bytes | None) -> str:
    """Returns the SHA-256 of a record's bytes in hex, as a dead letter names them."""
    return hashlib.sha256(value or b"").hexdigest()


def content_hash(value: bytes | None) -> str:
    """Returns its first 16 hex digits, as a checkpoint's marker and a copy store them."""
    return content_sha256(value)[:16]
