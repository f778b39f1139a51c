"""Reads topics outside any consumer group: ranges by offset or by time, to the end or following. Knows aiokafka only.

The end of a partition is the fetch high-water mark, never what ListOffsets returns: the embedded broker answers that
one wrongly. `lookup.py` answers single questions, `policies.py` reads the one log of which no batch may be skipped.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka.errors import KafkaError

from tidegate.streams.core.partition import Record, TopicPartition, UnreadableRange
from tidegate.streams.core.times import record_time
from tidegate.streams.errors import BrokerUnavailable, TopicsMissing
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import ANSWER_S, Kafka, missing_topic_hint, reader_options, start_client
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.kafka.errors import broker_unavailable
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.kafka.probe import BatchSkipper
from tidegate.streams.kafka.ranges import OffsetRange, start_offset

QUIET_S = 3.0  # how long a slow broker, or a partition that changes its leader, is waited for
PEEK_BYTES = 1024  # of a fetch that only reads where a partition ends
# Of a command, which reads millions of records: how many at once, so that decoded they still fit a processor's cache.
COMMAND_BYTES, COMMAND_AT_ONCE = 8 << 20, 200
# Of a worker, beside its own work.
WORKER_BYTES, WORKER_AT_ONCE = 4 << 20, 500


async def require_topic(kafka: Kafka | str, topic: str) -> int:
    """Returns its number of partitions. Raises TopicsMissing. Creates nothing."""
    counts = await partition_counts(kafka)
    if topic not in counts:
        raise TopicsMissing(
            f"kafka {kafka}: no topic {topic}; expected `tidegate topics` to have been run{missing_topic_hint(kafka)}"
        )
    return counts[topic]


# --- what all of them share


def _reader(kafka: Kafka | str, fetch_bytes: int | None = None, **options: Any) -> CheckedConsumer:
    sizes = {} if fetch_bytes is None else {"fetch_max_bytes": fetch_bytes, "max_partition_fetch_bytes": fetch_bytes}
    return CheckedConsumer(**{**reader_options(kafka), "fetch_max_wait_ms": 100, **sizes, **options})


async def _ends(kafka: Kafka | str, consumer: Any, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Returns where the partitions end: the high-water mark of a fetch. It moves the consumer's positions."""
    deadline = time.monotonic() + ANSWER_S
    while missing := [partition for partition in partitions if consumer.highwater(partition) is None]:
        if time.monotonic() > deadline:
            raise BrokerUnavailable(f"kafka {kafka}: {missing[0]}: no answer in {ANSWER_S:g} s")
        await consumer.getmany(timeout_ms=100, max_records=1)
    return {partition: int(consumer.highwater(partition)) for partition in partitions}


async def _read(
    kafka: Kafka | str, consumer: Any, ends: Mapping[TopicPartition, int], at_once: int | None, *, may_be_empty: bool
) -> AsyncGenerator[list[Any], None]:
    """Yields the records from the consumer's positions to the ends, in order within a partition, some of one at a time.

    For a batch that cannot be decoded it yields its range, an UnreadableRange. may_be_empty: nothing need follow up to
    an end, so that it is enough if the broker answers; else that is a BrokerUnavailable.
    """
    answered_at, skipper = time.monotonic(), BatchSkipper(kafka, consumer)
    while unfinished := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
        fetched = await consumer.getmany(*unfinished, timeout_ms=200, max_records=at_once)
        for tp, records in fetched.items():
            answered_at = time.monotonic()
            if records[-1].offset >= ends[tp]:
                records = [record for record in records if record.offset < ends[tp]]
            if records:
                yield records
        for skipped in await skipper.skip():
            answered_at, end = time.monotonic(), ends[TopicPartition(skipped.topic, skipped.partition)]
            if skipped.offset < end:
                yield [replace(skipped, end=min(skipped.end, end))]
        silent_s = time.monotonic() - answered_at
        if may_be_empty and silent_s > QUIET_S:
            await consumer.topics()  # unavailable, or the ends are past the last record: no record of ours follows
            return
        if silent_s > ANSWER_S:
            raise BrokerUnavailable(f"kafka {kafka}: {unfinished[0]}: no answer in {ANSWER_S:g} s")


