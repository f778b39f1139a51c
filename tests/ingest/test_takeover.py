"""A fence is believed only where the log still holds the record that it was left at."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.wire.records import Fake
from tidegate.streams.core.partition import Part
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.errors import BrokerAway, StoreAway
from tidegate.streams.ingest.takeover import CAREFUL_RECORDS, KILLS_BEFORE_CAREFUL, Belief, Owned, mark_of, take_over
from tidegate.streams.store import Applied, Apply, Claim, Fence, Mark
from tidegate.streams.store.memory import MemoryStore

P = Part("completions", 3)
NOW = 1_800_000_000_000
CLUSTER = "cluster-a"


class Kept:
    """A `fence.Log` in a dict: records of one part, and whether the broker answers."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.records = {offset: Fake(b"v%d" % offset, offset=offset, timestamp=NOW + offset) for offset in range(end)}
        self.away = False

    async def read(self, part: Part, offset: int) -> Fake | None:
        self._answer(part)
        return self.records[offset] if self.start <= offset < self.end else None

    async def bounds(self, part: Part) -> tuple[int, int]:
        self._answer(part)
        return self.start, self.end

    def _answer(self, part: Part) -> None:
        assert part == P
        if self.away:
            raise BrokerAway("kafka: no answer")


class Flaky(MemoryStore):
    """A store that is away once: at the claim, or at the reset after it."""

    def __init__(self, fails: str) -> None:
        super().__init__(lambda: NOW)
        self.fails: str | None = fails

    def _fail(self, call: str) -> None:
        if self.fails == call:
            self.fails = None
            raise StoreAway("redis: no answer")

    async def claim(self, parts: object, worker: str) -> list[Claim]:
        self._fail("claim")
        return await super().claim([P], worker)

    async def reset(self, part: Part, token: int, fence: Fence) -> bool:
        self._fail("reset")
        return await super().reset(part, token, fence)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(lambda: NOW)


async def counted_to(store: MemoryStore, source: Kept, next_: int, cluster: str = CLUSTER) -> None:
    """A worker has counted everything below next_, and left cleanly."""
    (claim,) = await store.claim([P], "before")
    await store.reset(P, claim.token, Fence(0, cluster, 1, None))
    mark = mark_of(source.records[next_ - 1])
    span = Apply(P, claim.token, 0, next_, mark, Aggregate(), NOW, 0, 1000)
    assert (await store.apply([span]))[0].applied is Applied.APPLIED
    await store.release(P, claim.token)


async def taken(store: MemoryStore, source: Kept, committed: int | None = None, worker: str = "w1") -> Owned:
    return await take_over(store, source, P, worker, CLUSTER, committed)


async def fence_of(store: MemoryStore) -> Fence:
    (fence,) = await store.fences([P])
    assert fence is not None
    return fence


# --- believed


async def test_a_fence_whose_record_is_still_there_is_believed(store: MemoryStore) -> None:
    # start 0 ........ mark 6 | fence 7 ...... end 10;  committed 4 is not asked
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    before = await fence_of(store)
    owned = await taken(store, source, committed=4)
    assert (owned.belief, owned.position, owned.applied) == (Belief.BELIEVED, 7, 7)
    assert await fence_of(store) == before
    assert (owned.valid, owned.careful, owned.culprit) == (True, False, None)


async def test_a_believed_fence_may_stand_at_the_end(store: MemoryStore) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 10)
    assert (await taken(store, source)).position == 10


async def test_a_fence_at_which_nothing_was_applied_yet_is_believed(store: MemoryStore) -> None:
    (claim,) = await store.claim([P], "before")
    await store.reset(P, claim.token, Fence(5, CLUSTER, 2, None))
    owned = await taken(store, Kept(0, 10), committed=1)
    assert (owned.belief, owned.position) == (Belief.BELIEVED, 5)
    assert (await fence_of(store)).generation == 2


