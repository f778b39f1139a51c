"""A takeover resumes from a checkpoint only if the record that it names is still in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.wire.records import Fake
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.ingest.takeover import (
    KILLS_BEFORE_QUARANTINE,
    QUARANTINE_RECORDS,
    CheckpointTrust,
    OwnedPartition,
    Ownership,
    marker_of,
    take_over,
)
from tidegate.streams.store import Applied, Apply, Checkpoint, Claim, Marker
from tidegate.streams.store.memory import MemoryStore

P = TopicPartition("completions", 3)
NOW = 1_800_000_000_000
CLUSTER = "cluster-a"


class ScriptedLog:
    """A `RecordLookup` in a dict: records of one partition, and whether the broker answers."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.records = {offset: Fake(b"v%d" % offset, offset=offset, timestamp=NOW + offset) for offset in range(end)}
        self.unavailable = False

    async def read(self, partition: TopicPartition, offset: int) -> Fake | None:
        self._answer(partition)
        return self.records[offset] if self.start <= offset < self.end else None

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        self._answer(partition)
        return self.start, self.end

    def _answer(self, partition: TopicPartition) -> None:
        assert partition == P
        if self.unavailable:
            raise BrokerUnavailable("kafka: no answer")


class OwnershipFailingOnce:
    """The `Ownership` of a takeover, unavailable once: at the claim, or at the reset after it. It holds nothing."""

    def __init__(self, fails: str) -> None:
        self.fails: str | None = fails
        self.checkpoint: Checkpoint | None = None

    def _fail(self, call: str) -> None:
        if self.fails == call:
            self.fails = None
            raise StoreUnavailable("redis: no answer")

    async def claim(self, partitions: object, worker: str) -> list[Claim]:
        self._fail("claim")
        return [Claim(1, None, 0, None)]

    async def reset(self, partition: TopicPartition, epoch: int, checkpoint: Checkpoint) -> bool:
        self._fail("reset")
        self.checkpoint = checkpoint
        return True

    async def totals(self, partitions: object) -> dict[str, int]:
        return {}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(lambda: NOW)


async def counted_to(store: MemoryStore, source: ScriptedLog, next_: int, cluster: str = CLUSTER) -> None:
    """A worker counts everything below next_, and leaves cleanly."""
    (claim,) = await store.claim([P], "before")
    await store.reset(P, claim.epoch, Checkpoint(0, cluster, 1, None))
    marker = marker_of(source.records[next_ - 1])
    record_range = Apply(P, claim.epoch, 0, next_, marker, Aggregate(), NOW, 0, 1000)
    assert (await store.apply([record_range]))[0].applied is Applied.APPLIED
    await store.release(P, claim.epoch)


async def taken_over(
    store: Ownership, source: ScriptedLog, committed: int | None = None, worker: str = "w1"
) -> OwnedPartition:
    return await take_over(store, source, P, worker, CLUSTER, committed)


async def checkpoint_of(store: MemoryStore) -> Checkpoint:
    (checkpoint,) = await store.checkpoints([P])
    assert checkpoint is not None
    return checkpoint


# --- trusted


async def test_a_checkpoint_is_trusted_if_its_record_is_in_the_log(store: MemoryStore) -> None:
    # start 0 ...... marker 6 | checkpoint 7 ...... end 10;  committed 4 is not used
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    before = await checkpoint_of(store)
    owned = await taken_over(store, source, committed=4)
    assert (owned.trust, owned.position, owned.applied) == (CheckpointTrust.BELIEVED, 7, 7)
    assert await checkpoint_of(store) == before
    assert (owned.valid, owned.quarantined, owned.poison_offset) == (True, False, None)


async def test_a_trusted_checkpoint_may_be_at_the_end_of_the_log(store: MemoryStore) -> None:
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 10)
    assert (await taken_over(store, source)).position == 10


async def test_a_checkpoint_without_a_marker_is_trusted(store: MemoryStore) -> None:
    """Nothing was applied since it was set: there is nothing to compare."""
    (claim,) = await store.claim([P], "before")
    await store.reset(P, claim.epoch, Checkpoint(5, CLUSTER, 2, None))
    owned = await taken_over(store, ScriptedLog(0, 10), committed=1)
    assert (owned.trust, owned.position) == (CheckpointTrust.BELIEVED, 5)
    assert (await checkpoint_of(store)).generation == 2


async def test_a_takeover_gets_the_newest_epoch(store: MemoryStore) -> None:
    source = ScriptedLog(0, 10)
    first = await taken_over(store, source, worker="w1")
    second = await taken_over(store, source, worker="w2")
    assert second.epoch > first.epoch
    assert not await store.heartbeat(P, first.epoch, 0, 0)
    assert await store.heartbeat(P, second.epoch, 0, 0)