def _by_time(partition: TopicPartition, at: Any, log_start: int, end: int) -> OffsetRange:
    return OffsetRange(partition, log_start, start_offset(at, log_start, end), end)


# --- one topic, for a command: a batch that cannot be decoded is skipped, with a warning


@asynccontextmanager
async def _whole_topic(kafka: Kafka | str, topic: str, **more: Any) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
    """Yields a consumer at the start of every partition, and the partitions."""
    partitions = [TopicPartition(topic, p) for p in range(await require_topic(kafka, topic))]
    consumer = _reader(kafka, auto_offset_reset="earliest", **more)
    try:
        await consumer.start()
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        yield consumer, partitions
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(kafka, error, topic, "Read") from error
    finally:
        await consumer.stop()


async def end_offsets(kafka: Kafka | str, topic: str) -> dict[TopicPartition, int]:
    """Returns partition -> the offset that its next record gets."""
    async with _whole_topic(kafka, topic, max_partition_fetch_bytes=PEEK_BYTES) as (consumer, partitions):
        return await _ends(kafka, consumer, partitions)


async def read_all(kafka: Kafka | str, topic: str) -> AsyncGenerator[Any, None]:
    """Yields every record that the topic holds now, in order within a partition.

    Raises BrokerUnavailable, TopicsMissing.
    """
    async with _whole_topic(kafka, topic) as (consumer, partitions):
        ends = await _ends(kafka, consumer, partitions)
        await consumer.seek_to_beginning(*partitions)
        async with aclosing(_read(kafka, consumer, ends, None, may_be_empty=True)) as batches:
            async for records in batches:
                if not isinstance(records[0], UnreadableRange):
                    for record in records:
                        yield record


async def follow(kafka: Kafka | str, topic: str, *, from_start: bool) -> AsyncGenerator[Any, None]:
    """Yields records for ever: those that the topic holds and new ones, or only new ones. Raises as `read_all`."""
    ends = {} if from_start else await end_offsets(kafka, topic)
    async with _whole_topic(kafka, topic) as (consumer, _):
        for partition, end in ends.items():
            consumer.seek(partition, end)
        skipper = BatchSkipper(kafka, consumer)
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    yield record
            await skipper.skip()


