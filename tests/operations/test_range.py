"""Which records lie in a range, and what is recorded of each: on a log in memory, and by hypothesis."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tomorrow import of_tomorrow
from tests.wire.records import Fake
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, DeadLetter, DeadLetterReason, Source
from tidegate.streams.core.partition import Record, TopicPartition
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.operations.replay import range as surveying
from tidegate.streams.operations.replay.index import RecordedIndex
from tidegate.streams.operations.replay.range import (
    LATE_MS,
    OffsetRange,
    RangeRefused,
    ReplayRange,
    ReplaySurvey,
    offset_ranges,
    survey,
)

LIVE = LivePolicy("1-0123abcd", parse({"labels": {"toxicity": {"block": 0.9}}}, "p"))
HOUR = 3_600_000
T = 1_767_268_800_000  # the range's start; times below are ms after it
P, Q = TopicPartition("completions", 0), TopicPartition("completions", 1)


@dataclass
class Logged:
    """A `survey.Log` in memory. kept: per partition its oldest offset."""

    partitions: dict[TopicPartition, list[Fake]] = field(default_factory=lambda: {P: [], Q: []})
    kept: dict[TopicPartition, int] = field(default_factory=dict)
    handed_out: int = 0

    def put(self, topic: str, partition: int, offset: int, at_ms: int, value: bytes = b"") -> None:
        record = Fake(value, topic=topic, partition=partition, offset=offset, timestamp=T + at_ms)
        self.partitions.setdefault(TopicPartition(topic, partition), []).append(record)

    async def since(self, topic: str, at_ms: int) -> list[OffsetRange]:
        found = []
        for partition, records in sorted(self.partitions.items()):
            if partition.topic == topic:
                begins = self.kept.get(partition, 0)
                end = max([record.offset + 1 for record in records], default=begins)
                start = next((r.offset for r in records if r.timestamp >= at_ms), end)
                found.append(OffsetRange(partition, begins, max(begins, start), end))
        return found

    async def oldest_ms(self, stretch: OffsetRange) -> int | None:
        return next((r.timestamp for r in self.partitions[stretch.partition] if r.offset >= stretch.log_start), None)

    async def read(self, stretch: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        for record in self.partitions.get(stretch.partition, []):
            if stretch.start <= record.offset < stretch.end:
                self.handed_out += 1
                yield [record]


def within(from_ms: int, to_ms: int) -> ReplayRange:
    return ReplayRange(from_ms, to_ms, T + HOUR * 24)


def decided(offset: int, epoch: int, score: float, at_ms: int, partition: int = 0) -> bytes:
    source = Source(topic="completions", partition=partition, offset=offset)
    inputs = Inputs(f"c{offset}", source, epoch, T + at_ms, "m", scores={"toxicity": score})
    return decide(inputs, LIVE).model_dump_json().encode()


def letter(offset: int, epoch: int, at_ms: int, topic: str = "completions") -> bytes:
    source = Source(topic=topic, partition=0, offset=offset)
    return DeadLetter(
        id=str(source), source=source, epoch=epoch, reason=DeadLetterReason.NOT_JSON, where="byte 0", expected="JSON",
        length=1, sha256="", record_ms=T + at_ms,
    ).model_dump_json().encode()  # fmt: skip


async def looked(log: Logged, over: ReplayRange) -> ReplaySurvey:
    passed: list[int] = []
    asked = await offset_ranges(log, over, whole=())
    found = await survey(log, asked, over, passed.append)
    assert sum(passed) == sum(stretch.end - stretch.start for stretch in asked)  # the bar comes to its end
    return found


# --- which records


async def test_a_range_begins_at_from_and_ends_before_to() -> None:
    """Also where records are out of order."""
    #  offset     0    1    2    3    4    5        to = 100
    #  ms        -1    0  100   99   50  101
    log = Logged()
    for offset, at_ms in enumerate([-1, 0, 100, 99, 50, 101]):
        log.put("completions", 0, offset, at_ms)
    found, _ = (await looked(log, within(T, T + 100))).recorded
    assert [offset for offset in range(6) if offset in found] == [1, 3, 4]
    assert (len(found), found.first, found.end) == (3, 1, 5)


async def test_an_impossible_timestamp_moves_no_end_of_a_range() -> None:
    """One in another unit is that time; of the year 2100, or without any, it came when the one before it came."""
    log = Logged()
    #       offset     0     1                2                  3                      4             5
    for offset, at_ms in enumerate((50, -T - 1, 4_102_444_800_000 - T, (T + 60) * 1000 - T, HOUR, LATE_MS + 200)):
        log.put("completions", 0, offset, at_ms)
        log.put("decisions", 0, offset, 10, decided(offset, 1, 0.95, at_ms))
    recorded, _ = (await looked(log, within(T, T + 100))).recorded
    assert [offset for offset in range(6) if offset in recorded] == [0, 1, 2, 3]
    assert recorded.nothing == 0


async def test_what_lies_long_after_the_range_is_not_read() -> None:
    log = Logged()
    log.put("completions", 0, 0, 0)
    log.put("completions", 0, 1, 100 + LATE_MS - 1)  # might still be overtaken by one of the range
    log.put("completions", 0, 2, 50)
    log.put("completions", 0, 3, 100 + LATE_MS)
    for offset in range(4, 50):
        log.put("completions", 0, offset, 100 + LATE_MS + offset)
    found = await looked(log, within(T, T + 100))
    assert (found.read, log.handed_out) == (2, 4)


async def test_a_partition_without_records_of_the_range_has_none() -> None:
    log = Logged()
    log.put("completions", 1, 0, 5)
    found = await looked(log, within(T, T + 100))
    assert [len(recorded) for recorded in found.recorded] == [0, 1]


async def test_more_than_fits_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "MOST", 3)
    log = Logged()
    for offset in range(2):
        log.put("completions", 0, offset, offset)
        log.put("completions", 1, offset, offset)
    with pytest.raises(RangeRefused, match="holds over 3 completions; expected a shorter range"):
        await looked(log, within(T, T + 100))
    assert (await looked(log, within(T, T + 1))).read == 2


# --- what is recorded of them


async def test_of_several_decisions_the_highest_epoch_counts() -> None:
    """Wherever it stands."""
    log = Logged()
    for offset in range(4):
        log.put("completions", 0, offset, offset)
    for at, (offset, epoch, score) in enumerate([(0, 7, 0.0), (1, 7, 0.0), (0, 9, 1.0), (0, 8, 0.0), (1, 7, 1.0)]):
        log.put("decisions", 0, at, offset, decided(offset, epoch, score, offset))
    log.put("dead-letters", 0, 0, 9, letter(2, 7, 2).replace(b'"not_json"', b'"redriven"'))  # a dead letter too
    recorded, _ = (await looked(log, within(T, T + 100))).recorded
    assert list(recorded.decided()) == [(0, 2), (1, 1)]
    assert [recorded.action(offset) for offset in range(5)] == [Action.BLOCK, Action.ALLOW, None, None, None]
    assert (recorded.dead_letters, recorded.nothing) == (1, 1)


async def test_of_decision_and_dead_letter_the_later_counts() -> None:
    """A dead letter that was decided later is decided, and the other way round."""
    log = Logged()
    for offset in range(2):
        log.put("completions", 0, offset, offset)
    log.put("dead-letters", 0, 0, 0, letter(0, 1, 0))
    log.put("dead-letters", 0, 1, 1, letter(1, 5, 1))
    log.put("decisions", 0, 0, 0, decided(0, 2, 0.0, 0))
    log.put("decisions", 0, 1, 1, decided(1, 4, 0.0, 1))
    recorded, _ = (await looked(log, within(T, T + 100))).recorded
    assert (list(recorded.decided()), recorded.dead_letters) == ([(0, 0)], 1)


async def test_a_decision_before_its_records_timestamp_is_found() -> None:
    """One published before its record was stamped."""
    log = Logged()
    log.put("completions", 0, 0, 0)
    log.put("decisions", 0, 0, -60_000, decided(0, 1, 0.0, 0))  # the worker's clock is a minute behind
    assert (await looked(log, within(T, T + 100))).recorded[0].nothing == 0


async def test_events_with_a_field_of_tomorrow_are_recorded() -> None:
    """Decisions and dead letters of a later Tidegate."""
    log = Logged()
    for offset in range(3):
        log.put("completions", 0, offset, offset)
    log.put("decisions", 0, 0, 0, of_tomorrow(decided(0, 1, 1.0, 0)))
    log.put("decisions", 0, 1, 1, of_tomorrow(decided(1, 1, 0.0, 1), first=True))
    log.put("dead-letters", 0, 0, 2, of_tomorrow(letter(2, 1, 2)))
    found = await looked(log, within(T, T + 100))
    assert found.strange == 0
    assert list(found.recorded[0].decided()) == [(0, 0), (1, 1)]
    assert (found.recorded[0].action(0), found.recorded[0].dead_letters) == (Action.BLOCK, 1)


async def test_garbage_is_left_out_and_counted() -> None:
    """And what cannot be of the range."""
    log = Logged()
    log.put("completions", 0, 0, 0)
    log.put("completions", 1, 0, 0)
    for at, value in enumerate((
        b"garbage",
        b"",
        decided(0, 99, 1.0, 0, partition=1),  # on another partition than its source
        decided(0, 99, 1.0, 0, partition=7),  # of a partition that there is none of
        decided(0, 3, 1.0, -HOUR),  # of the topic that was there before: strange to nobody
        letter(0, 99, 0),
    )):  # fmt: skip
        log.put("decisions", 0, at, 0, value)
    log.put("dead-letters", 0, 0, 0, letter(0, 99, 0, topic="feedback"))
    found = await looked(log, within(T, T + 100))
    assert [recorded.nothing for recorded in found.recorded] == [1, 1]
    assert found.strange == 5


# --- what is kept


async def test_a_range_before_the_oldest_kept_is_refused() -> None:
    """Where older records were deleted."""
    log = Logged()
    for offset in range(10):
        log.put("completions", 0, offset, offset * 1000)
        log.put("completions", 1, offset, offset * 1000 + 1)
    both = ("completions", "decisions")
    await offset_ranges(log, within(T - HOUR, T), whole=both)  # nothing was deleted: nothing can be missing
    log.kept = {P: 3, Q: 5}
    await offset_ranges(log, within(T + 5001, T + 6000), whole=both)
    with pytest.raises(RangeRefused) as refused:
        await offset_ranges(log, within(T + 5000, T + 6000), whole=both)
    # Of both partitions the younger; rounded up, so that `--from` takes it.
    assert "completions[1] is kept from 2026-01-01T12:00:06Z on, and older records were deleted" in str(refused.value)
    await offset_ranges(log, within(T + 4999, T + 6000), whole=("decisions",))
    log.kept = {Q: 10}  # empty: it says nothing
    await offset_ranges(log, within(T - HOUR, T), whole=both)


# --- the table


class Model:
    """What `RecordedIndex` says, in a dict."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[int, Action | None, int] | None] = {}

    def note(self, offset: int, epoch: int, action: Action | None, place: int) -> None:
        if offset in self.found:
            known = self.found[offset]
            if known is None or epoch > known[0]:
                self.found[offset] = epoch, action, place


@given(
    st.sets(st.integers(5, 40)),
    st.lists(
        st.tuples(
            st.integers(0, 45), st.integers(0, 4), st.one_of(st.none(), st.sampled_from(Action)), st.integers(0, 99)
        )
    ),
)
def test_what_is_recorded_is_what_a_dict_would_say(
    offsets: set[int], notes: list[tuple[int, int, Action | None, int]]
) -> None:
    recorded, model = RecordedIndex(), Model()
    for offset in sorted(offsets):
        recorded.add(offset)
        model.found[offset] = None
    for note in notes:
        recorded.note(*note)
        model.note(*note)
    known = {offset: found for offset, found in model.found.items() if found is not None}
    assert len(recorded) == len(offsets)
    assert {offset for offset in range(50) if offset in recorded} == offsets
    assert recorded.nothing == len(offsets) - len(known)
    assert recorded.dead_letters == sum(action is None for _, action, _ in known.values())
    assert list(recorded.decided()) == [(o, p) for o, (_, action, p) in sorted(known.items()) if action is not None]
    assert {o: recorded.action(o) for o in range(50)} == {o: known[o][1] if o in known else None for o in range(50)}
