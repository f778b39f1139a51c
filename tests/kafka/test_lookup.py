"""Single records and bounds of a topic, from the real broker: no answer is never a "no"."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.embedded import EmbeddedStack, free_port
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka import lookup as module
from tidegate.streams.kafka.lookup import KafkaLookup, cluster_id, partition_counts


@contextlib.asynccontextmanager
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def topic(kafka: str, name: str, partitions: int = 1) -> None:
    async with admin(kafka) as client:
        await client.create_topics([NewTopic(name, partitions, 1)])


async def send(kafka: str, name: str, values: list[bytes | None], partition: int = 0) -> list[int]:
    """Returns the timestamps of the records."""
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        return [
            (await producer.send_and_wait(name, value, key=b"k", partition=partition)).timestamp for value in values
        ]


@pytest.fixture
async def source(shared_stack: Stack) -> AsyncIterator[KafkaLookup]:
    lookup = KafkaLookup(shared_stack.kafka)
    yield lookup
    await lookup.stop()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that gives no answer is unavailable after one second instead of ten."""
    monkeypatch.setattr(module, "REQUEST_S", 1.0)


# --- read


async def test_a_record_is_read_by_its_offset_in_any_order(
    shared_stack: Stack, source: KafkaLookup, namespace: str
) -> None:
    await topic(shared_stack.kafka, namespace, 2)
    times = await send(shared_stack.kafka, namespace, [b"v0", b"v1", b"v2"], partition=1)
    await send(shared_stack.kafka, namespace, [b"other"] * 3)
    for offset in (2, 0, 1, 1):
        record = await source.read(TopicPartition(namespace, 1), offset)
        assert record is not None
        assert (record.topic, record.partition, record.offset) == (namespace, 1, offset)
        assert (record.value, record.key, record.timestamp) == (b"v%d" % offset, b"k", times[offset])


async def test_a_tombstone_is_a_record(shared_stack: Stack, source: KafkaLookup, namespace: str) -> None:
    await topic(shared_stack.kafka, namespace)
    await send(shared_stack.kafka, namespace, [b"v0", None])
    record = await source.read(TopicPartition(namespace, 0), 1)
    assert record is not None
    assert (record.offset, record.value) == (1, None)


@pytest.mark.parametrize("offset", [3, 4, 88_214])
async def test_a_lookup_past_the_end_returns_none(
    shared_stack: Stack, source: KafkaLookup, namespace: str, offset: int
) -> None:
    await topic(shared_stack.kafka, namespace)
    await send(shared_stack.kafka, namespace, [b"v0", b"v1", b"v2"])
    assert await source.read(TopicPartition(namespace, 0), offset) is None


async def test_a_lookup_in_an_empty_topic_returns_none(
    shared_stack: Stack, source: KafkaLookup, namespace: str
) -> None:
    await topic(shared_stack.kafka, namespace)
    assert await source.read(TopicPartition(namespace, 0), 0) is None
    assert await source.read(TopicPartition(namespace, 0), 7) is None


async def test_a_recreated_topic_returns_its_own_records(
    shared_stack: Stack, source: KafkaLookup, namespace: str
) -> None:
    partition = TopicPartition(namespace, 0)
    await topic(shared_stack.kafka, namespace)
    await send(shared_stack.kafka, namespace, [b"v0", b"v1", b"v2"])
    assert (await source.read(partition, 2)) is not None
    async with admin(shared_stack.kafka) as client:
        await client.delete_topics([namespace])
    await topic(shared_stack.kafka, namespace)
    await send(shared_stack.kafka, namespace, [b"new"])
    assert await source.read(partition, 2) is None
    record = await source.read(partition, 0)
    assert record is not None
    assert record.value == b"new"
    assert await source.bounds(partition) == (0, 1)


# --- bounds: [oldest kept, next to be written)


