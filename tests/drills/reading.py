"""What a topic holds, read by a plain aiokafka consumer: an account shares no code with what it checks."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

QUIET_S = 3.0  # where a mark is past the last record, nothing follows
ANSWER_S = 30.0  # partitions that have no leader just now are waited for so long


async def everything(kafka: str, topic: str) -> AsyncGenerator[Any, None]:
    """Every record up to where each partition ends at first sight, in order within a partition.

    A fetch that finds nothing in time is no end; silence for QUIET_S is, once it is known where every partition ends.
    """
    async with _consumer(kafka, topic) as consumer:
        ends: dict[KafkaPartition, int] = {}
        heard = time.monotonic()
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
                heard = time.monotonic()
            known = bool(ends) and ends.keys() == consumer.assignment()
            if known and all([await consumer.position(tp) >= end for tp, end in ends.items()]):
                return
            silent_s = time.monotonic() - heard
            if known and silent_s > QUIET_S:
                return
            assert silent_s < ANSWER_S, f"{topic}: no answer in {ANSWER_S:g} s"


async def follow(kafka: str, topic: str) -> AsyncGenerator[Any, None]:
    """Every record that it holds, and what comes, for ever. Close it."""
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
