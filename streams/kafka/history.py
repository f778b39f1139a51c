"""Reads the retained records of topics, by offset and time, outside any consumer group: the `HistoryReader` on Kafka.

Knows aiokafka only.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka.errors import KafkaError

from tidegate.streams.core.partition import Record, TopicPartition
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.client import Kafka, reader_options
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.errors import broker_unavailable
from tidegate.streams.kafka.probe import BatchSkipper
from tidegate.streams.kafka.ranges import OffsetRange, start_offset

ANSWER_S = 15.0  # no answer in this time: the broker is unavailable
FETCH_BYTES = 4 << 20
AT_ONCE = 500  # records returned together


class TopicHistory:
    """The retained records of topics. Every call has its own consumer: several may run side by side."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        """Returns each partition's range of records of that time or later, in order, by the broker's time index.

        0: everything. Raises BrokerUnavailable.
        """
        async with self._consumer(", ".join(sorted({partition.topic for partition in partitions}))) as consumer:
            log_starts: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
            by_time = await consumer.offsets_for_times(dict.fromkeys(partitions, at_ms)) if at_ms else {}
            consumer.assign(partitions)
            for tp in partitions:
                consumer.seek(tp, log_starts[tp])
            ends = {tp: await self._end(consumer, tp) for tp in partitions}
        return [
            OffsetRange(
                tp,
                log_starts[tp],
                start_offset(by_time.get(tp), log_starts[tp], ends[tp]) if at_ms else log_starts[tp],
                ends[tp],
            )
            for tp in partitions
        ]

    async def _end(self, consumer: Any, tp: TopicPartition) -> int:
        """Returns the fetch high-water mark: end offsets are wrong on the embedded broker."""
        deadline = time.monotonic() + ANSWER_S
        while (end := consumer.highwater(tp)) is None:
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"kafka {self._kafka}: {tp}: no answer in {ANSWER_S:g} s")
            await consumer.getmany(timeout_ms=100, max_records=1)
        return int(end)

    async def read(self, *ranges: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Yields their records, in order within a partition, some of one at a time, never none.

        Raises BrokerUnavailable.

        For a batch that cannot be decoded it yields its range, an UnreadableRange.
        """
        ends = {s.partition: s.end for s in ranges if s.start < s.end}
        if not ends:
            return
        async with self._consumer(ranges[0].partition.topic) as consumer:
            consumer.assign(list(ends))
            for offset_range in ranges:
                if offset_range.start < offset_range.end:
                    consumer.seek(offset_range.partition, offset_range.start)
            answered_at, skipper = time.monotonic(), BatchSkipper(self._kafka, consumer)
            while unfinished := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
                fetched = await consumer.getmany(*unfinished, timeout_ms=200, max_records=AT_ONCE)
                for tp, records in fetched.items():
                    answered_at = time.monotonic()
                    if wanted := [record for record in records if record.offset < ends[tp]]:
                        yield wanted
                for skipped in await skipper.skip():
                    answered_at, end = time.monotonic(), ends[TopicPartition(skipped.topic, skipped.partition)]
                    if skipped.offset < end:
                        yield [replace(skipped, end=min(skipped.end, end))]
                if time.monotonic() - answered_at > ANSWER_S:
                    raise BrokerUnavailable(f"kafka {self._kafka}: {unfinished[0]}: no answer in {ANSWER_S:g} s")

    @asynccontextmanager
    async def _consumer(self, what: object) -> AsyncIterator[Any]:
        consumer = CheckedConsumer(
            **reader_options(self._kafka),
            auto_offset_reset="none",
            fetch_max_wait_ms=50,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
            yield consumer
        except (KafkaError, OSError, TimeoutError) as error:
            raise broker_unavailable(self._kafka, error, what) from error
        finally:
            await consumer.stop()
