"""Which copy of a record was decided, on both stores: marked by `apply`, met by the next one, restored, forgotten."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from tests.store.test_contract import P, Q, owner, record_range
from tests.support.stacks import Stack
from tidegate.streams.core.partition import Copy, TopicPartition
from tidegate.streams.store import Applied, Apply, DecidedCopies, Store
from tidegate.streams.store.copy_scripts import WRITE_COPIES
from tidegate.streams.store.keys import COPY_MS, Keys
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import DEAD_LETTERS, TOPICS

SHA, OTHER = "0123456789abcdef", "fedcba9876543210"


def copying(epoch: int, start: int, end: int, *copies: Copy, partition: TopicPartition = P) -> Apply:
    return record_range(epoch, start, end, partition, copies=copies)


def test_a_mark_is_kept_as_long_as_dead_letters() -> None:
    (topic,) = [topic for topic in TOPICS if topic.name == DEAD_LETTERS]
    assert topic.retention_ms == COPY_MS


async def test_decided_copies_are_marked_in_their_own_partition(store: Store) -> None:
    p, q = await owner(store), await owner(store, Q)
    await store.apply([copying(p, 0, 9, Copy(1, SHA, 7), Copy(2, OTHER, 8)), copying(q, 0, 3, partition=Q)])
    assert await store.copies([(P, [1, 2, 3]), (Q, [1]), (P, [])]) == [
        DecidedCopies(False, {1: Copy(1, SHA, 7), 2: Copy(2, OTHER, 8)}),
        DecidedCopies(False, {}),
        DecidedCopies(False, {}),
    ]


async def test_a_later_copy_of_a_marked_origin_applies_nothing(store: Store) -> None:
    """A race. Both copies were read before either was counted. The second record range writes nothing."""
    epoch = await owner(store)
    await store.apply([copying(epoch, 0, 9, Copy(1, SHA, 7))])
    for late in (Copy(1, SHA, 10), Copy(1, OTHER, 10)):
        assert await store.apply([copying(epoch, 9, 12, Copy(5, SHA, 9), late)]) == [(Applied.COPIED, 9)]
    assert await store.totals([P]) == {"decided": 9}
    assert (await store.copies([(P, [1, 5])]))[0].decided == {1: Copy(1, SHA, 7)}
    assert await store.apply([copying(epoch, 9, 12, Copy(5, SHA, 9))]) == [(Applied.APPLIED, 12)]


async def test_of_two_owners_of_a_copy_the_newer_decides(store: Store) -> None:
    old = await owner(store)
    (claim,) = await store.claim([P], "w2")
    assert await store.apply([copying(claim.epoch, 0, 3, Copy(0, SHA, 2))]) == [(Applied.APPLIED, 3)]
    # what the first one has in hand: its own checkpoint check comes before any mark
    assert (await store.apply([copying(old, 0, 3, Copy(0, SHA, 1))]))[0].applied is Applied.NOT_OWNER
    assert (await store.copies([(P, [0])]))[0].decided == {0: Copy(0, SHA, 2)}


async def test_the_checkpoint_is_checked_before_copies(store: Store) -> None:
    epoch = await owner(store)
    await store.apply([copying(epoch, 0, 9, Copy(1, SHA, 7))])
    late = Copy(1, SHA, 8)
    for start, end, outcome in ((0, 9, Applied.ALREADY), (5, 12, Applied.OVERLAP), (10, 12, Applied.GAP)):
        assert await store.apply([copying(epoch, start, end, late)]) == [(outcome, 9)]


async def test_a_copy_read_again_is_not_refused_by_its_own_mark(store: Store) -> None:
    """A Redis that came back older, or a checkpoint that was moved: the same record is decided again."""
    epoch = await owner(store)
    await store.mark_copies(P, epoch, [(Copy(1, SHA, 7), await store.now_ms())], complete=False)
    assert await store.apply([copying(epoch, 0, 9, Copy(1, SHA, 7))]) == [(Applied.APPLIED, 9)]


async def test_a_later_copy_s_mark_refuses_nothing_and_is_replaced(store: Store) -> None:
    epoch = await owner(store)
    await store.mark_copies(P, epoch, [(Copy(1, SHA, 17), await store.now_ms())], complete=False)
    assert await store.apply([copying(epoch, 0, 9, Copy(1, SHA, 7))]) == [(Applied.APPLIED, 9)]
    assert (await store.copies([(P, [1])]))[0].decided == {1: Copy(1, SHA, 7)}
    assert await store.apply([copying(epoch, 9, 18, Copy(1, SHA, 17))]) == [(Applied.COPIED, 9)]


async def test_restored_marks_leave_existing_marks_as_they_are(store: Store) -> None:
    """`complete` says that none is missing."""
    epoch, now = await owner(store), await store.now_ms()
    await store.apply([copying(epoch, 0, 9, Copy(1, SHA, 7))])
    found = [(Copy(1, OTHER, 3), now), (Copy(2, SHA, 4), now), (Copy(3, SHA, 5), now - COPY_MS)]  # the last: too old
    assert await store.mark_copies(P, epoch, found, complete=True)
    expected = DecidedCopies(True, {1: Copy(1, SHA, 7), 2: Copy(2, SHA, 4)})
    assert await store.copies([(P, [1, 2, 3])]) == [expected]
    assert not await store.mark_copies(P, epoch - 1, [(Copy(9, SHA, 10), now)], complete=True)
    assert (await store.copies([(P, [9])]))[0].decided == {}
    assert not (await store.copies([(Q, [1])]))[0].complete


async def test_many_marks_are_restored_and_none_at_all(store: Store) -> None:
    epoch, now = await owner(store), await store.now_ms()
    many = [(Copy(n, SHA, n + 5000), now) for n in range(1203)]
    assert await store.mark_copies(P, epoch, many, complete=False)
    (found,) = await store.copies([(P, [0, 499, 500, 1202, 1203])])
    assert (found.complete, sorted(found.decided)) == (False, [0, 499, 500, 1202])
    assert await store.mark_copies(P, epoch, [], complete=True)
    assert (await store.copies([(P, [])]))[0].complete


async def test_a_partition_never_claimed_takes_no_marks(store: Store) -> None:
    for epoch in (0, -1, 1):
        assert not await store.mark_copies(P, epoch, [(Copy(1, SHA, 2), NOW_MS)], complete=True)


NOW_MS = int(time.time() * 1000)


@pytest.fixture
async def redis(shared_stack: Stack, namespace: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(shared_stack.redis, namespace)
    yield store
    await store.close()


async def test_each_mark_expires_as_the_keys_say_it_does(redis: RedisStore, namespace: str) -> None:
    epoch, now = await owner(redis), await redis.now_ms()
    await redis.apply([copying(epoch, 0, 9, Copy(1, SHA, 7))])
    await redis.mark_copies(P, epoch, [(Copy(2, SHA, 8), now - 1000)], complete=True)
    for origin, expected in ((1, COPY_MS), (2, COPY_MS - 1000)):
        left = await redis._redis.pttl(Keys(namespace).copy(P, origin))
        assert expected - 60_000 < left <= expected
    assert "PX" in WRITE_COPIES


async def test_the_twins_marks_expire_too() -> None:
    now = [NOW_MS]
    twin = MemoryStore(lambda: now[0])
    epoch = await owner(twin)
    await twin.apply([copying(epoch, 0, 9, Copy(1, SHA, 7))])
    now[0] += COPY_MS - 1
    assert (await twin.copies([(P, [1])]))[0].decided == {1: Copy(1, SHA, 7)}
    now[0] += 1
    assert (await twin.copies([(P, [1])]))[0].decided == {}
    assert await twin.apply([copying(epoch, 9, 12, Copy(1, SHA, 10))]) == [(Applied.APPLIED, 12)]
