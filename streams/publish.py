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
from aiokafka.errors import KafkaError

from streams.errors import broker_away
from streams.kafka import Kafka, connect


class Message(NamedTuple):
    """One record to be written. partition None: by key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


class Publisher:
    """A producer with acks=all. Idempotent where the broker has it."""

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
        self._counts: dict[str, int] = {}

    async def start(self) -> None:
        """Connects; raises BrokerAway where no broker answers."""
        producer = AIOKafkaProducer(**self._options)
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise broker_away(self._kafka, error) from error
        self._producer = producer

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        if topic not in self._counts:
            self._counts[topic] = len(await self._producer.partitions_for(topic))
        return self._counts[topic]

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when every message was acknowledged. Raises BrokerAway otherwise: some may have been written."""
        acks: list[asyncio.Future[Any]] = []
        failed: BaseException | None = None
        try:
            await self._send(messages, acks)
        except (KafkaError, OSError) as error:
            failed = error
        # Every future is waited for before the first failure is raised: a retry must not race its own first try.
        for result in [failed, *await asyncio.gather(*acks, return_exceptions=True)]:
            if isinstance(result, KafkaError | OSError):
                raise broker_away(self._kafka, result) from result
            if isinstance(result, BaseException):
                raise result

    async def _send(self, messages: Sequence[Message], acks: list[asyncio.Future[Any]]) -> None:
        """Adds to acks as it goes: those of what was handed over before a failure are there too."""
        placed: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in messages:
            if message.partition is None:
                acks.append(await self._producer.send(message.topic, message.value, key=message.key))
            else:
                placed[message.topic, message.partition].append(message)
        for (topic, partition), group in placed.items():
            batch = self._producer.create_batch()
            for message in group:
                while batch.append(key=message.key, value=message.value, timestamp=None) is None:
                    acks.append(await self._producer.send_batch(batch, topic, partition=partition))
                    batch = self._producer.create_batch()
            acks.append(await self._producer.send_batch(batch, topic, partition=partition))
