"""Everything published is acknowledged before `publish` returns, in order, however much it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.real.stack import Real
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack, free_port
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.producer import Message, Publisher

Cut = tuple[Publisher, Proxy, str]

MAX_RECORD_BYTES = 1_000_000
BATCH_BYTES = 512 * 1024  # what one request holds of a partition


def made(kafka: str) -> Publisher:
    return Publisher(kafka, idempotent=False, max_record_bytes=MAX_RECORD_BYTES, client_id="test")


async def topic(kafka: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1)])
    await admin.close()


async def written(kafka: str, name: str, partition: int) -> list[tuple[bytes | None, bytes | None]]:
    """Returns the key and value of every record of a partition."""
    tp = KafkaPartition(name, partition)
    async with AIOKafkaConsumer(bootstrap_servers=kafka, group_id=None) as consumer:
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        found: list[Any] = []
        async with asyncio.timeout(20):
            while (end := consumer.highwater(tp)) is None or len(found) < end:
                found += (await consumer.getmany(tp, timeout_ms=200)).get(tp, [])
        assert [record.offset for record in found] == list(range(len(found)))
        return [(record.key, record.value) for record in found]


@pytest.fixture
async def publisher(shared_stack: Stack) -> AsyncIterator[Publisher]:
    started = made(shared_stack.kafka)
    await started.start()
    yield started
    await started.stop()


async def test_a_published_record_is_there_when_publish_returns(
    publisher: Publisher, shared_stack: Stack, namespace: str
) -> None:
    await topic(shared_stack.kafka, namespace, 2)
    await publisher.publish([Message(namespace, b"k1", b"v1", 1), Message(namespace, None, None, 1)])
    assert await written(shared_stack.kafka, namespace, 1) == [(b"k1", b"v1"), (None, None)]
    assert await written(shared_stack.kafka, namespace, 0) == []


async def test_publishing_nothing_returns_at_once(publisher: Publisher) -> None:
    await publisher.publish([])


async def test_several_batches_of_a_partition_arrive_in_order(
    publisher: Publisher, shared_stack: Stack, namespace: str
) -> None:
    await topic(shared_stack.kafka, namespace, 2)
    sizes = [90_000, 10, 300_000, 200_000, 500_000, 1, 523_000, 40_000, 3]  # 1.6 MB: four batches or more
    assert sum(sizes) > 3 * BATCH_BYTES
    messages = [
        Message(namespace, b"%d" % n, b"x" * size, partition)
        for n, size in enumerate(sizes * 2)
        for partition in (0, 1)
    ]
    await publisher.publish(messages)
    for partition in (0, 1):
        found = [
            (int(key or b""), len(value or b""))
            for key, value in await written(shared_stack.kafka, namespace, partition)
        ]
        assert found == list(enumerate(sizes * 2))


async def test_keyed_and_placed_messages_are_sent_together(
    publisher: Publisher, shared_stack: Stack, namespace: str
) -> None:
    await topic(shared_stack.kafka, namespace, 3)
    placed = [Message(namespace, b"p%d" % n, b"placed", n % 3) for n in range(9)]
    keyed = [Message(namespace, b"k%d" % (n % 4), b"%d" % n) for n in range(12)]
    await publisher.publish([m for stack in zip(placed, keyed, strict=False) for m in stack] + keyed[len(placed) :])
    where: dict[bytes, set[int]] = {}
    values: dict[bytes, list[int]] = {}
    for partition in range(3):
        found = await written(shared_stack.kafka, namespace, partition)
        assert [key for key, value in found if value == b"placed"] == [
            b"p%d" % n for n in range(9) if n % 3 == partition
        ]
        for key, value in found:
            if value != b"placed":
                where.setdefault(key or b"", set()).add(partition)
                values.setdefault(key or b"", []).append(int(value or b""))
    assert all(len(partitions) == 1 for partitions in where.values())  # one key, one partition
    assert values == {b"k%d" % k: [k, k + 4, k + 8] for k in range(4)}  # and its order


async def test_a_value_that_is_too_large_is_refused(publisher: Publisher, shared_stack: Stack, namespace: str) -> None:
    # By key: one that is placed goes out as a batch of its own, and the broker judges it.
    await topic(shared_stack.kafka, namespace, 1)
    async with asyncio.timeout(10):
        with pytest.raises(BrokerUnavailable, match="MessageSizeTooLargeError") as caught:
            await publisher.publish([Message(namespace, b"k", b"x" * (MAX_RECORD_BYTES + 1))])
    assert "xxxx" not in str(caught.value)
    await publisher.publish([Message(namespace, b"k", b"after", 0)])  # and nothing is stuck
    assert await written(shared_stack.kafka, namespace, 0) == [(b"k", b"after")]


async def test_a_batch_is_never_larger_than_a_record_may_be(shared_stack: Stack, namespace: str) -> None:
    # A broker's message.max.bytes is of batches: one over it would be refused again and again.
    await topic(shared_stack.kafka, namespace, 1)
    publisher = Publisher(shared_stack.kafka, idempotent=False, max_record_bytes=2000, client_id="test")
    await publisher.start()
    batch = publisher._producer.create_batch()
    assert batch.append(key=None, value=b"x" * 1500, timestamp=None) is not None
    assert batch.append(key=None, value=b"x" * 1500, timestamp=None) is None
    batch.close()
    await publisher.publish([Message(namespace, b"%d" % n, b"x" * 1500, 0) for n in range(5)])
    assert [key for key, _ in await written(shared_stack.kafka, namespace, 0)] == [b"%d" % n for n in range(5)]
    await publisher.stop()


@pytest.fixture
async def cut(proxy_to: Callable[[str | None], Proxy], namespace: str, _wheels: None) -> AsyncIterator[Cut]:
    """A publisher behind a network that can be cut, and a topic of one partition. A request may take 1.5 s."""
    network = proxy_to(None)
    with EmbeddedStack(advertised=network.address) as stack:
        network.target = stack.kafka_listens
        await topic(stack.kafka, namespace, 1)
        publisher = made(stack.kafka)
        publisher._options["request_timeout_ms"] = 1500  # 30 s otherwise
        await publisher.start()
        yield publisher, network, stack.kafka
        network.heal()
        await publisher.stop()


@pytest.mark.parametrize("partition", [0, None])
async def test_publish_returns_after_the_last_acknowledgement(cut: Cut, namespace: str, partition: int | None) -> None:
    publisher, network, kafka = cut
    await publisher.publish([Message(namespace, b"k", b"first", partition)])
    network.stalled = True
    publishing = asyncio.create_task(publisher.publish([Message(namespace, b"k", b"second", partition)]))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(publishing), 0.3)
    network.heal()
    await asyncio.wait_for(publishing, 10)
    assert await written(kafka, namespace, 0) == [(b"k", b"first"), (b"k", b"second")]


@pytest.mark.parametrize("partition", [0, None])
async def test_a_cut_off_broker_is_unavailable_and_a_repeat_arrives(
    cut: Cut, namespace: str, partition: int | None
) -> None:
    publisher, network, kafka = cut
    messages = [Message(namespace, b"%d" % n, b"v", partition) for n in range(3)]
    network.cut()
    with pytest.raises(BrokerUnavailable, match=kafka):
        await publisher.publish(messages)
    network.heal()
    async with asyncio.timeout(20):
        await publisher.publish(messages)
    # What was cut off may have been written too: at least once, in order.
    assert (await written(kafka, namespace, 0))[-3:] == [(b"%d" % n, b"v") for n in range(3)]


async def test_stop_returns_even_if_no_broker_answers(
    cut: Cut, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, network, _ = cut
    monkeypatch.setattr("tidegate.streams.kafka.producer.CLOSE_S", 0.3)
    publisher._producer._message_accumulator._batch_ttl = 1000.0  # as an idempotent producer's, which never expire
    network.stalled = True
    publishing = asyncio.create_task(publisher.publish([Message(namespace, b"k", b"v", 0)]))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        await publisher.stop()
    with pytest.raises(BrokerUnavailable, match="ProducerClosed"):
        await publishing


async def test_a_failed_idempotent_producer_is_replaced(real: Real, namespace: str) -> None:
    """A batch that failed unsent leaves one (its partition had no leader for too long): the broker then refuses all
    that follows from that producer.
    """
    await topic(real.kafka, namespace, 1)
    publisher = Publisher(real.kafka, idempotent=True, max_record_bytes=MAX_RECORD_BYTES, client_id="test")
    await publisher.start()
    await publisher.publish([Message(namespace, b"k", b"first", 0)])
    publisher._producer._txn_manager.increment_sequence_number(KafkaPartition(namespace, 0), 1)
    with pytest.raises(BrokerUnavailable, match="OutOfOrderSequenceNumber"):
        await publisher.publish([Message(namespace, b"k", b"second", 0)])
    await publisher.publish([Message(namespace, b"k", b"second", 0)])
    assert await written(real.kafka, namespace, 0) == [(b"k", b"first"), (b"k", b"second")]
    await publisher.stop()


async def test_a_record_too_large_for_its_topic_names_the_setting(real: Real, namespace: str) -> None:
    """And later records are sent: a refused batch is a hole for an idempotent producer too."""
    await topic(real.kafka, namespace, 1)
    publisher = Publisher(real.kafka, idempotent=True, max_record_bytes=3 * MAX_RECORD_BYTES, client_id="test")
    await publisher.start()
    with pytest.raises(BrokerUnavailable, match=rf"{namespace}: larger than it takes, expected .*max\.message\.bytes"):
        await publisher.publish([Message(namespace, b"k", b"x" * 2 * MAX_RECORD_BYTES, 0)])
    await publisher.publish([Message(namespace, b"k", b"after", 0)])
    assert await written(real.kafka, namespace, 0) == [(b"k", b"after")]
    await publisher.stop()


async def test_an_absent_broker_raises_at_start() -> None:
    absent = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnavailable, match=f"{absent}: .*; waiting for it"):
        await made(absent).start()
