"""Reads batches of a source topic: in order, owned, bounded in flight, and committed only once they are applied.

Knows aiokafka only, and not what a batch means. It hands batches out (`hand_out`); the pipeline calls `done` when one
is finished, and `may_publish` before it publishes anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalStateError, KafkaError

from tidegate.streams.core.partition import Record, TopicPartition, UnreadableRange
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.ingest.batches import Batch, IngestLimits, RecordRange
from tidegate.streams.ingest.commits import GROUP_ANSWER_S, Commits
from tidegate.streams.ingest.consumer import group_consumer
from tidegate.streams.ingest.positions import lags, seek_back
from tidegate.streams.ingest.takeover import NoHeartbeat, OwnedPartition
from tidegate.streams.ingest.unreadable import CountTry, UnreadableBatches
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.errors import broker_unavailable
from tidegate.streams.tasks import Tasks, exit_on_bug, retry

log = logging.getLogger(__name__)

DRAIN_S = 20.0  # a rebalance or a stop waits this long for batches in flight
BACKOFF_S = (0.1, 5.0)


class Ingest(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The batches of one source topic, for one worker of the group."""

    def __init__(
        self,
        kafka: Kafka | str,
        group: str,
        topic: str,
        limits: IngestLimits,
        hand_out: Callable[[Batch], Awaitable[None]],
        take_over: Callable[[TopicPartition, int | None], Awaitable[OwnedPartition]],
        release: Callable[[OwnedPartition], Awaitable[None]],
        note_unreadable: CountTry | None = None,
        count_unreadable: Callable[[str], None] | None = None,
    ) -> None:
        self.topic, self._limits, self._kafka, self._group = topic, limits, kafka, group
        self._hand_out, self._take_over, self._release = hand_out, take_over, release
        self.owned: dict[TopicPartition, OwnedPartition] = {}
        self.waiting_for: str | None = "the group"  # what this ingest waits for; None: it is reading
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
        self._takeovers: dict[TopicPartition, int] = {}  # running, by assignment: an older one's may run on
        self._commits = Commits(topic)
        self._paused_since: float | None = None
        self._consumer: Any = None

    async def start(self) -> None:
        """Joins the group. Raises BrokerUnavailable if no broker answers."""
        consumer = group_consumer(self._kafka, self._group, self._limits)
        consumer.subscribe([self.topic], listener=self)
        self._consumer = consumer  # the first assignment comes before start returns
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            self._consumer = None
            await consumer.stop()
            raise broker_unavailable(self._kafka, error, operation="Read") from error
        self.last_poll = time.monotonic()
        consumer.membership.mark_alive()
        self._tasks.spawn(self._pump())
        self._tasks.spawn(self._commit_regularly())

    async def stop(self) -> None:
        """Finishes what is in flight, commits, releases the partitions, leaves the group."""
        self._stopping = True
        await self._drain_and_release()
        await self._tasks.finish(within_s=0)
        if self._consumer is not None:
            try:
                async with asyncio.timeout(GROUP_ANSWER_S):
                    await self._consumer.stop()
            except TimeoutError:
                log.warning("%s: left the group without an answer in %g s", self.topic, GROUP_ANSWER_S)

    # --- liveness

    def may_publish(self) -> bool:
        """Returns False if the group may have given our partitions away: frozen or cut off past the session timeout."""
        return self._consumer is not None and self._consumer.membership.alive()

    def stalled_s(self) -> float:
        """Returns the seconds since the last poll; 0 while batches are in flight, which explain it."""
        return 0.0 if self._consumer is None or self._inflight else time.monotonic() - self.last_poll

    # --- rebalance

    async def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        self._current = next(self._assignment)
        self._revoking = True
        self._takeovers.clear()
        self._paused_since = self._paused_since or time.monotonic()
        self.waiting_for = "the group"
        try:
            await self._drain_and_release()
        except Exception as error:  # noqa: BLE001 - aiokafka would log it and go on, with partitions not released
            exit_on_bug(error)

    async def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        self._current = next(self._assignment)
        self._revoking = False
        self._consumer.membership.mark_alive()
        partitions = [TopicPartition(tp.topic, tp.partition) for tp in assigned]
        log.info("assigned %s", ", ".join(map(str, sorted(partitions))) or f"nothing of {self.topic}")
        if partitions:
            self._consumer.pause(*partitions)
            self._takeovers = dict.fromkeys(partitions, self._current)
            self._tasks.spawn(self._take_over_all(partitions, self._current))
        else:
            self._mark_reading()

    def _mark_reading(self) -> None:
        self.waiting_for = None
        if self._paused_since is not None:
            paused_s, self._paused_since = time.monotonic() - self._paused_since, None
            log.info("%s: reading again after %.2f s, %d partitions", self.topic, paused_s, len(self.owned))

    async def _drain_and_release(self) -> None:
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
        self.unreadable.clear()
        self._commits.forget()
        for owned in leaving:
            owned.valid = False
            if clean:
                await self._release(owned)

    async def _take_over_all(self, partitions: list[TopicPartition], assignment: int) -> None:
        """Takes partitions over one by one while this assignment holds; waits for what is unavailable."""
        for partition in partitions:
            await retry(
                partial(self._start_at_checkpoint, partition, assignment),
                backoff_s=BACKOFF_S,
                wanted=lambda: self._current == assignment and not self._stopping,
                on_error=partial(self._not_taken_over, partition),
                errors=(StoreUnavailable, BrokerUnavailable, NoHeartbeat),
            )
            if self._takeovers.get(partition) == assignment:
                del self._takeovers[partition]
        if self._current == assignment and not self._takeovers:
            self._mark_reading()

    def _not_taken_over(self, partition: TopicPartition, error: Exception, _: float) -> None:
        if isinstance(error, NoHeartbeat):
            self.waiting_for = "a heartbeat"
            return
        self.waiting_for = "redis" if isinstance(error, StoreUnavailable) else "kafka"
        log.warning("%s: not taken over yet: %s", partition, error)

    async def _start_at_checkpoint(self, partition: TopicPartition, assignment: int) -> None:
        if not self.may_publish():
            raise NoHeartbeat
        try:
            committed = await self._consumer.committed(partition)
            owned = await self._take_over(partition, committed)
            if committed is not None and owned.position < committed:
                await self._consumer.commit(
                    {partition: owned.position}
                )  # what is to be decided again must not be rebuilt
            if self._current == assignment:
                self._consumer.seek(partition, owned.position)
                self.owned[partition] = owned
                self._consumer.resume(partition)
        except IllegalStateError:
            log.info("%s: reassigned while it was taken over", partition)
        except KafkaError as error:
            raise broker_unavailable(self._kafka, error, partition, "Read") from error

    def retake(self, owned: OwnedPartition, why: str) -> None:
        """Drops what is in flight of a partition and takes it over again: the store has another position or epoch."""
        if not owned.valid:
            return
        owned.valid = False
        if self.owned.get(owned.partition) is owned:
            del self.owned[owned.partition]
        if self._revoking or self._stopping or owned.partition in self._takeovers:
            return
        log.warning("%s: %s; taking it over again", owned.partition, why)
        try:
            self._consumer.pause(owned.partition)
        except IllegalStateError:
            return  # revoked meanwhile
        self._takeovers[owned.partition] = self._current
        self._tasks.spawn(self._take_over_all([owned.partition], self._current))

    # --- reading

    async def _pump(self) -> None:
        while not self._stopping:
            async with self._changed:
                await self._changed.wait_for(self._has_room)
            try:
                fetched = await self._consumer.getmany(timeout_ms=200, max_records=self._limits.batch_events)
            except KafkaError as error:
                log.warning("kafka %s: %s: %s; waiting for it", self._kafka, type(error).__name__, error)
                seek_back(self._consumer, self.owned)
                await asyncio.sleep(1.0)
                continue
            self.last_poll = time.monotonic()
            # Checked after getmany: it may sleep through a whole rebalance and return the new assignment's records.
            if ranges := [one for p, records in fetched.items() if (one := self._record_range(p, records))]:
                await self._hand_over(ranges)
            self.unreadable.check(self._consumer, self.owned)
            for owned, skipped in self.unreadable.take_due():
                await self._skip(owned, skipped)

    async def _skip(self, owned: OwnedPartition, skipped: UnreadableRange) -> None:
        """Hands out an unreadable range as its own batch, and reads on after it."""
        if self.owned.get(owned.partition) is not owned:
            return  # taken over again meanwhile: the newer owner gets there by itself
        if (record_range := self._record_range(owned.partition, [skipped])) is None:
            return
        with contextlib.suppress(IllegalStateError):
            self._consumer.seek(owned.partition, skipped.end)
            self._consumer.retry(owned.partition)
        await self._hand_over([record_range])

    def _has_room(self) -> bool:
        # In quarantine one batch at a time: a record that kills the worker must be the only one in hand.
        quarantined = any(owned.quarantined for owned in self.owned.values())
        return self._stopping or (not self._inflight if quarantined else self._limits.have_room(self._inflight))

    def _record_range(self, partition: TopicPartition, records: list[Record]) -> RecordRange | None:
        owned = self.owned.get(partition)
        if owned is None or not owned.valid or self._revoking or self._stopping:
            return None  # the next takeover seeks to the checkpoint: nothing is skipped
        records = [record for record in records if record.offset >= owned.position]
        if not records:
            return None
        self.unreadable.mark_read(owned.partition)
        highwater = self._consumer.highwater(partition)
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
        """Finishes a batch: it was applied, or dropped because its partition is no longer ours."""
        batch.finished.set()
        async with self._changed:
            self._inflight.discard(batch)
            self._changed.notify_all()

    async def commit(self) -> None:
        """Commits what was applied since the last commit."""
        if self._consumer is not None:
            await self._commits.commit(self._consumer, self.owned.values())

    async def _commit_regularly(self) -> None:
        while not self._stopping:
            await asyncio.sleep(self._limits.commit_interval_s)
            await self.commit()

    def lags(self) -> dict[TopicPartition, int]:
        """Returns the lag of each owned partition (`positions.py`)."""
        return lags(self._consumer, self.owned)
