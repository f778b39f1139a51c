"""The consumer that all of Tidegate reads with: aiokafka's, which gets no batch that it cannot decode."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka import codec as codecs
from aiokafka.errors import CorruptRecordException

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import CodecMissing
from tidegate.streams.kafka.batches import HEADER, BadBatch, corrupt_on_broker, decodable_batches, record_count

log = logging.getLogger(__name__)

_FETCH = 1  # Kafka's API key
# In one partition's response; with odd header names 5 µs each. 128 MB of them fit into 20 kB, and would hold up the
# heartbeats for a minute: above this number they are checked in a thread.
RECORDS_AT_ONCE = 10_000


def require_codecs() -> None:
    """Raises CodecMissing if a codec that a producer may choose cannot be read here."""
    has = {"gzip": codecs.has_gzip, "snappy": codecs.has_snappy, "lz4": codecs.has_lz4, "zstd": codecs.has_zstd}
    if missing := [name for name, has_codec in has.items() if not has_codec()]:
        raise CodecMissing(
            f"no library to read {', '.join(missing)} batches; expected the package cramjam: pip install cramjam"
        )


class CheckedConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """A batch that cannot be decoded is put in `unreadable`, and its partition is paused: `retry` reads it again.

    Everything before it was returned by then, and other partitions go on. aiokafka's own CRC check is off: this one
    comes before it. Takes and returns our partitions.
    """

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options, check_crcs=False)
        self.unreadable: dict[TopicPartition, BadBatch] = {}
        self._send = self._client.send
        self._client.send = self._send_checked

    async def getmany(self, *partitions: TopicPartition, **options: Any) -> dict[TopicPartition, list[Any]]:
        """Returns records as aiokafka does, but of partitions in turn: aiokafka returns all that it has of one first.

        Raises KafkaError also if a bug ended the fetch task: aiokafka would return nothing for ever.
        """
        if self._fetcher.error_future.done():
            self._fetcher.error_future.result()
        records: dict[KafkaPartition, list[Any]] = await super().getmany(*_theirs(partitions), **options)
        fetched = self._fetcher._records
        for tp in records:
            if tp in fetched:
                fetched.move_to_end(tp)
        return {TopicPartition(*tp): some for tp, some in records.items()}

    async def _send_checked(self, node: Any, request: Any, **options: Any) -> Any:
        response = await self._send(node, request, **options)
        if response is not None and getattr(response, "API_KEY", None) == _FETCH:
            positions = {(topic, p): offset for topic, partitions in request.topics for p, offset, *_ in partitions}
            response.topics = [
                (topic, [await self._checked(topic, partition, positions) for partition in partitions])
                for topic, partitions in response.topics
            ]
        return response

    async def _checked(
        self, topic: str, response: tuple[Any, ...], positions: dict[tuple[str, int], int]
    ) -> tuple[Any, ...]:
        """Returns a partition's response, checked. response: partition, error, high-water mark, …, bytes."""
        partition, error, high_water, *rest = response
        tp, position = TopicPartition(topic, partition), positions[topic, partition]
        data = rest[-1] or b""
        if error == CorruptRecordException.errno:
            self._stop_at(tp, position, corrupt_on_broker(position))
        elif not error and data:
            data, bad = await self._decodable(data, position, high_water)
            self._stop_at(tp, position, bad)
        return (partition, error, high_water, *rest[:-1], data)

    async def _decodable(self, data: bytes, position: int, high_water: int) -> tuple[bytes, BadBatch | None]:
        """Calls `decodable_batches`. No error may reach aiokafka: it would never fetch again."""
        try:
            if record_count(data) > RECORDS_AT_ONCE:
                return await asyncio.to_thread(decodable_batches, data, position, high_water)
            await asyncio.sleep(0)  # some megabytes are some milliseconds of work: let other tasks run
            return decodable_batches(data, position, high_water)
        except Exception as error:  # noqa: BLE001 - the last resort: handled as a corrupt batch
            frames = "".join(traceback.format_tb(error.__traceback__))  # without its message, which may quote a text
            log.error("bug: %s in a batch at offset %d\n%s", type(error).__name__, position, frames)
            return b"", BadBatch(position, None, f"reading it failed: {type(error).__name__}", data[: HEADER.size])

    def _stop_at(self, tp: TopicPartition, position: int, bad: BadBatch | None) -> None:
        """Stops a partition at a bad batch, unless it was revoked or sought elsewhere meanwhile."""
        assigned = self._subscription.subscription and self._subscription.subscription.assignment
        if bad is None or not assigned or tp not in assigned.tps:
            return
        state = assigned.state_value(tp)
        if state.has_valid_position and state.position == position:
            self.pause(tp)
            self.unreadable[tp] = bad

    def retry(self, tp: TopicPartition) -> None:
        """Reads a partition again that was stopped at a batch. Raises IllegalStateError if it was revoked."""
        self.resume(tp)

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self.unreadable.clear()
        super().assign(_theirs(partitions))

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await super().commit(dict(zip(_theirs(offsets), offsets.values(), strict=True)))

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        return bool(await super().seek_to_beginning(*_theirs(partitions)))

    def pause(self, *partitions: TopicPartition) -> None:
        super().pause(*_theirs(partitions))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Reads on from that offset, also if the partition was stopped at a batch: nothing else would resume it."""
        was_stopped = self.unreadable.pop(partition, None) is not None
        super().seek(partition, offset)
        if was_stopped:
            super().resume(*_theirs([partition]))

    def resume(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self.unreadable.pop(partition, None)
        super().resume(*_theirs(partitions))


def _theirs(partitions: Iterable[TopicPartition]) -> list[KafkaPartition]:
    """Returns aiokafka's partitions, where it insists on its type. Elsewhere ours will do: both are equal tuples."""
    return [KafkaPartition(*partition) for partition in partitions]
