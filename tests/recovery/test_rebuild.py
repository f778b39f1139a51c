"""What Redis lost is counted again from what was published, and then it state_of what it expected before."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from tests.support.tomorrow import of_tomorrow
from tests.wire.records import Fake
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Decision, Enforcement, Scopes, Source, TimeSource
from tidegate.streams.core.partition import TopicPartition, UnreadableRange
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import aggregate
from tidegate.streams.core.strikes import decayed, enforcement, terms
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition, marker_of, take_over
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.metrics import Metrics
from tidegate.streams.recovery.rebuild import Rebuild
from tidegate.streams.store import Applied, Apply, ApplyOutcome, Checkpoint, Undo
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.scope_limiter import ScopeLimiter, names_by_kind
from tidegate.streams.topics import DEAD_LETTERS, DECISIONS, ENFORCEMENTS

S = 1000
NOW = 1_800_000_000_000
P = TopicPartition("completions", 1)
CLUSTER = "cluster-a"
#   bucket 10 s, longest window 60 s, ahead by 60 s and 5 min at the most: a bucket is needed for 430 s
POLICY: dict[str, Any] = {
    "labels": {"toxicity": {"flag": 0.5, "block": 0.9}},
    "windows": {"bucket_s": 10, "rate_window_s": 60, "late_s": 60},
    "strikes": {"half_life_s": 600, "throttle": 2, "suspend": 5, "weights": {"toxicity": {"flag": 0.5, "block": 1}}},
    "alerts": {"many": {"of": "label.toxicity", "above": 0.9, "window_s": 60, "min_users": 2}},
}
LIVE = LivePolicy("7-0123abcd", parse(POLICY, "p"))
AT_ONCE = 7  # completions counted together


@dataclass
class ScriptedTopics:
    """The `HistoryReader` and the bounds of topics, in a dict; AT_ONCE records a read."""

    AT_ONCE = 4
    kept: dict[TopicPartition, list[Fake]] = field(default_factory=dict)

    def add(self, partition: TopicPartition, value: bytes | None, timestamp: int, offset: int | None = None) -> None:
        records = self.kept.setdefault(partition, [])
        at = offset if offset is not None else len(records)
        records.append(
            Fake(value, topic=partition.topic, partition=partition.partition, offset=at, timestamp=timestamp)
        )

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        ranges = []
        for partition in partitions:
            records = self.kept.get(partition, [])
            end = records[-1].offset + 1 if records else 0
            log_start = records[0].offset if records else 0
            start = next((r.offset for r in records if r.timestamp >= at_ms), end) if at_ms else log_start
            ranges.append(OffsetRange(partition, log_start, start, end))
        return ranges

    async def read(self, *ranges: OffsetRange) -> AsyncGenerator[Sequence[Fake], None]:
        for one in ranges:
            records = [r for r in self.kept.get(one.partition, []) if one.start <= r.offset < one.end]
            for i in range(0, len(records), self.AT_ONCE):
                await asyncio.sleep(0)
                yield records[i : i + self.AT_ONCE]

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        records = self.kept[partition]
        return records[0].offset, records[-1].offset + 1


class RebuildWorld:
    """Completions of one partition, decided and counted by one worker, and their outcomes on the topics."""

    def __init__(self, now_ms: int = NOW) -> None:
        self.now_ms = now_ms
        self.store = MemoryStore(lambda: self.now_ms)
        self.topics = ScriptedTopics()
        self.metrics = Metrics()
        self.epoch = 0

    # --- before the loss

    def completion(self, offset: int, at_ms: int) -> None:
        self.topics.add(P, b"v%d" % offset, at_ms, offset)

    def decision(
        self, offset: int, epoch: int, score: float, user: str = "a", arrived_ms: int | None = None
    ) -> Decision:
        record = self.record(offset)
        inputs = Inputs(
            id=f"c{offset}", source=Source(topic=P.topic, partition=P.partition, offset=offset), epoch=epoch,
            record_ms=record.timestamp, model_version="m", scores={"toxicity": score},
            scopes=Scopes(tenant=f"t{offset % 3}"), user=user * 32, arrived_ms=arrived_ms,
            arrived_by=None if arrived_ms is None else TimeSource.WORKER if record.timestamp < 0 else TimeSource.RECORD,
        )  # fmt: skip
        return decide(inputs, LIVE)

    def letter(self, offset: int, epoch: int) -> DeadLetter:
        record = self.record(offset)
        source = Source(topic=P.topic, partition=P.partition, offset=offset)
        return DeadLetter(
            id=str(source), source=source, epoch=epoch, reason=DeadLetterReason.NOT_JSON, where="byte 0",
            expected="JSON", length=2, sha256="0" * 64, record_ms=record.timestamp,
        )  # fmt: skip

    def record(self, offset: int) -> Fake:
        return next(record for record in self.topics.kept[P] if record.offset == offset)

    def decision_of(self, offset: int) -> Decision | DeadLetter:
        """Returns its first published outcome: the one that was counted."""
        head = b'"offset":%d}' % offset
        for partition, event in (
            (TopicPartition(DECISIONS, P.partition), Decision),
            (TopicPartition(DEAD_LETTERS, 0), DeadLetter),
        ):
            for record in self.topics.kept.get(partition, []):
                if record.value is not None and head in record.value:
                    return event.model_validate_json(record.value)
        raise LookupError(offset)

    def publish(self, outcome: Decision | DeadLetter, at_ms: int) -> None:
        partition = (
            TopicPartition(DECISIONS, P.partition) if isinstance(outcome, Decision) else TopicPartition(DEAD_LETTERS, 0)
        )
        self.topics.add(partition, to_json(outcome), at_ms)

    async def claim(self) -> None:
        (claim,) = await self.store.claim([P], "w1")
        self.epoch = claim.epoch
        if claim.checkpoint is None:
            await self.store.reset(P, claim.epoch, Checkpoint(0, CLUSTER, 1, None))

    async def count(self, outcomes: Sequence[Decision | DeadLetter], store: MemoryStore | None = None) -> None:
        """Counts as a worker does, AT_ONCE completions at once, from the checkpoint on."""
        store = store or self.store
        names = ScopeLimiter(store, 100)
        for i in range(0, len(outcomes), AT_ONCE):
            some = outcomes[i : i + AT_ONCE]
            decisions = [outcome for outcome in some if isinstance(outcome, Decision)]
            await names.learn(names_by_kind((d.scopes.tenant, d.scopes.model, d.scopes.route) for d in decisions))
            last = self.record(some[-1].source.offset)
            (checkpoint,) = await store.checkpoints([P])
            assert checkpoint is not None
            made = aggregate(decisions, len(some) - len(decisions), LIVE, names.scope)
            record_range = Apply(
                P, self.epoch, checkpoint.next, last.offset + 1, marker_of(last), made, last.timestamp, 0, 130 * S
            )
            assert (await store.apply([record_range]))[0].applied is Applied.APPLIED

    async def drain(self, published: int | None = None) -> list[Enforcement]:
        """Publishes the outbox, or only so many of it; the rest is lost with Redis."""
        (outbox,) = await self.store.outboxes([P], 10_000)
        due = list(outbox.queued)[:published]
        made = [enforcement(queued.crossing) for queued in due]
        for e in made:
            self.topics.add(TopicPartition(ENFORCEMENTS, 0), e.model_dump_json().encode(), self.now_ms)
        await self.store.ack_outbox(P, due)
        return made

    # --- after the loss

    def emptied(self) -> None:
        self.store = MemoryStore(lambda: self.now_ms)

    def rebuild(self, live: LivePolicy = LIVE) -> Rebuild:
        partitions = {DEAD_LETTERS: 2, ENFORCEMENTS: 1}
        then = (LIVE.policy.strikes, terms(LIVE))
        return Rebuild(
            self.store, self.topics, ScopeLimiter(self.store, 100), lambda: live,
            lambda version: then if version == LIVE.version else None, lambda: partitions, self.metrics,
        )  # fmt: skip

    async def taken_over(self, committed: int | None, cluster: str = CLUSTER) -> OwnedPartition:
        owned = await take_over(self.store, TopicsLookup(self.topics), P, "w2", cluster, committed, self.rebuild())
        self.epoch = owned.epoch
        return owned

    async def state_of(self, store: MemoryStore | None = None) -> Any:
        """Returns all that the store holds of the partition: totals, counts, users and strikes."""
        own = (store or self.store).partitions[P]
        users = {key: found for key, found in own.users.items() if found}
        strikes = {
            u: decayed(s.strikes, NOW - s.at_ms, 600 * S) for u, s in own.strikes.all_strikes(self.now_ms).items()
        }
        return dict(own.totals), own.counts, users, {u: pytest.approx(n, rel=1e-9) for u, n in strikes.items()}


class TopicsLookup:
    """The `RecordLookup` of a takeover, on scripted topics."""

    def __init__(self, topics: ScriptedTopics) -> None:
        self._topics = topics

    async def read(self, partition: TopicPartition, offset: int) -> Fake | None:
        return next((record for record in self._topics.kept[partition] if record.offset == offset), None)

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        return await self._topics.bounds(partition)


async def a_world(n: int = 30, seed: int = 1, holes: Sequence[int] = (), letters: Sequence[int] = ()) -> RebuildWorld:
    """n completions within the window, each decided once, published and counted."""
    world, rng = RebuildWorld(), random.Random(seed)
    await world.claim()
    for offset in range(n):
        if offset not in holes:
            world.completion(offset, NOW - 60 * S + offset * S)
    outcomes: list[Decision | DeadLetter] = []
    for record in world.topics.kept[P]:
        offset = record.offset
        outcome: Decision | DeadLetter = (
            world.letter(offset, world.epoch)
            if offset in letters
            else world.decision(offset, world.epoch, round(rng.random(), 4), rng.choice("abc"))
        )
        world.publish(outcome, record.timestamp + 50)
        outcomes.append(outcome)
    await world.count(outcomes)
    return world


# --- emptied


def unreadable(world: RebuildWorld, start: int, end: int) -> None:
    """Puts the completions [start, end) into a batch that cannot be decoded."""
    kept: list[Any] = world.topics.kept[P]
    gone = UnreadableRange(P.topic, P.partition, start, end, "its CRC is wrong")
    world.topics.kept[P] = sorted([r for r in kept if not start <= r.offset < end] + [gone], key=lambda r: r.offset)


def skip_batch(world: RebuildWorld, start: int, end: int, epoch: int) -> None:
    source = Source(topic=P.topic, partition=P.partition, offset=start)
    letter = DeadLetter(
        id=str(source), source=source, epoch=epoch, reason=DeadLetterReason.UNREADABLE_BATCH, where="batch",
        expected="records", length=0, sha256="0" * 64, record_ms=NOW, offsets=end - start,
    )  # fmt: skip
    world.topics.add(TopicPartition(DEAD_LETTERS, 1), to_json(letter), NOW)


#   0 .......... 20 | 20 to 24 cannot be read | 25 .. 29
async def test_a_skipped_range_counts_each_of_its_offsets() -> None:
    """At the end of a rebuild: the marker is that of the last record that can be read."""
    world = await a_world(30)
    unreadable(world, 20, 25)
    skip_batch(world, 20, 25, world.epoch)
    world.emptied()
    assert (await world.taken_over(25)).position == 25
    assert await world.store.totals([P]) == {"decided": 20, "dead_letters": 5}
    assert (await world.store.checkpoints([P])) == [Checkpoint(25, CLUSTER, 1, marker_of(world.record(19)))]
    world.emptied()
    assert (await world.taken_over(30)).position == 30
    assert await world.store.totals([P]) == {"decided": 25, "dead_letters": 5}


async def test_a_rebuild_stops_at_a_range_without_a_dead_letter() -> None:
    """It was readable when its records were decided: its decisions alone do not show that it was skipped."""
    world = await a_world(30)
    unreadable(world, 20, 25)
    skip_batch(world, 21, 24, world.epoch)  # of another batch
    world.emptied()
    assert (await world.taken_over(30)).position == 20
    assert await world.store.totals([P]) == {"decided": 20}


async def test_an_emptied_redis_is_rebuilt_to_the_same_state() -> None:
    world = await a_world(letters=(4, 9), holes=(12, 13))
    await world.drain()
    expected = await world.state_of()
    world.emptied()
    owned = await world.taken_over(30)
    assert (owned.trust, owned.position, owned.applied) == (CheckpointTrust.NO_CHECKPOINT, 30, 30)
    assert await world.state_of() == expected
    (checkpoint,) = await world.store.checkpoints([P])
    assert checkpoint == Checkpoint(30, CLUSTER, 1, marker_of(world.record(29)))
    assert await world.drain() == []  # every crossing was published


async def test_uncommitted_completions_are_decided_again() -> None:
    world = await a_world()
    world.emptied()
    assert (await world.taken_over(21)).position == 21
    assert (await world.store.totals([P]))["decided"] == 21


async def test_the_decision_of_the_highest_epoch_counts() -> None:
    world = await a_world()
    expected = await world.state_of()
    for offset in (3, 7, 25):  # a frozen worker's late ones: published, but never counted
        world.publish(world.decision(offset, world.epoch - 5, 0.99, "z"), NOW)
    world.emptied()
    assert (await world.taken_over(30)).position == 30
    assert await world.state_of() == expected


async def test_a_rebuild_ends_at_a_completion_without_a_decision() -> None:
    """From there on completions are decided again."""
    world = await a_world()
    decisions = world.topics.kept[TopicPartition(DECISIONS, P.partition)]
    del decisions[17]
    world.emptied()
    owned = await world.taken_over(30)
    assert owned.position == 17
    assert (await world.store.totals([P]))["decided"] == 17


async def test_decisions_of_a_recreated_topic_are_not_counted() -> None:
    world = await a_world()
    world.topics.kept[P] = [Fake(b"new", partition=1, offset=n, timestamp=NOW - 30 * S + n) for n in range(30)]
    world.emptied()
    owned = await world.taken_over(30)
    assert owned.position == 0, "a recreated topic has its completions decided"
    assert await world.store.totals([P]) == {}


@pytest.mark.parametrize(
    ("known", "newer"),
    [
        (b'"schema_version":1', b'"schema_version":2'),
        (b'"action":"', b'"action":"ask_'),  # its meaning is not known
        (b'"record_ms":', b'"received_ms":'),
    ],
)
async def test_a_decision_that_cannot_be_read_is_made_again(known: bytes, newer: bytes) -> None:
    world = await a_world()
    decisions = world.topics.kept[TopicPartition(DECISIONS, P.partition)]
    changed = (decisions[5].value or b"").replace(known, newer, 1)
    assert changed != decisions[5].value
    decisions[5] = replace(decisions[5], value=changed)
    world.emptied()
    assert (await world.taken_over(30)).position == 5


async def test_an_unknown_field_loses_no_count_or_crossing() -> None:
    world = await a_world(60, letters=(4, 9), holes=(12, 13))
    assert len(await world.drain()) > 5
    expected = await world.state_of()
    for partition in (
        TopicPartition(DECISIONS, P.partition),
        TopicPartition(DEAD_LETTERS, 0),
        TopicPartition(ENFORCEMENTS, 0),
    ):
        kept = world.topics.kept[partition]
        world.topics.kept[partition] = [
            replace(record, value=of_tomorrow(record.value or b"", first=n % 2 == 0)) for n, record in enumerate(kept)
        ]
    world.emptied()
    assert (await world.taken_over(60)).position == 60
    assert await world.state_of() == expected
    assert await world.drain() == []


@pytest.mark.parametrize("committed", [None, 31])
async def test_no_committed_offset_in_the_log_rebuilds_nothing(committed: int | None) -> None:
    world = await a_world()
    world.emptied()
    assert (await world.taken_over(committed)).position == 0
    assert await world.store.totals([P]) == {}


async def test_losing_only_the_checkpoint_counts_nothing_twice() -> None:
    world = await a_world()
    expected = await world.state_of()
    world.store.partitions[P].next = None
    assert (await world.taken_over(30)).position == 30
    assert await world.state_of() == expected


async def test_another_cluster_s_checkpoint_rebuilds_nothing() -> None:
    world = await a_world()
    expected = await world.state_of()
    owned = await world.taken_over(30, cluster="cluster-b")
    assert (owned.trust, owned.position) == (CheckpointTrust.OTHER_CLUSTER, 30)
    assert await world.state_of() == expected


async def test_completions_older_than_all_windows_are_not_rebuilt() -> None:
    # strikes of a half-life of 10 min reach further back than the windows: these completions add to strikes alone
    world = await a_world()
    world.now_ms = NOW + 900 * S
    world.emptied()
    assert (await world.taken_over(30)).position == 30
    totals, counts, users, strikes = await world.state_of()
    assert (totals["decided"], counts, users) == (30, {}, {})
    assert strikes


@pytest.mark.parametrize("unit", [1000, 1_000_000], ids=["µs", "ns"])
async def test_timestamps_in_seconds_are_rebuilt_as_counted(unit: int) -> None:
    """Their decisions have their arrival, so no clock is read. They were written half a minute ago."""
    world = RebuildWorld()
    await world.claim()
    for offset in range(30):
        world.completion(offset, (NOW - 60 * S + offset * S) * unit)
    outcomes = [world.decision(offset, world.epoch, 0.95, arrived_ms=NOW - 60 * S + offset * S) for offset in range(30)]
    for n, outcome in enumerate(outcomes):
        world.publish(outcome, NOW - 30 * S + n)
    await world.count(outcomes)
    before = await world.state_of()
    assert set(before[1]) == {NOW - 60 * S, NOW - 50 * S, NOW - 40 * S}
    world.emptied()
    world.now_ms = NOW + 5 * S
    owned = await world.taken_over(30)
    assert (owned.position, await world.state_of()) == (30, before)
    (progress,) = await world.store.progress([P])
    assert progress.watermark_ms == NOW - 31 * S


@pytest.mark.parametrize("timestamp", [-1, 0, (NOW - 60 * S) // 1000], ids=["none", "zero", "s"])
async def test_records_without_a_timestamp_are_rebuilt(timestamp: int) -> None:
    """Kafka's time index has them before every time. Their decisions show where they begin."""
    world = RebuildWorld()
    await world.claim()
    for offset in range(30):
        world.completion(offset, timestamp)
    outcomes = [world.decision(offset, world.epoch, 0.95, arrived_ms=NOW - 30 * S + offset * S) for offset in range(30)]
    for n, outcome in enumerate(outcomes):
        world.publish(outcome, NOW - 30 * S + n)
    await world.count(outcomes)
    before = await world.state_of()
    world.emptied()
    owned = await world.taken_over(30)
    assert (owned.position, await world.state_of()) == (30, before)


