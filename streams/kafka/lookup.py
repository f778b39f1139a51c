"""Reads single records and bounds of a source topic, outside any consumer group. Knows aiokafka only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from tidegate.streams.core.partition import Record, TopicPartition
from tidegate.streams.errors import BrokerUnavailable, UnreadableBatch
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, connect, started, without_group
from tidegate.streams.kafka.consumer import CheckedConsumer, require_codecs
from tidegate.streams.kafka.errors import broker_unavailable

T = TypeVar("T")
OLDEST = -1
COMMITTED_S = 15.0  # a group's coordinator may have to be made first
ANSWER_S = 10.0  # no answer in this time: the broker is unavailable


@asynccontextmanager
async def _admin(kafka: Kafka | str) -> AsyncIterator[Any]:
    """A connected admin client, closed at the end. Raises BrokerUnavailable where no broker answers, and BrokerRefused."""
    require_codecs()  # every command's first question to Kafka is asked here
    admin = AIOKafkaAdminClient(**connect(kafka))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(kafka, error) from error
    finally:
        await admin.close()


async def cluster_id(kafka: Kafka | str) -> str:
    """The cluster's own id, so that a checkpoint made on another cluster is not believed."""
    async with _admin(kafka) as admin:
        return str((await admin.describe_cluster()).get("cluster_id"))


async def partition_counts(kafka: Kafka | str) -> dict[str, int]:
    """Every topic of the cluster but Kafka's own, and its number of partitions; asking creates none."""
    async with _admin(kafka) as admin:
        topics = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in topics if not topic["is_internal"]}


async def committed(kafka: Kafka | str, group: str, partition: TopicPartition) -> int | None:
    """What a consumer group committed of a partition; None where it has nothing. Raises BrokerUnavailable."""
    tp = KafkaPartition(partition.topic, partition.partition)
    # A consumer waits for its group's coordinator, which a cluster that had no group yet makes only now.
    consumer = CheckedConsumer(group_id=group, enable_auto_commit=False, **connect(kafka))
    try:
        async with asyncio.timeout(COMMITTED_S):
            await consumer.start()
            consumer.assign([tp])
            found = await consumer.committed(tp)
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"kafka {kafka}: {group}: {type(error).__name__}: {error}") from error
    finally:
        await consumer.stop()
    return None if found is None else int(found)


class KafkaLookup:
    """A `checkpoint.Log` on Kafka: one consumer without a group, one question at a time."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._consumer: CheckedConsumer | None = None
        self._one = asyncio.Lock()

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _started(self) -> CheckedConsumer:
        if self._consumer is None:
            self._consumer = await started(
                CheckedConsumer(**without_group(self._kafka), auto_offset_reset="none", fetch_max_wait_ms=100)
            )
        return self._consumer

    async def read(self, partition: TopicPartition, offset: int) -> Record | None:
        """The record at that offset, or None where the log shows that there is none (`checkpoint.Log.read`).

        Raises UnreadableBatch where its batch cannot be decoded.
        """
        return await self._ask(partition, offset, self._record_at)

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """[oldest offset kept, fetch high-water mark) (`checkpoint.Log.bounds`)."""
        return await self._ask(partition, OLDEST, self._bounds)

    async def _ask(
        self, partition: TopicPartition, offset: int, question: Callable[[Any, KafkaPartition, int], Awaitable[T]]
    ) -> T:
        async with self._one:
            tp = KafkaPartition(partition.topic, partition.partition)
            try:
                async with asyncio.timeout(
                    ANSWER_S
                ):  # the client itself would wait for as long as the broker is unavailable
                    consumer = await self._started()
                    consumer.assign([tp])
                    if offset == OLDEST:
                        await consumer.seek_to_beginning(tp)
                    else:
                        consumer.seek(tp, offset)
                    return await question(consumer, tp, offset)
            except TimeoutError as error:
                raise BrokerUnavailable(f"kafka {self._kafka}: {partition}: no answer in {ANSWER_S:g} s") from error
            except (KafkaError, OSError) as error:
                raise broker_unavailable(self._kafka, error, partition, "Read") from error

    async def _record_at(self, consumer: Any, tp: KafkaPartition, offset: int) -> Record | None:
        while True:
            try:
                fetched = await consumer.getmany(tp, timeout_ms=200, max_records=1)
            except OffsetOutOfRangeError:
                return None
            for record in fetched.get(tp, ()):
                return record if record.offset == offset else None  # a later one: expired or compacted away
            if bad := consumer.unreadable.get(tp):
                where = f"kafka {self._kafka}: {tp.topic}[{tp.partition}]@{offset}"
                raise UnreadableBatch(f"{where}: in a batch that cannot be read: {bad.why}")
            end = consumer.highwater(tp)
            if end is not None and end <= offset:
                return None

    async def _bounds(self, consumer: Any, tp: KafkaPartition, _: int) -> tuple[int, int]:
        start = await consumer.position(tp)
        while True:
            await consumer.getmany(tp, timeout_ms=200, max_records=1)
            end = consumer.highwater(tp)
            if end is not None:
                return start, end
