"""One contract, two stores: Redis (the embedded server) and its in-memory twin."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis import Redis

from tests.support.stacks import Stack
from tests.support.ttls import strange_ttls
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.strikes import NewStrikes, Strike, Terms
from tidegate.streams.errors import StoreRefused, StoreUnavailable
from tidegate.streams.store import Applied, Apply, Checkpoint, Marker, Store
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.redis import RedisStore

P = TopicPartition("completions", 3)
Q = TopicPartition("completions", 4)
NOW = 1_800_000_000_000
DAY_MS = 86_400_000


async def owner(store: Store, partition: TopicPartition = P, worker: str = "w1", next_: int = 0) -> int:
    (claim,) = await store.claim([partition], worker)
    await store.reset(partition, claim.epoch, Checkpoint(next_, "c", 1, None))
    return claim.epoch


def record_range(epoch: int, start: int, end: int, partition: TopicPartition = P, **more: object) -> Apply:
    aggregate = Aggregate(totals={"decided": end - start})
    plain = Apply(partition, epoch, start, end, Marker(end - 1, NOW, f"sha{end}"), aggregate, NOW, 0, DAY_MS)
    return replace(plain, **more)  # type: ignore[arg-type]


async def test_a_record_range_applied_twice_is_counted_once(store: Store) -> None:
    epoch = await owner(store)
    #  0---------10   applied twice, then 10--15
    assert (await store.apply([record_range(epoch, 0, 10)]))[0] == (Applied.APPLIED, 10)
    assert (await store.apply([record_range(epoch, 0, 10)]))[0] == (Applied.ALREADY, 10)
    assert (await store.apply([record_range(epoch, 10, 15)]))[0] == (Applied.APPLIED, 15)
    assert await store.totals([P]) == {"decided": 15}


async def test_overlap_and_gap_change_nothing_and_name_next(store: Store) -> None:
    epoch = await owner(store, next_=10)
    #        10 = next
    #   5--------12      overlap
    #             12--20 gap
    assert (await store.apply([record_range(epoch, 5, 12)]))[0] == (Applied.OVERLAP, 10)
    assert (await store.apply([record_range(epoch, 12, 20)]))[0] == (Applied.GAP, 10)
    assert await store.totals([P]) == {}
    assert (await store.checkpoints([P]))[0] == Checkpoint(10, "c", 1, None)


async def test_only_the_newest_epoch_may_apply_heartbeat_or_reset(store: Store) -> None:
    old = await owner(store)
    new = (await store.claim([P], "w2"))[0].epoch
    assert new > old
    assert (await store.apply([record_range(old, 0, 10)]))[0] == (Applied.NOT_OWNER, 0)
    assert not await store.heartbeat(P, old, 0, 0)
    assert not await store.reset(P, old, Checkpoint(99, "c", 2, None))
    await store.release(P, old)
    assert (await store.progress([P]))[0].owner == "w2"
    assert (await store.apply([record_range(new, 0, 10)]))[0] == (Applied.APPLIED, 10)


async def test_a_heartbeat_fails_if_the_store_came_back_older(store: Store) -> None:
    epoch = await owner(store)
    await store.apply([record_range(epoch, 0, 10)])
    assert await store.heartbeat(P, epoch, 3, 0, 10)
    assert not await store.heartbeat(P, epoch, 0, 0, 11)  # the store came back older
    assert (await store.progress([P]))[0].lag == 3  # and its lag does not become 0


async def test_a_partition_never_claimed_has_no_owner(store: Store) -> None:
    for epoch in (0, -1, 1):
        assert not await store.heartbeat(P, epoch, 1, 1)
        assert not await store.reset(P, epoch, Checkpoint(7, "c", 1, None))
    assert (await store.checkpoints([P])) == [None]


async def test_tries_at_a_batch_are_counted_across_owners(store: Store) -> None:
    """Where nothing of it can be read the marker stays that of the last record that could."""
    old = await owner(store)
    await store.apply([record_range(old, 0, 10)])
    first = await store.unreadable(P, old, 10)
    assert first is not None
    assert (first.tries, first.since_ms) == (1, first.now_ms)
    new = (await store.claim([P], "w2"))[0].epoch
    assert await store.unreadable(P, old, 10) is None  # no longer its own
    again = await store.unreadable(P, new, 10)
    assert again is not None
    assert (again.tries, again.since_ms) == (2, first.since_ms)
    assert (await store.progress([P]))[0].unreadable_at == 10
    letters = Aggregate(totals={"dead_letters": 5})
    assert (await store.apply([record_range(new, 10, 15, marker=None, aggregate=letters)]))[0] == (Applied.APPLIED, 15)
    assert (await store.progress([P]))[0].unreadable_at is None
    assert (await store.checkpoints([P]))[0] == Checkpoint(15, "c", 1, Marker(9, NOW, "sha10"))
    assert await store.totals([P]) == {"decided": 10, "dead_letters": 5}


async def test_tries_start_again_at_another_batch_and_on_reset(store: Store) -> None:
    epoch = await owner(store)
    for offset, tries in ((10, 1), (10, 2), (20, 1), (10, 1)):
        found = await store.unreadable(P, epoch, offset)
        assert found is not None
        assert found.tries == tries
    await store.reset(P, epoch, Checkpoint(0, "c", 2, None))
    assert (await store.progress([P]))[0].unreadable_at is None


async def test_no_checkpoint_is_a_gap(store: Store) -> None:
    (claim,) = await store.claim([P], "w1")
    assert claim.checkpoint is None
    assert (await store.apply([record_range(claim.epoch, 0, 1)]))[0] == (Applied.GAP, -1)


async def test_a_store_that_came_back_older_is_a_gap_not_another_owner(store: Store) -> None:
    epoch = await owner(store)
    assert (await store.apply([record_range(epoch + 1, 0, 10)]))[0] == (Applied.GAP, 0)


async def test_apply_stores_markers_and_returns_outcomes_in_order(store: Store) -> None:
    p, q = await owner(store, P), await owner(store, Q)
    outcomes = await store.apply([record_range(q, 0, 3, Q), record_range(p, 5, 6), record_range(p, 0, 2)])
    assert [o.applied for o in outcomes] == [Applied.APPLIED, Applied.GAP, Applied.APPLIED]
    assert (await store.checkpoints([P, Q, TopicPartition("completions", 9)])) == [
        Checkpoint(2, "c", 1, Marker(1, NOW, "sha2")),
        Checkpoint(3, "c", 1, Marker(2, NOW, "sha3")),
        None,
    ]


async def test_counts_add_up_per_bucket_and_change_its_version(store: Store) -> None:
    now = await store.now_ms()
    early, late = now - 20_000, now - 10_000
    epoch = await owner(store)
    counts = {early: {"scored|all": 2, "scored|tenant=a|b": 2}, late: {"scored|all": 1}}
    await store.apply([record_range(epoch, 0, 3, aggregate=Aggregate(counts=counts))])
    await store.apply(
        [record_range(epoch, 3, 4, aggregate=Aggregate(counts={late: {"scored|all": 5, "fault|all": 1}}))]
    )
    assert await store.bucket_versions([P, Q]) == [{early: f"{epoch}:3", late: f"{epoch}:4"}, {}]
    assert await store.counts([(P, early), (P, late), (Q, late)]) == [
        {"scored|all": 2, "scored|tenant=a|b": 2},
        {"scored|all": 6, "fault|all": 1},
        {},
    ]


async def test_a_backlogs_bucket_is_kept_as_long_as_a_new_one(store: Store) -> None:
    now = await store.now_ms()
    epoch = await owner(store)
    old = Aggregate(counts={now - 3_600_000: {"scored|all": 7}})
    await store.apply([record_range(epoch, 0, 7, aggregate=old, keep_ms=60_000)])
    assert await store.counts([(P, now - 3_600_000)]) == [{"scored|all": 7}]


async def test_a_bucket_older_than_any_topic_is_not_stored(store: Store) -> None:
    """The record range is counted all the same."""
    epoch = await owner(store)
    ancient = Aggregate(counts={1_000: {"scored|all": 7}}, users={1_000: {"x|all": ["u"]}}, totals={"decided": 7})
    assert (await store.apply([record_range(epoch, 0, 7, aggregate=ancient)]))[0].applied is Applied.APPLIED
    assert await store.counts([(P, 1_000)]) == [{}]
    assert await store.bucket_versions([P]) == [{}]
    assert await store.totals([P]) == {"decided": 7}


@pytest.mark.parametrize(
    "ahead_ms", [120_000, 10**9, 1_794_000_000_000_000, 10**25], ids=["120", "11d", "58875", "far"]
)
async def test_a_bucket_that_expires_before_it_begins_is_not_stored(store: Store, ahead_ms: int) -> None:
    """No window asks for it; the last one is beyond what Lua writes as a whole number."""
    epoch = await owner(store)
    start = await store.now_ms() + ahead_ms
    ahead = Aggregate(counts={start: {"scored|all": 7}}, users={start: {"x|all": ["u"]}}, totals={"decided": 7})
    assert (await store.apply([record_range(epoch, 0, 7, aggregate=ahead, keep_ms=60_000)]))[
        0
    ].applied is Applied.APPLIED
    assert await store.counts([(P, start)]) == [{}]
    assert await store.bucket_versions([P]) == [{}]
    assert await store.totals([P]) == {"decided": 7}


async def test_a_bucket_expires_by_the_store_s_clock(shared_stack: Stack, namespace: str) -> None:
    """An hour behind, now, and half an hour ahead: each has a day from now, and no other key has any time."""
    redis, twin = RedisStore(shared_stack.redis, namespace), MemoryStore(lambda: NOW)
    for store in (redis, twin):
        now, epoch = await store.now_ms(), await owner(store)
        starts = [now - 3_600_000, now, now + 1_800_000]
        users = {start: {"scored|all": ["u"]} for start in starts}
        made = Aggregate(counts={start: {"scored|all": 1} for start in starts}, users=users)
        strikes = NewStrikes(
            Terms(3_600_000, 1.0, None, 0.001, "7-ab"), (Strike("c@0", "acme:u", 10**25, 2.0, "x.block"),)
        )
        await store.apply([record_range(epoch, 0, 3, aggregate=replace(made, new_strikes=strikes))])
    assert set(twin.partitions[P].expires.values()) == {NOW + DAY_MS}
    with Redis.from_url(shared_stack.redis) as admin:
        assert strange_ttls(admin, namespace) == []
        left = [admin.pttl(key) for key in admin.scan_iter(match=f"{namespace}:*:[bu]:*")]
        assert len(left) == 6
        assert all(DAY_MS - 60_000 < ms <= DAY_MS for ms in left)
        for key in [*admin.scan_iter(match=f"{namespace}:*:b:*")][:1]:
            admin.persist(key)
        admin.set(f"{namespace}:mine", 1)
        assert len(strange_ttls(admin, namespace)) == 2  # they are seen
    await redis.close()


async def test_buckets_expire(store: Store) -> None:
    now = await store.now_ms()
    epoch = await owner(store)
    soon = Aggregate(counts={now: {"scored|all": 1}})
    await store.apply([record_range(epoch, 0, 1, aggregate=soon, keep_ms=300)])
    assert await store.counts([(P, now)]) == [{"scored|all": 1}]
    async with asyncio.timeout(5):
        while await store.counts([(P, now)]) != [{}]:
            await asyncio.sleep(0.05)
    assert (await store.bucket_versions([P]) == [{}]) or isinstance(
        store, RedisStore
    )  # Redis forgets with the next write


async def test_distinct_users_are_counted_over_partitions_and_buckets(store: Store) -> None:
    now = await store.now_ms()
    p, q = await owner(store, P), await owner(store, Q)
    series = "label.toxicity|tenant=acme"
    at_p = {now: {series: ["u1", "u2"], "other|all": ["u9"]}, now - 10_000: {series: ["u2", "u3"]}}
    await store.apply([
        record_range(p, 0, 4, aggregate=Aggregate(counts={now: {"a|all": 1}, now - 10_000: {"a|all": 1}}, users=at_p)),
        record_range(q, 0, 1, Q, aggregate=Aggregate(counts={now: {"a|all": 1}}, users={now: {series: ["u3", "u4"]}})),
    ])  # fmt: skip
    assert await store.users([P, Q], series, [now, now - 10_000]) == 4  # u1 u2 u3 u4
    assert await store.users([P], series, [now - 10_000]) == 2
    assert await store.users([P, Q], "nothing|all", [now]) == 0


async def test_the_users_of_the_largest_batch_are_counted(store: Store) -> None:
    now, many = await store.now_ms(), 10_000  # as many as `batch_events` can be
    epoch = await owner(store)
    users = {now: {"a|all": [f"acme:{n}" for n in range(many)]}}
    whole = Aggregate(counts={now: {"a|all": many}}, users=users)
    assert (await store.apply([record_range(epoch, 0, many, aggregate=whole)]))[0] == (Applied.APPLIED, many)
    assert await store.users([P], "a|all", [now]) == pytest.approx(many, rel=0.03)


async def test_claims_at_one_checkpoint_without_a_release_are_counted(store: Store) -> None:
    await owner(store, worker="w0")
    assert [(await store.claim([P], f"w{n}"))[0].unclean for n in (1, 2, 3)] == [1, 2, 3]
    assert (await store.claim([P], "w3"))[0].unclean == 3  # the same worker: no other died, nothing was applied
    (claim,) = await store.claim([P], "w4")
    await store.apply([record_range(claim.epoch, 0, 5)])
    assert (await store.claim([P], "w5"))[0].unclean == 1  # died, but not at the same checkpoint
    (claim,) = await store.claim([P], "w6")
    await store.release(P, claim.epoch)
    assert (await store.claim([P], "w7"))[0].unclean == 0


async def test_the_record_in_hand_is_stored_until_it_is_applied(store: Store) -> None:
    epoch = await owner(store)
    await store.in_hand(P, epoch, 4)
    assert (await store.claim([P], "w2"))[0].in_hand == 4
    (claim,) = await store.claim([P], "w3")
    await store.apply([record_range(claim.epoch, 0, 4)])
    assert (await store.claim([P], "w4"))[0].in_hand == 4
    (claim,) = await store.claim([P], "w5")
    await store.apply([record_range(claim.epoch, 4, 5)])
    assert (await store.claim([P], "w6"))[0].in_hand is None


async def test_progress_is_what_apply_and_heartbeat_last_wrote(store: Store) -> None:
    epoch = await owner(store)
    await store.apply([record_range(epoch, 0, 1, watermark_ms=NOW, lag=7)])
    (progress,) = await store.progress([P])
    assert (progress.watermark_ms, progress.lag, progress.owner) == (NOW, 7, "w1")
    assert abs(progress.seen_ms - await store.now_ms()) < 5_000
    await store.claim([P], "w1")
    assert (await store.progress([P]))[0].lag == -1  # not known until the new owner says so: never idle
    epoch = (await store.claim([P], "w1"))[0].epoch
    assert await store.heartbeat(P, epoch, 0, NOW - 1)
    assert (await store.progress([P]))[0].watermark_ms == NOW  # never back
    await store.release(P, epoch)
    assert (await store.progress([P, Q]))[0].owner is None


async def test_one_lease_at_a_time_and_old_holders_write_nothing(store: Store) -> None:
    first = await store.lease("w1", 60_000)
    assert first is not None
    assert await store.lease("w2", 60_000) is None
    again = await store.lease("w1", 60_000)
    assert again is not None
    assert again.epoch == first.epoch
    assert await store.save_alerts(first, {"f1": "{}", "f2": "x"})
    await store.release_lease("w1")
    second = await store.lease("w2", 60_000)
    assert second is not None
    assert second.epoch > first.epoch
    assert not await store.save_alerts(first, {"f1": "stale"})
    assert await store.save_alerts(second, {"f2": None})
    assert await store.alerts() == {"f1": "{}"}


async def test_scope_names_are_limited_and_quiet_ones_removed(store: Store) -> None:
    assert await store.admit("tenant", ["a", "b"], 3) == {"a", "b"}
    admitted = await store.admit("tenant", ["b", "c", "d"], 3)
    assert admitted == {"b", "c"}
    assert await store.admit("model", ["m"], 3) == {"m"}
    assert await store.retain("tenant", ["b"], 60_000) == 3
    await asyncio.sleep(0.02)
    assert await store.retain("tenant", ["b"], 10) == 1
    assert await store.admit("tenant", ["d"], 3) == {"d"}


async def test_another_user_key_is_refused(store: Store) -> None:
    await store.check("aaaaaaaa")
    await store.check("aaaaaaaa")
    with pytest.raises(StoreRefused, match="aaaaaaaa"):
        await store.check("bbbbbbbb")


async def test_a_store_that_evicts_is_refused(own_stack: Stack, namespace: str) -> None:
    store = RedisStore(own_stack.redis, namespace)
    await store._redis.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(StoreRefused, match="maxmemory-policy is allkeys-lru; expected noeviction"):
        await store.check("aaaaaaaa")
    await store.close()


async def test_a_killed_store_is_unavailable_and_loses_no_count(own_stack: Stack, namespace: str) -> None:
    """Its append-only file has every count."""
    store = RedisStore(own_stack.redis, namespace)
    epoch = await owner(store)
    await store.apply([record_range(epoch, 0, 10)])
    own_stack.kill_store()
    with pytest.raises(StoreUnavailable, match="waiting for it"):
        await store.apply([record_range(epoch, 10, 20)])
    own_stack.start_store()
    assert (await store.apply([record_range(epoch, 10, 20)]))[0] == (Applied.APPLIED, 20)  # scripts are loaded again
    assert await store.totals([P]) == {"decided": 20}
    await store.close()


async def test_a_full_store_is_unavailable_and_applies_nothing(own_stack: Stack, namespace: str) -> None:
    store = RedisStore(own_stack.redis, namespace)
    epoch = await owner(store)
    await store._redis.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable):
        await store.apply([record_range(epoch, 0, 10)])
    await store._redis.config_set("maxmemory", 0)
    assert await store.totals([P]) == {}
    assert (await store.apply([record_range(epoch, 0, 10)]))[0].applied is Applied.APPLIED
    await store.close()


# --- what outlives the log of policies, and who reads it


async def test_a_policy_snapshot_never_replaces_a_newer_one(store: Store) -> None:
    assert await store.load_policies() is None
    await store.save_policies(7, "seven")
    await store.save_policies(5, "five")  # a worker that is behind
    assert await store.load_policies() == "seven"
    await store.save_policies(7, "seven, with é and |")
    assert await store.load_policies() == "seven, with é and |"


async def test_statuses_of_silent_workers_are_removed(store: Store) -> None:
    await store.put_status("w1", '{"a": "|"}', 60_000)
    await store.put_status("w2", "two", 60_000)
    now = await store.now_ms()
    found = await store.statuses()
    assert {worker: state for worker, (_, state) in found.items()} == {"w1": '{"a": "|"}', "w2": "two"}
    assert all(now - 10_000 <= seen_ms <= now for seen_ms, _ in found.values())
    await asyncio.sleep(0.02)
    await store.put_status("w2", "again", 10)
    assert {worker: state for worker, (_, state) in (await store.statuses()).items()} == {"w2": "again"}


async def test_names_are_the_admitted_scope_names(store: Store) -> None:
    assert await store.names("tenant") == set()
    await store.admit("tenant", ["a", "b", "c"], 2)
    assert await store.names("tenant") == {"a", "b"}
