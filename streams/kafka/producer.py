"""Sends to Kafka and waits for every acknowledgement. Knows aiokafka only.

Records for a given partition are sent in large batches (`send_batch` costs a third of `send`); keyed ones are left to
the client's partitioner.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed

from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.errors import broker_unavailable
from tidegate.streams.kafka.writing import producer_options, size_options, write_errors

BATCH_BYTES = 512 * 1024
CONNECT_S = 30.0
CLOSE_S = 10.0


class Message(NamedTuple):
    """One record to write. partition None: chosen by key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


class Publisher:
    """A producer with acks=all, and idempotent if the broker supports it.

    A producer that failed once is replaced. An idempotent one left a hole in a partition's sequence numbers, and the
    broker refuses all that follows (OutOfOrderSequenceNumber); one whose sender task ended refuses by itself.
    """

    def __init__(self, kafka: Kafka | str, *, idempotent: bool, max_record_bytes: int, client_id: str) -> None:
        self._kafka = kafka
        self._options: dict[str, Any] = {
            **producer_options(kafka, client_id, idempotent=idempotent),
            **size_options(max_record_bytes, BATCH_BYTES),
            "linger_ms": 0,  # batches are made here
            "request_timeout_ms": 30_000,
        }
        self._producer: Any = None
        self._lock = asyncio.Lock()  # of many callers that see it failed, one creates the next
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connects. Raises BrokerUnavailable if no broker answers, BrokerRefused if one refuses us."""
        async with write_errors(self._kafka):
            await self._connect()

    async def stop(self) -> None:
        """Closes, even if no broker answers: what is not acknowledged by then fails."""
        self._replace(self._producer)
        await asyncio.gather(*self._closing)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns once every message is acknowledged. Else raises BrokerUnavailable: some may have been written."""
        try:
            producer = await self._connect()
        except (KafkaError, OSError) as error:
            raise broker_unavailable(self._kafka, error, operation="Write") from error
        acks: list[tuple[str, asyncio.Future[Any]]] = []
        failed: BaseException | None = None
        try:
            await self._send(producer, messages, acks)
        except (KafkaError, OSError) as error:
            failed = error
        # All futures are awaited before the first failure is raised: a retry must not race the first try.
        results = await asyncio.gather(*(ack for _, ack in acks), return_exceptions=True)
        for topic, result in [(None, failed), *zip((topic for topic, _ in acks), results, strict=True)]:
            if isinstance(result, KafkaError | OSError):
                self._replace(producer)
                raise broker_unavailable(self._kafka, result, _describe_request(topic, result), "Write") from result
            if isinstance(result, BaseException):
                raise result

    async def _send(
        self, producer: Any, messages: Sequence[Message], acks: list[tuple[str, asyncio.Future[Any]]]
    ) -> None:
        """Adds to acks as it goes: after a failure, acks holds those of what was sent before it."""
        placed: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in messages:
            if message.partition is None:
                acks.append((message.topic, await producer.send(message.topic, message.value, key=message.key)))
            else:
                placed[message.topic, message.partition].append(message)
        for (topic, partition), group in placed.items():
            batch = producer.create_batch()
            for message in group:
                while batch.append(key=message.key, value=message.value, timestamp=None) is None:
                    acks.append((topic, await producer.send_batch(batch, topic, partition=partition)))
                    batch = producer.create_batch()
            acks.append((topic, await producer.send_batch(batch, topic, partition=partition)))

    # --- one producer after another

    async def _connect(self) -> Any:
        """Returns the producer, or a new one if it failed. Raises the client's errors, as when no broker answers."""
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._options)
                try:
                    async with asyncio.timeout(CONNECT_S):  # an idempotent one requests its id for ever
                        await producer.start()
                except (KafkaError, OSError):  # TimeoutError is an OSError
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    def _replace(self, producer: Any) -> None:
        """Drops the producer if it is still in use, and closes it. What others await on it may yet be acknowledged."""
        if producer is not None and producer is self._producer:
            self._producer = None
            closing = asyncio.create_task(_close(producer))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _close(producer: Any) -> None:
    """Closes within CLOSE_S: an idempotent producer itself waits for as long as the broker is unavailable."""
    accumulator, sender = producer._message_accumulator, producer._sender.sender_task
    flushing = asyncio.create_task(accumulator.close())
    await asyncio.wait([flushing, sender], timeout=CLOSE_S, return_when=asyncio.FIRST_COMPLETED)
    if flushing.done():
        await producer.stop()
        return
    accumulator.fail_all(ProducerClosed())
    sender.cancel()  # it too waits, for answers and metadata: at most 1 s more
    await asyncio.wait([sender], timeout=1.0)
    producer._closed = True
    await producer.client.close()


def _describe_request(topic: str | None, error: BaseException) -> str | None:
    """Returns what was requested, and for an error that does not pass by itself, what is expected."""
    if isinstance(error, MessageSizeTooLargeError):
        largest = "expected the topic's max.message.bytes to be TIDEGATE_MAX_RECORD_BYTES or more"
        return f"{topic or 'a record'}: larger than it takes, {largest}"
    return topic