class TopicReader:
    """Ranges of one topic, partition after partition, read by one consumer. Close it after use.

    The same topic gives the same order. A batch that cannot be decoded is skipped, with a warning.
    """

    def __init__(self, kafka: Kafka | str, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._consumer: Any = None

    async def aclose(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def since(self, from_ms: int, *, most: int | None = None) -> list[OffsetRange]:
        """Returns for each partition the range of every record written at from_ms or later, by the broker's time index.

        most: only about that many records, the newest, equally many of each partition.

        Raises BrokerUnavailable, TopicsMissing.
        """
        ends = await end_offsets(self._kafka, self._topic)
        async with self._started() as consumer:
            log_starts = await consumer.beginning_offsets(list(ends))
            by_time = await consumer.offsets_for_times(dict.fromkeys(ends, max(0, from_ms)))
        ranges = [_by_time(tp, by_time.get(tp), log_starts[tp], end) for tp, end in sorted(ends.items())]
        if most is None:
            return ranges
        each = max(1, most // max(1, len(ends)))
        return [one._replace(start=max(one.start, one.end - each)) for one in ranges]

    async def oldest(self, offset_range: OffsetRange) -> Any:
        """Returns the partition's oldest record; None if it has none. Raises BrokerUnavailable."""
        async for records in self.read(offset_range.from_log_start):
            return records[0]
        return None

    async def read(self, offset_range: OffsetRange) -> AsyncGenerator[list[Any], None]:
        """Yields the range's records in order, some at a time, never none. Raises BrokerUnavailable."""
        if offset_range.start >= offset_range.end:
            return
        partition, end = offset_range.partition, offset_range.end
        async with self._started() as consumer:
            consumer.assign([partition])
            consumer.seek(partition, offset_range.start)
            reading = _read(self._kafka, consumer, {partition: end}, COMMAND_AT_ONCE, may_be_empty=False)
            async with aclosing(reading) as batches:
                async for records in batches:
                    if not isinstance(records[0], UnreadableRange):
                        yield records

    @asynccontextmanager
    async def _started(self) -> AsyncIterator[Any]:
        try:
            if self._consumer is None:
                consumer = _reader(self._kafka, COMMAND_BYTES, auto_offset_reset="earliest")
                self._consumer = await start_client(consumer)
            yield self._consumer
        except (KafkaError, OSError) as error:
            raise await unavailable_or_refused(self._kafka, error, self._topic, "Read") from error


class RangeReader:
    """The `RangeSource` of a replay: a TopicReader for each topic. Stop it after use."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._topics: dict[str, TopicReader] = {}

    async def stop(self) -> None:
        for topic in self._topics.values():
            await topic.aclose()

    async def since(self, topic: str, at_ms: int) -> list[OffsetRange]:
        """Returns for each partition the range of every record of that time or later. Raises BrokerUnavailable."""
        return await self._of(topic).since(at_ms)

    async def oldest_ms(self, offset_range: OffsetRange) -> int | None:
        """Returns the time of the partition's oldest record; None if it has no record, or that has no time.

        Raises BrokerUnavailable.
        """
        record = await self._of(offset_range.partition.topic).oldest(offset_range)
        return None if record is None else record_time(record.timestamp, int(time.time() * 1000))

    def read(self, offset_range: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Yields the range's records in order, some at a time. Raises BrokerUnavailable."""
        return self._of(offset_range.partition.topic).read(offset_range)

    def _of(self, topic: str) -> TopicReader:
        return self._topics.setdefault(topic, TopicReader(self._kafka, topic))


# --- several topics, for a worker: it must know the range of a batch that cannot be decoded


class TopicHistory:
    """The `HistoryReader` of a recovery. Every call has its own consumer: several may run side by side."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        """Returns each partition's range of records of that time or later, in order, by the broker's time index.

        0: everything. Raises BrokerUnavailable.
        """
        async with self._consumer(", ".join(sorted({partition.topic for partition in partitions}))) as consumer:
            log_starts: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
            by_time = await consumer.offsets_for_times(dict.fromkeys(partitions, at_ms)) if at_ms else {}
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, log_starts[partition])
            ends = await _ends(self._kafka, consumer, partitions)
        if not at_ms:
            return [OffsetRange(tp, log_starts[tp], log_starts[tp], ends[tp]) for tp in partitions]
        return [_by_time(tp, by_time.get(tp), log_starts[tp], ends[tp]) for tp in partitions]

    async def read(self, *ranges: OffsetRange) -> AsyncGenerator[Sequence[Record], None]:
        """Yields their records, in order within a partition, some of one at a time, never none.

        Raises BrokerUnavailable. For a batch that cannot be decoded it yields its range, an UnreadableRange.
        """
        wanted = [offset_range for offset_range in ranges if offset_range.start < offset_range.end]
        if not wanted:
            return
        async with self._consumer(wanted[0].partition.topic) as consumer:
            consumer.assign([offset_range.partition for offset_range in wanted])
            for offset_range in wanted:
                consumer.seek(offset_range.partition, offset_range.start)
            ends = {offset_range.partition: offset_range.end for offset_range in wanted}
            reading = _read(self._kafka, consumer, ends, WORKER_AT_ONCE, may_be_empty=False)
            async with aclosing(reading) as batches:
                async for records in batches:
                    yield records

    @asynccontextmanager
    async def _consumer(self, what: object) -> AsyncIterator[Any]:
        consumer = _reader(self._kafka, WORKER_BYTES, auto_offset_reset="none", fetch_max_wait_ms=50)
        try:
            await consumer.start()
            yield consumer
        except (KafkaError, OSError, TimeoutError) as error:
            raise broker_unavailable(self._kafka, error, what) from error
        finally:
            await consumer.stop()
