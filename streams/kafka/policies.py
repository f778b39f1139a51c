"""Reads the `policies` topic: its first offset, its end, and its records as bytes. Knows aiokafka only.

A reader of its own: no batch of it may be skipped, it goes on for as long as a worker runs, and it must notice that the
topic was truncated or recreated. Its end is that of `reader.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from tidegate.streams.core.partition import TopicPartition, content_hash
from tidegate.streams.errors import BrokerUnavailable, UnreadableBatch
from tidegate.streams.kafka.client import ANSWER_S, Kafka, reader_options
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.topics import POLICIES

FETCH_MS = 500
SHRUNK_S = 5.0  # if the log ends before what was read of it, wait this long: a new leader may not know its end yet
QUIET = 3  # fetches without a record: the high-water mark is past the last record, and none of ours follows


class PoliciesTopic:
    """A reader of the topic, without a group. Raises BrokerUnavailable, and the client's own errors."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._consumer: Any = None
        self._tp = TopicPartition(POLICIES, 0)

    async def open(self) -> None:
        """Connects again, at the topic's first record."""
        await self.close()
        self._consumer = consumer = CheckedConsumer(
            **reader_options(self._kafka),
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        async with asyncio.timeout(ANSWER_S):
            await consumer.start()
            consumer.assign([self._tp])
            await consumer.seek_to_beginning(self._tp)

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def require_answer(self) -> None:
        """Returns if the broker answers: a fetch from an unavailable broker raises nothing."""
        async with asyncio.timeout(ANSWER_S):
            await self._consumer.topics()

    async def fetch(self, most: int | None = None) -> Sequence[Any]:
        """Returns the next records; none if none came in FETCH_MS.

        Raises UnreadableBatch at one that cannot be decoded: it may hold a policy, so none is ever skipped.
        """
        fetched = await self._consumer.getmany(self._tp, timeout_ms=FETCH_MS, max_records=most)
        if not fetched and (bad := self._consumer.unreadable.get(self._tp)):
            self._consumer.retry(self._tp)
            raise UnreadableBatch(
                f"kafka {self._kafka}: {POLICIES}[0]@{bad.start}: a batch that cannot be read: {bad.why}; "
                "expected the log to be mended, or its records deleted up to there (docs/how-to/recover.md)"
            )
        records: Sequence[Any] = fetched.get(self._tp, ())
        return records

    def seek(self, offset: int) -> None:
        self._consumer.seek(self._tp, offset)

    @property
    def end(self) -> int | None:
        """The fetch high-water mark (`reader.py` says why); None before the first answer."""
        high_water: int | None = self._consumer.highwater(self._tp)
        return high_water

    async def bounds(self, read_to: int) -> tuple[int, int]:
        """Returns [first, end): the offset of the first record (`end` if there is none), and the high-water mark.

        Call it just after `open`. Waits up to SHRUNK_S if the log ends before `read_to`.
        """
        first: int | None = None
        quiet, began = 0, time.monotonic()
        while True:
            fetched = await self.fetch(1)
            end, waited = self.end, time.monotonic() - began
            if first is None and fetched:
                first = fetched[0].offset
            quiet = 0 if fetched else quiet + 1
            if end is None and waited > ANSWER_S:
                raise BrokerUnavailable(f"kafka {self._kafka}: {POLICIES}: no answer in {ANSWER_S:g} s")
            if end is None or (end < read_to and waited < SHRUNK_S):
                continue
            if first is not None or quiet > QUIET or await self._consumer.position(self._tp) >= end:
                return (end if first is None else first), end

    async def hash_at(self, offset: int) -> str | None:
        """Returns the hash of the record at that offset; None if there is none."""
        self.seek(offset)
        for _ in range(QUIET):
            for record in await self.fetch(1):
                return content_hash(record.value) if record.offset == offset else None
        return None

    async def fetch_until(self, end: int) -> Sequence[Any] | None:
        """Returns the next records; None after all up to `end` were returned."""
        quiet = 0
        while await self._consumer.position(self._tp) < end:
            if fetched := await self.fetch():
                return fetched
            quiet += 1
            if quiet > QUIET:
                await self.require_answer()  # unavailable, or no record of ours follows
                break
        return None
