"""The topics that a replay reads, a stretch of one partition at a time: `survey.Log` on Kafka."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence

from tidegate.streams.core.partition import Record
from tidegate.streams.core.times import record_time
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.kafka.topic_reader import TopicReader


class RangeReader:
    """One consumer a topic. To be stopped."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._topics: dict[str, TopicReader] = {}

    async def stop(self) -> None:
        for topic in self._topics.values():
            await topic.aclose()

    async def since(self, topic: str, at_ms: int) -> list[OffsetRange]:
        """Of each partition what holds every record of that time or later. Raises BrokerUnavailable."""
        return await self._of(topic).since(at_ms)

    async def oldest_ms(self, stretch: OffsetRange) -> int | None:
        """The time of the oldest record that its partition keeps; None where it keeps none, or that has no time.

        Raises BrokerUnavailable.
        """
        record = await self._of(stretch.partition.topic).oldest(stretch)
        return None if record is None else record_time(record.timestamp, int(time.time() * 1000))

    def read(self, stretch: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Its records in order, some at a time. Raises BrokerUnavailable."""
        return self._of(stretch.partition.topic).read(stretch)

    def _of(self, topic: str) -> TopicReader:
        return self._topics.setdefault(topic, TopicReader(self._kafka, topic))
