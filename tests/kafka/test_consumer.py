"""The checked consumer and readers that skip a batch, with a broker whose responses are corrupted on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import cramjam
import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from tests.drills.fleet import make_topics
from tests.support.corrupting import Corrupting
from tests.support.raw_batches import Raw, batch, produce
from tidegate.streams.core.partition import TopicPartition, UnreadableRange
from tidegate.streams.embedded import EmbeddedStack
from tidegate.streams.errors import UnreadableBatch
from tidegate.streams.ingest.positions import seek_back
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.kafka import batches
from tidegate.streams.kafka.client import reader_options, start_client
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.lookup import KafkaLookup
from tidegate.streams.kafka.policies import PoliciesTopic
from tidegate.streams.kafka.probe import BatchSkipper, find_batch_end
from tidegate.streams.kafka.reader import TopicHistory, TopicReader, read_all

AT_MS = 1_800_000_000_000
MARKER = b"SPOIL-ME"
P0, P1 = KafkaPartition("completions", 0), KafkaPartition("completions", 1)


@pytest.fixture(scope="module")
def corrupted(_wheels: None) -> Iterator[tuple[Corrupting, EmbeddedStack]]:
    """completions[0]: 2 records, 3 in a corrupted batch, 2 more, 1 corrupted, 1. completions[1]: 4 good ones."""
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        asyncio.run(_fill(stack.kafka))
        proxy.corrupt = {MARKER: MARKER[::-1]}
        yield proxy, stack


async def _fill(kafka: str) -> None:
    await make_topics(kafka, 2)
    for n, marked in ((2, False), (3, True), (2, False), (1, True), (1, False)):
        await produce(kafka, "completions", 0, batch(_records(n, marked), at_ms=AT_MS))
    await produce(kafka, "completions", 1, batch(_records(4, marked=False), at_ms=AT_MS))
    await produce(kafka, "policies", 0, batch(_records(1, marked=False), at_ms=AT_MS))
    await produce(kafka, "policies", 0, batch(_records(1, marked=True), at_ms=AT_MS))


def _records(n: int, marked: bool) -> list[Raw]:
    return [Raw(b"value %d %s" % (i, MARKER if marked else b"")) for i in range(n)]


#  completions[0]   0 1 | 2 3 4 | 5 6 | 7 | 8
#                        corrupted        corrupted
GOOD = [0, 1, 5, 6, 8]


@asynccontextmanager
async def reader(kafka: str) -> AsyncIterator[CheckedConsumer]:
    consumer = await start_client(
        CheckedConsumer(**reader_options(kafka), auto_offset_reset="earliest", fetch_max_wait_ms=50)
    )
    try:
        consumer.assign([P0, P1])
        yield consumer
    finally:
        await consumer.stop()


async def test_records_before_and_beside_a_bad_batch_are_read(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    """The other partition's four are not lost with it, and `retry` finds the same batch again."""
    async with reader(corrupted[1].kafka) as consumer:
        seen: list[tuple[int, int]] = []
        for _ in range(3):
            async with asyncio.timeout(20):
                while P0 not in consumer.unreadable or len(seen) < 6:
                    for tp, records in (await consumer.getmany(timeout_ms=50)).items():
                        seen += [(tp.partition, record.offset) for record in records]
            bad = consumer.unreadable[P0]
            assert (bad.start, bad.end, bad.why) == (2, None, "its CRC is wrong")
            assert await find_batch_end(corrupted[1].kafka, P0, bad) == 5
            consumer.retry(P0)
            assert P0 not in consumer.unreadable
        assert sorted(seen) == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3)]


