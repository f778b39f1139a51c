"""Of the copies of one record one is decided; a header that is not true changes nothing, and hides nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.wire.records import Fake
from tests.worker.test_pipeline import NOW, P
from tests.worker.test_pipeline import PipelineRig as World
from tests.worker.test_pipeline import record as said
from tidegate.streams.core.events import DeadLetter, Decision, Source
from tidegate.streams.core.partition import Copy, TopicPartition, content_hash
from tidegate.streams.ingest.batches import RecordRange
from tidegate.streams.ingest.takeover import OwnedPartition
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.wire.copies import Ignored, copies_in, copy_of, parse_position
from tidegate.streams.wire.headers import read_origin
from tidegate.streams.worker import pipeline as module
from tidegate.streams.worker.feedback_handler import FeedbackHandler
from tidegate.streams.worker.pipeline import Pipeline

HEADER = "tidegate-origin"


def copy(offset: int, of: int | str, value: bytes | None = None, header: str = HEADER, **more: Any) -> Fake:
    """A record that says which one it is a copy of: an offset of its partition, or whatever it says."""
    where = f"completions[3]@{of}" if isinstance(of, int) else of
    value = said(0).value if value is None else value
    return Fake(value, ((header, where.encode()),), offset=offset, timestamp=NOW + offset, partition=3, **more)


# --- what the header says


@pytest.mark.parametrize(
    ("said_", "found"),
    [
        ("completions[3]@5", (TopicPartition("completions", 3), 5)),
        ("a.b-c_d[0]@0", (TopicPartition("a.b-c_d", 0), 0)),
        ("completions[3]@-5", None),
        ("completions[3]@5 ", None),
        ("completions[x]@5", None),
        ("completions[3]@５", None),  # a digit, but none of ours
        ("[3]@5", None),
        ("completions@5", None),
        ("completions[3]@99999999999999999999", None),  # more than any offset
        ("", None),
    ],
)
def test_a_position_is_read_exactly_or_not_at_all(said_: str, found: object) -> None:
    assert parse_position(said_) == found


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ((), None),
        ((("tidegate-tenant", b"a"),), None),
        (((HEADER, b"x"),), "x"),
        ((("TideGate-Origin", b"x"),), "x"),
        (((HEADER, b"x"), (HEADER, b"y")), "y"),
        (((HEADER, b"x"), (HEADER, None)), "x"),
        (((HEADER, b"\xff"),), "�"),
    ],
)
def test_the_header_is_read_as_our_other_ones_and_never_raises(headers: Any, found: str | None) -> None:
    assert read_origin(headers) == found


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (5, Copy(5, content_hash(said(0).value), 8)),
        (8, Ignored.ELSEWHERE),  # itself
        (9, Ignored.ELSEWHERE),  # not there yet
        ("completions[4]@5", Ignored.ELSEWHERE),
        ("feedback[3]@5", Ignored.ELSEWHERE),
        ("nonsense", Ignored.MALFORMED),
    ],
)
def test_a_copy_is_of_a_record_before_it_in_its_partition(of: int | str, found: object) -> None:
    record = copy(8, of)
    assert copy_of(record, record.headers[0][1].decode()) == found


def test_an_ignored_header_is_counted_and_no_header_is_not() -> None:
    found = copies_in([said(3), copy(8, 5), copy(9, 9), copy(10, "x"), copy(11, "y")])
    assert list(found.by_offset) == [8]
    assert found.ignored == {Ignored.ELSEWHERE: 1, Ignored.MALFORMED: 2}
    assert (copies_in([said(3)]).by_offset, copies_in([said(3)]).ignored) == ({}, {})


# --- through the pipeline


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(module, "BACKOFF_S", (0.001, 0.001))
    made = World()
    yield made
    made.scoring.close()


async def process(world: World, owned: OwnedPartition, *records: Fake) -> None:
    await world.pipeline.process(world.batch(RecordRange(owned, owned.applied, list(records), 0)))


def published(world: World) -> list[tuple[int, str, str | None]]:
    """Of every record: its offset, its action or reason, and its origin."""
    found = []
    for message in world.publisher.messages:
        event: Any = (Decision if message.topic == "decisions" else DeadLetter).model_validate_json(
            message.value or b""
        )
        what = event.action.value if isinstance(event, Decision) else event.reason.value
        found.append((event.source.offset, what, None if event.origin is None else str(event.origin)))
    return found


async def test_the_first_copy_is_decided_and_others_are_dead_letters(world: World) -> None:
    owned = await world.own(P, 6)
    await process(world, owned, copy(6, 2), said(7))
    await process(world, owned, copy(8, 2))
    await process(world, owned, copy(9, 2), copy(10, 3))
    assert published(world) == [
        (6, "block", "completions[3]@2"),
        (7, "block", None),
        (8, "redriven", "completions[3]@2"),
        (9, "redriven", "completions[3]@2"),
        (10, "block", "completions[3]@3"),
    ]
    #  5 records: 3 decided + 2 redriven; buckets know of 3
    assert await world.store.totals([P]) == {"decided": 3, "redriven": 2}
    assert sum(bucket["scored|all"] for bucket in world.store.partitions[P].counts.values()) == 3
    assert world.metric("dead_letters_total", topic="completions", reason="redriven") == 2
    letter = json.loads(world.publisher.messages[2].value or b"")
    assert letter["expected"] == "no copy: completions[3]@6 was decided"
    decision = Decision.model_validate_json(world.publisher.messages[0].value or b"")
    assert decision.origin == Source(topic="completions", partition=3, offset=2)
    assert decision.origin_sha256 == content_hash(copy(6, 2).value)


async def test_of_two_copies_in_one_batch_the_second_is_none(world: World) -> None:
    owned = await world.own(P, 6)
    await process(world, owned, copy(6, 2), copy(7, 2))
    assert [what for _, what, _ in published(world)] == ["block", "redriven"]
    assert await world.store.totals([P]) == {"decided": 1, "redriven": 1}


async def test_a_forged_header_hides_no_text(world: World) -> None:
    """It names a record whose copy was decided, and has other bytes: decided as if it said nothing, and it is seen."""
    owned = await world.own(P, 6)
    await process(world, owned, copy(6, 2, json.dumps({"id": "a", "completion": "fine"}).encode()))
    await process(world, owned, copy(7, 2), copy(8, 2), copy(9, "completions[9]@2"), copy(10, "?"))
    assert published(world) == [
        (6, "allow", "completions[3]@2"),
        *((offset, "block", None) for offset in (7, 8, 9, 10)),
    ]
    assert await world.store.totals([P]) == {"decided": 5}
    for why, n in ((Ignored.OTHER_VALUE, 2), (Ignored.ELSEWHERE, 1), (Ignored.MALFORMED, 1)):
        assert world.metric("origins_ignored_total", topic="completions", reason=why.value) == n


async def test_an_unreadable_copy_is_not_stored_and_keeps_its_origin(world: World) -> None:
    owned = await world.own(P, 6)
    await process(world, owned, copy(6, 2, b"{"), copy(7, 2, b"{"))
    assert published(world) == [(offset, "not_json", "completions[3]@2") for offset in (6, 7)]
    assert await world.store.totals([P]) == {"dead_letters": 2}
    assert world.store.partitions[P].copies.marked == {}


async def test_a_fault_is_stored_as_decided_for_it_is_counted(world: World) -> None:
    owned = await world.own(P, 6)
    text = json.dumps({"id": "a", "completion": "RAISE"}).encode()
    await process(world, owned, copy(6, 2, text))
    await process(world, owned, copy(7, 2, text))
    assert await world.store.totals([P]) == {"faults": 1, "redriven": 1}


async def test_a_copy_read_again_after_a_crash_is_decided_again(world: World) -> None:
    """Published, and not counted: the next owner reads it once more, and what was decided of it stands."""
    owned = await world.own(P, 6)
    world.store.unavailable = ["after"]  # counted, and its answer lost: the same record range is applied twice
    await process(world, owned, copy(6, 2))
    assert await world.store.totals([P]) == {"decided": 1}
    (claim,) = await world.store.claim([P], "w2")
    again = OwnedPartition(P, claim.epoch, 6, 6, owned.trust)
    world.store.partitions[P].next = 6  # as `checkpoint reset` puts it
    await process(world, again, copy(6, 2))
    assert [what for _, what, _ in published(world)] == ["block", "block"]


async def test_of_copies_read_again_the_first_readable_is_decided(world: World) -> None:
    """The checkpoint was moved back, and a worker that can read 6 took over: 7 was decided then, and is a copy now."""
    owned = await world.own(P, 6)
    await world.store.mark_copies(P, owned.epoch, [(Copy(2, content_hash(copy(6, 2).value), 7), NOW)], complete=True)
    await process(world, owned, copy(6, 2), copy(7, 2))
    await process(world, owned, copy(8, 2))
    assert [what for _, what, _ in published(world)] == ["block", "redriven", "redriven"]
    assert (await world.store.copies([(P, [2])]))[0].decided[2].offset == 6


class _WatchedGate(asyncio.Event):
    """A closed gate that reports when a task waits at it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self) -> Any:
        self.reached.set()
        return await super().wait()


