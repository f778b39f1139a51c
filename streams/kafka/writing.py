"""Writes single records, each acknowledged by all replicas. Knows aiokafka only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, connect

BATCH_BYTES = 256 * 1024

Headers = Sequence[tuple[str, bytes]]


class ProducerOptions(Protocol):
    """What a sender is told by its settings."""

    @property
    def brokers(self) -> Kafka: ...
    @property
    def idempotent(self) -> bool: ...
    @property
    def max_record_bytes(self) -> int: ...


@asynccontextmanager
async def producer(settings: ProducerOptions, compression: Literal["lz4"] | None = None) -> AsyncIterator[Any]:
    """An aiokafka producer. Raises BrokerUnavailable, also for what is raised inside.

    compression: of its batches, as a producer's `compression.type` says it.
    """
    made = AIOKafkaProducer(
        **connect(settings.brokers),
        client_id="tidegate-cli",
        acks="all",
        enable_idempotence=settings.idempotent,
        linger_ms=5,
        compression_type=compression,
        # A batch of several records must not be refused where each of them would not be.
        max_batch_size=min(BATCH_BYTES, settings.max_record_bytes),
        max_request_size=settings.max_record_bytes,
    )
    try:
        await made.start()
        yield made
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(settings.brokers, error, operation="Write") from error
    finally:
        await made.stop()


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """The most that a record takes on the wire, alone in its batch: what brokers hold against message.max.bytes."""
    return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, list(headers)))