async def test_who_takes_over_holds_the_newest_token(store: MemoryStore) -> None:
    source = Kept(0, 10)
    first = await taken(store, source, worker="w1")
    second = await taken(store, source, worker="w2")
    assert second.token > first.token
    assert not await store.beat(P, first.token, 0, 0)
    assert await store.beat(P, second.token, 0, 0)


# --- no fence: the group's committed offset, where the log reaches that far
#
#     start 20              end 30
#   -----[--------------------]------->   both ends are inside: at the end there is nothing to read yet


@pytest.mark.parametrize(
    ("committed", "position"),
    [(None, 20), (0, 20), (19, 20), (20, 20), (25, 25), (30, 30), (31, 20), (88_214, 20)],
)
async def test_without_a_fence_it_starts_at_the_committed_offset_or_the_oldest_record(
    store: MemoryStore, committed: int | None, position: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    owned = await taken(store, Kept(20, 30), committed)
    assert (owned.belief, owned.position, owned.applied) == (Belief.NO_FENCE, position, position)
    assert await fence_of(store) == Fence(position, CLUSTER, 1, None)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]  # a first start is no news
    assert f"{P}: fence not believed (no_fence): starting at {position}, generation 1" in caplog.messages


# --- not believed

Change = Callable[[Kept], None]


def other_value(source: Kept) -> None:
    source.records[6] = replace(source.records[6], value=b"another topic's")


def other_time(source: Kept) -> None:
    source.records[6] = replace(source.records[6], timestamp=NOW)


def tombstone(source: Kept) -> None:
    source.records[6] = replace(source.records[6], value=None)


def expired(source: Kept) -> None:
    source.start = 7


def shorter(source: Kept) -> None:
    source.end = 6


@pytest.mark.parametrize(
    ("change", "belief", "committed", "position"),
    [
        (other_value, Belief.OTHER_RECORD, None, 0),
        (other_value, Belief.OTHER_RECORD, 2, 2),
        (other_time, Belief.OTHER_RECORD, 2, 2),  # the same bytes, sent again to a topic made anew
        (tombstone, Belief.OTHER_RECORD, 2, 2),
        (expired, Belief.MISSING_RECORD, 8, 8),
        (expired, Belief.MISSING_RECORD, 2, 7),  # the committed offset expired too
        (shorter, Belief.MISSING_RECORD, 7, 0),  # made anew, and not as long: a committed 7 is past its end
    ],
)
async def test_a_fence_that_the_log_does_not_bear_out_is_moved_under_a_new_generation(
    store: MemoryStore,
    change: Change,
    belief: Belief,
    committed: int | None,
    position: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    change(source)
    owned = await taken(store, source, committed)
    assert (owned.belief, owned.position, owned.applied) == (belief, position, position)
    assert await fence_of(store) == Fence(position, CLUSTER, 2, None)
    warned = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warned == [f"{P}: fence not believed ({belief.value}): starting at {position}, generation 2"]


async def test_another_cluster_s_fence_is_not_believed_though_the_record_is_the_same(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7, cluster="cluster-b")
    owned = await taken(store, source, committed=3)
    assert (owned.belief, owned.position) == (Belief.OTHER_CLUSTER, 3)
    assert await fence_of(store) == Fence(3, CLUSTER, 2, None)
    assert any("other_cluster" in r.message for r in caplog.records if r.levelno == logging.WARNING)


async def test_a_moved_fence_is_believed_from_then_on(store: MemoryStore) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7, cluster="cluster-b")
    await taken(store, source)
    again = await taken(store, source, committed=9)
    assert (again.belief, again.position) == (Belief.BELIEVED, 0)
    assert (await fence_of(store)).generation == 2


def test_a_mark_is_of_the_offset_the_time_and_the_bytes() -> None:
    record = Fake(b"v", offset=6, timestamp=NOW)
    assert mark_of(record) == Mark(6, NOW, "4c94485e0c21ae6c")  # sha256 of b"v", its first 16 hex digits
    assert mark_of(record) != mark_of(replace(record, value=b"w"))
    assert mark_of(record) != mark_of(replace(record, timestamp=NOW + 1))


# --- no answer is not a "no"


