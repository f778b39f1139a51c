"""Batches from a source topic, in order, owned, bounded in flight; committed only when they were applied.

Knows aiokafka only. It does not know what a batch means: it hands batches out (`hand_out`), is told when one is
finished (`done`), and is asked before anything is published (`may_publish`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalStateError, KafkaError

from tidegate.streams.core.partition import Record, TopicPartition, UnreadableRange
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.ingest.batches import Batch, IngestLimits, RecordRange
from tidegate.streams.ingest.commits import ANSWER_S, Commits
from tidegate.streams.ingest.consumer import make
from tidegate.streams.ingest.positions import lags, seek_back
from tidegate.streams.ingest.takeover import OwnedPartition
from tidegate.streams.ingest.unreadable import Note, UnreadableBatches
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.errors import broker_unavailable
from tidegate.streams.tasks import Tasks, exit_on_bug

log = logging.getLogger(__name__)

DRAIN_S = 20.0  # a rebalance or a stop waits this long for batches in flight
BACKOFF_S = (0.1, 5.0)


class Ingest(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One source topic's batches for one worker of the group."""

    def __init__(
        self,
        kafka: Kafka | str,
        group: str,
        topic: str,
        limits: IngestLimits,
        hand_out: Callable[[Batch], Awaitable[None]],
        take_over: Callable[[TopicPartition, int | None], Awaitable[OwnedPartition]],
        let_go: Callable[[OwnedPartition], Awaitable[None]],
        note_unreadable: Note | None = None,
        count_unreadable: Callable[[str], None] | None = None,
    ) -> None:
        self.topic, self._limits, self._kafka, self._group = topic, limits, kafka, group
        self._hand_out, self._take_over, self._let_go = hand_out, take_over, let_go
        self.owned: dict[TopicPartition, OwnedPartition] = {}
        self.waiting_for: str | None = "the group"  # what keeps this ingest from reading; None: reading
        self.last_poll = time.monotonic()
        self._inflight: set[Batch] = set()
        self._changed = asyncio.Condition()
        self._last_finished = asyncio.Event()
        self._last_finished.set()
        self._assignment = itertools.count(1)
        self._current = 0
        self._revoking = self._stopping = False
        self._tasks = Tasks()
        self.unreadable = UnreadableBatches(kafka, limits, note_unreadable, count_unreadable, self._tasks)
        self._taking: dict[TopicPartition, int] = {}  # under which assignment: an older one may still be at a partition
        self._commits = Commits(topic)
        self._stood_since: float | None = None
        self._consumer: Any = None

    async def start(self) -> None:
        """Joins the group. Raises BrokerUnavailable where no broker answers."""
        consumer = make(self._kafka, self._group, self._limits)
        consumer.subscribe([self.topic], listener=self)
        self._consumer = consumer  # the first assignment comes before start returns
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            self._consumer = None
            await consumer.stop()
            raise broker_unavailable(self._kafka, error, operation="Read") from error
        self.last_poll = time.monotonic()
        consumer.membership.answered()
        self._tasks.spawn(self._pump())
        self._tasks.spawn(self._commit_regularly())

    async def stop(self) -> None:
        """Finishes what is in flight, commits, lets the partitions go, leaves the group."""
        self._stopping = True
        await self._drain_and_let_go()
        await self._tasks.finish(within_s=0)
        if self._consumer is not None:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._consumer.stop()
            except TimeoutError:
                log.warning("%s: left without a word: no answer in %g s", self.topic, ANSWER_S)

    # --- liveness

    def may_publish(self) -> bool:
        """False where the group may have given our partitions away: frozen, or cut off, past the session timeout."""
        return self._consumer is not None and self._consumer.membership.alive()

    def stalled_s(self) -> float:
        """Seconds since the last poll, where nothing in flight explains it; 0 otherwise."""
        return 0.0 if self._consumer is None or self._inflight else time.monotonic() - self.last_poll

    # --- rebalance

    async def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        self._current = next(self._assignment)
        self._revoking = True
        self._taking.clear()
        self._stood_since = self._stood_since or time.monotonic()
        self.waiting_for = "the group"
        try:
            await self._drain_and_let_go()
        except Exception as error:  # noqa: BLE001 - aiokafka would log it and go on, with partitions that nobody let go
            exit_on_bug(error)

    async def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        self._current = next(self._assignment)
        self._revoking = False
        self._consumer.membership.answered()
        partitions = [TopicPartition(tp.topic, tp.partition) for tp in assigned]
        log.info("assigned %s", ", ".join(map(str, sorted(partitions))) or f"nothing of {self.topic}")
        if partitions:
            self._consumer.pause(*assigned)
            self._taking = dict.fromkeys(partitions, self._current)
            self._tasks.spawn(self._take(partitions, self._current))
        else:
            self._reads()

    def _reads(self) -> None:
        self.waiting_for = None
        if self._stood_since is not None:
            stood_s, self._stood_since = time.monotonic() - self._stood_since, None
            log.info("%s: reading again after %.2f s, %d partitions", self.topic, stood_s, len(self.owned))

    async def _drain_and_let_go(self) -> None:
        clean = True
        try:
            async with asyncio.timeout(DRAIN_S), self._changed:
                await self._changed.wait_for(lambda: not self._inflight)
        except TimeoutError:
            clean, left = False, len(self._inflight)
            log.warning(
                "%s: %d batches in flight after %g s; the next owner reads them again", self.topic, left, DRAIN_S
            )
        await self.commit()
        leaving = list(self.owned.values())
        self.owned.clear()
        self.unreadable.left()
        self._commits.forget()
        for owned in leaving:
            owned.valid = False
            if clean:
                await self._let_go(owned)

    async def _take(self, partitions: list[TopicPartition], assignment: int) -> None:
        """Takes partitions over, one after another, for as long as this assignment holds; waits for what is unavailable."""
        for partition in partitions:
            delay = BACKOFF_S[0]
            try:
                while self._current == assignment and not self._stopping:
                    try:
                        if self.may_publish():
                            await self._start_at_checkpoint(partition, assignment)
                            break
                        self.waiting_for = "a heartbeat"
                    except (StoreUnavailable, BrokerUnavailable) as error:
                        self.waiting_for = "redis" if isinstance(error, StoreUnavailable) else "kafka"
                        log.warning("%s: not taken over yet: %s", partition, error)
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, BACKOFF_S[1])
            finally:
                if self._taking.get(partition) == assignment:
                    del self._taking[partition]
        if self._current == assignment and not self._taking:
            self._reads()

    async def _start_at_checkpoint(self, partition: TopicPartition, assignment: int) -> None:
        tp = KafkaPartition(*partition)
        try:
            committed = await self._consumer.committed(tp)
            owned = await self._take_over(partition, committed)
            if committed is not None and owned.position < committed:
                await self._consumer.commit({tp: owned.position})  # no rebuild of what is to be decided again
            if self._current == assignment:
                self._consumer.seek(tp, owned.position)
                self.owned[partition] = owned
                self._consumer.resume(tp)
        except IllegalStateError:
            log.info("%s: reassigned while it was taken over", partition)
        except KafkaError as error:
            raise broker_unavailable(self._kafka, error, partition, "Read") from error

    def retake(self, owned: OwnedPartition, why: str) -> None:
        """Forgets what is in flight of a partition and takes it over again: the store says that it is not where we are."""
        if not owned.valid:
            return
        owned.valid = False
        if self.owned.get(owned.partition) is owned:
            del self.owned[owned.partition]
        if self._revoking or self._stopping or owned.partition in self._taking:
            return
        log.warning("%s: %s; taking it over again", owned.partition, why)
        try:
            self._consumer.pause(KafkaPartition(*owned.partition))
        except IllegalStateError:
            return  # given away meanwhile
        self._taking[owned.partition] = self._current
        self._tasks.spawn(self._take([owned.partition], self._current))

    # --- reading

    async def _pump(self) -> None:
        while not self._stopping:
            async with self._changed:
                await self._changed.wait_for(self._room)
            try:
                fetched = await self._consumer.getmany(timeout_ms=200, max_records=self._limits.batch_events)
            except KafkaError as error:
                log.warning("kafka %s: %s: %s; waiting for it", self._kafka, type(error).__name__, error)
                seek_back(self._consumer, self.owned)
                await asyncio.sleep(1.0)
                continue
            self.last_poll = time.monotonic()
            # Judged after getmany: it may have slept through a whole rebalance and return the new assignment's records.
            ranges = [
                record_range for tp, records in fetched.items() if (record_range := self._record_range(tp, records))
            ]
            if ranges:
                await self._hand_over(ranges)
            self.unreadable.look(self._consumer, self.owned)
            for owned, left_out in self.unreadable.due():
                await self._step_over(owned, left_out)

    async def _step_over(self, owned: OwnedPartition, left_out: UnreadableRange) -> None:
        """Hands a range that cannot be read out as a batch of its own, and reads on after it."""
        tp = KafkaPartition(*owned.partition)
        if self.owned.get(owned.partition) is not owned:
            return  # taken over again meanwhile: the newer owner goes there by itself
        record_range = self._record_range(tp, [left_out])
        if record_range is None:
            return
        with contextlib.suppress(IllegalStateError):
            self._consumer.seek(tp, left_out.end)
            self._consumer.again(tp)
        await self._hand_over([record_range])

    def _room(self) -> bool:
        # What killed a worker must be alone in hand to be found.
        quarantined = any(owned.quarantined for owned in self.owned.values())
        return self._stopping or (not self._inflight if quarantined else self._limits.leave_room(self._inflight))

    def _record_range(self, tp: KafkaPartition, records: list[Record]) -> RecordRange | None:
        owned = self.owned.get(TopicPartition(tp.topic, tp.partition))
        if owned is None or not owned.valid or self._revoking or self._stopping:
            return None  # the next takeover seeks to the checkpoint: nothing is skipped
        records = [record for record in records if record.offset >= owned.position]
        if not records:
            return None
        self.unreadable.read(owned.partition)
        highwater = self._consumer.highwater(tp)
        record_range = RecordRange(owned, owned.position, records, -1)
        record_range.lag = -1 if highwater is None else max(0, highwater - record_range.end)
        owned.position = record_range.end
        return record_range

    async def _hand_over(self, ranges: list[RecordRange]) -> None:
        events = sum(len(record_range.records) for record_range in ranges)
        size = sum(len(record.value or b"") for record_range in ranges for record in record_range.records)
        batch = Batch(ranges, self._last_finished, events, size)
        self._last_finished = batch.finished
        self._inflight.add(batch)
        await self._hand_out(batch)

    async def done(self, batch: Batch) -> None:
        """Says that a batch needs nothing more: applied, or forgotten because its partition is not ours any longer."""
        batch.finished.set()
        async with self._changed:
            self._inflight.discard(batch)
            self._changed.notify_all()

    async def commit(self) -> None:
        """Commits what was applied since the last time."""
        if self._consumer is not None:
            await self._commits.commit(self._consumer, self.owned.values())

    async def _commit_regularly(self) -> None:
        while not self._stopping:
            await asyncio.sleep(self._limits.commit_interval_s)
            await self.commit()

    def lags(self) -> dict[TopicPartition, int]:
        """See `positions.py`."""
        return lags(self._consumer, self.owned)
