"""The lag of a partition, by the broker's last response; takeovers; and batches that cannot be read."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition

from tidegate.streams.core.partition import UnreadableRange
from tidegate.streams.ingest import Ingest, positions
from tidegate.streams.ingest.batches import Batch, IngestLimits
from tidegate.streams.ingest.positions import FRESH_MS
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.ingest.unreadable import UnreadableBatches
from tidegate.streams.kafka.batches import BadBatch
from tidegate.streams.store import TopicPartition, UnreadableWait

PARTITION = TopicPartition("completions", 0)
NOW_MS = 1_000_000_000_000


#  applied  high-water mark  answered, ms ago   lag
@pytest.mark.parametrize(
    ("applied", "highwater", "ago_ms", "lag"),
    [
        (10, 10, 50, 0),  # nothing left, as the broker answers now
        (10, 10, FRESH_MS + 1, -1),  # an old answer: it may hold more by now
        (10, 10, -FRESH_MS - 1, -1),  # our clock went back: the answer's age is unknown
        (10, 10, None, -1),
        (10, 25, FRESH_MS + 1, 15),  # behind is behind
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
        PARTITION, 7, position=applied, applied=applied, trust=CheckpointTrust.BELIEVED
    )
    assert ingest.lags() == {PARTITION: lag}


async def test_a_takeover_of_an_older_assignment_blocks_nothing() -> None:
    #  assigned [0 1]   taking 0, done, taking 1 ................ (slow) done
    #  assigned [0]                               taking 0, done: reading
    slow, takeovers = asyncio.Event(), 0

    async def take_over(partition: TopicPartition, _: int | None) -> OwnedPartition:
        nonlocal takeovers
        takeovers += 1
        if partition.partition == 1:
            await slow.wait()
        return OwnedPartition(partition, 7 + takeovers, position=0, applied=0, trust=CheckpointTrust.BELIEVED)

    async def release(_: OwnedPartition) -> None: ...

    async def committed(_: KafkaPartition) -> None: ...

    ingest = Ingest("nowhere:1", "g", "completions", IngestLimits(), lambda _: asyncio.sleep(0), take_over, release)
    ingest._consumer = SimpleNamespace(
        membership=SimpleNamespace(mark_alive=lambda: None, alive=lambda: True), committed=committed, commit=committed,
        pause=lambda *_: None, resume=lambda *_: None, seek=lambda *_: None,
    )  # fmt: skip
    both = [KafkaPartition("completions", p) for p in (0, 1)]
    await ingest.on_partitions_assigned(both)
    while takeovers < 2:
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


def _stopped_ingest(position: int) -> tuple[Ingest, OwnedPartition, list[Batch]]:
    """Returns an ingest that owns PARTITION at that position, and the batches that it hands out."""
    handed_out: list[Batch] = []

    async def hand_out(batch: Batch) -> None:
        handed_out.append(batch)

    async def never(*_: Any) -> Any:
        raise AssertionError

    ingest = Ingest("nowhere:1", "g", "completions", IngestLimits(), hand_out, never, never)
    ingest._consumer = SimpleNamespace(seek=lambda *_: None, retry=lambda *_: None, highwater=lambda _: None)
    owned = ingest.owned[PARTITION] = OwnedPartition(
        PARTITION, 7, position=position, applied=position, trust=CheckpointTrust.BELIEVED
    )
    return ingest, owned, handed_out


async def test_only_the_owner_that_stopped_there_skips_a_bad_batch() -> None:
    """Taken over again meanwhile: a range due for the older owner does not move the newer one."""
    ingest, older, handed_out = _stopped_ingest(10)
    newer = ingest.owned[PARTITION] = OwnedPartition(
        PARTITION, 8, position=10, applied=10, trust=CheckpointTrust.BELIEVED
    )
    left_out = UnreadableRange(*PARTITION, 10, 13, "its CRC is wrong")
    await ingest._skip(older, left_out)
    assert (newer.position, handed_out) == (10, [])
    await ingest._skip(newer, left_out)
    assert (newer.position, [record_range.end for batch in handed_out for record_range in batch.ranges]) == (13, [13])


async def test_a_batch_mended_during_the_probe_is_not_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end is found at its start: it was mended meanwhile."""
    ends = iter([10, 13])

    async def find_batch_end(*_: object) -> int:
        return next(ends)

    monkeypatch.setattr("tidegate.streams.ingest.unreadable.find_batch_end", find_batch_end)
    ingest, owned, _ = _stopped_ingest(10)
    batches = UnreadableBatches(
        "nowhere:1", IngestLimits(unreadable_tries=1, unreadable_s=0), None, None, ingest._tasks
    )
    retried: list[KafkaPartition] = []
    consumer = SimpleNamespace(
        unreadable={KafkaPartition(*PARTITION): BadBatch(10, None, "its CRC is wrong")}, retry=retried.append
    )
    batches.check(consumer, {PARTITION: owned})
    async with asyncio.timeout(5):
        while not retried:
            await asyncio.sleep(0)
    assert batches.take_due() == []
    batches.check(consumer, {PARTITION: owned})
    async with asyncio.timeout(5):
        while not (due := batches.take_due()):
            await asyncio.sleep(0)
    assert [(left_out.offset, left_out.end) for _, left_out in due] == [(10, 13)]


@pytest.mark.parametrize("tries", [1, 5], ids=["waiting_for", "due"])
async def test_a_partition_revoked_during_a_try_is_not_reported(tries: int) -> None:
    """Else `/readyz` would wait for ever for a partition that another worker reads by now."""
    ingest, owned, _ = _stopped_ingest(10)
    retried: list[KafkaPartition] = []

    async def note(*_: object) -> UnreadableWait:
        batches.clear()
        return UnreadableWait(tries, 0, 600_000)

    batches = UnreadableBatches("nowhere:1", IngestLimits(), note, None, ingest._tasks)
    bad = BadBatch(10, 13, "its codec is 6, which is none that Kafka has")
    batches.check(
        SimpleNamespace(unreadable={KafkaPartition(*PARTITION): bad}, retry=retried.append), {PARTITION: owned}
    )
    async with asyncio.timeout(5):
        while not retried and not batches.waiting_for:
            await asyncio.sleep(0)
    assert (batches.waiting_for, batches.take_due()) == ({}, [])
    await ingest._tasks.finish(within_s=0)
