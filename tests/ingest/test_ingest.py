"""How far behind a partition is, by what the broker last said; and what an ingest says that it waits for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition

from tidegate.streams.core.partition import UnreadableRange
from tidegate.streams.ingest import Ingest, positions
from tidegate.streams.ingest.batches import Batch, IngestLimits
from tidegate.streams.ingest.positions import SAID_MS
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.ingest.unreadable import UnreadableBatches
from tidegate.streams.kafka.batches import BadBatch
from tidegate.streams.store import TopicPartition, UnreadableWait

PARTITION = TopicPartition("completions", 0)
NOW_MS = 1_000_000_000_000


#  applied  high-water mark  said, ms ago   lag
@pytest.mark.parametrize(
    ("applied", "highwater", "ago_ms", "lag"),
    [
        (10, 10, 50, 0),  # nothing left, as the broker says now
        (10, 10, SAID_MS + 1, -1),  # as it said once: it may hold more by now
        (10, 10, -SAID_MS - 1, -1),  # our clock went back: nobody knows when it said so
        (10, 10, None, -1),
        (10, 25, SAID_MS + 1, 15),  # behind is behind
        (10, None, None, -1),
    ],
)
def test_a_lag_of_0_holds_only_while_the_broker_answers(
    monkeypatch: pytest.MonkeyPatch, applied: int, highwater: int | None, ago_ms: int | None, lag: int
) -> None:
    monkeypatch.setattr(positions.time, "time", lambda: NOW_MS / 1000)

    async def never(*_: Any) -> Any:
        raise AssertionError

    ingest = Ingest("nowhere:1", "g", "completions", IngestLimits(), never, never, never)
    ingest._consumer = SimpleNamespace(
        highwater=lambda _: highwater, last_poll_timestamp=lambda _: None if ago_ms is None else NOW_MS - ago_ms
    )
    ingest.owned[PARTITION] = OwnedPartition(
        PARTITION, 7, position=applied, applied=applied, belief=CheckpointTrust.BELIEVED
    )
    assert ingest.lags() == {PARTITION: lag}


async def test_a_takeover_of_an_older_assignment_blocks_nothing() -> None:
    #  assigned [0 1]   taking 0, done, taking 1 ................ (slow) done
    #  assigned [0]                               taking 0, done: reading
    slow, asked = asyncio.Event(), 0

    async def take_over(partition: TopicPartition, _: int | None) -> OwnedPartition:
        nonlocal asked
        asked += 1
        if partition.partition == 1:
            await slow.wait()
        return OwnedPartition(partition, 7 + asked, position=0, applied=0, belief=CheckpointTrust.BELIEVED)

    async def let_go(_: OwnedPartition) -> None: ...

    async def committed(_: KafkaPartition) -> None: ...

    ingest = Ingest("nowhere:1", "g", "completions", IngestLimits(), lambda _: asyncio.sleep(0), take_over, let_go)
    ingest._consumer = SimpleNamespace(
        membership=SimpleNamespace(answered=lambda: None, alive=lambda: True), committed=committed, commit=committed,
        pause=lambda *_: None, resume=lambda *_: None, seek=lambda *_: None,
    )  # fmt: skip
    both = [KafkaPartition("completions", p) for p in (0, 1)]
    await ingest.on_partitions_assigned(both)
    while asked < 2:
        await asyncio.sleep(0)
    await ingest.on_partitions_revoked(both)
    await ingest.on_partitions_assigned(both[:1])
    async with asyncio.timeout(5):
        while not ingest.owned:
            await asyncio.sleep(0)
    assert ingest.waiting_for is None
    slow.set()
    await asyncio.sleep(0.01)
    assert (ingest.waiting_for, list(ingest.owned)) == (None, [PARTITION])
    await ingest._tasks.finish(within_s=1)


def _standing(position: int) -> tuple[Ingest, OwnedPartition, list[Batch]]:
    """An ingest that owns PART and stands there; and what it hands out."""
    handed: list[Batch] = []

    async def hand_out(batch: Batch) -> None:
        handed.append(batch)

    async def never(*_: Any) -> Any:
        raise AssertionError

    ingest = Ingest("nowhere:1", "g", "completions", IngestLimits(), hand_out, never, never)
    ingest._consumer = SimpleNamespace(seek=lambda *_: None, again=lambda *_: None, highwater=lambda _: None)
    owned = ingest.owned[PARTITION] = OwnedPartition(
        PARTITION, 7, position=position, applied=position, belief=CheckpointTrust.BELIEVED
    )
    return ingest, owned, handed


async def test_only_the_owner_that_stopped_there_skips_a_bad_batch() -> None:
    """Taken over again meanwhile: what the older owner found due moves the newer one nowhere."""
    ingest, older, handed = _standing(10)
    newer = ingest.owned[PARTITION] = OwnedPartition(
        PARTITION, 8, position=10, applied=10, belief=CheckpointTrust.BELIEVED
    )
    left_out = UnreadableRange(*PARTITION, 10, 13, "its CRC is wrong")
    await ingest._step_over(older, left_out)
    assert (newer.position, handed) == (10, [])
    await ingest._step_over(newer, left_out)
    assert (newer.position, [record_range.end for batch in handed for record_range in batch.ranges]) == (13, [13])


async def test_a_batch_mended_during_the_probe_is_not_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end is found where it begins: it was mended meanwhile."""
    ends = iter([10, 13])

    async def end_of(*_: object) -> int:
        return next(ends)

    monkeypatch.setattr("tidegate.streams.ingest.unreadable.end_of", end_of)
    ingest, owned, _ = _standing(10)
    standing = UnreadableBatches(
        "nowhere:1", IngestLimits(unreadable_tries=1, unreadable_s=0), None, None, ingest._tasks
    )
    again: list[KafkaPartition] = []
    consumer = SimpleNamespace(
        unreadable={KafkaPartition(*PARTITION): BadBatch(10, None, "its CRC is wrong")}, again=again.append
    )
    standing.look(consumer, {PARTITION: owned})
    async with asyncio.timeout(5):
        while not again:
            await asyncio.sleep(0)
    assert standing.due() == []
    standing.look(consumer, {PARTITION: owned})
    async with asyncio.timeout(5):
        while not (due := standing.due()):
            await asyncio.sleep(0)
    assert [(left_out.offset, left_out.end) for _, left_out in due] == [(10, 13)]


@pytest.mark.parametrize("tries", [1, 5], ids=["waiting_for", "due"])
async def test_a_partition_revoked_during_a_try_is_not_reported(tries: int) -> None:
    """Else `/readyz` would wait for ever for a partition that another worker reads by now."""
    ingest, owned, _ = _standing(10)
    again: list[KafkaPartition] = []

    async def note(*_: object) -> UnreadableWait:
        standing.left()
        return UnreadableWait(tries, 0, 600_000)

    standing = UnreadableBatches("nowhere:1", IngestLimits(), note, None, ingest._tasks)
    bad = BadBatch(10, 13, "its codec is 6, which is none that Kafka has")
    standing.look(SimpleNamespace(unreadable={KafkaPartition(*PARTITION): bad}, again=again.append), {PARTITION: owned})
    async with asyncio.timeout(5):
        while not again and not standing.said:
            await asyncio.sleep(0)
    assert (standing.said, standing.due()) == ({}, [])
    await ingest._tasks.finish(within_s=0)
