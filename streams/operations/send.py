"""Events sent onto a source topic, each as it is: under which key, what is wrong with it, and whether it was taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tidegate.streams.kafka.errors import MessageSizeTooLargeError
from tidegate.streams.kafka.reader import require_topic
from tidegate.streams.kafka.writing import producer, record_bytes
from tidegate.streams.operations.deployment import Deployment
from tidegate.streams.topics import FEEDBACK
from tidegate.streams.wire import Unreadable, decode_completion, decode_feedback, doubts

Header = tuple[str, bytes]


@dataclass(frozen=True)
class LineRecord:
    """A line as the record that it becomes; what the decoders read (`wire.Record`)."""

    topic: str
    value: bytes
    headers: Sequence[Header]
    key: bytes | None = None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


@dataclass(frozen=True)
class CheckedEvent:
    """An event that may be sent. key: as the documents recommend it; None where it has none."""

    number: int  # of its line
    record: LineRecord
    key: bytes | None
    size: int  # bytes as a record
    too_large: bool  # for TIDEGATE_MAX_RECORD_BYTES: it must not be sent
    unreadable: str  # why Tidegate cannot read it; empty: it can
    doubts: Sequence[str]  # what may not be meant so


def check_event(
    deployment: Deployment, topic: str, number: int, value: bytes, headers: Sequence[Header]
) -> CheckedEvent:
    """What a line becomes. One that cannot be read may be sent all the same: it becomes a dead letter."""
    record = LineRecord(topic, value, headers)
    key, unreadable, doubtful = _read(record)
    size = record_bytes(key, value, headers)
    return CheckedEvent(number, record, key, size, size > deployment.max_record_bytes, unreadable, doubtful)


class EventSender:
    """Sends to one topic."""

    def __init__(self, out: Any) -> None:
        self._out = out

    async def send(self, events: Sequence[CheckedEvent]) -> list[CheckedEvent]:
        """Returns, when all were acknowledged, those that the broker found too large. Raises BrokerUnavailable."""
        acks = [
            await self._out.send(e.record.topic, e.record.value, key=e.key, headers=list(e.record.headers))
            for e in events
        ]
        results = await asyncio.gather(*acks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, MessageSizeTooLargeError):
                raise result
        return [e for e, result in zip(events, results, strict=True) if isinstance(result, MessageSizeTooLargeError)]


@asynccontextmanager
async def event_sender(deployment: Deployment, topic: str) -> AsyncIterator[EventSender]:
    """Raises TopicsMissing, BrokerUnavailable."""
    await require_topic(deployment.brokers, topic)
    async with producer(deployment) as out:
        yield EventSender(out)


def _read(record: LineRecord) -> tuple[bytes | None, str, list[str]]:
    """Its key, why it cannot be read, and near misses.

    An event without an id of its own has no key by it: its position is not known yet.
    """
    if record.topic == FEEDBACK:
        feedback = decode_feedback(record)
        if isinstance(feedback, Unreadable):
            return None, str(feedback), []
        return feedback.completion_id.encode(), "", doubts(record, feedback)
    found = decode_completion(record)
    if isinstance(found, Unreadable):
        return None, str(found), []
    own = found.id if found.id != f"{record.topic}[{record.partition}]@{record.offset}" else None
    key = f"{found.tenant}:{found.user}" if found.user else found.conversation or own
    return None if key is None else key.encode(), "", doubts(record, found)
