"""Recent decisions, each once: read from the topic's time index on, and what another policy would make of them.

Of the decisions on one completion the highest epoch is the one that was counted; after a crash it comes later in
the same partition. So the topic is read twice: first only the place that begins each record, to find what was
decided more than once, then everything. Partition after partition, so that the same topic gives the same result.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from streams.core.decide import Inputs, decide
from streams.core.effects import Effects
from streams.core.events import Decision
from streams.core.what_if import EXAMPLES, WhatIf
from streams.errors import BrokerAway

if TYPE_CHECKING:
    from streams.cli.show import Advance
    from streams.core.thresholds import LivePolicy
    from streams.settings import Settings

DECISIONS = "decisions"
SKEW_MS = 300_000  # a worker's clock may be behind the producers' by this much, and its decisions are found
FETCH_BYTES = 8 << 20
ANSWER_S = 15.0  # no answer in this time: the broker is away
# How every decision that we write begins. Who writes them in another order is read the long way.
_HEAD = re.compile(
    rb'\{"schema_version":1,"id":"((?:[^"\\]|\\.)*)","source":\{"topic":"[^"]*",'
    rb'"partition":(\d+),"offset":(\d+)\},"epoch":(-?\d+),'
)

_Place = tuple[int, bytes]  # source offset, id: a topic that was made anew has its offsets twice


@dataclass
class Kept:
    """One partition of `decisions`: what the broker keeps, and the part of it that is read."""

    partition: int
    begins: int  # the oldest offset that is kept
    start: int  # read from here
    end: int  # to here, exclusive
    oldest_ms: int | None = None  # of the oldest record kept, where older ones were deleted: when its completion came
    again: dict[_Place, int] = field(default_factory=dict)  # decided more than once, perhaps: the highest epoch

    @property
    def records(self) -> int:
        return max(0, self.end - self.start)


@dataclass
class Recent:
    """What there is to read, and what was found in it."""

    parts: list[Kept]
    cut: bool = False  # fewer than there are, because only so many were asked for
    read: int = 0
    not_decisions: int = 0  # records that are no decision that we know
    decided_again: int = 0  # decisions that a higher epoch, or the same one, replaced

    @property
    def records(self) -> int:
        return sum(part.records for part in self.parts)

    @property
    def complete_from_ms(self) -> int | None:
        """Completions that came before this may be missing: their decisions were deleted. None: nothing was."""
        return max((part.oldest_ms for part in self.parts if part.oldest_ms is not None), default=None)


async def effects(
    settings: Settings,
    candidate: LivePolicy,
    baseline: LivePolicy | None,
    since_ms: int,
    until_ms: int,
    *,
    most: int | None = None,
    advance: Advance = lambda n: None,
    examples: int = EXAMPLES,
) -> Effects:
    """What the candidate would make of the decisions on completions that came in `[since_ms, until_ms)`.

    Held against what was decided, or, where a baseline is given, against what that makes of the same scores: give
    the live policy to learn what a change of it does, also to decisions that an older one made.
    most: at most about so many records, the newest; then `first_ms` says from when on there are decisions. With it
    an answer takes about 60 us a record. advance: is told of records read, each of them twice.

    Decisions that were deleted are not missed here (`Recent.complete_from_ms` says what is): none at all is
    `decisions == 0`. `looser`, `newly`, `tenants` and the rest are described in `core/effects.py`.
    Raises BrokerAway, TopicsMissing.
    """
    tally = WhatIf(examples=examples)
    async with aclosing(Decisions(settings.kafka)) as topic:
        recent = await topic.survey(since_ms - SKEW_MS, most=most)
        await topic.find_again(recent, advance)
        async with aclosing(topic.read(recent, advance)) as batches:
            async for decisions in batches:
                for decision in decisions:
                    if since_ms <= decision.record_ms < until_ms:
                        inputs = Inputs.of(decision)
                        was = decision if baseline is None else decide(inputs, baseline)
                        tally.add(decision, was, decide(inputs, candidate))
    return tally.effects()


class Decisions:
    """The topic, read partition after partition by one consumer without a group. Close it."""

    def __init__(self, kafka: str, topic: str = DECISIONS) -> None:
        self._kafka, self._topic = kafka, topic
        self._consumer: Any = None

    async def aclose(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def survey(self, from_ms: int, *, most: int | None = None) -> Recent:
        """Where to read from and to. Raises BrokerAway, TopicsMissing.

        from_ms: what was published before this time (ms) is not read, as far as the broker's time index says. `most`
        spreads evenly over the partitions.
        """
        from streams.cli.reading import ends_of

        ends = await ends_of(self._kafka, self._topic)
        consumer = await self._started()
        begins, found = await self._asked(consumer, list(ends), from_ms)
        recent = Recent([])
        each = None if most is None else max(1, most // max(1, len(ends)))
        for tp, end in sorted(ends.items()):
            # None: nothing was published since. The embedded broker says so by a place without a time, which is no
            # place: then from the beginning.
            at = found.get(tp)
            start = end if at is None else begins[tp] if at.timestamp < 0 else max(begins[tp], at.offset)
            if each is not None and end - start > each:
                start, recent.cut = end - each, True
            recent.parts.append(Kept(tp.partition, begins[tp], min(start, end), end))
        for part in recent.parts:
            if 0 < part.begins < part.end:
                part.oldest_ms = await self._oldest_ms(part)
        return recent

    async def find_again(self, recent: Recent, advance: Advance = lambda n: None) -> None:
        """The first pass: which completions may have been decided more than once, and the highest epoch of each.

        Source offsets rise within a partition, but where a worker took it over: what is not beyond the highest so
        far is remembered. So this holds what was decided again, not everything.
        """
        for part in recent.parts:
            highest = -1
            async with aclosing(self._records(part)) as batches:
                async for records in batches:
                    for record in records:
                        head = _head(record.value)
                        if head is None:
                            continue
                        place, epoch = head
                        if place[0] > highest:
                            highest = place[0]
                        else:
                            part.again[place] = max(epoch, part.again.get(place, epoch))
                    advance(len(records))
            await self._first_epochs(part)

    async def _first_epochs(self, part: Kept) -> None:
        """Of what was decided again, the first one's epoch too: it may be the highest."""
        if not part.again:
            return
        async with aclosing(self._records(part)) as batches:
            async for records in batches:
                for record in records:
                    head = _head(record.value)
                    if head is not None and (known := part.again.get(head[0])) is not None and head[1] > known:
                        part.again[head[0]] = head[1]

    async def read(self, recent: Recent, advance: Advance = lambda n: None) -> AsyncGenerator[list[Decision], None]:
        """The decisions, each completion's once, in the topic's order. What is no decision is counted."""
        for part in recent.parts:
            taken: set[_Place] = set()
            async with aclosing(self._records(part)) as batches:
                async for records in batches:
                    yield [*self._counted(records, part, taken, recent)]
                    recent.read += len(records)
                    advance(len(records))

    def _counted(self, records: Iterable[Any], part: Kept, taken: set[_Place], recent: Recent) -> Iterable[Decision]:
        again = part.again
        for record in records:
            try:
                decision = Decision.model_validate_json(record.value or b"")
            except ValidationError:
                recent.not_decisions += 1
                continue
            if again:
                place = decision.source.offset, decision.id.encode()
                highest = again.get(place)
                if highest is not None:
                    if decision.epoch != highest or place in taken:
                        recent.decided_again += 1
                        continue
                    taken.add(place)
            yield decision

    async def _started(self) -> Any:
        from aiokafka import AIOKafkaConsumer

        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
                fetch_max_wait_ms=100, max_partition_fetch_bytes=FETCH_BYTES, fetch_max_bytes=FETCH_BYTES,
            )  # fmt: skip
            try:
                await consumer.start()
            except BaseException as error:
                await consumer.stop()
                raise self._away(error) from error
            self._consumer = consumer
        return self._consumer

    async def _asked(self, consumer: Any, tps: list[Any], from_ms: int) -> tuple[dict[Any, int], dict[Any, Any]]:
        """Where each partition begins, and where the time index says that from_ms is."""
        from aiokafka.errors import KafkaError

        try:
            begins = await consumer.beginning_offsets(tps)
            return begins, await consumer.offsets_for_times(dict.fromkeys(tps, max(0, from_ms)))
        except (KafkaError, OSError) as error:
            raise self._away(error) from error

    async def _oldest_ms(self, part: Kept) -> int:
        """When the completion came whose decision is the oldest kept; of another record, its own timestamp."""
        one = Kept(part.partition, part.begins, part.begins, part.begins + 1)
        async with aclosing(self._records(one)) as batches:
            async for records in batches:
                for record in records:
                    try:
                        return Decision.model_validate_json(record.value or b"").record_ms
                    except ValidationError:
                        return int(record.timestamp)
        return 0

    async def _records(self, part: Kept) -> AsyncGenerator[list[Any], None]:
        """The records of `[part.start, part.end)`, as they are fetched. Raises BrokerAway."""
        from aiokafka import TopicPartition
        from aiokafka.errors import KafkaError

        if part.start >= part.end:
            return
        consumer, tp = await self._started(), TopicPartition(self._topic, part.partition)
        try:
            consumer.assign([tp])
            consumer.seek(tp, part.start)
            heard = time.monotonic()
            while await consumer.position(tp) < part.end:
                fetched = (await consumer.getmany(tp, timeout_ms=200)).get(tp)
                if fetched:
                    heard = time.monotonic()
                    yield fetched if fetched[-1].offset < part.end else [r for r in fetched if r.offset < part.end]
                elif time.monotonic() - heard > ANSWER_S:
                    raise BrokerAway(f"kafka {self._kafka}: {tp.topic}[{tp.partition}]: no answer in {ANSWER_S:g} s")
        except (KafkaError, OSError) as error:
            raise self._away(error) from error

    def _away(self, error: BaseException) -> BaseException:
        from aiokafka.errors import KafkaError

        if not isinstance(error, KafkaError | OSError):
            return error
        return BrokerAway(f"kafka {self._kafka}: {self._topic}: {type(error).__name__}: {error}")


def _head(value: bytes | None) -> tuple[_Place, int] | None:
    """Source offset and id, and the epoch; None where there is no saying, so that it is no decision either."""
    if value is None:
        return None
    found = _HEAD.match(value)
    if found is not None and b"\\" not in found[1]:
        return (int(found[3]), found[1]), int(found[4])
    try:
        record: Any = from_json(value)
        return (int(record["source"]["offset"]), str(record["id"]).encode()), int(record["epoch"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
