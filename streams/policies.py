"""The `policies` log as every worker and the CLI read it: from its start, without a group, to the live policy.

Knows aiokafka only; what a record means is `core/log.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.core.events import PolicyChange
from streams.core.log import Folded, PolicyLog, Verdict, fold
from streams.core.policy import Policy
from streams.core.thresholds import LivePolicy
from streams.errors import BrokerAway, broker_away
from streams.publish import Message, Publisher
from streams.tasks import Tasks

log = logging.getLogger(__name__)

TOPIC = "policies"
NAME = b"live"  # the key: one policy today
ANSWER_S = 15.0
ASK_S = 5.0  # after so long without a record the broker is asked whether it is there


class Policies:
    """The folded log, kept current. `live` is one assignment: read it once a batch."""

    def __init__(self, kafka: str, on_record: Callable[[Folded, int, Any], None] | None = None) -> None:
        self._kafka = kafka
        self._on_record = on_record
        self._consumer: Any = None
        self._tp = TopicPartition(TOPIC, 0)
        self._tasks = Tasks()
        self._following = False
        self._moved = asyncio.Condition()
        self.log = PolicyLog()
        self.away: str | None = None  # why the log cannot be read just now; the last good version stands

    @property
    def live(self) -> LivePolicy:
        """The live policy. Raises LookupError before one is known: `start` comes first."""
        if self.log.live is None:
            raise LookupError("no policy yet")
        return self.log.live

    async def read(self) -> PolicyLog:
        """Reads the log from its start to its end, once. Raises BrokerAway where the broker does not answer."""
        await self.stop()
        self.log = PolicyLog()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        self._consumer = consumer
        try:
            async with asyncio.timeout(ANSWER_S):
                await consumer.start()
                consumer.assign([self._tp])
                await consumer.seek_to_beginning(self._tp)
            deadline = time.monotonic() + ANSWER_S
            # Never end_offsets: the fetch high-water mark is right on every broker (FAUST.md 4).
            while (end := consumer.highwater(self._tp)) is None or self.log.next < end:
                if time.monotonic() > deadline:
                    raise BrokerAway(f"kafka {self._kafka}: {TOPIC}: no answer in {ANSWER_S:g} s")
                if await self._fold_more():
                    deadline = time.monotonic() + ANSWER_S
                elif end is not None:
                    break  # a high-water mark past the last record: control records, nothing of ours
        except (KafkaError, OSError, AssertionError) as error:
            raise broker_away(self._kafka, error, TOPIC) from error
        return self.log

    async def follow(self) -> None:
        """Goes on reading in the background, after `read`."""
        self._following = True
        self._tasks.spawn(self._follow())

    async def stop(self) -> None:
        self._following = False
        await self._tasks.finish(within_s=0)
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def seed(self, publisher: Publisher, policy: Policy, author: str) -> None:
        """Writes the first policy of an empty log. Of two workers that do, the first in the log wins."""
        await self.write(publisher, PolicyChange(
            parent=None, policy=policy.model_dump(mode="json", exclude_none=True), author=author,
            reason="first policy of an empty log", at_ms=int(time.time() * 1000),
        ))  # fmt: skip
        deadline = time.monotonic() + ANSWER_S
        while self.log.live is None:
            if time.monotonic() > deadline:
                raise BrokerAway(f"kafka {self._kafka}: {TOPIC}: the first policy did not come back")
            await self._fold_more()

    async def write(self, publisher: Publisher, record: Any) -> None:
        """Appends one record, acknowledged."""
        await publisher.publish([Message(TOPIC, NAME, record.model_dump_json().encode(), 0)])

    async def settled(self, until: Callable[[PolicyLog], bool], timeout_s: float = ANSWER_S) -> PolicyLog:
        """The log, once `until` holds for it. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._moved:
            await self._moved.wait_for(lambda: until(self.log))
        return self.log

    async def _follow(self) -> None:
        heard = time.monotonic()
        while True:
            try:
                if not await self._fold_more():
                    if self.away is None and time.monotonic() - heard < ASK_S:
                        continue
                    async with asyncio.timeout(ANSWER_S):
                        await self._consumer.topics()  # the client fetches in silence from a broker that is away
                heard, self.away = time.monotonic(), None
            except (KafkaError, OSError) as error:
                said, self.away = self.away, f"{type(error).__name__}: {error}"
                if said is None:
                    stands = _version(self.log)
                    log.warning("kafka %s: %s not read: %s; policy %s stands", self._kafka, TOPIC, self.away, stands)
                await asyncio.sleep(1.0)

    async def _fold_more(self) -> int:
        fetched = await self._consumer.getmany(self._tp, timeout_ms=500)
        n = 0
        for record in fetched.get(self._tp, ()):
            folded = fold(self.log, record.offset, record.value)
            self.log = folded.log
            n += 1
            if self._following:  # what was written before we came is history
                _tell(folded)
            if self._on_record is not None:
                self._on_record(folded, record.offset, record)
        if n:
            async with self._moved:
                self._moved.notify_all()
        return n


def _tell(folded: Folded) -> None:
    if folded.verdict is Verdict.APPLIED:
        log.info("policy %s is live", _version(folded.log))
    elif folded.why:
        log.warning("%s; skipped, policy %s stands", folded.why, _version(folded.log))


def _version(known: PolicyLog) -> str:
    return known.live.version if known.live else "none"
