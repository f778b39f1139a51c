"""The one consumer that everything of ours reads with: aiokafka's, which is shown no batch that it cannot decode."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka import codec as codecs
from aiokafka.errors import CorruptRecordException

from tidegate.streams.errors import CodecMissing
from tidegate.streams.kafka.batches import HEADER, BadBatch, checked, records_in, refused

log = logging.getLogger(__name__)

_FETCH = 1  # Kafka's API key
# Of one partition's answer; with odd header names 5 µs each. 128 MB of them fit into 20 kB, and would hold up the
# heartbeats for a minute: more are checked beside the event loop.
RECORDS_AT_ONCE = 10_000


def require_codecs() -> None:
    """Raises CodecMissing where a codec that a producer may choose cannot be read here."""
    has = {"gzip": codecs.has_gzip, "snappy": codecs.has_snappy, "lz4": codecs.has_lz4, "zstd": codecs.has_zstd}
    if missing := [name for name, there in has.items() if not there()]:
        raise CodecMissing(
            f"no library to read {', '.join(missing)} batches; expected the package cramjam: pip install cramjam"
        )


class CheckedConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """What cannot be decoded stands in `unreadable`, and its partition is paused: `again` tries once more.

    Everything before it was handed out then, and other partitions go on. aiokafka's own check of CRCs is off, since
    this one is made before it.
    """

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options, check_crcs=False)
        self.unreadable: dict[KafkaPartition, BadBatch] = {}
        self._send = self._client.send
        self._client.send = self._send_checked

    async def getmany(self, *partitions: KafkaPartition, **options: Any) -> dict[KafkaPartition, list[Any]]:
        """aiokafka's, of one partition after another in turn: by itself it would first hand out all it has of one.

        Raises KafkaError also where the task that fetches has ended by a bug: by itself it would find nothing for ever.
        """
        if self._fetcher.error_future.done():
            self._fetcher.error_future.result()
        found: dict[KafkaPartition, list[Any]] = await super().getmany(*partitions, **options)
        fetched = self._fetcher._records
        for tp in found:
            if tp in fetched:
                fetched.move_to_end(tp)
        return found

    async def _send_checked(self, node: Any, request: Any, **options: Any) -> Any:
        response = await self._send(node, request, **options)
        if response is not None and getattr(response, "API_KEY", None) == _FETCH:
            asked = {(topic, p): offset for topic, partitions in request.topics for p, offset, *_ in partitions}
            response.topics = [
                (topic, [await self._checked(topic, partition, asked) for partition in partitions])
                for topic, partitions in response.topics
            ]
        return response

    async def _checked(self, topic: str, found: tuple[Any, ...], asked: dict[tuple[str, int], int]) -> tuple[Any, ...]:
        """A partition's answer. found: number, error, high-water mark, …, bytes."""
        partition, error, high_water, *rest = found
        tp, position = KafkaPartition(topic, partition), asked[topic, partition]
        data = rest[-1] or b""
        if error == CorruptRecordException.errno:
            self._note(tp, position, refused(position))
        elif not error and data:
            data, bad = await self._decodable(data, position, high_water)
            self._note(tp, position, bad)
        return (partition, error, high_water, *rest[:-1], data)

    async def _decodable(self, data: bytes, position: int, high_water: int) -> tuple[bytes, BadBatch | None]:
        """See `checked`. Whatever goes wrong here, aiokafka must not hear of it: it would fetch nothing any more."""
        try:
            if records_in(data) > RECORDS_AT_ONCE:
                return await asyncio.to_thread(checked, data, position, high_water)
            await asyncio.sleep(0)  # some megabytes are some milliseconds of work: others get their turn
            return checked(data, position, high_water)
        except Exception as error:  # noqa: BLE001 - the last resort, and it is waited for as for a batch that is corrupt
            frames = "".join(traceback.format_tb(error.__traceback__))  # without its message, which may quote a text
            log.error("bug: %s in a batch at offset %d\n%s", type(error).__name__, position, frames)
            return b"", BadBatch(position, None, f"reading it failed: {type(error).__name__}", data[: HEADER.size])

    def _note(self, tp: KafkaPartition, position: int, bad: BadBatch | None) -> None:
        """Stands still at a bad batch, unless the partition was given away or sought elsewhere meanwhile."""
        assigned = self._subscription.subscription and self._subscription.subscription.assignment
        if bad is None or not assigned or tp not in assigned.tps:
            return
        state = assigned.state_value(tp)
        if state.has_valid_position and state.position == position:
            self.pause(tp)
            self.unreadable[tp] = bad

    def again(self, tp: KafkaPartition) -> None:
        """Reads a partition again that stood at a batch. Raises IllegalStateError where it was given away."""
        self.resume(tp)

    def assign(self, partitions: Iterable[KafkaPartition]) -> None:
        self.unreadable.clear()
        super().assign(partitions)

    def seek(self, partition: KafkaPartition, offset: int) -> None:
        """Reads on from there, also where it stood at a batch: nobody else would know of it any more."""
        stood = self.unreadable.pop(partition, None) is not None
        super().seek(partition, offset)
        if stood:
            super().resume(partition)

    def resume(self, *partitions: KafkaPartition) -> None:
        for partition in partitions:
            self.unreadable.pop(partition, None)
        super().resume(*partitions)
