"""What every producer of ours shares: options, start and stop, errors. Knows aiokafka only.

`producer.py` sends the batches of a worker, `completion_producer.py` those of a program that uses Tidegate.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, client_options

BATCH_BYTES = 256 * 1024

Headers = Sequence[tuple[str, bytes]]


class ProducerOptions(Protocol):
    """The settings of a producer."""

    @property
    def brokers(self) -> Kafka: ...
    @property
    def idempotent(self) -> bool: ...
    @property
    def max_record_bytes(self) -> int: ...


def producer_options(kafka: Kafka | str, client_id: str, *, idempotent: bool) -> dict[str, Any]:
    """Returns the options of every producer of ours: a record is acknowledged once all in-sync replicas have it."""
    return {**client_options(kafka), "client_id": client_id, "acks": "all", "enable_idempotence": idempotent}


def size_options(max_record_bytes: int, batch_bytes: int = BATCH_BYTES) -> dict[str, Any]:
    """Returns the limits on sizes. The broker must not refuse a batch of records that it would accept one by one."""
    return {"max_batch_size": min(batch_bytes, max_record_bytes), "max_request_size": max_record_bytes}


@asynccontextmanager
async def write_errors(kafka: Kafka | str) -> AsyncIterator[None]:
    """Raises BrokerUnavailable, BrokerForbids or BrokerRefused for a client's error inside."""
    try:
        yield
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(kafka, error, operation="Write") from error


@asynccontextmanager
async def started(kafka: Kafka | str, options: dict[str, Any]) -> AsyncIterator[Any]:
    """Yields an aiokafka producer with those options, and stops it. Raises as `write_errors`."""
    client = AIOKafkaProducer(**options)
    async with write_errors(kafka):
        try:
            await client.start()
            yield client
        finally:
            await client.stop()


@asynccontextmanager
async def producer(settings: ProducerOptions, compression: Literal["lz4"] | None = None) -> AsyncIterator[Any]:
    """Yields an aiokafka producer of single records. Raises BrokerUnavailable, also for a client's error raised inside.

    compression: of its batches, a value of Kafka's `compression.type`.
    """
    options = producer_options(settings.brokers, "tidegate-cli", idempotent=settings.idempotent)
    options |= {"linger_ms": 5, "compression_type": compression, **size_options(settings.max_record_bytes)}
    async with started(settings.brokers, options) as client:
        yield client


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Returns the most bytes that a record takes alone in its batch: what a broker compares with message.max.bytes."""
    return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, list(headers)))
