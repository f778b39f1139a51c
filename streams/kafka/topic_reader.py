"""Reads a topic from some time on, partition after partition: the same topic gives the same order.

Knows aiokafka only. Outside any consumer group. Large fetches, for millions of records.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

from aiokafka.errors import KafkaError

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, reader_options, start_client
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.probe import BatchSkipper
from tidegate.streams.kafka.ranges import OffsetRange, start_offset
from tidegate.streams.kafka.reading import ANSWER_S, end_offsets

FETCH_BYTES = 8 << 20
AT_ONCE = 200  # records returned together: decoded, they still fit a processor's cache


class TopicReader:
    """One topic, read by one consumer. Close it after use."""

    def __init__(self, kafka: Kafka | str, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._consumer: Any = None

    async def aclose(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def since(self, from_ms: int, *, most: int | None = None) -> list[OffsetRange]:
        """Returns for each partition the range of every record written at from_ms or later, by the broker's time index.

        most: only about that many records, the newest, equally many of each partition.

        Raises BrokerUnavailable, TopicsMissing.
        """
        ends = await end_offsets(self._kafka, self._topic)
        each = None if most is None else max(1, most // max(1, len(ends)))
        try:
            consumer = await self._started()
            log_starts = await self._log_starts(consumer, list(ends))
            by_time = await consumer.offsets_for_times(dict.fromkeys(ends, max(0, from_ms)))
        except (KafkaError, OSError) as error:
            raise await unavailable_or_refused(self._kafka, error, self._topic, "Read") from error
        ranges = []
        for tp, end in sorted(ends.items()):
            start = start_offset(by_time.get(tp), log_starts[tp], end)
            if each is not None:
                start = max(start, end - each)
            ranges.append(OffsetRange(tp, log_starts[tp], start, end))
        return ranges

    async def oldest(self, offset_range: OffsetRange) -> Any:
        """Returns the partition's oldest record; None if it has none. Raises BrokerUnavailable."""
        async for records in self.read(offset_range.from_log_start):
            return records[0]
        return None

    async def read(self, offset_range: OffsetRange) -> AsyncGenerator[list[Any], None]:
        """Yields the range's records in order, some at a time, never none. Raises BrokerUnavailable.

        A batch that cannot be decoded is skipped, with a warning.
        """
        if offset_range.start >= offset_range.end:
            return
        tp = offset_range.partition
        try:
            consumer = await self._started()
            consumer.assign([tp])
            consumer.seek(tp, offset_range.start)
            answered_at, skipper = time.monotonic(), BatchSkipper(self._kafka, consumer)
            while await consumer.position(tp) < offset_range.end:
                fetched = (await consumer.getmany(tp, timeout_ms=200, max_records=AT_ONCE)).get(tp)
                if fetched:
                    answered_at = time.monotonic()
                    if fetched[-1].offset >= offset_range.end:
                        fetched = [record for record in fetched if record.offset < offset_range.end]
                    if fetched:
                        yield fetched
                elif await skipper.skip():
                    answered_at = time.monotonic()
                elif time.monotonic() - answered_at > ANSWER_S:
                    raise BrokerUnavailable(f"kafka {self._kafka}: {tp}: no answer in {ANSWER_S:g} s")
        except (KafkaError, OSError) as error:
            raise await unavailable_or_refused(self._kafka, error, self._topic, "Read") from error

    async def _log_starts(self, consumer: Any, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        offsets: dict[TopicPartition, int] = await consumer.beginning_offsets(tps)
        return offsets

    async def _started(self) -> Any:
        if self._consumer is None:
            self._consumer = await start_client(
                CheckedConsumer(
                    **reader_options(self._kafka),
                    auto_offset_reset="earliest",
                    fetch_max_wait_ms=100,
                    fetch_max_bytes=FETCH_BYTES,
                    max_partition_fetch_bytes=FETCH_BYTES,
                )
            )
        return self._consumer