async def test_a_copy_stored_in_between_forces_another_takeover(world: World) -> None:
    """Asked again by `apply`: what was published stands under the lower epoch, and nothing is counted."""
    owned = await world.own(P, 6)
    world.publisher.gate = gate = _WatchedGate()
    running = asyncio.create_task(process(world, owned, copy(6, 2), said(7)))
    await gate.reached.wait()  # decided, and not yet published
    await world.store.mark_copies(P, owned.epoch, [(Copy(2, content_hash(copy(6, 2).value), 4), NOW)], complete=True)
    world.publisher.gate.set()
    await running
    assert await world.store.totals([P]) == {}
    assert world.ingest.retaken == [(P, "store says copied: next is 6, this record range starts at 6")]
    assert world.metric("gaps_total", topic="completions", outcome="copied") == 1
    (claim,) = await world.store.claim([P], "w1")
    await process(world, OwnedPartition(P, claim.epoch, 6, 6, owned.trust), copy(6, 2), said(7))
    assert await world.store.totals([P]) == {"decided": 1, "redriven": 1}


async def test_an_overlap_with_copies_is_read_again_from_next(world: World) -> None:
    """The copy before `next` may have become something else there than it did here."""
    owned = await world.own(P, 6)
    world.store.partitions[P].next = 7
    await process(world, owned, copy(6, 2), copy(7, 2))
    assert world.ingest.retaken == [(P, "store says overlap: next is 7, this record range starts at 6")]
    assert await world.store.totals([P]) == {}


