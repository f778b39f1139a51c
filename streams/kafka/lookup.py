"""Reads single records and offsets of topics, outside any consumer group. Knows aiokafka only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from tidegate.streams.core.partition import Record, TopicPartition
from tidegate.streams.errors import BrokerUnavailable, UnreadableBatch
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, client_options, reader_options, start_client
from tidegate.streams.kafka.consumer import CheckedConsumer, require_codecs
from tidegate.streams.kafka.errors import broker_unavailable

T = TypeVar("T")
OLDEST = -1
COMMITTED_S = 15.0  # the broker may have to create the group's coordinator first
REQUEST_S = 10.0  # a takeover waits this long for one answer: the broker is unavailable


@asynccontextmanager
async def _admin(kafka: Kafka | str) -> AsyncIterator[Any]:
    """Yields a connected admin client, and closes it. Raises BrokerUnavailable and BrokerRefused."""
    require_codecs()  # every command's first request to Kafka is made here
    admin = AIOKafkaAdminClient(**client_options(kafka))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(kafka, error) from error
    finally:
        await admin.close()


async def cluster_id(kafka: Kafka | str) -> str:
    """Returns the cluster's id, so that a checkpoint of another cluster is not trusted."""
    async with _admin(kafka) as admin:
        return str((await admin.describe_cluster()).get("cluster_id"))


async def partition_counts(kafka: Kafka | str) -> dict[str, int]:
    """Returns topic -> number of partitions, for all topics but Kafka's internal ones. Creates no topic."""
    async with _admin(kafka) as admin:
        topics = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in topics if not topic["is_internal"]}


async def committed_offset(kafka: Kafka | str, group: str, partition: TopicPartition) -> int | None:
    """Returns a consumer group's committed offset of a partition; None if it has none. Raises BrokerUnavailable."""
    # A consumer waits for its group's coordinator, which a cluster without any group creates only now.
    consumer = CheckedConsumer(group_id=group, enable_auto_commit=False, **client_options(kafka))
    try:
        async with asyncio.timeout(COMMITTED_S):
            await consumer.start()
            consumer.assign([partition])
            offset = await consumer.committed(partition)
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"kafka {kafka}: {group}: {type(error).__name__}: {error}") from error
    finally:
        await consumer.stop()
    return None if offset is None else int(offset)


class KafkaLookup:
    """The `RecordLookup` of a takeover, on Kafka: one consumer without a group, one request at a time."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._consumer: CheckedConsumer | None = None
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _started(self) -> CheckedConsumer:
        if self._consumer is None:
            self._consumer = await start_client(
                CheckedConsumer(**reader_options(self._kafka), auto_offset_reset="none", fetch_max_wait_ms=100)
            )
        return self._consumer

    async def read(self, partition: TopicPartition, offset: int) -> Record | None:
        """Returns the record at that offset, or None if the log shows that there is none (`RecordLookup.read`).

        Raises UnreadableBatch if its batch cannot be decoded.
        """
        return await self._request(partition, offset, self._record_at)

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """Returns [oldest retained offset, fetch high-water mark) (`RecordLookup.bounds`)."""
        return await self._request(partition, OLDEST, self._bounds)

    async def _request(
        self, partition: TopicPartition, offset: int, request: Callable[[Any, TopicPartition, int], Awaitable[T]]
    ) -> T:
        async with self._lock:
            try:
                # The client itself would wait for as long as the broker is unavailable.
                async with asyncio.timeout(REQUEST_S):
                    consumer = await self._started()
                    consumer.assign([partition])
                    if offset == OLDEST:
                        await consumer.seek_to_beginning(partition)
                    else:
                        consumer.seek(partition, offset)
                    return await request(consumer, partition, offset)
            except TimeoutError as error:
                raise BrokerUnavailable(f"kafka {self._kafka}: {partition}: no answer in {REQUEST_S:g} s") from error
            except (KafkaError, OSError) as error:
                raise broker_unavailable(self._kafka, error, partition, "Read") from error

    async def _record_at(self, consumer: Any, tp: TopicPartition, offset: int) -> Record | None:
        while True:
            try:
                fetched = await consumer.getmany(tp, timeout_ms=200, max_records=1)
            except OffsetOutOfRangeError:
                return None
            for record in fetched.get(tp, ()):
                return record if record.offset == offset else None  # a later one: expired or compacted away
            if bad := consumer.unreadable.get(tp):
                where = f"kafka {self._kafka}: {tp}@{offset}"
                raise UnreadableBatch(f"{where}: in a batch that cannot be read: {bad.why}")
            end = consumer.highwater(tp)
            if end is not None and end <= offset:
                return None

    async def _bounds(self, consumer: Any, tp: TopicPartition, _: int) -> tuple[int, int]:
        start = await consumer.position(tp)
        while True:
            await consumer.getmany(tp, timeout_ms=200, max_records=1)
            end = consumer.highwater(tp)
            if end is not None:
                return start, end