async def test_partitions_are_read_in_turn(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    """aiokafka hands out all it has of one before any of the next: a batch of millions of records topic all others."""
    async with reader(corrupted[1].kafka) as consumer:
        async with asyncio.timeout(20):
            while len(consumer._fetcher._records) < 2:
                await asyncio.sleep(0.01)
        seen = [tp.partition for _ in range(4) for tp in await consumer.getmany(max_records=1)]
        assert seen in ([0, 1, 0, 1], [1, 0, 1, 0])


async def test_a_batch_that_was_mended_is_read(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    proxy, stack = corrupted
    async with reader(stack.kafka) as consumer:
        async with asyncio.timeout(20):
            while P0 not in consumer.unreadable:
                await consumer.getmany(timeout_ms=50)
        proxy.corrupt = {}
        try:
            consumer.retry(P0)
            seen: list[int] = []
            async with asyncio.timeout(20):
                while len(seen) < 7:
                    seen += [record.offset for record in (await consumer.getmany(P0, timeout_ms=50)).get(P0, ())]
        finally:
            proxy.corrupt = {MARKER: MARKER[::-1]}
        assert seen == [2, 3, 4, 5, 6, 7, 8]


async def test_a_seek_resumes_a_stopped_partition(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    """After an error of `getmany` each is sought back, also one that is stopped and was not checked yet."""
    async with reader(corrupted[1].kafka) as consumer:
        await _wait_for_bad_batch(consumer)
        seek_back(
            consumer,
            {
                TopicPartition(*P0): OwnedPartition(
                    TopicPartition(*P0), 7, position=2, applied=2, trust=CheckpointTrust.BELIEVED
                )
            },
        )
        assert P0 not in consumer.unreadable
        await _wait_for_bad_batch(consumer)
        consumer.seek(P0, 5)
        seen: list[int] = []
        async with asyncio.timeout(20):
            while len(seen) < 2:
                seen += [record.offset for record in (await consumer.getmany(P0, timeout_ms=50)).get(P0, ())]
        assert seen == [5, 6]


async def test_an_assignment_clears_the_bad_batches(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    """A replay reads partition after partition with one consumer: a bad batch of one must not affect the next."""
    async with reader(corrupted[1].kafka) as consumer:
        await _wait_for_bad_batch(consumer)
        consumer.assign([P1])
        assert await BatchSkipper(corrupted[1].kafka, consumer).skip() == []
        async with asyncio.timeout(20):
            while not await consumer.getmany(timeout_ms=50):
                pass


async def _wait_for_bad_batch(consumer: CheckedConsumer) -> None:
    async with asyncio.timeout(20):
        while P0 not in consumer.unreadable:
            await consumer.getmany(timeout_ms=50)


async def test_readers_outside_the_group_skip_a_bad_batch(
    corrupted: tuple[Corrupting, EmbeddedStack], caplog: pytest.LogCaptureFixture
) -> None:
    kafka = corrupted[1].kafka
    assert [r.offset async for r in read_all(kafka, "completions") if r.partition == 0] == GOOD
    assert "completions[0]: offsets 2 to 4 left out: a batch that cannot be read: its CRC is wrong" in caplog.text
    topic = TopicReader(kafka, "completions")
    try:
        offset_range, _ = await topic.since(0)
        assert [record.offset async for records in topic.read(offset_range) for record in records] == GOOD
    finally:
        await topic.aclose()


async def test_a_rebuild_gets_the_range_of_a_bad_batch(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    history = TopicHistory(corrupted[1].kafka)
    (offset_range,) = await history.since([TopicPartition("completions", 0)], 0)
    found = [record async for records in history.read(offset_range) for record in records]
    assert [
        (record.offset, record.end) if isinstance(record, UnreadableRange) else record.offset for record in found
    ] == [0, 1, (2, 5), 5, 6, (7, 8), 8]
    # a offset_range that ends within it has as much of it
    partition = [record async for records in history.read(offset_range._replace(end=4)) for record in records]
    assert isinstance(partition[-1], UnreadableRange)
    assert (partition[-1].offset, partition[-1].end) == (2, 4)


async def test_a_lookup_of_an_unreadable_record_raises(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    source = KafkaLookup(corrupted[1].kafka)
    try:
        with pytest.raises(
            UnreadableBatch, match=r"completions\[0\]@3: in a batch that cannot be read: its CRC is wrong"
        ):
            await source.read(TopicPartition("completions", 0), 3)
        found = await source.read(TopicPartition("completions", 0), 6)
        assert found is not None
        assert found.offset == 6
        assert await source.bounds(TopicPartition("completions", 0)) == (0, 9)
    finally:
        await source.stop()


async def test_the_policies_reader_skips_no_bad_batch(corrupted: tuple[Corrupting, EmbeddedStack]) -> None:
    topic = PoliciesTopic(corrupted[1].kafka)
    try:
        await topic.open()
        assert [record.offset for record in await topic.fetch()] == [0]
        for _ in range(2):  # however often
            with pytest.raises(UnreadableBatch, match=r"policies\[0\]@1: a batch that cannot be read"):
                await _fetch_nothing(topic)
    finally:
        await topic.close()


async def _fetch_nothing(topic: PoliciesTopic) -> None:
    """Fetches up to ten times; each must return nothing."""
    for _ in range(10):
        assert not await topic.fetch()


# --- checks that take long, or fail


@asynccontextmanager
async def unstarted_consumer() -> AsyncIterator[CheckedConsumer]:
    """Yields a consumer that was never started."""
    consumer = CheckedConsumer(**reader_options("unstarted_consumer:1"))
    try:
        yield consumer
    finally:
        await consumer.stop()


async def _checked_data(consumer: CheckedConsumer, data: bytes) -> bytes:
    """Returns the data that aiokafka gets for a partition's response."""
    *_, found = await consumer._checked("completions", (0, 0, 1 << 40, data), {("completions", 0): 0})
    return bytes(found)


async def test_the_event_loop_runs_while_many_records_are_checked() -> None:
    """100,000 records with odd header names: half a second, and 128 MB of them over a minute."""
    odd = b"".join(map(Raw(None, headers=[(b"\xff", None)]).bytes, range(100_000)))
    made = batch([], at_ms=AT_MS, compression="zstd", payload=bytes(cramjam.zstd.compress(odd)), count=100_000)
    async with unstarted_consumer() as consumer:
        checking, turns = asyncio.create_task(_checked_data(consumer, made)), 0
        while not checking.done():
            await asyncio.sleep(0)
            turns += 1
    assert len(await checking) > len(odd)
    assert turns > 5


async def test_a_bug_in_our_check_does_not_stop_fetching(
    corrupted: tuple[Corrupting, EmbeddedStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise aiokafka would never fetch again, from any partition, and log nothing."""
    real = batches.decodable_batches

    def decodable_batches(*_: object) -> None:
        raise OverflowError

    async with reader(corrupted[1].kafka) as consumer:
        monkeypatch.setattr("tidegate.streams.kafka.consumer.decodable_batches", decodable_batches)
        await _wait_for_bad_batch(consumer)
        assert consumer.unreadable[P0].why == "reading it failed: OverflowError"
        monkeypatch.setattr("tidegate.streams.kafka.consumer.decodable_batches", real)
        consumer.retry(P0)
        async with asyncio.timeout(20):
            while P0 not in await consumer.getmany(timeout_ms=50):
                pass


async def test_a_consumer_whose_fetch_task_died_raises(
    corrupted: tuple[Corrupting, EmbeddedStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka's fetch task ends at its own error; its `getmany` would return nothing, for ever."""

    def broken(*_: object) -> None:
        raise AssertionError

    message = ""
    with contextlib.suppress(KafkaError):  # its stop raises it too
        async with reader(corrupted[1].kafka) as consumer, asyncio.timeout(10):
            monkeypatch.setattr(consumer._fetcher, "_get_actions_per_node", broken)
            try:
                while True:
                    await consumer.getmany(timeout_ms=50)
            except KafkaError as error:
                message = str(error)
    assert "Unexpected error during data retrieval" in message
