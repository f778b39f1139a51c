"""Writes single records, each acknowledged by all replicas. Knows aiokafka only."""

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


@asynccontextmanager
async def producer(settings: ProducerOptions, compression: Literal["lz4"] | None = None) -> AsyncIterator[Any]:
    """Yields an aiokafka producer. Raises BrokerUnavailable, also for a client's error raised inside.

    compression: of its batches, a value of Kafka's `compression.type`.
    """
    client = AIOKafkaProducer(
        **client_options(settings.brokers),
        client_id="tidegate-cli",
        acks="all",
        enable_idempotence=settings.idempotent,
        linger_ms=5,
        compression_type=compression,
        # The broker must not refuse a batch of records that it would accept one by one.
        max_batch_size=min(BATCH_BYTES, settings.max_record_bytes),
        max_request_size=settings.max_record_bytes,
    )
    try:
        await client.start()
        yield client
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(settings.brokers, error, operation="Write") from error
    finally:
        await client.stop()


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Returns the most bytes that a record takes alone in its batch: what a broker compares with message.max.bytes."""
    return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, list(headers)))
