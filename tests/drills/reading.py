"""Reads topics by a plain aiokafka consumer: an account shares no code with what it checks."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

QUIET_S = 3.0  # no record for so long behind the last one: the high-water mark is past it, and nothing follows
ANSWER_S = 30.0  # how long a partition without a leader is waited for


async def read_topic(kafka: str, topic: str) -> AsyncGenerator[Any, None]:
    """Yields every record below the high-water mark that each partition first has, in order within a partition.

    An empty fetch is no end. QUIET_S without a record is, once the high-water mark of every partition is read.
    """
    async with _consumer(kafka, topic) as consumer:
        ends: dict[KafkaPartition, int] = {}
        last_record_s = time.monotonic()
        while True:
            fetched = await consumer.getmany(timeout_ms=200)
            for tp in consumer.assignment() - ends.keys():
                if (end := consumer.highwater(tp)) is not None:
                    ends[tp] = end
            for tp, records in fetched.items():
                for record in records:
                    if tp not in ends or record.offset < ends[tp]:
                        yield record
            if fetched:
                last_record_s = time.monotonic()
            all_ends_read = bool(ends) and ends.keys() == consumer.assignment()
            if all_ends_read and all([await consumer.position(tp) >= end for tp, end in ends.items()]):
                return
            silent_s = time.monotonic() - last_record_s
            if all_ends_read and silent_s > QUIET_S:
                return
            assert silent_s < ANSWER_S, f"{topic}: no answer in {ANSWER_S:g} s"


async def follow(kafka: str, topic: str) -> AsyncGenerator[Any, None]:
    """Yields every record of the topic and those that follow, without end. The caller must close it."""
    async with _consumer(kafka, topic) as consumer:
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record


@asynccontextmanager
async def _consumer(kafka: str, topic: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
