"""Reads the topics of a replay, a range of one partition at a time: the `RangeSource` on Kafka."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence

from tidegate.streams.core.partition import Record
from tidegate.streams.core.times import record_time
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.kafka.topic_reader import TopicReader


class RangeReader:
    """One consumer for each topic. Stop it after use."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._topics: dict[str, TopicReader] = {}

    async def stop(self) -> None:
        for topic in self._topics.values():
            await topic.aclose()

    async def since(self, topic: str, at_ms: int) -> list[OffsetRange]:
        """Returns for each partition the range of every record of that time or later. Raises BrokerUnavailable."""
        return await self._reader(topic).since(at_ms)

    async def oldest_ms(self, offset_range: OffsetRange) -> int | None:
        """Returns the time of the partition's oldest record; None if it has no record, or that has no time.

        Raises BrokerUnavailable.
        """
        record = await self._reader(offset_range.partition.topic).oldest(offset_range)
        return None if record is None else record_time(record.timestamp, int(time.time() * 1000))

    def read(self, offset_range: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Yields the range's records in order, some at a time. Raises BrokerUnavailable."""
        return self._reader(offset_range.partition.topic).read(offset_range)

    def _reader(self, topic: str) -> TopicReader:
        return self._topics.setdefault(topic, TopicReader(self._kafka, topic))
