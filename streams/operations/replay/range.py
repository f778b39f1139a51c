"""What a replay has before it: which completions lie in a range of time, and what is recorded of each.

Of a completion only its place and its timestamp are looked at. Knows no Kafka client: a `RangeSource` reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol

from pydantic import ValidationError

from tidegate.streams.core.events import DeadLetter, Decision
from tidegate.streams.core.partition import Record
from tidegate.streams.core.times import record_time
from tidegate.streams.errors import TidegateError
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.operations.replay.index import RecordedIndex
from tidegate.streams.topics import COMPLETIONS, DEAD_LETTERS, DECISIONS, MODERATIONS

# A record is written within this long of its own timestamp: producers stamp it when they send, and give a
# send up after minutes. Its decision is as late as its worker was, and is looked for up to the end of the topic.
LATE_MS = 3_600_000
MOST = 20_000_000  # records in a range: 17 bytes of memory each


class RangeRefused(TidegateError):
    """A replay's range is not kept any longer, or holds too much: ask for the range that the message names."""


class RangeSource(Protocol):
    """What a replay asks of Kafka. Raises BrokerUnavailable."""

    async def since(self, topic: str, at_ms: int) -> Sequence[OffsetRange]:
        """Of each partition, in their order, what holds every record of that time or later."""

    async def oldest_ms(self, stretch: OffsetRange) -> int | None:
        """The timestamp of the oldest record that its partition keeps; None where it keeps none."""

    def read(self, stretch: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Its records in order, some at a time."""


class ReplayRange(NamedTuple):
    """[from_ms, to_ms) of the times of the records. now_ms: our clock, which says what a time can be."""

    from_ms: int
    to_ms: int
    now_ms: int

    def holds(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.to_ms


_Noted = Literal["noted", "outside", "moderation", "strange"]


class ReplaySurvey(NamedTuple):
    """What lies in the range."""

    recorded: Sequence[RecordedIndex]  # per partition of completions
    strange: int  # records on `decisions` and `dead-letters` that are neither, left out
    moderations: int = 0  # decisions on what `serve` answered: not replayed, since their texts are on no topic

    @property
    def read(self) -> int:
        return sum(map(len, self.recorded))


async def offset_ranges(log: RangeSource, within: ReplayRange, *, whole: Sequence[str]) -> list[OffsetRange]:
    """Of every topic that is looked at, where the range begins in each partition, and where that ends now.

    whole: topics that must keep all of the range. Raises RangeRefused where some of it may have been deleted: the
    oldest record kept is younger than its start. Where nothing was deleted yet, nothing of the range was; a partition
    that is empty says nothing.
    """
    completions = await log.since(COMPLETIONS, within.from_ms)
    recorded = [s for t in (DECISIONS, DEAD_LETTERS) for s in await log.since(t, max(0, within.from_ms - LATE_MS))]
    found = [*completions, *recorded]
    asked = [stretch for stretch in found if stretch.partition.topic in whole and stretch.truncated]
    oldest = [(await log.oldest_ms(stretch) or 0, stretch.partition) for stretch in asked]
    oldest_ms, partition = max(oldest, default=(0, None))
    if partition is not None and oldest_ms > within.from_ms:
        raise RangeRefused(
            f"--from {_time(within.from_ms)}: {partition.topic}[{partition.partition}] is kept from {_time(oldest_ms)} "
            "on, and older records were deleted; expected --from at that time or later; nothing replayed"
        )
    return found


async def survey(
    log: RangeSource, asked: Sequence[OffsetRange], within: ReplayRange, advance: Callable[[int], None]
) -> ReplaySurvey:
    """Reads the stretches of completions, then those of what is recorded. advance: called with offsets passed.

    A completion whose record has no time, or one that it cannot have, came when the one before it came.
    Raises RangeRefused where the range holds more than MOST.
    """
    recorded = [RecordedIndex() for stretch in asked if stretch.partition.topic == COMPLETIONS]
    noted: Counter[_Noted] = Counter()
    for stretch in sorted(asked, key=lambda s: s.partition.topic != COMPLETIONS):
        at, last_ms = stretch.start, 0
        async with aclosing(log.read(stretch)) as some:
            async for records in some:
                if stretch.partition.topic == COMPLETIONS:
                    over, last_ms = _add(recorded[stretch.partition.partition], records, within, last_ms)
                    if sum(map(len, recorded)) > MOST:
                        raise RangeRefused(
                            f"{_time(within.from_ms)} to {_time(within.to_ms)} holds over {MOST:,} completions; "
                            "expected a shorter range, several one after another; nothing replayed"
                        )
                    if over:
                        break
                else:
                    noted.update(_note(recorded, record, within) for record in records)
                advance(records[-1].offset + 1 - at)
                at = records[-1].offset + 1
        advance(stretch.end - at)
    return ReplaySurvey(recorded, noted["strange"], noted["moderation"])


def _add(recorded: RecordedIndex, records: Sequence[Record], within: ReplayRange, last_ms: int) -> tuple[bool, int]:
    """Whether no record of the range comes any more; and when the last of these came. last_ms: the one before them."""
    for record in records:
        last_ms = record_time(record.timestamp, within.now_ms) or last_ms
        if within.holds(last_ms):
            recorded.add(record.offset)
        elif last_ms >= within.to_ms + LATE_MS:
            return True, last_ms
    return False, last_ms


def _note(recorded: Sequence[RecordedIndex], record: Record, within: ReplayRange) -> _Noted:
    """Notes what was made of a completion, and returns which kind of record it is."""
    decisions = record.topic == DECISIONS
    try:
        event = (Decision if decisions else DeadLetter).read(record.value)
    except ValidationError:
        return "strange"
    source = event.source
    came_ms = record_time(event.record_ms, within.now_ms)
    inside = came_ms is None or within.holds(came_ms)
    if source.topic != COMPLETIONS:
        if decisions and source.topic == MODERATIONS:
            return "moderation" if inside else "outside"
        return "strange" if decisions else "outside"  # a dead letter of `feedback`, say
    if source.partition >= len(recorded) or (decisions and source.partition != record.partition):
        return "strange"
    # A topic that was recreated has other records at the same offsets: their time, where they have one, tells most.
    if not inside:
        return "outside"
    if isinstance(event, Decision):
        recorded[source.partition].note(source.offset, event.epoch, event.action, record.offset)
    else:
        recorded[source.partition].note(source.offset, event.epoch, None)
    return "noted"


def _time(at_ms: int) -> str:
    """As `--from` takes it back; rounded up, so that it is not before what it names."""
    return f"{datetime.fromtimestamp(-(-at_ms // 1000), UTC):%Y-%m-%dT%H:%M:%SZ}"
