"""What topics keep, read by place and time outside any consumer group: `published.Past` and what the ruler asks of it.

Knows aiokafka only.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from tidegate.streams.core.partition import Record, TopicPartition
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.client import Kafka, without_group
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.errors import broker_unavailable
from tidegate.streams.kafka.probe import StepOver
from tidegate.streams.kafka.ranges import OffsetRange, starts

ANSWER_S = 15.0  # no answer in this time: the broker is unavailable
FETCH_BYTES = 4 << 20
AT_ONCE = 500  # records handed out together


class TopicHistory:
    """Topics as they are kept. Every question has a consumer of its own: several may be asked side by side."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        """Of each partition, in their order, what holds every record of that time or later, as the broker's index says.

        0: everything. Raises BrokerUnavailable.
        """
        tps = [KafkaPartition(*partition) for partition in partitions]
        async with self._consumer(", ".join(sorted({partition.topic for partition in partitions}))) as consumer:
            begins: dict[KafkaPartition, int] = await consumer.beginning_offsets(tps)
            found = await consumer.offsets_for_times(dict.fromkeys(tps, at_ms)) if at_ms else {}
            consumer.assign(tps)
            for tp in tps:
                consumer.seek(tp, begins[tp])
            ends = {tp: await self._end(consumer, tp) for tp in tps}
        return [
            OffsetRange(
                partition, begins[tp], starts(found.get(tp), begins[tp], ends[tp]) if at_ms else begins[tp], ends[tp]
            )
            for partition, tp in zip(partitions, tps, strict=True)
        ]

    async def _end(self, consumer: Any, tp: KafkaPartition) -> int:
        """The fetch high-water mark: end offsets are wrong on the embedded broker."""
        deadline = time.monotonic() + ANSWER_S
        while (end := consumer.highwater(tp)) is None:
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"kafka {self._kafka}: {tp.topic}[{tp.partition}]: no answer in {ANSWER_S:g} s")
            await consumer.getmany(timeout_ms=100, max_records=1)
        return int(end)

    async def read(self, *stretches: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Their records, in order within a partition, some of one at a time, never none. Raises BrokerUnavailable.

        In the place of a batch that cannot be decoded comes its range, an UnreadableRange.
        """
        ends = {KafkaPartition(*s.partition): s.end for s in stretches if s.start < s.end}
        if not ends:
            return
        async with self._consumer(stretches[0].partition.topic) as consumer:
            consumer.assign(list(ends))
            for stretch in stretches:
                if stretch.start < stretch.end:
                    consumer.seek(KafkaPartition(*stretch.partition), stretch.start)
            heard, past = time.monotonic(), StepOver(self._kafka, consumer)
            while left := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
                fetched = await consumer.getmany(*left, timeout_ms=200, max_records=AT_ONCE)
                for tp, records in fetched.items():
                    heard = time.monotonic()
                    if mine := [record for record in records if record.offset < ends[tp]]:
                        yield mine
                for left_out in await past.ranges():
                    heard, end = time.monotonic(), ends[KafkaPartition(left_out.topic, left_out.partition)]
                    if left_out.offset < end:
                        yield [replace(left_out, end=min(left_out.end, end))]
                if time.monotonic() - heard > ANSWER_S:
                    where = f"{left[0].topic}[{left[0].partition}]"
                    raise BrokerUnavailable(f"kafka {self._kafka}: {where}: no answer in {ANSWER_S:g} s")

    @asynccontextmanager
    async def _consumer(self, what: object) -> AsyncIterator[Any]:
        consumer = CheckedConsumer(
            **without_group(self._kafka),
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
