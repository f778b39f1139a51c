"""Reads topics outside any consumer group: to their end, or for ever. Knows aiokafka only.

A batch that cannot be decoded is skipped, with a warning.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import BrokerUnavailable, TopicsMissing
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, missing_topic_hint, reader_options
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.kafka.probe import BatchSkipper

ANSWER_S = 15.0  # no answer in this time: the broker is unavailable
QUIET_S = 3.0  # how long a slow broker, or a partition that changes its leader, is waited for
PEEK_BYTES = 1024  # of a fetch that only reads where a partition ends


async def require_topic(kafka: Kafka | str, topic: str) -> int:
    """Returns its number of partitions. Raises TopicsMissing. Creates nothing."""
    counts = await partition_counts(kafka)
    if topic not in counts:
        raise TopicsMissing(
            f"kafka {kafka}: no topic {topic}; expected `tidegate topics` to have been run{missing_topic_hint(kafka)}"
        )
    return counts[topic]


@asynccontextmanager
async def _consumer(kafka: Kafka | str, topic: str, **more: Any) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
    """Yields a consumer at the start of every partition, and the partitions."""
    tps = [TopicPartition(topic, p) for p in range(await require_topic(kafka, topic))]
    consumer = CheckedConsumer(
        **reader_options(kafka), auto_offset_reset="earliest",
        fetch_max_wait_ms=100, **more,
    )  # fmt: skip
    try:
        await consumer.start()
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        yield consumer, tps
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(kafka, error, topic, "Read") from error
    finally:
        await consumer.stop()


async def read_all(kafka: Kafka | str, topic: str) -> AsyncGenerator[Any, None]:
    """Yields every record that the topic holds now, in order within a partition.

    Raises BrokerUnavailable, TopicsMissing.
    """
    async with _consumer(kafka, topic) as (consumer, tps):
        ends: dict[TopicPartition, int] = {}
        answered_at, skipper = time.monotonic(), BatchSkipper(kafka, consumer)
        while True:
            fetched = await consumer.getmany(timeout_ms=200)
            for tp in tps:
                # The high-water mark of the first fetch: end offsets are wrong on the embedded broker.
                if tp not in ends and (end := consumer.highwater(tp)) is not None:
                    ends[tp] = end
            for tp, records in fetched.items():
                for record in records:
                    if tp not in ends or record.offset < ends[tp]:
                        yield record
            if len(ends) == len(tps) and not any([await _behind(consumer, tp, ends[tp]) for tp in tps]):
                return
            skipped = await skipper.skip()
            silent_s = time.monotonic() - answered_at
            if fetched or skipped:
                answered_at = time.monotonic()
            elif len(ends) == len(tps) and silent_s > QUIET_S:
                await consumer.topics()  # unavailable, or the ends are past the last record: no record of ours follows
                return
            elif silent_s > ANSWER_S:
                raise BrokerUnavailable(f"kafka {kafka}: {topic}: no answer in {ANSWER_S:g} s")


async def _behind(consumer: Any, tp: TopicPartition, end: int) -> bool:
    return int(await consumer.position(tp)) < end


async def follow(kafka: Kafka | str, topic: str, *, from_start: bool) -> AsyncGenerator[Any, None]:
    """Yields records for ever: those that the topic holds and new ones, or only new ones. Raises as `read_all`."""
    ends = {} if from_start else await end_offsets(kafka, topic)
    async with _consumer(kafka, topic) as (consumer, _):
        for tp, end in ends.items():
            consumer.seek(tp, end)
        skipper = BatchSkipper(kafka, consumer)
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    yield record
            await skipper.skip()


async def end_offsets(kafka: Kafka | str, topic: str) -> dict[TopicPartition, int]:
    """Returns partition -> the offset that its next record gets."""
    async with _consumer(kafka, topic, max_partition_fetch_bytes=PEEK_BYTES) as (consumer, tps):
        deadline = time.monotonic() + ANSWER_S
        while any(consumer.highwater(tp) is None for tp in tps):
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"kafka {kafka}: {topic}: no answer in {ANSWER_S:g} s")
            await consumer.getmany(timeout_ms=200, max_records=1)
        return {tp: int(consumer.highwater(tp)) for tp in tps}
