"""From a batch to its effects: published, counted once, in the order it was read; and never for a partition that is lost."""

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


def said(offset: int, partition: TopicPartition = P, text: str = "toxicity=0.95", **more: Any) -> Fake:
    value = json.dumps({"id": f"c{partition.partition}-{offset}", "completion": text, **more}).encode()
    return Fake(value, offset=offset, timestamp=NOW + offset, partition=partition.partition)


# --- what a pipeline stands on


class Group:
    """What a pipeline asks of an ingest: told when a batch is done, and of partitions that are to be taken over again."""

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


class Topic:
    """What a pipeline asks of a publisher: keeps what it was given, and is unavailable as often as it was told to be."""

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


class Flaky(MemoryStore):
    """A store that is unavailable as often as it was told to be, before it counts or after: its answer was lost."""

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


class Gated(CompletionHandler):
    """Prepares a batch only once its gate is open, and says in which order they were prepared."""

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


class World:
    """A pipeline on twins, and the batches that come to it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.live = live()
        self.group, self.topic, self.store = Group(), Topic(self.events), Flaky(self.events)
        self.metrics, self.scoring = Metrics(), Scoring(2, 5)
        self.scorer = scripted()
        moderator = RecordModerator(Moderator(self.scoring, lambda _: self.scorer), UserKey(b"0123456789abcdef"))
        self.moderate = Gated(moderator, self.store, lambda: self.live, self.metrics, clock=lambda: NOW / 1000)
        self.pipeline: Pipeline[Any, Any] = Pipeline(
            self.group,  # type: ignore[arg-type]
            self.moderate,
            self.topic,  # type: ignore[arg-type]
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
        made = Batch(list(ranges), self._turn, sum(len(record_range.records) for record_range in ranges), 0)
        self._turn = made.finished
        return made

    async def total(self, partition: TopicPartition = P) -> int:
        return (await self.store.totals([partition])).get("decided", 0)

    async def next(self, partition: TopicPartition = P) -> int:
        (checkpoint,) = await self.store.checkpoints([partition])
        return -1 if checkpoint is None else checkpoint.next

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"tidegate_{name}", labels) or 0


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(module, "BACKOFF_S", (0.001, 0.001))
    made = World()
    yield made
    made.scoring.close()


def record_range(owned: OwnedPartition, start: int, end: int, **more: Any) -> RecordRange:
    return RecordRange(owned, start, [said(offset, owned.partition, **more) for offset in range(start, end)], 0)


async def turns(n: int = 50) -> None:
    """Lets everything that can go on go on."""
    for _ in range(n):
        await asyncio.sleep(0.001)


# --- the plain way


async def test_a_batch_is_published_then_counted_then_done(world: World) -> None:
    owned, other = await world.own(P, 5), await world.own(Q)
    batch = world.batch(record_range(owned, 5, 8), record_range(other, 0, 2))
    await world.pipeline.process(batch)
    assert world.events == ["published 5", "applied 5-8:applied 0-2:applied"]
    assert world.topic.decided == [(3, 5), (3, 6), (3, 7), (4, 0), (4, 1)]
    assert (await world.total(P), await world.total(Q)) == (3, 2)
    assert (owned.applied, other.applied) == (8, 2)
    assert world.group.finished == [batch]
    assert batch.finished.is_set()
    assert world.metric("events_total", topic="completions") == 5
    assert world.metric("decisions_total", action="block") == 5


async def test_the_checkpoint_is_left_at_the_last_record_and_holes_belong_to_a_record_range(world: World) -> None:
    # 5 .... 9  : compaction has left 6 and 9; the record range begins where the last one ended
    owned = await world.own(P, 5)
    records = [said(6), said(9)]
    await world.pipeline.process(world.batch(RecordRange(owned, 5, records, 17)))
    (checkpoint,) = await world.store.checkpoints([P])
    assert checkpoint is not None
    assert (checkpoint.next, checkpoint.marker) == (10, marker_of(records[-1]))
    (progress,) = await world.store.progress([P])
    assert (progress.watermark_ms, progress.lag) == (NOW + 9, 17)


async def test_a_clock_that_is_far_ahead_says_nothing_of_how_far_a_partition_has_come(world: World) -> None:
    owned = await world.own(P)
    ahead = Fake(said(1).value, offset=1, timestamp=4_000_000_000_000, partition=3)  # the year 2096
    await world.pipeline.process(world.batch(RecordRange(owned, 0, [said(0), ahead], 0)))
    (progress,) = await world.store.progress([P])
    assert progress.watermark_ms == NOW


@pytest.mark.parametrize(
    ("timestamp", "lag", "watermark_ms"),
    [
        (NOW * 1000, 0, NOW),  # microseconds
        (NOW * 1_000_000, 500, NOW),
        (NOW // 1000, 500, NOW),
        (NOW + 60_001, 0, 0),  # counted there, and so far the partition has not come
        (-1, 0, NOW),  # nothing says when, and nothing is left: it is counted now
        (-1, 2, NOW),  # of two
        (4_102_444_800_000, 1, NOW),
        (-1, 3, 0),  # behind a backlog older ones may come
        (-1, -1, 0),
    ],
)
async def test_a_partition_has_come_as_far_as_times_that_can_be(
    world: World, timestamp: int, lag: int, watermark_ms: int
) -> None:
    records = [Fake(said(n).value, offset=n, timestamp=timestamp, partition=3) for n in range(2)]
    await world.pipeline.process(world.batch(RecordRange(await world.own(P), 0, records, lag)))
    (progress,) = await world.store.progress([P])
    assert progress.watermark_ms == watermark_ms


# --- order


async def test_effects_happen_in_the_order_of_the_batches_though_a_later_one_is_prepared_first(world: World) -> None:
    owned = await world.own(P)
    gate = world.moderate.gates[0] = asyncio.Event()
    batches = [world.batch(record_range(owned, start, start + 2)) for start in (0, 2, 4)]
    running = [asyncio.create_task(world.pipeline.process(batch)) for batch in reversed(batches)]
    await turns()
    assert sorted(world.moderate.prepared) == [2, 4]
    assert world.events == []  # not a word of the later ones
    gate.set()
    await asyncio.gather(*running)
    counted = ["applied 0-2:applied", "applied 2-4:applied", "applied 4-6:applied"]
    assert world.events == [event for each in counted for event in ("published 2", each)]
    assert world.topic.decided == [(3, offset) for offset in range(6)]
    assert world.group.finished == batches


async def test_one_policy_version_decides_and_counts_a_whole_batch_though_it_changes_meanwhile(world: World) -> None:
    owned, other = await world.own(P), await world.own(Q)
    world.topic.gate.clear()
    first = world.batch(record_range(owned, 0, 2), record_range(other, 0, 2))
    second = world.batch(record_range(owned, 2, 4))
    running = [asyncio.create_task(world.pipeline.process(batch)) for batch in (first, second)]
    await turns()
    world.live = live("8-89abcdef", block=0.99, bucket_s=60)  # now 0.95 is allowed
    world.topic.gate.set()
    await asyncio.gather(*running)
    found = [json.loads(message.value or b"") for message in world.topic.messages]
    assert [d["policy_version"] for d in found] == ["7-0123abcd"] * 4 + ["8-89abcdef"] * 2
    assert [d["action"] for d in found] == ["block"] * 4 + ["allow"] * 2
    counted = [apply.aggregate.counts for apply in world.store.applied]
    assert [list(buckets) for buckets in counted] == [[NOW], [NOW], [NOW - 30_000]]
    assert [n.get("action.block|all", 0) for buckets in counted for n in buckets.values()] == [2, 2, 0]


# --- away: waited for, and counted once


@pytest.mark.parametrize("how", [["before"], ["after"], ["before", "after", "before"]])
async def test_a_store_that_is_unavailable_is_waited_for_and_each_event_counted_once(
    world: World, how: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    owned = await world.own(P)
    world.store.unavailable = list(how)
    await world.pipeline.process(world.batch(record_range(owned, 0, 3)))
    assert (await world.total(), await world.next(), owned.applied) == (3, 3, 3)
    assert world.topic.decided == [(3, 0), (3, 1), (3, 2)]  # published once: the store was unavailable after that
    assert world.metric("unavailable_total", dependency="redis") == len(how)
    assert sum("trying again in" in message for message in caplog.messages) == len(how)
    assert owned.valid
    assert len(world.group.finished) == 1


@pytest.mark.parametrize("written", [False, True])
async def test_a_broker_that_is_unavailable_is_published_to_again_and_counted_once(world: World, written: bool) -> None:
    owned = await world.own(P)
    world.topic.unavailable, world.topic.writes_before_it_is_unavailable = 2, written
    await world.pipeline.process(world.batch(record_range(owned, 0, 2)))
    times = 3 if written else 1
    assert world.topic.decided == [(3, 0), (3, 1)] * times
    assert len({message.value for message in world.topic.messages}) == 2  # duplicates are alike
    assert await world.total() == 2
    assert world.metric("unavailable_total", dependency="kafka") == 2
    assert world.events[-1] == "applied 0-2:applied"


async def test_what_is_unavailable_is_no_longer_waited_for_once_the_partition_is_lost(world: World) -> None:
    owned = await world.own(P)
    world.topic.unavailable = 10**9
    batch = world.batch(record_range(owned, 0, 2))
    running = asyncio.create_task(world.pipeline.process(batch))
    await turns()
    assert not running.done()
    owned.valid = False
    await asyncio.wait_for(running, 5)
    assert (world.topic.messages, await world.total(), world.store.applied) == ([], 0, [])
    assert world.group.finished == [batch]


async def test_a_partition_that_is_lost_while_the_broker_is_unavailable_leaves_the_rest_of_its_batch(
    world: World,
) -> None:
    owned, other = await world.own(P), await world.own(Q)
    world.topic.unavailable = 10**9
    running = asyncio.create_task(
        world.pipeline.process(world.batch(record_range(owned, 0, 2), record_range(other, 0, 2)))
    )
    await turns()
    owned.valid, world.topic.unavailable = False, 0
    await asyncio.wait_for(running, 5)
    assert world.topic.decided == [(4, 0), (4, 1)]
    assert (await world.total(P), await world.total(Q)) == (0, 2)


# --- what the checkpoint says


async def test_an_overlap_counts_only_the_rest(world: World) -> None:
    #   0----------------6     the record range
    #   0------4               counted before, under this epoch
    owned = await world.own(P)
    await world.pipeline.process(world.batch(record_range(owned, 0, 4)))
    world.events.clear()
    await world.pipeline.process(world.batch(record_range(owned, 0, 6)))
    assert world.events == ["published 6", "applied 0-6:overlap", "applied 4-6:applied"]
    assert (await world.total(), await world.next(), owned.applied) == (6, 6, 6)
    assert world.metric("redelivered_events_total", topic="completions") == 4
    assert world.metric("events_total", topic="completions") == 6
    assert world.metric("decisions_total", action="block") == 6
    bucket = (await world.store.counts([(P, NOW)]))[0]
    assert bucket["scored|all"] == 6


async def test_an_overlap_with_holes_is_trimmed_by_offset(world: World) -> None:
    # records 1 3 6 8; the checkpoint stands at 5, in a hole
    owned = await world.own(P, 5)
    await world.pipeline.process(world.batch(RecordRange(owned, 0, [said(n) for n in (1, 3, 6, 8)], 0)))
    assert world.events[1:] == ["applied 0-9:overlap", "applied 5-9:applied"]
    assert (await world.total(), await world.next()) == (2, 9)


async def test_a_checkpoint_within_a_range_counts_nothing_and_the_partition_is_taken_over_again(world: World) -> None:
    # 0 1 [2----------8), one batch that cannot be read; the checkpoint stands at 5: what is left of it is read anew
    owned = await world.own(P, 5)
    left_out = UnreadableRange(*P, 2, 8, "its CRC is wrong")
    await world.pipeline.process(world.batch(RecordRange(owned, 0, [said(0), said(1), left_out], 0)))
    assert world.events[1:] == ["applied 0-8:overlap"]
    assert (await world.next(), [partition for partition, _ in world.group.retaken]) == (5, [P])


async def test_an_overlap_in_one_record_range_does_not_count_the_others_again(world: World) -> None:
    owned, other = await world.own(P), await world.own(Q)
    await world.pipeline.process(world.batch(record_range(owned, 0, 4)))
    await world.pipeline.process(world.batch(record_range(owned, 2, 6), record_range(other, 0, 3)))
    assert world.events[-2:] == ["applied 2-6:overlap 0-3:applied", "applied 4-6:applied"]
    assert (await world.total(P), await world.total(Q)) == (6, 3)


async def test_a_store_that_is_unavailable_between_the_two_tries_of_an_overlap_counts_once(world: World) -> None:
    owned, other = await world.own(P), await world.own(Q)
    await world.pipeline.process(world.batch(record_range(owned, 0, 4)))
    world.store.unavailable = ["before", ""]  # the last is first
    await world.pipeline.process(world.batch(record_range(owned, 2, 6), record_range(other, 0, 3)))
    assert (await world.total(P), await world.total(Q), await world.next(P)) == (6, 3, 6)
    assert world.metric("events_total", topic="completions") == 4 + 2 + 3
    assert world.metric("redelivered_events_total", topic="completions") == 2


async def test_what_was_counted_before_is_not_counted_again(world: World) -> None:
    owned = await world.own(P)
    for _ in range(2):
        await world.pipeline.process(world.batch(record_range(owned, 0, 3)))
    assert (await world.total(), owned.applied, owned.valid) == (3, 3, True)
    assert world.metric("redelivered_events_total", topic="completions") == 3
    assert world.metric("events_total", topic="completions") == 3


async def test_a_completion_strikes_its_user_once_through_overlaps_and_lost_answers(world: World) -> None:
    #   0------3               counted before
    #   0------------5         again, with more; the answer to 3-5 is lost
    strikes = {"throttle": 4, "weights": {"toxicity": {"block": 1}}}
    world.live = LivePolicy("8-struck", parse({"labels": {"toxicity": {"block": 0.9}}, "strikes": strikes}, "p"))
    owned = await world.own(P)
    records = [said(n, tenant="acme", user="u1") for n in range(5)]
    await world.pipeline.process(world.batch(RecordRange(owned, 0, records[:3], 0)))
    world.store.unavailable = ["after", ""]  # the last is first
    await world.pipeline.process(world.batch(RecordRange(owned, 0, records, 0)))
    assert world.events[-3:] == ["applied 0-5:overlap", "applied 3-5:applied", "applied 3-5:already"]
    (user,) = [user async for _, user, _ in world.store.all_strikes()]
    assert user.startswith("acme:")
    (balance,) = await world.store.user_strikes([P], user)
    assert balance == StrikeBalance(pytest.approx(5.0), NOW + 4)  # within 4 ms a strike decays by a billionth
    (outbox,) = await world.store.outboxes([P], 9)
    assert [q.crossing.id for q in outbox.queued] == ["completions[3]@4"]  # 3.99999998 are no 4
    assert world.metric("strikes_total", reason="toxicity.block") == 3  # of the others nobody heard the answer


async def test_a_gap_counts_nothing_and_the_partition_is_taken_over_again(world: World) -> None:
    owned, other = await world.own(P), await world.own(Q)
    await world.pipeline.process(world.batch(record_range(owned, 5, 7), record_range(other, 0, 2)))
    assert world.group.retaken == [(P, "store says gap: next is 0, this record range starts at 5")]
    assert (await world.total(P), await world.total(Q)) == (0, 2)
    assert (owned.valid, other.valid) == (False, True)
    assert world.metric("gaps_total", topic="completions", outcome="gap") == 1
    assert len(world.group.finished) == 1


async def test_a_partition_that_another_worker_holds_counts_nothing_and_is_taken_over_again(world: World) -> None:
    owned = await world.own(P)
    await world.store.claim([P], "w2")
    await world.pipeline.process(world.batch(record_range(owned, 0, 2)))
    assert world.group.retaken == [(P, "store says not_owner: next is 0, this record range starts at 0")]
    assert (await world.total(), owned.applied) == (0, 0)


async def test_after_a_gap_the_batches_behind_it_are_neither_published_nor_counted(world: World) -> None:
    owned = await world.own(P)
    await world.pipeline.process(world.batch(record_range(owned, 5, 7)))
    published = len(world.topic.messages)
    behind = world.batch(record_range(owned, 7, 9))
    await world.pipeline.process(behind)
    assert len(world.topic.messages) == published
    assert (await world.total(), world.group.finished[-1]) == (0, behind)


# --- silent for too long


async def test_without_a_heartbeat_nothing_is_published_nor_counted_and_partitions_are_taken_over_again(
    world: World,
) -> None:
    owned, other = await world.own(P), await world.own(Q)
    world.group.may = False
    batch = world.batch(record_range(owned, 0, 2), record_range(other, 0, 2))
    await world.pipeline.process(batch)
    assert (world.topic.messages, world.store.applied) == ([], [])
    assert [partition for partition, _ in world.group.retaken] == [P, Q]
    assert world.group.retaken[0][1] == "no heartbeat for longer than the session timeout; published nothing"
    assert (owned.valid, other.valid) == (False, False)
    assert world.group.finished == [batch]


async def test_a_heartbeat_lost_while_the_broker_is_unavailable_stops_the_next_try(world: World) -> None:
    owned = await world.own(P)
    world.topic.unavailable = 10**9
    running = asyncio.create_task(world.pipeline.process(world.batch(record_range(owned, 0, 2))))
    await turns()
    world.group.may, world.topic.unavailable = False, 0
    await asyncio.wait_for(running, 5)
    assert (world.topic.messages, world.store.applied, owned.valid) == ([], [], False)


# --- stopped, or broken


async def test_a_batch_that_is_cancelled_invalidates_its_partitions_so_that_nothing_after_it_is_applied(
    world: World,
) -> None:
    owned = await world.own(P)
    world.moderate.gates[0] = asyncio.Event()
    running = asyncio.create_task(world.pipeline.process(world.batch(record_range(owned, 0, 2))))
    await turns()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (owned.valid, world.topic.messages, world.store.applied) == (False, [], [])


async def test_a_bug_of_ours_ends_the_process_before_anything_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(BaseException):
        """The process has ended."""

    def end(error: BaseException) -> NoReturn:
        raise Ended from error

    monkeypatch.setattr(module, "exit_on_bug", end)
    owned = await world.own(P)
    monkeypatch.setattr(world.moderate, "conclude", lambda *_: 1 / 0)
    with pytest.raises(Ended):
        await world.pipeline.process(world.batch(record_range(owned, 0, 2)))
    assert (world.topic.messages, world.store.applied, world.group.finished) == ([], [], [])


# --- any trouble: everything is decided, and counted once


class Log:
    """The source as a takeover sees it."""

    def __init__(self, records: list[Fake]) -> None:
        self._records = records

    async def read(self, _: TopicPartition, offset: int) -> Fake | None:
        return self._records[offset] if offset < len(self._records) else None

    async def bounds(self, _: TopicPartition) -> tuple[int, int]:
        return 0, len(self._records)


TROUBLE = st.sampled_from(
    ["none", "none", "store before", "store after", "broker", "broker wrote", "no heartbeat", "older", "other", "copy"]
)


async def through(troubles: list[str], seed: int) -> tuple[World, int]:
    """Sends every record through, with one trouble before each batch; a partition that is lost is taken over again."""
    rng, world = random.Random(seed), World()
    records = [said(offset) for offset in range(40)]
    source = Log(records)

    async def owned_again() -> OwnedPartition:
        return await take_over(world.store, source, P, "w1", "c", None)

    owned, copy = await owned_again(), world.store.snapshot()
    running: list[asyncio.Task[None]] = []
    troubles = [*troubles, "none"]
    while owned.applied < len(records):
        trouble = troubles.pop(0) if len(troubles) > 1 else "none"
        world.group.may = trouble != "no heartbeat"
        if trouble.startswith("store"):
            world.store.unavailable.append(trouble.removeprefix("store "))
        elif trouble.startswith("broker"):
            world.topic.unavailable, world.topic.writes_before_it_is_unavailable = 1, trouble.endswith("wrote")
        elif trouble == "older":
            world.store.roll_back(copy)  # it came back from an older copy of its file
        elif trouble == "copy":
            copy = world.store.snapshot()
        elif trouble == "other":
            await world.store.claim([P], "w2")
        for _ in range(rng.randint(1, 3)):  # side by side
            end = min(len(records), owned.position + rng.randint(1, 7))
            if owned.position < end:
                batch = world.batch(RecordRange(owned, owned.position, records[owned.position : end], 0))
                owned.position = end
                running.append(asyncio.create_task(world.pipeline.process(batch)))
        await asyncio.gather(*running)
        running.clear()
        world.group.may = True
        if not owned.valid:
            owned = await owned_again()
    world.scoring.close()
    return world, len(records)


@settings(max_examples=60, deadline=None)
@given(st.lists(TROUBLE, max_size=12), st.integers(0, 2**16))
def test_through_any_trouble_everything_is_decided_and_counted_once(troubles: list[str], seed: int) -> None:
    logging.disable(logging.CRITICAL)
    was, module.BACKOFF_S = module.BACKOFF_S, (0.0, 0.0)
    try:
        world, sent = asyncio.run(through(troubles, seed))
        assert asyncio.run(world.total()) == sent
        assert asyncio.run(world.next()) == sent
        assert set(world.topic.decided) == {(3, offset) for offset in range(sent)}
    finally:
        module.BACKOFF_S = was
        logging.disable(logging.NOTSET)
