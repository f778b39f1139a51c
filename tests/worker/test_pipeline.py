"""The pipeline: a batch is published and counted once, in read order, and never for a revoked partition."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scorers import scripted
from tests.wire.records import Fake
from tidegate.streams.core.partition import TopicPartition, UnreadableRange
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.strikes import StrikeBalance
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition, marker_of, take_over
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import DecodedCompletion, RecordModerator
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.store import Apply, ApplyOutcome, Checkpoint
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.worker import pipeline as module
from tidegate.streams.worker.completion_handler import CompletionHandler
from tidegate.streams.worker.pipeline import Pipeline

P, Q = TopicPartition("completions", 3), TopicPartition("completions", 4)
NOW = 1_767_268_830_000  # half past a minute


def live(version: str = "7-0123abcd", block: float = 0.9, bucket_s: int = 10) -> LivePolicy:
    policy = {"labels": {"toxicity": {"block": block}}, "windows": {"bucket_s": bucket_s}}
    return LivePolicy(version, parse(policy, "p"))


def record(offset: int, partition: TopicPartition = P, text: str = "toxicity=0.95", **more: Any) -> Fake:
    value = json.dumps({"id": f"c{partition.partition}-{offset}", "completion": text, **more}).encode()
    return Fake(value, offset=offset, timestamp=NOW + offset, partition=partition.partition)


# --- the dependencies of a pipeline


class FakeIngest:
    """An ingest: records finished batches, and the partitions to be taken over again."""

    topic = "completions"

    def __init__(self) -> None:
        self.may = True
        self.finished: list[Batch] = []
        self.retaken: list[tuple[TopicPartition, str]] = []

    def may_publish(self) -> bool:
        return self.may

    def retake(self, owned: OwnedPartition, why: str) -> None:
        if owned.valid:
            owned.valid = False
            self.retaken.append((owned.partition, why))

    async def done(self, batch: Batch) -> None:
        batch.finished.set()
        self.finished.append(batch)


class FakePublisher:
    """A publisher: records messages, and is unavailable `unavailable` times."""

    def __init__(self, events: list[str]) -> None:
        self.messages: list[Message] = []
        self.unavailable = 0
        self.writes_before_it_is_unavailable = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._events = events

    async def publish(self, messages: Sequence[Message]) -> None:
        await self.gate.wait()
        if self.unavailable and not self.writes_before_it_is_unavailable:
            self.unavailable -= 1
            raise BrokerUnavailable("kafka: no answer")
        self.messages += messages
        self._events.append(f"published {len(messages)}")
        if self.unavailable:
            self.unavailable -= 1
            raise BrokerUnavailable("kafka: no acknowledgement")

    @property
    def decided(self) -> list[tuple[int, int]]:
        """Partition and offset of every decision, as published."""
        sources = [json.loads(message.value or b"")["source"] for message in self.messages]
        return [(source["partition"], source["offset"]) for source in sources]


class FlakyPipelineStore(MemoryStore):
    """A store that is unavailable once for each entry of `unavailable`: before it counts, or after, its answer lost."""

    def __init__(self, events: list[str]) -> None:
        super().__init__(lambda: NOW)
        self.unavailable: list[str] = []
        self.applied: list[Apply] = []
        self._events = events

    async def apply(self, ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        how = self.unavailable.pop() if self.unavailable else ""
        if how == "before":
            raise StoreUnavailable("redis: no answer")
        outcomes = await super().apply(ranges)
        self.applied += ranges
        self._events.append(
            "applied " + " ".join(f"{s.start}-{s.end}:{o.applied}" for s, o in zip(ranges, outcomes, strict=True))
        )
        if how == "after":
            raise StoreUnavailable("redis: the answer was lost")
        return outcomes


class GatedHandler(CompletionHandler):
    """Prepares a batch only once its gate is open, and records the order."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.gates: dict[int, asyncio.Event] = {}  # by a batch's first offset
        self.prepared: list[int] = []

    async def prepare(self, batch: Batch) -> list[list[DecodedCompletion]]:
        first = batch.ranges[0].records[0].offset
        if first in self.gates:
            await self.gates[first].wait()
        prepared = await super().prepare(batch)
        self.prepared.append(first)
        return prepared