# --- no checkpoint: the group's committed offset, where the log reaches that far
#
#     start 20              end 30
#   -----[--------------------]------->   both ends are inside: at the end there is nothing to read yet


@pytest.mark.parametrize(
    ("committed", "position"),
    [(None, 20), (0, 20), (19, 20), (20, 20), (25, 25), (30, 30), (31, 20), (88_214, 20)],
)
async def test_without_a_checkpoint_the_committed_offset_counts(
    store: MemoryStore, committed: int | None, position: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Or the oldest record, if the committed offset is not in the log."""
    caplog.set_level(logging.INFO)
    owned = await taken_over(store, ScriptedLog(20, 30), committed)
    assert (owned.trust, owned.position, owned.applied) == (CheckpointTrust.NO_CHECKPOINT, position, position)
    assert await checkpoint_of(store) == Checkpoint(position, CLUSTER, 1, None)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]  # a first start is no news
    assert f"{P}: checkpoint not believed (no_checkpoint): starting at {position}, generation 1" in caplog.messages


# --- not trusted

Change = Callable[[ScriptedLog], None]


def other_value(source: ScriptedLog) -> None:
    source.records[6] = replace(source.records[6], value=b"another topic's")


def other_time(source: ScriptedLog) -> None:
    source.records[6] = replace(source.records[6], timestamp=NOW)


def tombstone(source: ScriptedLog) -> None:
    source.records[6] = replace(source.records[6], value=None)


def expired(source: ScriptedLog) -> None:
    source.start = 7


def shorter(source: ScriptedLog) -> None:
    source.end = 6


@pytest.mark.parametrize(
    ("change", "trust", "committed", "position"),
    [
        (other_value, CheckpointTrust.OTHER_RECORD, None, 0),
        (other_value, CheckpointTrust.OTHER_RECORD, 2, 2),
        (other_time, CheckpointTrust.OTHER_RECORD, 2, 2),  # the same bytes, sent again to a recreated topic
        (tombstone, CheckpointTrust.OTHER_RECORD, 2, 2),
        (expired, CheckpointTrust.MISSING_RECORD, 8, 8),
        (expired, CheckpointTrust.MISSING_RECORD, 2, 7),  # the committed offset expired too
        (shorter, CheckpointTrust.MISSING_RECORD, 7, 0),  # recreated, and shorter: a committed 7 is past its end
    ],
)
async def test_an_untrusted_checkpoint_moves_to_a_new_generation(
    store: MemoryStore,
    change: Change,
    trust: CheckpointTrust,
    committed: int | None,
    position: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The record that it names is not in the log."""
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    change(source)
    owned = await taken_over(store, source, committed)
    assert (owned.trust, owned.position, owned.applied) == (trust, position, position)
    assert await checkpoint_of(store) == Checkpoint(position, CLUSTER, 2, None)
    warned = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warned == [f"{P}: checkpoint not believed ({trust.value}): starting at {position}, generation 2"]


async def test_another_cluster_s_checkpoint_is_not_trusted(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even if the record is the same."""
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7, cluster="cluster-b")
    owned = await taken_over(store, source, committed=3)
    assert (owned.trust, owned.position) == (CheckpointTrust.OTHER_CLUSTER, 3)
    assert await checkpoint_of(store) == Checkpoint(3, CLUSTER, 2, None)
    assert any("other_cluster" in r.message for r in caplog.records if r.levelno == logging.WARNING)


async def test_a_moved_checkpoint_is_trusted_from_then_on(store: MemoryStore) -> None:
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7, cluster="cluster-b")
    await taken_over(store, source)
    again = await taken_over(store, source, committed=9)
    assert (again.trust, again.position) == (CheckpointTrust.BELIEVED, 0)
    assert (await checkpoint_of(store)).generation == 2


def test_a_marker_is_of_the_offset_the_time_and_the_bytes() -> None:
    record = Fake(b"v", offset=6, timestamp=NOW)
    assert marker_of(record) == Marker(6, NOW, "4c94485e0c21ae6c")  # sha256 of b"v", its first 16 hex digits
    assert marker_of(record) != marker_of(replace(record, value=b"w"))
    assert marker_of(record) != marker_of(replace(record, timestamp=NOW + 1))


# --- no answer is not a "no"


@pytest.mark.parametrize("checkpoint", [True, False])
async def test_an_unavailable_broker_moves_no_checkpoint(store: MemoryStore, checkpoint: bool) -> None:
    """A later try succeeds."""
    source = ScriptedLog(0, 10)
    if checkpoint:
        await counted_to(store, source, 7)
    before = await store.checkpoints([P])
    source.unavailable = True
    with pytest.raises(BrokerUnavailable):
        await taken_over(store, source, committed=3)
    assert await store.checkpoints([P]) == before
    source.unavailable = False
    owned = await taken_over(store, source, committed=3)
    assert (owned.trust, owned.position) == (
        (CheckpointTrust.BELIEVED, 7) if checkpoint else (CheckpointTrust.NO_CHECKPOINT, 3)
    )
    assert await store.heartbeat(P, owned.epoch, 0, 0)
    assert not owned.quarantined  # a retry is not a death


@pytest.mark.parametrize("call", ["claim", "reset"])
async def test_an_unavailable_store_raises_and_a_retry_succeeds(call: str) -> None:
    store = OwnershipFailingOnce(call)
    with pytest.raises(StoreUnavailable):
        await taken_over(store, ScriptedLog(0, 10), committed=3)
    owned = await taken_over(store, ScriptedLog(0, 10), committed=3)
    assert (owned.trust, owned.position) == (CheckpointTrust.NO_CHECKPOINT, 3)
    assert store.checkpoint == Checkpoint(3, CLUSTER, 1, None)


# --- records that kill workers


async def after_deaths(
    store: MemoryStore, source: ScriptedLog, workers: int, in_hand: int | None = None
) -> OwnedPartition:
    """That many workers die in a row, the last with that record in hand. Returns the next owner's partition."""
    for n in range(workers):
        owned = await taken_over(store, source, worker=f"w{n}")
        await store.in_hand(P, owned.epoch, in_hand)
    return await taken_over(store, source, worker=f"w{workers}")


@pytest.mark.parametrize("workers", range(KILLS_BEFORE_QUARANTINE))
async def test_fewer_than_three_deaths_cause_no_quarantine(store: MemoryStore, workers: int) -> None:
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    owned = await after_deaths(store, source, workers)
    assert (owned.quarantined, owned.quarantine_until, owned.poison_offset) == (False, 0, None)


async def test_three_deaths_in_a_row_cause_quarantine(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """Records are then scored one at a time."""
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    owned = await after_deaths(store, source, KILLS_BEFORE_QUARANTINE)
    assert (owned.quarantined, owned.quarantine_until, owned.poison_offset) == (True, 7 + QUARANTINE_RECORDS, None)
    assert f"{P}@7: killed 3 workers in a row; read one record at a time" in caplog.messages
    owned.applied = owned.quarantine_until
    assert not owned.quarantined  # past what could have been in hand


async def test_the_record_in_hand_is_the_poison_record(store: MemoryStore) -> None:
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    owned = await after_deaths(store, source, KILLS_BEFORE_QUARANTINE, in_hand=8)
    assert (owned.quarantined, owned.poison_offset) == (True, 8)


async def test_a_quarantined_owner_s_record_in_hand_is_poison(
    store: MemoryStore,
) -> None:
    """Even if the checkpoint moved since the deaths before."""
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    # One death at this checkpoint: those before it were at an older one, which the owner in quarantine moved.
    owned = await after_deaths(store, source, 1, in_hand=7)
    assert (owned.quarantined, owned.poison_offset) == (True, 7)


async def test_a_record_below_the_checkpoint_is_not_poison(store: MemoryStore) -> None:
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    assert (await after_deaths(store, source, KILLS_BEFORE_QUARANTINE, in_hand=6)).poison_offset is None


async def test_an_untrusted_checkpoint_names_no_poison_record(store: MemoryStore) -> None:
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    for n in range(KILLS_BEFORE_QUARANTINE):
        owned = await taken_over(store, source, worker=f"w{n}")
        await store.in_hand(P, owned.epoch, 8)
    other_value(source)  # recreated: the record at 8 is another one now
    assert (await taken_over(store, source, worker="next")).poison_offset is None


async def test_a_clean_release_resets_the_count_of_deaths(store: MemoryStore) -> None:
    source = ScriptedLog(0, 10)
    await counted_to(store, source, 7)
    owned = await after_deaths(store, source, KILLS_BEFORE_QUARANTINE, in_hand=8)
    await store.release(P, owned.epoch)
    after = await taken_over(store, source, worker="another")
    assert (after.quarantined, after.poison_offset) == (False, None)
    await store.release(P, after.epoch)
    assert not (await after_deaths(store, source, KILLS_BEFORE_QUARANTINE - 1)).quarantined
