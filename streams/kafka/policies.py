"""The `policies` topic as its bytes stand there: where it begins and ends, and its records. Knows aiokafka only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition as KafkaPartition

from tidegate.streams.core.policy.snapshot import hash_of
from tidegate.streams.errors import BrokerUnavailable, UnreadableBatch
from tidegate.streams.kafka.client import Kafka, without_group
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.topics import POLICIES

ANSWER_S = 15.0
FETCH_MS = 500
SHRUNK_S = 5.0  # a log that ends before what was read of it: a new leader may not know its end yet, for so long
QUIET = 3  # fetches without a record: the high-water mark is past the last one, of ours nothing follows


class PoliciesTopic:
    """One reader of it, without a group. Raises BrokerUnavailable, and the client's errors as they are."""

    def __init__(self, kafka: Kafka | str) -> None:
        self._kafka = kafka
        self._consumer: Any = None
        self._tp = KafkaPartition(POLICIES, 0)

    async def open(self) -> None:
        """Connects anew, and stands at the topic's beginning."""
        await self.close()
        self._consumer = consumer = CheckedConsumer(
            **without_group(self._kafka),
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

    async def ask(self) -> None:
        """Returns where the broker answers: the client fetches in silence from one that is unavailable."""
        async with asyncio.timeout(ANSWER_S):
            await self._consumer.topics()

    async def fetch(self, most: int | None = None) -> Sequence[Any]:
        """The next records; none where none came in FETCH_MS.

        Raises UnreadableBatch at one that cannot be decoded: a policy may stand in it, so none is ever left out.
        """
        fetched = await self._consumer.getmany(self._tp, timeout_ms=FETCH_MS, max_records=most)
        if not fetched and (bad := self._consumer.unreadable.get(self._tp)):
            self._consumer.again(self._tp)
            raise UnreadableBatch(
                f"kafka {self._kafka}: {POLICIES}[0]@{bad.start}: a batch that cannot be read: {bad.why}; "
                "expected the log to be mended, or its records deleted up to there (docs/how-to/recover.md)"
            )
        records: Sequence[Any] = fetched.get(self._tp, ())
        return records

    def go_to(self, offset: int) -> None:
        self._consumer.seek(self._tp, offset)

    @property
    def end(self) -> int | None:
        """The fetch high-water mark; None before the first answer. Never end_offsets (FAUST.md 4)."""
        found: int | None = self._consumer.highwater(self._tp)
        return found

    async def bounds(self, known: int) -> tuple[int, int]:
        """[first, end): the offset of the first record (`end` where there is none), and the high-water mark.

        Of one just opened. Waits a little where it ends before `known`.
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
            if end is None or (end < known and waited < SHRUNK_S):
                continue
            if first is not None or quiet > QUIET or await self._consumer.position(self._tp) >= end:
                return (end if first is None else first), end

    async def hash_at(self, offset: int) -> str | None:
        """Of the record there; None where there is none."""
        self.go_to(offset)
        for _ in range(QUIET):
            for record in await self.fetch(1):
                return hash_of(record.value) if record.offset == offset else None
        return None

    async def up_to(self, end: int) -> Sequence[Any] | None:
        """The next records; None where all up to `end` were given."""
        quiet = 0
        while await self._consumer.position(self._tp) < end:
            if fetched := await self.fetch():
                return fetched
            quiet += 1
            if quiet > QUIET:
                await self.ask()  # away, or nothing of ours follows
                break
        return None
