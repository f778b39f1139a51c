"""Sends completions and feedback to Kafka from a producer's own process: native form, keyed, acknowledged."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Self

from tidegate.streams.core.events import Completion, Feedback, Source
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.producer import Message
from tidegate.streams.kafka.writing import Headers, producer_options, started, write_errors
from tidegate.streams.topics import COMPLETIONS, FEEDBACK


class Producer:
    """Writes to the topics `completions` and `feedback`. Use it in an `async with` block.

    brokers: `host:port,host:port`, or a `Kafka` with TLS and SASL.
    idempotent: a retry writes no record twice; every broker of Apache Kafka has it.
    more: options of `aiokafka.AIOKafkaProducer`, such as `compression_type` or `linger_ms`.

    Records of one tenant's user have one key, so they keep their order; without a user their conversation's, else the
    completion's id.
    """

    def __init__(self, brokers: Kafka | str, *, idempotent: bool = True, **more: Any) -> None:
        self._brokers = brokers
        self._options = {**producer_options(brokers, "tidegate-producer", idempotent=idempotent), **more}
        self._open = AsyncExitStack()
        self._producer: Any = None

    async def __aenter__(self) -> Self:
        self._producer = await self._open.enter_async_context(started(self._brokers, self._options))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def send(self, completion: Completion, headers: Headers = ()) -> Source:
        """Where the completion stands on the topic, once all in-sync replicas have it: its decision's `source`.

        headers: such as `traceparent`. Raises BrokerUnavailable (send it again), BrokerRefused, BrokerForbids.
        """
        name = completion.user or completion.conversation
        key = f"{completion.tenant}:{name}" if name is not None else completion.id
        return await self._send(COMPLETIONS, key, completion, headers)

    async def send_feedback(self, feedback: Feedback, headers: Headers = ()) -> Source:
        """Where the feedback stands on its topic, once all in-sync replicas have it. Raises as `send`."""
        return await self._send(FEEDBACK, feedback.completion_id, feedback, headers)

    async def _send(self, topic: str, key: str, event: Completion | Feedback, headers: Headers) -> Source:
        async with write_errors(self._brokers):
            at = await self._producer.send_and_wait(topic, _value(event), key=key.encode(), headers=list(headers))
        return Source(topic=topic, partition=at.partition, offset=at.offset)


def feedback_message(feedback: Feedback) -> Message:
    """Returns the feedback as one record, as `send_feedback` writes it."""
    return Message(FEEDBACK, feedback.completion_id.encode(), _value(feedback))


def _value(event: Completion | Feedback) -> bytes:
    return event.model_dump_json(exclude_unset=True, exclude={"dropped"}).encode()