class PipelineRig:
    """A pipeline on fakes, and its batches."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.live = live()
        self.ingest, self.publisher = FakeIngest(), FakePublisher(self.events)
        self.store = FlakyPipelineStore(self.events)
        self.metrics, self.scoring = Metrics(), Scoring(2, 5)
        self.scorer = scripted()
        moderator = RecordModerator(Moderator(self.scoring, lambda _: self.scorer), UserKey(b"0123456789abcdef"))
        self.handler = GatedHandler(moderator, self.store, lambda: self.live, self.metrics, clock=lambda: NOW / 1000)
        self.pipeline: Pipeline[Any, Any] = Pipeline(
            self.ingest,  # type: ignore[arg-type]
            self.handler,
            self.publisher,  # type: ignore[arg-type]
            self.store,
            ScopeLimiter(self.store, 100),
            lambda: self.live,
            self.metrics,
            clock=lambda: NOW / 1000,
        )
        self._turn = asyncio.Event()
        self._turn.set()

    async def own(self, partition: TopicPartition = P, next_: int = 0) -> OwnedPartition:
        (claim,) = await self.store.claim([partition], "w1")
        await self.store.reset(partition, claim.epoch, Checkpoint(next_, "c", 1, None))
        return OwnedPartition(partition, claim.epoch, next_, next_, CheckpointTrust.BELIEVED)

    def batch(self, *ranges: RecordRange) -> Batch:
        """The next batch: its turn comes when the one before it is finished."""
        batch = Batch(list(ranges), self._turn, sum(len(record_range.records) for record_range in ranges), 0)
        self._turn = batch.finished
        return batch

    async def total(self, partition: TopicPartition = P) -> int:
        return (await self.store.totals([partition])).get("decided", 0)

    async def next(self, partition: TopicPartition = P) -> int:
        (checkpoint,) = await self.store.checkpoints([partition])
        return -1 if checkpoint is None else checkpoint.next

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"tidegate_{name}", labels) or 0


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PipelineRig]:
    monkeypatch.setattr(module, "BACKOFF_S", (0.001, 0.001))
    rig = PipelineRig()
    yield rig
    rig.scoring.close()


def record_range(owned: OwnedPartition, start: int, end: int, **more: Any) -> RecordRange:
    return RecordRange(owned, start, [record(offset, owned.partition, **more) for offset in range(start, end)], 0)


async def turns(n: int = 50) -> None:
    """Lets every task run that can."""
    for _ in range(n):
        await asyncio.sleep(0.001)


# --- without trouble


async def test_a_batch_is_published_then_counted_then_done(rig: PipelineRig) -> None:
    owned, other = await rig.own(P, 5), await rig.own(Q)
    batch = rig.batch(record_range(owned, 5, 8), record_range(other, 0, 2))
    await rig.pipeline.process(batch)
    assert rig.events == ["published 5", "applied 5-8:applied 0-2:applied"]
    assert rig.publisher.decided == [(3, 5), (3, 6), (3, 7), (4, 0), (4, 1)]
    assert (await rig.total(P), await rig.total(Q)) == (3, 2)
    assert (owned.applied, other.applied) == (8, 2)
    assert rig.ingest.finished == [batch]
    assert batch.finished.is_set()
    assert rig.metric("events_total", topic="completions") == 5
    assert rig.metric("decisions_total", action="block") == 5


async def test_the_checkpoint_ends_at_the_last_record(rig: PipelineRig) -> None:
    """The marker names the last record; offsets that compaction removed belong to the record range."""
    # 5 .... 9  : compaction has left 6 and 9; the record range begins where the last one ended
    owned = await rig.own(P, 5)
    records = [record(6), record(9)]
    await rig.pipeline.process(rig.batch(RecordRange(owned, 5, records, 17)))
    (checkpoint,) = await rig.store.checkpoints([P])
    assert checkpoint is not None
    assert (checkpoint.next, checkpoint.marker) == (10, marker_of(records[-1]))
    (progress,) = await rig.store.progress([P])
    assert (progress.watermark_ms, progress.lag) == (NOW + 9, 17)


async def test_a_timestamp_far_ahead_does_not_move_the_watermark(rig: PipelineRig) -> None:
    owned = await rig.own(P)
    ahead = Fake(record(1).value, offset=1, timestamp=4_000_000_000_000, partition=3)  # the year 2096
    await rig.pipeline.process(rig.batch(RecordRange(owned, 0, [record(0), ahead], 0)))
    (progress,) = await rig.store.progress([P])
    assert progress.watermark_ms == NOW


@pytest.mark.parametrize(
    ("timestamp", "lag", "watermark_ms"),
    [
        (NOW * 1000, 0, NOW),  # microseconds
        (NOW * 1_000_000, 500, NOW),
        (NOW // 1000, 500, NOW),
        (NOW + 60_001, 0, 0),  # counted there, but beyond the watermark
        (-1, 0, NOW),  # nothing says when, and nothing is left: it is counted now
        (-1, 2, NOW),  # of two
        (4_102_444_800_000, 1, NOW),
        (-1, 3, 0),  # behind a backlog older ones may come
        (-1, -1, 0),
    ],
)
async def test_the_watermark_follows_plausible_timestamps_only(
    rig: PipelineRig, timestamp: int, lag: int, watermark_ms: int
) -> None:
    records = [Fake(record(n).value, offset=n, timestamp=timestamp, partition=3) for n in range(2)]
    await rig.pipeline.process(rig.batch(RecordRange(await rig.own(P), 0, records, lag)))
    (progress,) = await rig.store.progress([P])
    assert progress.watermark_ms == watermark_ms


# --- order


async def test_effects_happen_in_read_order(rig: PipelineRig) -> None:
    """Also where a later batch is prepared first."""
    owned = await rig.own(P)
    gate = rig.handler.gates[0] = asyncio.Event()
    batches = [rig.batch(record_range(owned, start, start + 2)) for start in (0, 2, 4)]
    running = [asyncio.create_task(rig.pipeline.process(batch)) for batch in reversed(batches)]
    await turns()
    assert sorted(rig.handler.prepared) == [2, 4]
    assert rig.events == []  # nothing of the later ones
    gate.set()
    await asyncio.gather(*running)
    counted = ["applied 0-2:applied", "applied 2-4:applied", "applied 4-6:applied"]
    assert rig.events == [event for each in counted for event in ("published 2", each)]
    assert rig.publisher.decided == [(3, offset) for offset in range(6)]
    assert rig.ingest.finished == batches


async def test_one_policy_version_decides_and_counts_a_batch(rig: PipelineRig) -> None:
    """Also where the policy changes while the batch is published."""
    owned, other = await rig.own(P), await rig.own(Q)
    rig.publisher.gate.clear()
    first = rig.batch(record_range(owned, 0, 2), record_range(other, 0, 2))
    second = rig.batch(record_range(owned, 2, 4))
    running = [asyncio.create_task(rig.pipeline.process(batch)) for batch in (first, second)]
    await turns()
    rig.live = live("8-89abcdef", block=0.99, bucket_s=60)  # now 0.95 is allowed
    rig.publisher.gate.set()
    await asyncio.gather(*running)
    found = [json.loads(message.value or b"") for message in rig.publisher.messages]
    assert [d["policy_version"] for d in found] == ["7-0123abcd"] * 4 + ["8-89abcdef"] * 2
    assert [d["action"] for d in found] == ["block"] * 4 + ["allow"] * 2
    counted = [apply.aggregate.counts for apply in rig.store.applied]
    assert [list(buckets) for buckets in counted] == [[NOW], [NOW], [NOW - 30_000]]
    assert [n.get("action.block|all", 0) for buckets in counted for n in buckets.values()] == [2, 2, 0]


# --- unavailable: waited for, and counted once


@pytest.mark.parametrize("how", [["before"], ["after"], ["before", "after", "before"]])
async def test_an_unavailable_store_is_retried_and_counts_once(
    rig: PipelineRig, how: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    owned = await rig.own(P)
    rig.store.unavailable = list(how)
    await rig.pipeline.process(rig.batch(record_range(owned, 0, 3)))
    assert (await rig.total(), await rig.next(), owned.applied) == (3, 3, 3)
    assert rig.publisher.decided == [(3, 0), (3, 1), (3, 2)]  # published once: the store was unavailable after that
    assert rig.metric("unavailable_total", dependency="redis") == len(how)
    assert sum("trying again in" in message for message in caplog.messages) == len(how)
    assert owned.valid
    assert len(rig.ingest.finished) == 1


@pytest.mark.parametrize("written", [False, True])
async def test_an_unavailable_broker_is_retried_and_counts_once(rig: PipelineRig, written: bool) -> None:
    owned = await rig.own(P)
    rig.publisher.unavailable, rig.publisher.writes_before_it_is_unavailable = 2, written
    await rig.pipeline.process(rig.batch(record_range(owned, 0, 2)))
    times = 3 if written else 1
    assert rig.publisher.decided == [(3, 0), (3, 1)] * times
    assert len({message.value for message in rig.publisher.messages}) == 2  # duplicates are alike
    assert await rig.total() == 2
    assert rig.metric("unavailable_total", dependency="kafka") == 2
    assert rig.events[-1] == "applied 0-2:applied"


async def test_a_revoked_partition_ends_the_retries(rig: PipelineRig) -> None:
    owned = await rig.own(P)
    rig.publisher.unavailable = 10**9
    batch = rig.batch(record_range(owned, 0, 2))
    running = asyncio.create_task(rig.pipeline.process(batch))
    await turns()
    assert not running.done()
    owned.valid = False
    await asyncio.wait_for(running, 5)
    assert (rig.publisher.messages, await rig.total(), rig.store.applied) == ([], 0, [])
    assert rig.ingest.finished == [batch]


async def test_a_partition_revoked_during_retries_leaves_the_others(
    rig: PipelineRig,
) -> None:
    """Of a batch of two partitions, the other one is published and counted."""
    owned, other = await rig.own(P), await rig.own(Q)
    rig.publisher.unavailable = 10**9
    running = asyncio.create_task(rig.pipeline.process(rig.batch(record_range(owned, 0, 2), record_range(other, 0, 2))))
    await turns()
    owned.valid, rig.publisher.unavailable = False, 0
    await asyncio.wait_for(running, 5)
    assert rig.publisher.decided == [(4, 0), (4, 1)]
    assert (await rig.total(P), await rig.total(Q)) == (0, 2)


# --- against the checkpoint


async def test_an_overlap_counts_only_the_rest(rig: PipelineRig) -> None:
    #   0----------------6     the record range
    #   0------4               counted before, under this epoch
    owned = await rig.own(P)
    await rig.pipeline.process(rig.batch(record_range(owned, 0, 4)))
    rig.events.clear()
    await rig.pipeline.process(rig.batch(record_range(owned, 0, 6)))
    assert rig.events == ["published 6", "applied 0-6:overlap", "applied 4-6:applied"]
    assert (await rig.total(), await rig.next(), owned.applied) == (6, 6, 6)
    assert rig.metric("redelivered_events_total", topic="completions") == 4
    assert rig.metric("events_total", topic="completions") == 6
    assert rig.metric("decisions_total", action="block") == 6
    bucket = (await rig.store.counts([(P, NOW)]))[0]
    assert bucket["scored|all"] == 6


async def test_an_overlap_with_holes_is_trimmed_by_offset(rig: PipelineRig) -> None:
    # records 1 3 6 8; the checkpoint stands at 5, in a hole
    owned = await rig.own(P, 5)
    await rig.pipeline.process(rig.batch(RecordRange(owned, 0, [record(n) for n in (1, 3, 6, 8)], 0)))
    assert rig.events[1:] == ["applied 0-9:overlap", "applied 5-9:applied"]
    assert (await rig.total(), await rig.next()) == (2, 9)


async def test_a_checkpoint_inside_an_unreadable_batch_is_a_takeover(rig: PipelineRig) -> None:
    """Nothing is counted, and the partition is taken over again."""
    # 0 1 [2----------8), one batch that cannot be read; the checkpoint stands at 5: the rest of it is read again
    owned = await rig.own(P, 5)
    left_out = UnreadableRange(*P, 2, 8, "its CRC is wrong")
    await rig.pipeline.process(rig.batch(RecordRange(owned, 0, [record(0), record(1), left_out], 0)))
    assert rig.events[1:] == ["applied 0-8:overlap"]
    assert (await rig.next(), [partition for partition, _ in rig.ingest.retaken]) == (5, [P])


async def test_an_overlap_in_one_range_counts_no_other_range_twice(rig: PipelineRig) -> None:
    owned, other = await rig.own(P), await rig.own(Q)
    await rig.pipeline.process(rig.batch(record_range(owned, 0, 4)))
    await rig.pipeline.process(rig.batch(record_range(owned, 2, 6), record_range(other, 0, 3)))
    assert rig.events[-2:] == ["applied 2-6:overlap 0-3:applied", "applied 4-6:applied"]
    assert (await rig.total(P), await rig.total(Q)) == (6, 3)


async def test_a_store_failure_between_overlap_tries_counts_once(rig: PipelineRig) -> None:
    owned, other = await rig.own(P), await rig.own(Q)
    await rig.pipeline.process(rig.batch(record_range(owned, 0, 4)))
    rig.store.unavailable = ["before", ""]  # the last is first
    await rig.pipeline.process(rig.batch(record_range(owned, 2, 6), record_range(other, 0, 3)))
    assert (await rig.total(P), await rig.total(Q), await rig.next(P)) == (6, 3, 6)
    assert rig.metric("events_total", topic="completions") == 4 + 2 + 3
    assert rig.metric("redelivered_events_total", topic="completions") == 2


async def test_redelivered_records_are_not_counted_again(rig: PipelineRig) -> None:
    owned = await rig.own(P)
    for _ in range(2):
        await rig.pipeline.process(rig.batch(record_range(owned, 0, 3)))
    assert (await rig.total(), owned.applied, owned.valid) == (3, 3, True)
    assert rig.metric("redelivered_events_total", topic="completions") == 3
    assert rig.metric("events_total", topic="completions") == 3


async def test_a_completion_strikes_its_user_once(rig: PipelineRig) -> None:
    """Also through overlaps and answers of the store that are lost."""
    #   0------3               counted before
    #   0------------5         again, with more; the answer to 3-5 is lost
    strikes = {"throttle": 4, "weights": {"toxicity": {"block": 1}}}
    rig.live = LivePolicy("8-struck", parse({"labels": {"toxicity": {"block": 0.9}}, "strikes": strikes}, "p"))
    owned = await rig.own(P)
    records = [record(n, tenant="acme", user="u1") for n in range(5)]
    await rig.pipeline.process(rig.batch(RecordRange(owned, 0, records[:3], 0)))
    rig.store.unavailable = ["after", ""]  # the last is first
    await rig.pipeline.process(rig.batch(RecordRange(owned, 0, records, 0)))
    assert rig.events[-3:] == ["applied 0-5:overlap", "applied 3-5:applied", "applied 3-5:already"]
    (user,) = [user async for _, user, _ in rig.store.all_strikes()]
    assert user.startswith("acme:")
    (balance,) = await rig.store.user_strikes([P], user)
    assert balance == StrikeBalance(pytest.approx(5.0), NOW + 4)  # within 4 ms a strike decays by a billionth
    (outbox,) = await rig.store.outboxes([P], 9)
    assert [q.crossing.id for q in outbox.queued] == ["completions[3]@4"]  # 3.99999998 are no 4
    assert rig.metric("strikes_total", reason="toxicity.block") == 3  # the answer for the others was lost


async def test_a_gap_counts_nothing_and_is_a_takeover(rig: PipelineRig) -> None:
    owned, other = await rig.own(P), await rig.own(Q)
    await rig.pipeline.process(rig.batch(record_range(owned, 5, 7), record_range(other, 0, 2)))
    assert rig.ingest.retaken == [(P, "store says gap: next is 0, this record range starts at 5")]
    assert (await rig.total(P), await rig.total(Q)) == (0, 2)
    assert (owned.valid, other.valid) == (False, True)
    assert rig.metric("gaps_total", topic="completions", outcome="gap") == 1
    assert len(rig.ingest.finished) == 1


async def test_a_partition_of_another_owner_counts_nothing(rig: PipelineRig) -> None:
    """It is taken over again."""
    owned = await rig.own(P)
    await rig.store.claim([P], "w2")
    await rig.pipeline.process(rig.batch(record_range(owned, 0, 2)))
    assert rig.ingest.retaken == [(P, "store says not_owner: next is 0, this record range starts at 0")]
    assert (await rig.total(), owned.applied) == (0, 0)


async def test_batches_behind_a_gap_are_dropped(rig: PipelineRig) -> None:
    """They are neither published nor counted."""
    owned = await rig.own(P)
    await rig.pipeline.process(rig.batch(record_range(owned, 5, 7)))
    published = len(rig.publisher.messages)
    behind = rig.batch(record_range(owned, 7, 9))
    await rig.pipeline.process(behind)
    assert len(rig.publisher.messages) == published
    assert (await rig.total(), rig.ingest.finished[-1]) == (0, behind)


# --- no heartbeat for too long


async def test_without_a_heartbeat_nothing_is_published_or_counted(
    rig: PipelineRig,
) -> None:
    """All partitions are taken over again."""
    owned, other = await rig.own(P), await rig.own(Q)
    rig.ingest.may = False
    batch = rig.batch(record_range(owned, 0, 2), record_range(other, 0, 2))
    await rig.pipeline.process(batch)
    assert (rig.publisher.messages, rig.store.applied) == ([], [])
    assert [partition for partition, _ in rig.ingest.retaken] == [P, Q]
    assert rig.ingest.retaken[0][1] == "no heartbeat for longer than the session timeout; published nothing"
    assert (owned.valid, other.valid) == (False, False)
    assert rig.ingest.finished == [batch]


async def test_a_heartbeat_lost_during_retries_stops_the_next_one(rig: PipelineRig) -> None:
    owned = await rig.own(P)
    rig.publisher.unavailable = 10**9
    running = asyncio.create_task(rig.pipeline.process(rig.batch(record_range(owned, 0, 2))))
    await turns()
    rig.ingest.may, rig.publisher.unavailable = False, 0
    await asyncio.wait_for(running, 5)
    assert (rig.publisher.messages, rig.store.applied, owned.valid) == ([], [], False)


# --- stopped, or broken


async def test_a_cancelled_batch_invalidates_its_partitions(
    rig: PipelineRig,
) -> None:
    """Nothing after an unfinished batch may be applied."""
    owned = await rig.own(P)
    rig.handler.gates[0] = asyncio.Event()
    running = asyncio.create_task(rig.pipeline.process(rig.batch(record_range(owned, 0, 2))))
    await turns()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (owned.valid, rig.publisher.messages, rig.store.applied) == (False, [], [])


async def test_a_bug_ends_the_process_before_any_effect(rig: PipelineRig, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        """The process has ended."""

    def end(error: BaseException) -> NoReturn:
        raise Ended from error

    monkeypatch.setattr(module, "exit_on_bug", end)
    owned = await rig.own(P)
    monkeypatch.setattr(rig.handler, "conclude", lambda *_: 1 / 0)
    with pytest.raises(Ended):
        await rig.pipeline.process(rig.batch(record_range(owned, 0, 2)))
    assert (rig.publisher.messages, rig.store.applied, rig.ingest.finished) == ([], [], [])


# --- any trouble: everything is decided, and counted once


class FakeLookup:
    """The log as a takeover reads it."""

    def __init__(self, records: list[Fake]) -> None:
        self._records = records

    async def read(self, _: TopicPartition, offset: int) -> Fake | None:
        return self._records[offset] if offset < len(self._records) else None

    async def bounds(self, _: TopicPartition) -> tuple[int, int]:
        return 0, len(self._records)


TROUBLE = st.sampled_from(
    ["none", "none", "store before", "store after", "broker", "broker wrote", "no heartbeat", "older", "other", "copy"]
)


async def through(troubles: list[str], seed: int) -> tuple[PipelineRig, int]:
    """Processes every record, with one trouble before each batch; a revoked partition is taken over again."""
    rng, rig = random.Random(seed), PipelineRig()
    records = [record(offset) for offset in range(40)]
    source = FakeLookup(records)

    async def owned_again() -> OwnedPartition:
        return await take_over(rig.store, source, P, "w1", "c", None)

    owned, copy = await owned_again(), rig.store.snapshot()
    running: list[asyncio.Task[None]] = []
    troubles = [*troubles, "none"]
    while owned.applied < len(records):
        trouble = troubles.pop(0) if len(troubles) > 1 else "none"
        rig.ingest.may = trouble != "no heartbeat"
        if trouble.startswith("store"):
            rig.store.unavailable.append(trouble.removeprefix("store "))
        elif trouble.startswith("broker"):
            rig.publisher.unavailable, rig.publisher.writes_before_it_is_unavailable = 1, trouble.endswith("wrote")
        elif trouble == "older":
            rig.store.roll_back(copy)  # it came back from an older copy of its file
        elif trouble == "copy":
            copy = rig.store.snapshot()
        elif trouble == "other":
            await rig.store.claim([P], "w2")
        for _ in range(rng.randint(1, 3)):  # side by side
            end = min(len(records), owned.position + rng.randint(1, 7))
            if owned.position < end:
                batch = rig.batch(RecordRange(owned, owned.position, records[owned.position : end], 0))
                owned.position = end
                running.append(asyncio.create_task(rig.pipeline.process(batch)))
        await asyncio.gather(*running)
        running.clear()
        rig.ingest.may = True
        if not owned.valid:
            owned = await owned_again()
    rig.scoring.close()
    return rig, len(records)


@settings(max_examples=60, deadline=None)
@given(st.lists(TROUBLE, max_size=12), st.integers(0, 2**16))
def test_through_any_trouble_each_record_counts_once(troubles: list[str], seed: int) -> None:
    logging.disable(logging.CRITICAL)
    was, module.BACKOFF_S = module.BACKOFF_S, (0.0, 0.0)
    try:
        rig, sent = asyncio.run(through(troubles, seed))
        assert asyncio.run(rig.total()) == sent
        assert asyncio.run(rig.next()) == sent
        assert set(rig.publisher.decided) == {(3, offset) for offset in range(sent)}
    finally:
        module.BACKOFF_S = was
        logging.disable(logging.NOTSET)