@pytest.mark.parametrize("fence", [True, False])
async def test_a_broker_that_is_away_moves_no_fence_and_a_later_try_succeeds(store: MemoryStore, fence: bool) -> None:
    source = Kept(0, 10)
    if fence:
        await counted_to(store, source, 7)
    before = await store.fences([P])
    source.away = True
    with pytest.raises(BrokerAway):
        await taken(store, source, committed=3)
    assert await store.fences([P]) == before
    source.away = False
    owned = await taken(store, source, committed=3)
    assert (owned.belief, owned.position) == ((Belief.BELIEVED, 7) if fence else (Belief.NO_FENCE, 3))
    assert await store.beat(P, owned.token, 0, 0)
    assert not owned.careful  # trying again is not dying


@pytest.mark.parametrize("call", ["claim", "reset"])
async def test_a_store_that_is_away_is_said_and_a_later_try_succeeds(call: str) -> None:
    store = Flaky(call)
    with pytest.raises(StoreAway):
        await taken(store, Kept(0, 10), committed=3)
    owned = await taken(store, Kept(0, 10), committed=3)
    assert (owned.belief, owned.position) == (Belief.NO_FENCE, 3)
    assert await fence_of(store) == Fence(3, CLUSTER, 1, None)


# --- what kills its workers


async def died(store: MemoryStore, source: Kept, workers: int, trying: int | None = None) -> Owned:
    """So many workers have died in a row, the last with that record in hand; who takes over next."""
    for n in range(workers):
        owned = await taken(store, source, worker=f"w{n}")
        await store.trying(P, owned.token, trying)
    return await taken(store, source, worker=f"w{workers}")


@pytest.mark.parametrize("workers", range(KILLS_BEFORE_CAREFUL))
async def test_fewer_deaths_than_three_in_a_row_change_nothing(store: MemoryStore, workers: int) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    owned = await died(store, source, workers)
    assert (owned.careful, owned.careful_until, owned.culprit) == (False, 0, None)


async def test_after_three_deaths_in_a_row_records_are_read_one_at_a_time(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    owned = await died(store, source, KILLS_BEFORE_CAREFUL)
    assert (owned.careful, owned.careful_until, owned.culprit) == (True, 7 + CAREFUL_RECORDS, None)
    assert f"{P}@7: killed 3 workers in a row; read one record at a time" in caplog.messages
    owned.applied = owned.careful_until
    assert not owned.careful  # past what could have been in hand


async def test_the_record_that_was_in_hand_is_the_culprit(store: MemoryStore) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    owned = await died(store, source, KILLS_BEFORE_CAREFUL, trying=8)
    assert (owned.careful, owned.culprit) == (True, 8)


async def test_a_record_that_a_careful_owner_died_of_is_the_culprit_though_the_fence_had_moved(
    store: MemoryStore,
) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    # One death at this fence: those before it were at an older one, which the careful owner moved.
    owned = await died(store, source, 1, trying=7)
    assert (owned.careful, owned.culprit) == (True, 7)


async def test_a_record_below_the_fence_is_nobody_s_culprit(store: MemoryStore) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    assert (await died(store, source, KILLS_BEFORE_CAREFUL, trying=6)).culprit is None


async def test_a_culprit_is_not_looked_for_in_another_topic(store: MemoryStore) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    for n in range(KILLS_BEFORE_CAREFUL):
        owned = await taken(store, source, worker=f"w{n}")
        await store.trying(P, owned.token, 8)
    other_value(source)  # made anew: what stands at 8 now has killed nobody
    assert (await taken(store, source, worker="next")).culprit is None


async def test_one_clean_release_starts_the_count_anew(store: MemoryStore) -> None:
    source = Kept(0, 10)
    await counted_to(store, source, 7)
    owned = await died(store, source, KILLS_BEFORE_CAREFUL, trying=8)
    await store.release(P, owned.token)
    after = await taken(store, source, worker="another")
    assert (after.careful, after.culprit) == (False, None)
    await store.release(P, after.token)
    assert not (await died(store, source, KILLS_BEFORE_CAREFUL - 1)).careful