async def test_a_partition_is_behind_until_it_is_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await a_world()
    world.emptied()
    during: list[tuple[int, bool]] = []
    apply = world.store.apply

    async def watched(ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        outcomes = await apply(ranges)
        (progress,) = await world.store.progress([P])
        during.append((progress.watermark_ms, progress.lag > 0))
        return outcomes

    monkeypatch.setattr(world.store, "apply", watched)
    await world.taken_over(30)
    assert during == [(0, True)] * len(during)
    assert len(during) > 3
    (progress,) = await world.store.progress([P])
    assert (progress.watermark_ms, progress.lag) == (world.record(29).timestamp, -1)


async def test_the_status_shows_the_progress_of_a_rebuild(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    world = await a_world()
    world.emptied()
    rebuild = world.rebuild()
    statuses: list[str | None] = []
    admit = world.store.admit

    async def watched(*args: Any) -> set[str]:
        statuses.append(rebuild.status)
        return await admit(*args)

    monkeypatch.setattr(world.store, "admit", watched)
    await take_over(world.store, TopicsLookup(world.topics), P, "w2", CLUSTER, 30, rebuild)
    assert statuses[0] == "rebuilding completions[1]: 0 of 30"
    assert rebuild.status is None
    assert "completions[1]: redis lost what was counted of 0 to 30; rebuilding from decisions" in caplog.messages
    done = re.compile(r"completions\[1\]: rebuilt up to 30 in \d+\.\d s: 30 decisions, 0 dead letters")
    assert any(map(done.fullmatch, caplog.messages))
    assert world.metrics.registry.get_sample_value("tidegate_rebuilt_events_total") == 30


# --- behind


async def test_an_older_redis_is_rebuilt_to_the_same_state() -> None:
    world = await a_world(letters=(20,))
    expected = await world.state_of()
    older = await a_world(letters=(20,))
    world.emptied()
    world.epoch = older.epoch
    await world.claim()
    await world.count([world.decision_of(offset) for offset in range(14)])
    owned = await world.taken_over(30)
    assert (owned.trust, owned.position) == (CheckpointTrust.BELIEVED, 30)
    assert await world.state_of() == expected


async def test_a_checkpoint_moved_back_on_purpose_is_not_rebuilt() -> None:
    """Its completions are decided again."""
    world = await a_world()
    (claim,) = await world.store.claim([P], "tidegate-checkpoint-reset")
    await world.store.reset(P, claim.epoch, Checkpoint(10, CLUSTER, 2, None))
    before = await world.store.totals([P])
    assert (await world.taken_over(30)).position == 10
    assert await world.store.totals([P]) == before


async def test_an_interrupted_rebuild_goes_on_where_it_stopped() -> None:
    world = await a_world(letters=(8,))
    expected = await world.state_of()
    world.emptied()
    apply, rest = world.store.apply, [2]

    async def dies(ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        if not rest[0]:
            raise StoreUnavailable("redis: no answer")
        rest[0] -= 1
        return await apply(ranges)

    world.store.apply = dies  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await world.taken_over(30)
    world.store.apply = apply  # type: ignore[method-assign]
    assert (await world.taken_over(30)).position == 30
    assert await world.state_of() == expected


async def test_a_rebuild_stops_if_another_worker_takes_over() -> None:
    world = await a_world()
    world.emptied()
    apply = world.store.apply

    async def taken_meanwhile(ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        await world.store.claim([P], "w3")
        return await apply(ranges)

    world.store.apply = taken_meanwhile  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable, match="not_owner"):
        await world.taken_over(30)
    assert await world.store.totals([P]) == {}


# --- strikes


async def test_a_crossing_already_published_is_not_sent_again() -> None:
    world = await a_world(60)
    made = len((await world.store.outboxes([P], 1000))[0].queued)
    assert made > 5
    published = await world.drain(made - 3)
    world.emptied()
    await world.taken_over(60)
    rest = await world.drain()
    assert len(rest) == 3
    assert {e.id for e in published}.isdisjoint(e.id for e in rest)


@pytest.mark.parametrize("weight", [None, 1.5])
@pytest.mark.parametrize("loss", ["emptied", "older"])
async def test_an_undo_stands_after_a_rebuild(weight: float | None, loss: str) -> None:
    #  0 .... 24 | undone | 25 .. 39 ;  older: Redis comes back as it was at 12
    world = RebuildWorld()
    await world.claim()
    for offset in range(40):
        world.completion(offset, NOW - 60 * S + offset * S)
    outcomes = [world.decision(offset, world.epoch, 0.95, "ab"[offset % 2]) for offset in range(40)]
    user = f"t0:{'a' * 32}"
    for n, outcome in enumerate(outcomes):
        world.now_ms = outcome.record_ms + 50
        if n == 12:
            older = world.store.snapshot()
        if n == 24:
            await world.drain()
            undone = await world.store.undo(P, user, Undo(f"{P}-undo-1f", weight, terms(LIVE), "ops", "a song"))
            assert undone is not None
            assert [e.author for e in await world.drain()] == ["ops"]
            world.now_ms += 1
        world.publish(outcome, world.now_ms)
        await world.count([outcome])
    await world.drain()
    world.now_ms = NOW
    expected = await world.state_of()
    if loss == "emptied":
        world.emptied()
    else:
        world.store.roll_back(older)
    assert (await world.taken_over(40)).position == 40
    exact, again = expected[3], (await world.state_of())[3]
    assert set(exact) == set(again)
    near = 1e-4 if weight else 1e-9  # `enforcements` rounds what an undo leaves to 4 decimals
    assert {u: pytest.approx(n.expected, abs=near) for u, n in exact.items()} == {
        u: n.expected for u, n in again.items()
    }
    assert await world.drain() == [], "no crossing is published again"


async def test_a_strike_has_the_weight_of_its_policy_version() -> None:
    world = await a_world()
    expected = await world.state_of()
    await world.drain()
    world.emptied()
    heavier = {**POLICY, "strikes": {**POLICY["strikes"], "weights": {"toxicity": {"block": 900}}}}
    rebuild = world.rebuild(LivePolicy("8-ffffffff", parse(heavier, "p")))
    await take_over(world.store, TopicsLookup(world.topics), P, "w2", CLUSTER, 30, rebuild)
    assert (await world.state_of())[3] == expected[3]
    assert await world.drain() == []


# --- at random


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_loss_is_rebuilt_to_the_same_state(data: st.DataObject) -> None:
    asyncio.run(_at_random(data))


async def _at_random(data: st.DataObject) -> None:
    n = data.draw(st.integers(5, 25), "completions")
    holes = data.draw(st.sets(st.integers(1, n - 2), max_size=6), "holes")
    letters = data.draw(st.sets(st.integers(0, n - 1), max_size=6), "letters")
    world = await a_world(n, data.draw(st.integers(0, 99), "seed"), sorted(holes), sorted(letters))
    offsets = [record.offset for record in world.topics.kept[P]]
    expected = await world.state_of()
    outcomes = [world.decision_of(offset) for offset in offsets]
    for offset in data.draw(st.lists(st.sampled_from(offsets), max_size=8), "decided before, under a lower epoch"):
        world.publish(world.decision(offset, world.epoch - 1 - offset, 0.99, "z"), NOW)
    decided = data.draw(st.sampled_from(range(n + 1)), "first without a decision, or none")
    for partition in (TopicPartition(DECISIONS, P.partition), TopicPartition(DEAD_LETTERS, 0)):
        kept = world.topics.kept.get(partition, [])
        world.topics.kept[partition] = [r for r in kept if b'"offset":%d}' % decided not in (r.value or b"")]
    committed = data.draw(st.sampled_from([*offsets, offsets[-1] + 1]), "committed")
    back = data.draw(st.none() | st.integers(0, len(offsets)), "Redis comes back with so many; None: empty")
    published = await world.drain(data.draw(st.integers(0, 50), "published"))
    world.emptied()
    if back is not None:
        await world.claim()
        await world.count(outcomes[:back])
        (outbox,) = await world.store.outboxes([P], 1000)
        await world.store.ack_outbox(P, outbox.queued)  # published, or lost with the rest of the file
    owned = await world.taken_over(committed)
    counted_back = offsets[back - 1] + 1 if back else 0
    first_without = decided if decided in offsets and decided >= counted_back else committed
    assert owned.position <= max(counted_back, min(committed, first_without))
    await world.count([outcome for outcome in outcomes if outcome.source.offset >= owned.position])
    assert await world.state_of() == expected
    if back is None and owned.position > offsets[-1]:
        assert {e.id for e in await world.drain()}.isdisjoint(e.id for e in published)
