"""The topics that a replay reads, a stretch of one partition at a time: `survey.Log` on Kafka."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence

from tidegate.streams.core.partition import Record
from tidegate.streams.core.times import stamped
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.kept_records import KeptRecords
from tidegate.streams.kafka.ranges import Stretch


class Stretches:
    """One consumer a topic. To be stopped."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._topics: dict[str, KeptRecords] = {}

    async def stop(self) -> None:
        for topic in self._topics.values():
            await topic.aclose()

    async def since(self, topic: str, at_ms: int) -> list[Stretch]:
        """Of each partition what holds every record of that time or later. Raises BrokerAway."""
        return await self._of(topic).since(at_ms)

    async def oldest_ms(self, stretch: Stretch) -> int | None:
        """The time of the oldest record that its partition keeps; None where it keeps none, or that has no time.

        Raises BrokerAway.
        """
        record = await self._of(stretch.part.topic).oldest(stretch)
        return None if record is None else stamped(record.timestamp, int(time.time() * 1000))

    def read(self, stretch: Stretch) -> AsyncGenerator[Sequence[Record], None]:
        """Its records in order, some at a time. Raises BrokerAway."""
        return self._of(stretch.part.topic).read(stretch)

    def _of(self, topic: str) -> KeptRecords:
        return self._topics.setdefault(topic, KeptRecords(self._kafka, topic))
