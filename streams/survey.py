"""What a replay has before it: which completions lie in a range of time, and what is recorded of each.

Of a completion only its place and its timestamp are looked at. Knows no Kafka client: what is read comes from a `Log`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from pydantic import ValidationError

from streams.core.events import DeadLetter, Decision
from streams.errors import TidegateError
from streams.recorded import Recorded
from streams.store import Part
from streams.wire import Record

COMPLETIONS, DECISIONS, DEAD_LETTERS = "completions", "decisions", "dead-letters"

# A record is written within this long of its own timestamp: producers stamp it when they are told to send, and give a
# send up after minutes. Its decision is as late as its worker was, and is looked for up to the end of the topic.
LATE_MS = 3_600_000
MOST = 20_000_000  # records in a range: 17 bytes of memory each


class RangeRefused(TidegateError):
    """A replay's range is not kept any longer, or holds too much: ask for the range that the message names."""


class Log(Protocol):
    """What a replay asks of Kafka. Raises BrokerAway."""

    async def bounds(self, part: Part) -> tuple[int, int]:
        """[start, end): the oldest offset kept, and the fetch high-water mark."""

    async def oldest_ms(self, part: Part) -> int | None:
        """The oldest record's timestamp where older ones were deleted; None where none was, or none is kept."""

    async def since(self, part: Part, at_ms: int) -> int:
        """An offset before which no record is of that time or later."""

    def read(self, part: Part, start: int, end: int) -> AsyncGenerator[Sequence[Record], None]:
        """Records with offsets in [start, end), in order, some at a time."""


class Range(NamedTuple):
    """[from_ms, to_ms) of the records' own timestamps."""

    from_ms: int
    to_ms: int

    def holds(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.to_ms


class Stretch(NamedTuple):
    """Offsets [start, end) of a partition, in which everything of a range lies."""

    part: Part
    start: int
    end: int


class Found(NamedTuple):
    """What lies in the range."""

    recorded: Sequence[Recorded]  # per partition of completions
    strange: int  # records on `decisions` and `dead-letters` that are neither, left out

    @property
    def read(self) -> int:
        return sum(map(len, self.recorded))


def parts(topic: str, partitions: int) -> list[Part]:
    return [Part(topic, partition) for partition in range(partitions)]


async def require_kept(log: Log, asked: Iterable[Part], within: Range) -> None:
    """Raises RangeRefused where records of the range may have been deleted: the oldest kept is younger than its start.

    Where nothing was deleted yet, nothing of the range was; a partition that is empty says nothing.
    """
    known = [(oldest_ms, part) for part in asked if (oldest_ms := await log.oldest_ms(part)) is not None]
    oldest_ms, part = max(known, default=(0, None))
    if part is not None and oldest_ms > within.from_ms:
        raise RangeRefused(
            f"--from {_time(within.from_ms)}: {part.topic}[{part.partition}] is kept from {_time(oldest_ms)} on, and "
            "older records were deleted; expected --from at that time or later; nothing replayed"
        )


async def stretches(log: Log, asked: Iterable[Part], within: Range) -> list[Stretch]:
    """Where the range begins in each partition, and where the partition ends now."""
    found = []
    for part in asked:
        from_ms = within.from_ms if part.topic == COMPLETIONS else within.from_ms - LATE_MS
        _, end = await log.bounds(part)
        found.append(Stretch(part, await log.since(part, max(0, from_ms)), end))
    return found


async def survey(log: Log, asked: Sequence[Stretch], within: Range, advance: Callable[[int], None]) -> Found:
    """Reads the stretches of completions, then those of what is recorded. advance: told of offsets passed.

    Raises RangeRefused where the range holds more than MOST.
    """
    recorded = [Recorded() for stretch in asked if stretch.part.topic == COMPLETIONS]
    strange = 0
    for stretch in sorted(asked, key=lambda s: s.part.topic != COMPLETIONS):
        at = stretch.start
        async with aclosing(log.read(*stretch)) as some:
            async for records in some:
                if stretch.part.topic == COMPLETIONS:
                    over = _add(recorded[stretch.part.partition], records, within)
                    if sum(map(len, recorded)) > MOST:
                        raise RangeRefused(
                            f"{_time(within.from_ms)} to {_time(within.to_ms)} holds over {MOST:,} completions; "
                            "expected a shorter range, several one after another; nothing replayed"
                        )
                    if over:
                        break
                else:
                    strange += sum(not _note(recorded, record, within) for record in records)
                advance(records[-1].offset + 1 - at)
                at = records[-1].offset + 1
        advance(stretch.end - at)
    return Found(recorded, strange)


def _add(recorded: Recorded, records: Sequence[Record], within: Range) -> bool:
    """Whether no record of the range comes any more."""
    for record in records:
        if within.holds(record.timestamp):
            recorded.add(record.offset)
        elif record.timestamp >= within.to_ms + LATE_MS:
            return True
    return False


def _note(recorded: Sequence[Recorded], record: Record, within: Range) -> bool:
    """False where the record is nothing that was made of a completion."""
    decisions = record.topic == DECISIONS
    try:
        event = (Decision if decisions else DeadLetter).model_validate_json(record.value or b"")
    except ValidationError:
        return False
    source = event.source
    if source.topic != COMPLETIONS:
        return not decisions  # a dead letter of `feedback`
    if source.partition >= len(recorded) or (decisions and source.partition != record.partition):
        return False
    # A topic that was made anew has other records at the same offsets: their time tells most of them.
    if within.holds(event.record_ms):
        if isinstance(event, Decision):
            recorded[source.partition].note(source.offset, event.epoch, event.action, record.offset)
        else:
            recorded[source.partition].note(source.offset, event.epoch, None)
    return True


def _time(at_ms: int) -> str:
    """As `--from` takes it back; rounded up, so that it is not before what it names."""
    return f"{datetime.fromtimestamp(-(-at_ms // 1000), UTC):%Y-%m-%dT%H:%M:%SZ}"
