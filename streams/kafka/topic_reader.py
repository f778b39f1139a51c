"""What a topic keeps from some time on, partition after partition: the same topic gives the same order.

Knows aiokafka only. Outside any consumer group; large fetches, for millions of records.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, started, without_group
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.probe import StepOver
from tidegate.streams.kafka.ranges import OffsetRange, starts
from tidegate.streams.kafka.reading import ANSWER_S, ends_of

FETCH_BYTES = 8 << 20
AT_ONCE = 200  # records handed out together: decoded, they still fit a processor's cache


class TopicReader:
    """One topic, read by one consumer. Close it."""

    def __init__(self, kafka: Kafka | str, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._consumer: Any = None

    async def aclose(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def since(self, from_ms: int, *, most: int | None = None) -> list[OffsetRange]:
        """The stretches that hold every record written at from_ms or later, as far as the broker's time index says.

        most: only about so many records, the newest, as many of each partition. Raises BrokerUnavailable, TopicsMissing.
        """
        ends = await ends_of(self._kafka, self._topic)
        each = None if most is None else max(1, most // max(1, len(ends)))
        try:
            consumer = await self._started()
            begins = await self._begins(consumer, list(ends))
            found = await consumer.offsets_for_times(dict.fromkeys(ends, max(0, from_ms)))
        except (KafkaError, OSError) as error:
            raise await unavailable_or_refused(self._kafka, error, self._topic, "Read") from error
        stretches = []
        for tp, end in sorted(ends.items()):
            start = starts(found.get(tp), begins[tp], end)
            if each is not None:
                start = max(start, end - each)
            stretches.append(OffsetRange(TopicPartition(*tp), begins[tp], start, end))
        return stretches

    async def oldest(self, stretch: OffsetRange) -> Any:
        """The oldest record that the partition keeps; None where it keeps none. Raises BrokerUnavailable."""
        async for records in self.read(stretch.whole):
            return records[0]
        return None

    async def read(self, stretch: OffsetRange) -> AsyncGenerator[list[Any], None]:
        """The stretch's records in order, some at a time, never none. Raises BrokerUnavailable.

        A batch that cannot be decoded is left out, and a warning says so.
        """
        if stretch.start >= stretch.end:
            return
        tp = KafkaPartition(*stretch.partition)
        try:
            consumer = await self._started()
            consumer.assign([tp])
            consumer.seek(tp, stretch.start)
            heard, past = time.monotonic(), StepOver(self._kafka, consumer)
            while await consumer.position(tp) < stretch.end:
                fetched = (await consumer.getmany(tp, timeout_ms=200, max_records=AT_ONCE)).get(tp)
                if fetched:
                    heard = time.monotonic()
                    if fetched[-1].offset >= stretch.end:
                        fetched = [record for record in fetched if record.offset < stretch.end]
                    if fetched:
                        yield fetched
                elif await past.ranges():
                    heard = time.monotonic()
                elif time.monotonic() - heard > ANSWER_S:
                    raise BrokerUnavailable(
                        f"kafka {self._kafka}: {tp.topic}[{tp.partition}]: no answer in {ANSWER_S:g} s"
                    )
        except (KafkaError, OSError) as error:
            raise await unavailable_or_refused(self._kafka, error, self._topic, "Read") from error

    async def _begins(self, consumer: Any, tps: list[KafkaPartition]) -> dict[KafkaPartition, int]:
        found: dict[KafkaPartition, int] = await consumer.beginning_offsets(tps)
        return found

    async def _started(self) -> Any:
        if self._consumer is None:
            self._consumer = await started(
                CheckedConsumer(
                    **without_group(self._kafka),
                    auto_offset_reset="earliest",
                    fetch_max_wait_ms=100,
                    fetch_max_bytes=FETCH_BYTES,
                    max_partition_fetch_bytes=FETCH_BYTES,
                )
            )
        return self._consumer
