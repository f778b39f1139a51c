"""Reads a stretch of one partition, and finds where a time begins in it; outside any group. Knows aiokafka only."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.errors import broker_away
from streams.source import Source
from streams.store import Part
from streams.wire import Record

ANSWER_S = 15.0  # no record in this time: the broker is away, or there is none
MOST = 500  # records handed out at once


class Stretches:
    """A topic's partitions, a stretch at a time."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._source = Source(kafka)

    async def stop(self) -> None:
        await self._source.stop()

    async def bounds(self, part: Part) -> tuple[int, int]:
        """[oldest offset kept, fetch high-water mark). Raises BrokerAway."""
        return await self._source.bounds(part)

    async def oldest_ms(self, part: Part) -> int | None:
        """The timestamp of the oldest record kept, where older ones were deleted; None where none was, or none is kept.

        Raises BrokerAway.
        """
        start, end = await self.bounds(part)
        if start == 0 or start == end:
            return None
        async with aclosing(self.read(part, start, end)) as some:
            async for records in some:
                return records[0].timestamp
        return None

    async def since(self, part: Part, at_ms: int) -> int:
        """An offset before which no record is of that time or later. Raises BrokerAway.

        By the broker's index of times, which gives the first such record itself; the oldest offset where it gives
        anything else: the embedded broker's knows when a record arrived, not its timestamp.
        """
        tp = TopicPartition(part.topic, part.partition)
        start, end = await self.bounds(part)
        consumer = self._consumer()
        try:
            await consumer.start()
            consumer.assign([tp])
            found = (await consumer.offsets_for_times({tp: at_ms})).get(tp)
        except (KafkaError, OSError) as error:
            raise broker_away(self._kafka, error, part) from error
        finally:
            await consumer.stop()
        if found is None:
            return end
        record = await self._source.read(part, found.offset) if start <= found.offset < end else None
        return found.offset if record and at_ms <= record.timestamp == found.timestamp else start

    async def read(self, part: Part, start: int, end: int) -> AsyncGenerator[Sequence[Record], None]:
        """Records with offsets in [start, end), in order, some at a time. Raises BrokerAway."""
        if start >= end:
            return
        tp = TopicPartition(part.topic, part.partition)
        consumer = self._consumer()
        try:
            await consumer.start()
            consumer.assign([tp])
            consumer.seek(tp, start)
            heard = time.monotonic()
            while await consumer.position(tp) < end:
                fetched = (await consumer.getmany(tp, timeout_ms=200, max_records=MOST)).get(tp, [])
                if wanted := [record for record in fetched if record.offset < end]:
                    yield wanted
                if fetched:
                    heard = time.monotonic()
                elif time.monotonic() - heard > ANSWER_S:
                    await self.bounds(part)  # raises where the broker is away
                    return  # it is there: what is left are control records, nothing of ours
        except (KafkaError, OSError) as error:
            raise broker_away(self._kafka, error, part) from error
        finally:
            await consumer.stop()

    def _consumer(self) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=100,
        )
