"""What was published of one partition's completions: for each offset, where its decision is, or its dead letter.

16 bytes for each offset, since there may be millions. The decisions themselves are read a second time, in order.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple, Protocol, Self

from pydantic import ValidationError
from pydantic_core import from_json

from tidegate.streams.core.events import DeadLetterReason, Decision
from tidegate.streams.core.partition import Record, TopicPartition, UnreadableRange
from tidegate.streams.kafka.ranges import OffsetRange, RangeCursor
from tidegate.streams.topics import DECISIONS

NO_LETTER = (-1, False)


class HistoryReader(Protocol):
    """What a recovery reads from Kafka. Raises BrokerUnavailable."""

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        """Returns for each partition, in order, the range of every record of that time or later."""

    def read(self, *ranges: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Yields their records, in order within a partition, some of one at a time."""


class PublishedOutcome(NamedTuple):
    """The published outcome of a completion."""

    decision: Decision | None  # None: a dead letter
    published_ms: int  # when that was written, by its worker's clock
    redriven: bool = False  # a dead letter of a copy that was decided before


class OutcomeRecord(NamedTuple):
    """The fields of a decision or a dead letter that name its completion."""

    offset: int
    epoch: int
    record_ms: int
    offsets: int
    skipped: bool  # a batch that could not be read was skipped
    redriven: bool


def parse_outcome(record: Record, partition: TopicPartition) -> OutcomeRecord | None:
    """Returns which completion of a partition a record is about; None if of another partition, or unreadable."""
    try:
        event: Any = from_json(record.value or b"")
        source = event["source"]
        reason, many = event.get("reason"), int(event.get("offsets", 1))
        skipped, redriven = reason == DeadLetterReason.UNREADABLE_BATCH, reason == DeadLetterReason.REDRIVEN
        place = int(source["offset"]), int(event["epoch"]), int(event["record_ms"])
        outcome = OutcomeRecord(*place, many, skipped, redriven)
        is_ours = (source["topic"], source["partition"]) == partition
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return outcome if is_ours else None


class Published:
    """The outcomes of a partition's completions from `start` to `end`: for each offset that of the highest epoch."""

    def __init__(self, partition: TopicPartition, start: int, end: int) -> None:
        self._partition, self._start = partition, start
        self._epochs = array("q", [-1]) * (end - start)
        self._places = array("q", [-1]) * (end - start)
        self._letters: dict[int, tuple[int, bool]] = {}  # offset -> the record's timestamp, and whether redriven
        self._skipped: list[tuple[int, int]] = []  # [start, end) of batches that were skipped
        self.end = 0  # the end of `decisions`, when it was read

    @classmethod
    async def read(
        cls, history: HistoryReader, partition: TopicPartition, start: int, end: int, written: Sequence[OffsetRange]
    ) -> Self:
        """Reads the outcomes. written: ranges of the partition's `decisions`, then of all `dead-letters`."""
        published = cls(partition, start, end)
        decisions, *letters = written
        published.end = decisions.end
        await published._add(history, [decisions])
        await published._add(history, letters)
        return published

    async def _add(self, history: HistoryReader, ranges: Sequence[OffsetRange]) -> None:
        decisions = ranges[0].partition.topic == DECISIONS
        async with aclosing(history.read(*ranges)) as batches:
            async for records in batches:
                for record in records:
                    one = parse_outcome(record, self._partition)
                    if one is not None and one.skipped:
                        self._skipped.append((one.offset, one.offset + one.offsets))
                    if one is None or not 0 <= (at := one.offset - self._start) < len(self._epochs):
                        continue
                    if one.epoch <= self._epochs[at]:
                        continue
                    self._epochs[at] = one.epoch
                    self._places[at] = record.offset if decisions else -1
                    if not decisions:
                        self._letters[one.offset] = one.record_ms, one.redriven

    async def first_ms(self, places: RangeCursor) -> int | None:
        """Returns when the first decision was written; None if there is none."""
        place = next((place for place in self._places if place >= 0), -1)
        decisions = await places.records_at({place}) if place >= 0 else {}
        return decisions[place].timestamp if place in decisions else None

    async def outcomes(self, places: RangeCursor, records: Sequence[Record]) -> list[PublishedOutcome]:
        """Returns the outcomes of the records, up to the first without one, or with one of another record.

        A recreated topic has other records at the same offsets: their timestamps differ.
        """
        at = [-1 if isinstance(r, UnreadableRange) else self._places[r.offset - self._start] for r in records]
        decisions = await places.records_at({place for place in at if place >= 0})
        outcomes: list[PublishedOutcome] = []
        for record, place in zip(records, at, strict=True):
            if place >= 0:
                outcome = self._decided(record, decisions.get(place))
            elif isinstance(record, UnreadableRange):
                outcome = PublishedOutcome(None, 0) if self._covered(record) else None
            elif (letter := self._letters.get(record.offset, NO_LETTER))[0] == record.timestamp:
                outcome = PublishedOutcome(None, 0, letter[1])
            else:
                outcome = None
            if outcome is None:
                break
            outcomes.append(outcome)
        return outcomes

    def _covered(self, record: UnreadableRange) -> bool:
        """Returns whether a dead letter covers the skipped batch."""
        return any(start <= record.offset and record.end <= end for start, end in self._skipped)

    def _decided(self, record: Record, decided: Record | None) -> PublishedOutcome | None:
        if decided is None:
            return None
        try:
            decision = Decision.read(decided.value)
        except ValidationError:
            return None  # a newer Tidegate's: decided again
        return PublishedOutcome(decision, decided.timestamp) if decision.record_ms == record.timestamp else None
