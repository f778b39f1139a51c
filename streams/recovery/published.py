"""What was published of one partition's completions: of each position where its decision stands, or its dead letter.

16 bytes a position, since there may be millions; the decisions themselves are read once more, in order.
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
    """What is asked of Kafka. Raises BrokerUnavailable."""

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        """Of each partition, in their order, what holds every record of that time or later."""

    def read(self, *stretches: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Their records, in order within a partition, some of one at a time."""


class PublishedOutcome(NamedTuple):
    """What became of a completion."""

    decision: Decision | None  # None: a dead letter
    published_ms: int  # when that was written, by its worker's clock
    redriven: bool = False  # a dead letter of a copy that was decided before


class OutcomeRecord(NamedTuple):
    """As much of a record as tells which completion it is about."""

    offset: int
    epoch: int
    record_ms: int
    offsets: int
    left_out: bool  # a batch that could not be read was stepped over
    redriven: bool


def parse_outcome(record: Record, partition: TopicPartition) -> OutcomeRecord | None:
    """Which completion of a partition a decision or a dead letter is about; None where it is none of it, or unreadable."""
    try:
        event: Any = from_json(record.value or b"")
        source = event["source"]
        reason, many = event.get("reason"), int(event.get("offsets", 1))
        left_out, redriven = reason == DeadLetterReason.UNREADABLE_BATCH, reason == DeadLetterReason.REDRIVEN
        place = int(source["offset"]), int(event["epoch"]), int(event["record_ms"])
        found = OutcomeRecord(*place, many, left_out, redriven)
        ours = (source["topic"], source["partition"]) == partition
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return found if ours else None


class Published:
    """Of the completions of one partition from `start` to `end`: of several outcomes of one position the highest epoch's."""

    def __init__(self, partition: TopicPartition, start: int, end: int) -> None:
        self._partition, self._start = partition, start
        self._epochs = array("q", [-1]) * (end - start)
        self._places = array("q", [-1]) * (end - start)
        self._letters: dict[int, tuple[int, bool]] = {}  # position -> the record's timestamp, and whether redriven
        self._left_out: list[tuple[int, int]] = []  # [start, end) of batches that were stepped over
        self.end = 0  # of `decisions`, when it was read

    @classmethod
    async def of(
        cls, past: HistoryReader, partition: TopicPartition, start: int, end: int, written: Sequence[OffsetRange]
    ) -> Self:
        """written: the partition's `decisions`, then every partition of `dead-letters`, as far back as is to be looked."""
        made = cls(partition, start, end)
        decisions, *letters = written
        made.end = decisions.end
        await made._read(past, [decisions])
        await made._read(past, letters)
        return made

    async def _read(self, past: HistoryReader, stretches: Sequence[OffsetRange]) -> None:
        decisions = stretches[0].partition.topic == DECISIONS
        async with aclosing(past.read(*stretches)) as some:
            async for records in some:
                for record in records:
                    one = parse_outcome(record, self._partition)
                    if one is not None and one.left_out:
                        self._left_out.append((one.offset, one.offset + one.offsets))
                    if one is None or not 0 <= (at := one.offset - self._start) < len(self._epochs):
                        continue
                    if one.epoch <= self._epochs[at]:
                        continue
                    self._epochs[at] = one.epoch
                    self._places[at] = record.offset if decisions else -1
                    if not decisions:
                        self._letters[one.offset] = one.record_ms, one.redriven

    async def first_ms(self, places: RangeCursor) -> int | None:
        """When the first decision was written; None where there is none."""
        place = next((place for place in self._places if place >= 0), -1)
        found = await places.at({place}) if place >= 0 else {}
        return found[place].timestamp if place in found else None

    async def outcomes(self, places: RangeCursor, records: Sequence[Record]) -> list[PublishedOutcome]:
        """What became of the records, up to the first of which nothing is published, or of which something else is.

        A topic that was made anew has other records at the same offsets: their timestamps tell.
        """
        at = [-1 if isinstance(r, UnreadableRange) else self._places[r.offset - self._start] for r in records]
        found = await places.at({place for place in at if place >= 0})
        outcomes: list[PublishedOutcome] = []
        for record, place in zip(records, at, strict=True):
            if place >= 0:
                outcome = self._decided(record, found.get(place))
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
        """Whether a dead letter says that the batch was stepped over."""
        return any(start <= record.offset and record.end <= end for start, end in self._left_out)

    def _decided(self, record: Record, decided: Record | None) -> PublishedOutcome | None:
        if decided is None:
            return None
        try:
            decision = Decision.read(decided.value)
        except ValidationError:
            return None  # a newer Tidegate's: it is decided again
        return PublishedOutcome(decision, decided.timestamp) if decision.record_ms == record.timestamp else None
