"""Sends to Kafka and waits for every acknowledgement. Knows aiokafka only.

Records for a known partition go out as one large batch each (`send_batch` costs a third of `send`, FAUST.md 3.2);
keyed ones are left to the client's partitioner.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed

from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, connect
from tidegate.streams.kafka.errors import broker_unavailable

CONNECT_S = 30.0
CLOSE_S = 10.0


class Message(NamedTuple):
    """One record to be written. partition None: by key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


class Publisher:
    """A producer with acks=all. Idempotent where the broker has it.

    A producer that failed once is replaced: an idempotent one has then left a hole in its numbering of a partition,
    and the broker refuses all that follows (OutOfOrderSequenceNumber); one whose sender ended refuses by itself.
    """

    def __init__(self, kafka: Kafka | str, *, idempotent: bool, max_record_bytes: int, client_id: str) -> None:
        self._kafka = kafka
        self._options: dict[str, Any] = {
            **connect(kafka),
            "client_id": client_id,
            "acks": "all",
            "enable_idempotence": idempotent,
            "linger_ms": 0,  # batches are made here
            "max_batch_size": min(512 * 1024, max_record_bytes),
            "max_request_size": max_record_bytes,
            "request_timeout_ms": 30_000,
        }
        self._producer: Any = None
        self._one = asyncio.Lock()  # of many that find it failed, one makes the next
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connects; raises BrokerUnavailable where no broker answers, BrokerRefused where one will not have us."""
        try:
            await self._connected()
        except BrokerUnavailable as unavailable:
            raise await unavailable_or_refused(
                self._kafka, unavailable.__cause__ or unavailable, operation="Write"
            ) from unavailable

    async def stop(self) -> None:
        """Closes, also where nothing answers: what is not acknowledged by then fails."""
        self._replace(self._producer)
        await asyncio.gather(*self._closing)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when every message was acknowledged. Raises BrokerUnavailable otherwise: some may have been written."""
        producer = await self._connected()
        acks: list[tuple[str, asyncio.Future[Any]]] = []
        failed: BaseException | None = None
        try:
            await self._send(producer, messages, acks)
        except (KafkaError, OSError) as error:
            failed = error
        # Every future is waited for before the first failure is raised: a retry must not race its own first try.
        results = await asyncio.gather(*(ack for _, ack in acks), return_exceptions=True)
        for topic, result in [(None, failed), *zip((topic for topic, _ in acks), results, strict=True)]:
            if isinstance(result, KafkaError | OSError):
                self._replace(producer)
                raise broker_unavailable(self._kafka, result, _what(topic, result), "Write") from result
            if isinstance(result, BaseException):
                raise result

    async def _send(
        self, producer: Any, messages: Sequence[Message], acks: list[tuple[str, asyncio.Future[Any]]]
    ) -> None:
        """Adds to acks as it goes: those of what was handed over before a failure are there too."""
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

    async def _connected(self) -> Any:
        """The producer, or the next one where it failed. Raises BrokerUnavailable where no broker answers."""
        async with self._one:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._options)
                try:
                    async with asyncio.timeout(CONNECT_S):  # an idempotent one asks for its id for ever
                        await producer.start()
                except (KafkaError, OSError) as error:  # TimeoutError is an OSError
                    await producer.stop()
                    raise broker_unavailable(self._kafka, error, operation="Write") from error
                self._producer = producer
            return self._producer

    def _replace(self, producer: Any) -> None:
        """Where it is still the one in use. What others wait for on it may yet be acknowledged."""
        if producer is not None and producer is self._producer:
            self._producer = None
            closing = asyncio.create_task(_close(producer))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _close(producer: Any) -> None:
    """Within CLOSE_S: an idempotent producer itself waits for acknowledgements for as long as the broker is unavailable."""
    accumulator, sender = producer._message_accumulator, producer._sender.sender_task
    flushing = asyncio.create_task(accumulator.close())
    await asyncio.wait([flushing, sender], timeout=CLOSE_S, return_when=asyncio.FIRST_COMPLETED)
    if flushing.done():
        await producer.stop()
        return
    accumulator.fail_all(ProducerClosed())
    sender.cancel()  # it waits for answers in its turn, and for metadata: not longer than that
    await asyncio.wait([sender], timeout=1.0)
    producer._closed = True
    await producer.client.close()


def _what(topic: str | None, error: BaseException) -> str | None:
    """What was asked, and where it is not Kafka's to come back by itself, what is expected."""
    if isinstance(error, MessageSizeTooLargeError):
        largest = "expected the topic's max.message.bytes to be TIDEGATE_MAX_RECORD_BYTES or more"
        return f"{topic or 'a record'}: larger than it takes, {largest}"
    return topic
