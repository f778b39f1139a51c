"""The decisions of some time, each completion's once.

Of the decisions on one completion the highest epoch is the one that was counted; after a crash it comes later in
the same partition. So the topic is read twice: first only the place that begins each record, to find what was
decided more than once, then everything. What is held is what was decided again, not everything.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from tidegate.streams.core.events import Decision
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.kafka.reader import TopicReader
from tidegate.streams.operations.deployment import Advance, unheeded

# How every decision that we write begins. What is written in another order is read the long way.
_HEAD = re.compile(
    rb'\{"schema_version":1,"id":"([^"\\]*)","source":\{"topic":"([^"\\]*)",'
    rb'"partition":\d+,"offset":(\d+)\},"epoch":(\d+),'
)
# Of a source topic's record: its topic, offset and id: a source topic that was recreated has its offsets twice.
_Place = tuple[bytes, int, bytes]


@dataclass
class RecentDecisions:
    """What there is to read, and what was found in it."""

    stretches: list[OffsetRange]
    complete_from_ms: int | None = None  # completions before this may be missing: deleted. None: nothing was deleted
    expired: int = 0  # partitions of which everything was deleted
    not_decisions: int = 0  # records that are no decision that we know
    decided_again: int = 0  # decisions whose place another one took
    again: list[dict[_Place, int]] = field(default_factory=list)  # a stretch: decided again, perhaps; highest epoch

    @property
    def records(self) -> int:
        return sum(stretch.records for stretch in self.stretches)


class Decisions:
    """The topic `decisions`, read twice: `survey`, `find_again`, `read`. Close it."""

    def __init__(self, kafka: Kafka | str, topic: str = "decisions") -> None:
        self._topic = TopicReader(kafka, topic)

    async def aclose(self) -> None:
        await self._topic.aclose()

    async def survey(self, from_ms: int, *, most: int | None = None) -> RecentDecisions:
        """What there is to read: see `TopicReader.since`. Raises BrokerUnavailable, TopicsMissing."""
        recent = RecentDecisions(await self._topic.since(from_ms, most=most))
        oldest = [await self._topic.oldest(stretch) for stretch in recent.stretches if stretch.truncated]
        recent.complete_from_ms = max((_came_ms(record) for record in oldest if record is not None), default=None)
        recent.expired = sum(0 < stretch.log_start == stretch.end for stretch in recent.stretches)
        return recent

    async def find_again(self, recent: RecentDecisions, advance: Advance = unheeded) -> None:
        """The first pass: which completions may have been decided more than once, and the highest epoch of each.

        Offsets of completions rise within a partition, but where a worker took it over. What is not beyond the
        highest so far is remembered; which of its epochs is the highest, another look says, where there is any.
        """
        for stretch in recent.stretches:
            highest, again = dict[bytes, int](), dict[_Place, int]()  # highest: of each source topic
            async with aclosing(self._topic.read(stretch)) as batches:
                async for records in batches:
                    for record in records:
                        found = _place(record.value)
                        if found is None:
                            continue
                        place, epoch = found
                        if place[1] > highest.get(place[0], -1):
                            highest[place[0]] = place[1]
                        else:
                            again[place] = epoch
                    advance(len(records))
            if again:
                await self._highest(stretch, again)
            recent.again.append(again)

    async def _highest(self, stretch: OffsetRange, again: dict[_Place, int]) -> None:
        async with aclosing(self._topic.read(stretch)) as batches:
            async for records in batches:
                for record in records:
                    found = _place(record.value)
                    if found is not None and found[1] > again.get(found[0], found[1]):
                        again[found[0]] = found[1]

    async def read(self, recent: RecentDecisions, advance: Advance = unheeded) -> AsyncGenerator[list[Decision], None]:
        """The decisions, each completion's once, in the topic's order, some at a time. After `find_again`.

        What is no decision, and what was decided again, is counted in `recent`. Raises BrokerUnavailable.
        """
        for stretch, again in zip(recent.stretches, recent.again, strict=True):
            yielded: set[_Place] = set()
            async with aclosing(self._topic.read(stretch)) as batches:
                async for records in batches:
                    yield [*_counted(records, again, yielded, recent)]
                    advance(len(records))


def _counted(
    records: list[Any], again: dict[_Place, int], yielded: set[_Place], recent: RecentDecisions
) -> Iterator[Decision]:
    for record in records:
        decision = _decision(record.value)
        if decision is None:
            recent.not_decisions += 1
            continue
        if again:
            place = decision.source.topic.encode(), decision.source.offset, decision.id.encode()
            if (highest := again.get(place)) is not None:
                if decision.epoch != highest or place in yielded:  # of one epoch all are alike
                    recent.decided_again += 1
                    continue
                yielded.add(place)
        yield decision


def _decision(value: bytes | None) -> Decision | None:
    try:
        return Decision.read(value)
    except ValidationError:
        return None


def _came_ms(record: Any) -> int:
    """When the completion came that the record decides; of what is no decision, when it was written."""
    decision = _decision(record.value)
    return int(record.timestamp) if decision is None else decision.came_ms


def _place(value: bytes | None) -> tuple[_Place, int] | None:
    """Which completion a record decides, and its epoch; None where it does not say, so that it is no decision."""
    found = _HEAD.match(value or b"")
    if found is not None:
        return (found[2], int(found[3]), found[1]), int(found[4])
    try:
        record: Any = from_json(value or b"")
        source = record["source"]
        place = str(source["topic"]).encode(), int(source["offset"]), str(record["id"]).encode()
        return place, int(record["epoch"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
