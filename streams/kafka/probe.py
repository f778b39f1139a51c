"""Where a batch that cannot be decoded ends, and readers that go on after it. Outside any consumer group."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from tidegate.streams.core.partition import UnreadableRange
from tidegate.streams.kafka.batches import BadBatch
from tidegate.streams.kafka.client import Kafka, started, without_group
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.errors import broker_unavailable

log = logging.getLogger(__name__)

ANSWER_S = 15.0  # no answer in this time: the broker is unavailable
TRIES = 3  # a reader outside the group looks so often before it leaves a batch out


async def end_of(kafka: Kafka | str, tp: KafkaPartition, bad: BadBatch) -> int:
    """The offset after a batch: as its header says, where that is believed; else where the next sound one begins.

    That is asked of the broker: every offset inside the batch gives the same bytes. Never beyond the high-water mark;
    its own start where it is sound by now, or another one whose header is believed. Raises BrokerUnavailable.
    """
    if bad.end is not None:
        return bad.end
    try:
        consumer = await started(_reader(kafka))
        try:
            consumer.assign([tp])
            return await _after(consumer, tp, bad)
        finally:
            await consumer.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        raise broker_unavailable(kafka, error, f"{tp.topic}[{tp.partition}]", "Read") from error


def _reader(kafka: Kafka | str) -> CheckedConsumer:
    return CheckedConsumer(**without_group(kafka), auto_offset_reset="none", fetch_max_wait_ms=50)


async def _after(consumer: CheckedConsumer, tp: KafkaPartition, bad: BadBatch) -> int:
    """Batch after batch, until one is sound. bad: the first of them."""
    start = bad.start
    while True:
        first = await _at(consumer, tp, start)
        if first is None or first.end is not None:
            return start
        inside, step = start, 1  # that offset gives the batch; the next is sought beyond, in steps that double
        while same(await _at(consumer, tp, inside + step), first):
            inside, step = inside + step, step * 2
        beyond = inside + step
        while beyond - inside > 1:
            middle = (inside + beyond) // 2
            if same(await _at(consumer, tp, middle), first):
                inside = middle
            else:
                beyond = middle
        start = beyond
        high_water = consumer.highwater(tp)
        if high_water is not None and start >= high_water:
            return max(bad.start + 1, int(high_water))


def same(found: BadBatch | None, first: BadBatch) -> bool:
    """Whether two looks found one batch."""
    return found is not None and found.head == first.head and found.end is None


async def _at(consumer: CheckedConsumer, tp: KafkaPartition, offset: int) -> BadBatch | None:
    """The bad batch that a fetch at that offset begins with; None where it is sound, or there is nothing."""
    consumer.seek(tp, offset)
    consumer.again(tp)
    deadline = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        try:
            fetched = await consumer.getmany(tp, timeout_ms=50, max_records=1)
        except OffsetOutOfRangeError:
            return None
        if tp in consumer.unreadable:
            return consumer.unreadable[tp]
        high_water = consumer.highwater(tp)
        if fetched or await consumer.position(tp) > offset or (high_water is not None and offset >= high_water):
            return None
    raise TimeoutError(f"no answer in {ANSWER_S:g} s")


class StepOver:
    """A reader's way past batches that cannot be decoded: it looks some times, then leaves them out, and says so."""

    def __init__(self, kafka: Kafka | str, consumer: Any) -> None:
        self._kafka, self._consumer = kafka, consumer
        self._tries: dict[KafkaPartition, int] = {}

    async def ranges(self) -> list[UnreadableRange]:
        """Those that are left out now: the consumer stands after them. Raises BrokerUnavailable."""
        found = []
        for tp, bad in list(self._consumer.unreadable.items()):
            self._tries[tp] = self._tries.get(tp, 0) + 1
            if self._tries[tp] < TRIES:
                await asyncio.sleep(0.1)
                self._consumer.again(tp)
                continue
            end = await end_of(self._kafka, tp, bad)
            if end <= bad.start:
                self._consumer.again(tp)  # it was mended meanwhile
                continue
            log.warning("%s[%d]: offsets %d to %d left out: a batch that cannot be read: %s",
                        tp.topic, tp.partition, bad.start, end - 1, bad.why)  # fmt: skip
            found.append(UnreadableRange(tp.topic, tp.partition, bad.start, end, bad.why))
            self._consumer.seek(tp, end)
            self._consumer.again(tp)
            del self._tries[tp]
        return found