async def test_nothing_is_published_while_copies_may_be_missing(world: World) -> None:
    wanted: list[TopicPartition] = []
    world.pipeline._want_copies = wanted.append
    owned = await world.own(P, 6)
    await process(world, owned, said(6))  # nobody asks
    assert (wanted, owned.valid, len(world.publisher.messages)) == ([], True, 1)
    await process(world, owned, said(7), copy(8, 2))
    assert (wanted, owned.valid, len(world.publisher.messages)) == ([P], False, 1)
    (claim,) = await world.store.claim([P], "w1")
    await world.store.mark_copies(P, claim.epoch, [(Copy(2, content_hash(copy(8, 2).value), 4), NOW)], complete=True)
    await process(world, OwnedPartition(P, claim.epoch, 7, 7, owned.trust), said(7), copy(8, 2))
    assert [what for _, what, _ in published(world)][1:] == ["block", "redriven"]
    assert wanted == [P]


async def test_a_complaint_sent_again_counts_once(world: World) -> None:
    partition = TopicPartition("feedback", 3)
    handler = FeedbackHandler(UserKey(b"0123456789abcdef"), world.metrics, keep_bytes_up_to=0)
    world.ingest.topic = "feedback"
    pipeline: Pipeline[Any, Any] = Pipeline(
        world.ingest, handler, world.publisher, world.store,  # type: ignore[arg-type]
        ScopeLimiter(world.store, 100), lambda: world.live, world.metrics,
    )  # fmt: skip
    owned = await world.own(partition, 6)
    value = json.dumps({"id": "f1", "completion_id": "c1", "kind": "complaint"}).encode()
    records = [copy(offset, "feedback[3]@2", value, topic="feedback") for offset in (6, 7)]
    await pipeline.process(world.batch(RecordRange(owned, 6, records, 0)))
    assert await world.store.totals([partition]) == {"feedback": 1, "redriven": 1}
    assert published(world) == [(7, "redriven", "feedback[3]@2")]
