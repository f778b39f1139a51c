"""Finds where a batch that cannot be decoded ends, and lets readers skip it. Outside any consumer group."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from tidegate.streams.core.partition import TopicPartition, UnreadableRange
from tidegate.streams.kafka.batches import BadBatch
from tidegate.streams.kafka.client import ANSWER_S, Kafka, reader_options, start_client
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.errors import broker_unavailable

log = logging.getLogger(__name__)

TRIES = 3  # a reader outside the group tries so often before it skips a batch


async def find_batch_end(kafka: Kafka | str, tp: TopicPartition, bad: BadBatch) -> int:
    """Returns the offset after a bad batch: by its header if that can be trusted, else by the next good batch.

    The broker is probed for that: a fetch at any offset inside the batch returns the same bytes. The result is never
    beyond the high-water mark. It is the batch's own start if it is good by now, or is now another bad batch whose
    header can be trusted. Raises BrokerUnavailable.
    """
    if bad.end is not None:
        return bad.end
    try:
        consumer = await start_client(_reader(kafka))
        try:
            consumer.assign([tp])
            return await _next_good_offset(consumer, tp, bad)
        finally:
            await consumer.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        raise broker_unavailable(kafka, error, tp, "Read") from error


def _reader(kafka: Kafka | str) -> CheckedConsumer:
    return CheckedConsumer(**reader_options(kafka), auto_offset_reset="none", fetch_max_wait_ms=50)


async def _next_good_offset(consumer: CheckedConsumer, tp: TopicPartition, bad: BadBatch) -> int:
    """Probes batch after batch until one is good. bad: the first of them."""
    start = bad.start
    while True:
        first = await _bad_batch_at(consumer, tp, start)
        if first is None or first.end is not None:
            return start
        inside, step = start, 1  # `inside` is in the batch; look for the next in doubling steps
        while same_batch(await _bad_batch_at(consumer, tp, inside + step), first):
            inside, step = inside + step, step * 2
        beyond = inside + step
        while beyond - inside > 1:
            middle = (inside + beyond) // 2
            if same_batch(await _bad_batch_at(consumer, tp, middle), first):
                inside = middle
            else:
                beyond = middle
        start = beyond
        high_water = consumer.highwater(tp)
        if high_water is not None and start >= high_water:
            return max(bad.start + 1, int(high_water))


def same_batch(probed: BadBatch | None, first: BadBatch) -> bool:
    """Returns whether two probes returned the same batch."""
    return probed is not None and probed.head == first.head and probed.end is None


async def _bad_batch_at(consumer: CheckedConsumer, tp: TopicPartition, offset: int) -> BadBatch | None:
    """Returns the bad batch at the start of a fetch at that offset; None if it is good, or there is none."""
    consumer.seek(tp, offset)
    consumer.retry(tp)
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


class BatchSkipper:
    """Lets a reader pass batches that cannot be decoded: it tries TRIES times, then skips the batch and logs it."""

    def __init__(self, kafka: Kafka | str, consumer: Any) -> None:
        self._kafka, self._consumer = kafka, consumer
        self._tries: dict[TopicPartition, int] = {}

    async def skip(self) -> list[UnreadableRange]:
        """Returns the ranges skipped now: the consumer is past them. Raises BrokerUnavailable."""
        skipped = []
        for tp, bad in list(self._consumer.unreadable.items()):
            self._tries[tp] = self._tries.get(tp, 0) + 1
            if self._tries[tp] < TRIES:
                await asyncio.sleep(0.1)
                self._consumer.retry(tp)
                continue
            end = await find_batch_end(self._kafka, tp, bad)
            if end <= bad.start:
                self._consumer.retry(tp)  # it was mended meanwhile
                continue
            log.warning("%s[%d]: offsets %d to %d left out: a batch that cannot be read: %s",
                        tp.topic, tp.partition, bad.start, end - 1, bad.why)  # fmt: skip
            skipped.append(UnreadableRange(tp.topic, tp.partition, bad.start, end, bad.why))
            self._consumer.seek(tp, end)
            self._consumer.retry(tp)
            del self._tries[tp]
        return skipped