async def test_bounds_are_the_oldest_offset_and_the_end(
    shared_stack: Stack, source: KafkaLookup, namespace: str
) -> None:
    partition = TopicPartition(namespace, 0)
    await topic(shared_stack.kafka, namespace)
    assert await source.bounds(partition) == (0, 0)
    await send(shared_stack.kafka, namespace, [b"v0", b"v1"])
    assert await source.bounds(partition) == (0, 2)
    await source.read(partition, 1)  # where it last read does not matter
    await send(shared_stack.kafka, namespace, [b"v2"])
    assert await source.bounds(partition) == (0, 3)


# --- unavailable


@pytest.mark.usefixtures("soon", "_wheels")
async def test_a_cut_off_broker_is_unavailable_until_it_is_back(
    proxy_to: Callable[[str | None], Proxy], namespace: str
) -> None:
    network = proxy_to(None)
    with EmbeddedStack(advertised=network.address) as stack:
        network.target = stack.kafka_listens
        partition = TopicPartition(namespace, 0)
        await topic(stack.kafka, namespace)
        await send(stack.kafka, namespace, [b"v0"])
        lookup = KafkaLookup(stack.kafka)
        assert await lookup.bounds(partition) == (0, 1)
        network.cut()
        with pytest.raises(BrokerUnavailable, match=stack.kafka):
            await lookup.read(partition, 0)
        with pytest.raises(BrokerUnavailable, match=stack.kafka):
            await lookup.read(partition, 88_214)  # not known to be missing: no broker answered
        with pytest.raises(BrokerUnavailable, match=stack.kafka):
            await lookup.bounds(partition)
        network.heal()
        await send(stack.kafka, namespace, [b"v1"])
        record = await lookup.read(partition, 0)
        assert record is not None
        assert record.value == b"v0"
        assert await lookup.bounds(partition) == (0, 2)
        await lookup.stop()


@pytest.mark.usefixtures("soon")
async def test_a_broker_that_is_silent_is_unavailable(own_stack: Stack, namespace: str) -> None:
    lookup = KafkaLookup(own_stack.kafka)
    await topic(own_stack.kafka, namespace)
    await send(own_stack.kafka, namespace, [b"v0"])
    assert await lookup.bounds(TopicPartition(namespace, 0)) == (0, 1)
    own_stack.freeze_broker()
    with pytest.raises(BrokerUnavailable, match="no answer in 1 s"):
        await lookup.read(TopicPartition(namespace, 0), 0)
    with pytest.raises(BrokerUnavailable, match="no answer in 1 s"):
        await lookup.read(TopicPartition(namespace, 0), 5)
    own_stack.thaw_broker()
    await lookup.stop()


async def test_an_absent_broker_is_named_by_every_call() -> None:
    absent = f"127.0.0.1:{free_port()}"
    lookup = KafkaLookup(absent)
    with pytest.raises(BrokerUnavailable, match=absent):
        await lookup.read(TopicPartition("completions", 0), 0)
    with pytest.raises(BrokerUnavailable, match=absent):
        await lookup.bounds(TopicPartition("completions", 0))
    with pytest.raises(BrokerUnavailable, match=absent):
        await cluster_id(absent)
    with pytest.raises(BrokerUnavailable, match=absent):
        await partition_counts(absent)
    await lookup.stop()


# --- the cluster


async def test_a_cluster_s_id_stays_its_own(shared_stack: Stack, own_embedded: EmbeddedStack) -> None:
    one = await cluster_id(shared_stack.kafka)
    assert one == await cluster_id(shared_stack.kafka)
    assert one != await cluster_id(own_embedded.kafka)
    assert one not in ("", "None")


async def test_listing_the_topics_creates_none(own_stack: Stack) -> None:
    found = await partition_counts(own_stack.kafka)
    assert [topic for topic in found if not topic.startswith("__")] == []  # Kafka's own
    await topic(own_stack.kafka, "completions", 3)
    assert await partition_counts(own_stack.kafka) == {"completions": 3}
    assert await partition_counts(own_stack.kafka) == {"completions": 3}
