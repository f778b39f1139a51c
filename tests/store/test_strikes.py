"""Strikes, on both stores: added exactly once, in offset order, with their crossings; undone, drained and forgotten."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncIterator

import pytest

from tests.store.test_contract import P, Q, owner, record_range
from tests.support.stacks import Stack
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.strikes import Crossing, NewStrikes, Strike, StrikeBalance, Terms, negligible_in_ms
from tidegate.streams.store import KEPT_MS, Applied, Apply, Store, Undo
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.redis import RedisStore

HOUR_MS = 3_600_000
T = (int(time.time()) + 2 * 86_400) * 1000  # ahead of every clock: undoing decays nothing
TERMS = Terms(HOUR_MS, 3.0, 5.0, 0.001, "7-ab")
U, V = "acme:" + "a" * 32, "a|b:c d:" + "b" * 32  # a tenant may hold what we separate by


def strike(offset: int, weight: float = 1.0, user: str = U, at_ms: int = T, partition: TopicPartition = P) -> Strike:
    return Strike(f"{partition}@{offset}", user, at_ms, weight, "toxicity.block")


def striking(
    epoch: int, start: int, end: int, *strikes: Strike, terms: Terms = TERMS, partition: TopicPartition = P
) -> Apply:
    return record_range(
        epoch, start, end, partition, aggregate=Aggregate(new_strikes=NewStrikes(terms, strikes) if strikes else None)
    )


def undo(id_: str = "undo-1", weight: float | None = None, terms: Terms = TERMS) -> Undo:
    return Undo(id_, weight, terms, "ops", 'said "so" | é')


async def crossings(store: Store, partition: TopicPartition = P) -> list[Crossing]:
    (outbox,) = await store.outboxes([partition], 1000)
    assert outbox.waiting == len(outbox.queued)
    return [queued.crossing for queued in outbox.queued]


async def test_strikes_add_up_decay_and_cross_at_a_threshold(store: Store) -> None:
    epoch = await owner(store)
    #   at   0 h   1 h        2 h          half-life 1 h, throttle 3, suspend 5
    #  sum   2     1 + 2 = 3  1.5 + 4 = 5.5
    await store.apply([
        striking(epoch, 0, 3, strike(0, 2), strike(1, 2, at_ms=T + HOUR_MS), strike(2, 4, at_ms=T + 2 * HOUR_MS))
    ])  # fmt: skip
    assert await store.user_strikes([P, Q], U) == [StrikeBalance(5.5, T + 2 * HOUR_MS), None]
    assert await crossings(store) == [
        Crossing("completions[3]@1", U, StrikeBalance(3.0, T + HOUR_MS), TERMS, "toxicity.block"),
        Crossing("completions[3]@2", U, StrikeBalance(5.5, T + 2 * HOUR_MS), TERMS, "toxicity.block"),
    ]


async def test_users_and_partitions_have_separate_strikes(store: Store) -> None:
    p, q = await owner(store), await owner(store, Q)
    await store.apply([
        striking(p, 0, 3, strike(0, user=U), strike(1, user=V), strike(2, user=V)),
        striking(q, 0, 1, strike(0, user=V, partition=Q), partition=Q),
    ])  # fmt: skip
    assert await store.user_strikes([P, Q], V) == [StrikeBalance(2.0, T), StrikeBalance(1.0, T)]
    found = sorted([row async for row in store.all_strikes()])
    assert found == [(P, U, StrikeBalance(1.0, T)), (P, V, StrikeBalance(2.0, T)), (Q, V, StrikeBalance(1.0, T))]


async def test_a_record_range_not_applied_adds_no_strikes(store: Store) -> None:
    epoch = await owner(store)
    await store.apply([striking(epoch, 0, 5, strike(1, 3))])
    for again, outcome in (
        (striking(epoch, 0, 5, strike(1, 3)), Applied.ALREADY),  # redelivered after a kill
        (striking(epoch, 3, 8, strike(4, 3), strike(6, 3)), Applied.OVERLAP),
        (striking(epoch, 7, 8, strike(7, 3)), Applied.GAP),
        (striking(epoch - 1, 5, 8, strike(6, 3)), Applied.NOT_OWNER),
    ):
        assert (await store.apply([again]))[0].applied is outcome
        assert await store.user_strikes([P], U) == [StrikeBalance(3.0, T)]
        assert [c.id for c in await crossings(store)] == ["completions[3]@1"]


async def test_a_late_strike_is_decayed_itself(store: Store) -> None:
    epoch = await owner(store)
    await store.apply([striking(epoch, 0, 1, strike(0, 2))])
    await store.apply([striking(epoch, 1, 2, strike(1, 2, at_ms=T - HOUR_MS))])
    assert await store.user_strikes([P], U) == [StrikeBalance(3.0, T)]  # 2 + 2 / 2
    assert [(c.id, c.balance.at_ms) for c in await crossings(store)] == [("completions[3]@1", T)]


@pytest.mark.parametrize(
    ("throttle", "suspend", "crossed"), [(2.0, None, [2, 3]), (None, 3.0, [3]), (None, None, []), (2.0, 2.0, [2, 3])]
)
async def test_only_sums_at_the_lowest_threshold_cross(
    store: Store, throttle: float | None, suspend: float | None, crossed: list[int]
) -> None:
    terms = Terms(HOUR_MS, throttle, suspend, 0.001, "8-cd")
    epoch = await owner(store)
    await store.apply([striking(epoch, 0, 4, strike(1), strike(2), strike(3), terms=terms)])
    assert [c.id for c in await crossings(store)] == [f"completions[3]@{offset}" for offset in crossed]
    assert all(c.terms == terms for c in await crossings(store))


async def test_two_workers_may_drain_one_outbox(store: Store) -> None:
    """Each entry is removed by its value: an entry that another worker removed is no error."""
    epoch = await owner(store)
    await store.apply([striking(epoch, 0, 3, *(strike(n, 3) for n in range(3)))])
    (outbox,) = await store.outboxes([P], 2)
    assert ([q.crossing.id for q in outbox.queued], outbox.waiting) == (
        ["completions[3]@0", "completions[3]@1"], 3,
    )  # fmt: skip
    await store.ack_outbox(P, outbox.queued)
    await store.ack_outbox(P, outbox.queued)  # a worker that was frozen meanwhile
    assert [c.id for c in await crossings(store)] == ["completions[3]@2"]
    assert (await store.outboxes([Q, P], 2))[0] == ([], 0)


async def test_an_undo_applies_once_and_carries_its_reason(store: Store) -> None:
    epoch = await owner(store)
    await store.apply([striking(epoch, 0, 1, strike(0, 4))])
    assert await store.undo(P, V, undo()) is None
    assert await store.undo(P, U, undo("undo-1", 1.5)) == (4.0, 2.5)
    assert await store.undo(P, U, undo("undo-1", 1.5)) == (2.5, 2.5)  # the same call again
    assert await store.undo(P, U, undo("undo-2", 99)) == (2.5, 0.0)
    assert await store.undo(P, U, undo("undo-3")) is None  # nothing left
    assert await store.user_strikes([P], U) == [StrikeBalance(0.0, T)]
    assert await crossings(store) == [
        Crossing("completions[3]@0", U, StrikeBalance(4.0, T), TERMS, "toxicity.block"),
        Crossing("undo-1", U, StrikeBalance(2.5, T), TERMS, 'said "so" | é', "ops"),
        Crossing("undo-2", U, StrikeBalance(0.0, T), TERMS, 'said "so" | é', "ops"),
    ]


async def test_an_undo_stands_when_its_record_range_is_read_again(store: Store) -> None:
    epoch = await owner(store)
    await store.apply([striking(epoch, 0, 1, strike(0, 2))])
    await store.undo(P, U, undo())
    (claim,) = await store.claim([P], "w2")
    assert (await store.apply([striking(claim.epoch, 0, 1, strike(0, 2))]))[0].applied is Applied.ALREADY
    assert await store.user_strikes([P], U) == [StrikeBalance(0.0, T)]
    await store.apply([striking(claim.epoch, 1, 2, strike(1, 2))])
    assert await store.user_strikes([P], U) == [StrikeBalance(2.0, T)]


async def test_an_undo_is_by_the_stores_clock(store: Store) -> None:
    epoch, now = await owner(store), await store.now_ms()
    await store.apply([striking(epoch, 0, 1, strike(0, 4, at_ms=now - HOUR_MS))])
    before, after = await store.undo(P, U, undo(weight=1)) or (0.0, 0.0)
    assert (before, after) == (pytest.approx(2.0, abs=0.01), pytest.approx(1.0, abs=0.01))
    (balance,) = await store.user_strikes([P], U)
    assert balance is not None
    assert now <= balance.at_ms <= now + 10_000


async def test_the_fingerprint_of_the_user_key_can_be_read(store: Store) -> None:
    assert await store.user_key() is None
    await store.check("aaaaaaaa")
    assert await store.user_key() == "aaaaaaaa"


# --- the two stores against each other


@pytest.fixture
async def both(shared_stack: Stack, namespace: str) -> AsyncIterator[tuple[RedisStore, MemoryStore]]:
    redis = RedisStore(shared_stack.redis, namespace)
    yield redis, MemoryStore(lambda: int(time.time() * 1000))
    await redis.close()


async def test_lua_and_the_twin_agree_to_the_last_bit(both: tuple[RedisStore, MemoryStore]) -> None:
    rng = random.Random(20261121)
    epochs = [await owner(store) for store in both]
    users = [f"t{n % 3}:{n:032x}" for n in range(20)]
    for n in range(100):
        terms = Terms(rng.randrange(60_000, 10**9), rng.choice([None, 2.5]), rng.choice([None, 4.0]), 0.0001, f"{n}-x")
        strikes = [
            strike(n * 10 + i, rng.choice([0.1, 1 / 3, 1.0, 1000.0]), rng.choice(users), T + rng.randrange(10**8))
            for i in range(rng.randrange(10))
        ]
        for store, epoch in zip(both, epochs, strict=True):
            await store.apply([striking(epoch, n * 10, n * 10 + 10, *strikes, terms=terms)])
        if n % 10 == 9:
            what, who = undo(f"undo-{n}", rng.choice([None, 0.7]), terms), rng.choice(users)
            redis_says, twin_says = [await store.undo(P, who, what) for store in both]
            assert redis_says == twin_says
    redis_stands, twin_stands = [{row[1]: row[2] async for row in store.all_strikes()} for store in both]
    assert redis_stands == twin_stands
    redis_crossed, twin_crossed = [await crossings(store) for store in both]
    assert len(redis_crossed) > 100
    assert redis_crossed == twin_crossed


@pytest.mark.parametrize("at_ms", [T, 1_000_000, 10**15, 10**30], ids=["ahead", "a backlog's", "33658", "no int64"])
async def test_strikes_expire_8_days_after_they_are_negligible(
    both: tuple[RedisStore, MemoryStore], at_ms: int
) -> None:
    """Until then a completion of a backlog may still add to them."""
    redis, twin = both
    for store in both:
        await store.apply([striking(await owner(store), 0, 1, strike(0, 4, at_ms=at_ms))])
    # 4 strikes are 0.001 after log2(4000) = 11.97 half-lives
    assert 11.9 * HOUR_MS < negligible_in_ms(4.0, TERMS) < 12 * HOUR_MS
    expected = await redis.now_ms() + negligible_in_ms(4.0, TERMS) + KEPT_MS  # whatever time the event has
    (key,) = [key async for key in redis._redis.scan_iter(match="*:strikes:*") if redis._keys.namespace in key.decode()]
    assert await redis._redis.pexpiretime(key) == pytest.approx(expected, abs=2_000)
    assert twin.partitions[P].strikes.users[U].expires_ms == pytest.approx(expected, abs=2_000)


async def test_the_twin_s_strikes_expire_too() -> None:
    now = [T]
    store = MemoryStore(lambda: now[0])
    epoch = await owner(store)
    await store.apply([striking(epoch, 0, 1, strike(0, 2))])
    now[0] = T + negligible_in_ms(2, TERMS) + KEPT_MS - 1
    assert await store.user_strikes([P], U) == [StrikeBalance(2.0, T)]
    now[0] += 1
    assert await store.user_strikes([P], U) == [None]
    assert [row async for row in store.all_strikes()] == []


async def test_no_key_holds_more_than_pseudonyms(both: tuple[RedisStore, MemoryStore]) -> None:
    redis, _ = both
    await redis.apply([striking(await owner(redis), 0, 1, strike(0, 4))])
    (entry,) = (await redis.outboxes([P], 9))[0].queued
    assert json.loads(entry.entry)[:2] == ["completions[3]@0", U]
