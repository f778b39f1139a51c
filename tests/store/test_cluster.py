"""What is of a Redis Cluster alone: a primary that dies, many nodes to look at, and the wrong kind of server."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from tests.real.redis_cluster import PRIMARIES, RedisCluster
from tests.store.test_contract import P, owner, record_range
from tests.store.test_strikes import strike, striking
from tests.support.stacks import Stack
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import StoreRefused, StoreUnavailable
from tidegate.streams.store import Applied, Apply, ApplyOutcome
from tidegate.streams.store.address import Address
from tidegate.streams.store.keys import Keys
from tidegate.streams.store.redis import RedisStore

pytestmark = pytest.mark.drill

PARTITIONS = [TopicPartition("completions", n) for n in range(12)]
RECOVERS_S = 60.0  # a replica is primary after 3 s; later on a busy machine


@pytest.fixture
async def on_own(own_redis_cluster: RedisCluster, namespace: str) -> AsyncIterator[RedisStore]:
    redis = RedisStore(own_redis_cluster.address, namespace, timeout_s=1.0)
    yield redis
    await redis.close()


@pytest.fixture
async def on_cluster(redis_cluster: RedisCluster, namespace: str) -> AsyncIterator[RedisStore]:
    redis = RedisStore(redis_cluster.address, namespace)
    yield redis
    await redis.close()


async def applied(store: RedisStore, ranges: Sequence[Apply]) -> tuple[list[ApplyOutcome], int]:
    """What `apply` says once the store is there again, and how often it was unavailable until then."""
    unavailable, deadline = 0, time.monotonic() + RECOVERS_S
    while True:
        try:
            return await store.apply(ranges), unavailable
        except StoreUnavailable:
            unavailable += 1
            assert time.monotonic() < deadline, f"unavailable for {RECOVERS_S:g} s"
            await asyncio.sleep(0.1)


def kill(cluster: RedisCluster, n: int) -> None:
    cluster.nodes[n].kill()


def freeze(cluster: RedisCluster, n: int) -> None:
    cluster.nodes[n].freeze()


@pytest.mark.parametrize("fail", [kill, freeze])
async def test_a_failed_primary_is_unavailable_until_failover(
    own_redis_cluster: RedisCluster, on_own: RedisStore, fail: Callable[[RedisCluster, int], None]
) -> None:
    """After the failover nothing is counted twice."""
    cluster, keys = own_redis_cluster, Keys(on_own._keys.namespace)
    holders = {partition: cluster.holder(keys.checkpoint(partition)) for partition in PARTITIONS}
    assert set(holders.values()) == set(range(PRIMARIES)), "the partitions are not spread over all primaries"
    epochs = {partition: await owner(on_own, partition) for partition in PARTITIONS}
    first = [record_range(epochs[partition], 0, 10, partition) for partition in PARTITIONS]
    assert [outcome.applied for outcome in await on_own.apply(first)] == [Applied.APPLIED] * len(PARTITIONS)
    await asyncio.sleep(0.5)  # for the replicas to have it

    lost = holders[P]
    fail(cluster, lost)
    outcomes, unavailable = await applied(
        on_own, [record_range(epochs[partition], 10, 15, partition) for partition in PARTITIONS]
    )
    assert unavailable > 0, "a failed primary was not noticed"
    # What another primary holds was applied at the first try, and is not again.
    for partition, outcome in zip(PARTITIONS, outcomes, strict=True):
        assert outcome in [(Applied.APPLIED, 15)] + [(Applied.ALREADY, 15)] * (holders[partition] != lost), partition
    assert await on_own.totals(PARTITIONS) == {"decided": 15 * len(PARTITIONS)}
    assert await on_own.lease("w1", 1000) is not None
    assert [f.next for f in await on_own.checkpoints(PARTITIONS) if f is not None] == [15] * len(PARTITIONS)


async def test_writes_that_a_replica_never_got_are_a_gap(own_redis_cluster: RedisCluster, on_own: RedisStore) -> None:
    """The outcome names the offset to go on from."""
    cluster = own_redis_cluster
    epoch = await owner(on_own)
    await on_own.apply([record_range(epoch, 0, 10)])
    await asyncio.sleep(0.5)  # for the replica to have it
    primary = cluster.holder(Keys(on_own._keys.namespace).checkpoint(P))
    replica = cluster.nodes[primary + PRIMARIES]
    #   0--------10--------20   the primary acknowledges both, its replica has the first
    replica.freeze()
    cluster.ask(primary, "CLIENT", "KILL", "TYPE", "replica")  # else its kernel would have it
    assert (await on_own.apply([record_range(epoch, 10, 20)]))[0] == (Applied.APPLIED, 20)
    cluster.nodes[primary].kill()
    replica.send(signal.SIGCONT)
    (outcome,), _ = await applied(on_own, [record_range(epoch, 20, 30)])
    assert outcome == (Applied.GAP, 10)
    assert await on_own.totals([P]) == {"decided": 10}
    assert (await on_own.apply([record_range(epoch, 10, 30)]))[0] == (Applied.APPLIED, 30)
    assert await on_own.totals([P]) == {"decided": 30}


async def test_a_new_primary_learns_the_scripts(redis_cluster: RedisCluster, on_cluster: RedisStore) -> None:
    await owner(on_cluster)
    for n in range(PRIMARIES):
        redis_cluster.ask(n, "SCRIPT", "FLUSH")
    assert [claim.epoch > 0 for claim in await on_cluster.claim(PARTITIONS, "w2")] == [True] * len(PARTITIONS)


async def test_users_with_strikes_are_found_on_every_primary(
    redis_cluster: RedisCluster, on_cluster: RedisStore
) -> None:
    for partition in PARTITIONS:
        await on_cluster.apply(
            [striking(await owner(on_cluster, partition), 0, 1, strike(0, 1.0), partition=partition)]
        )
    holders = {redis_cluster.holder(on_cluster._keys.checkpoint(partition)) for partition in PARTITIONS}
    assert len(holders) == PRIMARIES
    found = [partition async for partition, _, _ in on_cluster.all_strikes()]
    assert sorted(found) == PARTITIONS


async def test_a_node_that_evicts_is_refused_even_a_replica(
    redis_cluster: RedisCluster, on_cluster: RedisStore
) -> None:
    """The error names the node."""
    await on_cluster.check("aaaaaaaa")
    redis_cluster.ask(4, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    port = redis_cluster.nodes[4].port
    try:
        with pytest.raises(StoreRefused, match=rf"redis 127.0.0.1:{port}: maxmemory-policy is allkeys-lru"):
            await on_cluster.check("aaaaaaaa")
    finally:
        redis_cluster.ask(4, "CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_a_cluster_and_a_single_redis_are_told_apart(
    redis_cluster: RedisCluster, shared_stack: Stack, namespace: str
) -> None:
    for address, expected in (
        (Address(redis_cluster.url), "is a node of a Redis Cluster; expected one Redis"),
        (Address(shared_stack.redis, cluster=True), "is no node of a Redis Cluster"),
    ):
        store = RedisStore(address, namespace)
        with pytest.raises(StoreRefused, match=expected):
            await store.check("aaaaaaaa")
        with pytest.raises(StoreRefused, match=expected):
            await store.claim(PARTITIONS, "w1")
        await store.close()


async def test_an_unavailable_cluster_is_waited_for(own_redis_cluster: RedisCluster, on_own: RedisStore) -> None:
    for node in own_redis_cluster.nodes:
        node.kill()
    with pytest.raises(StoreUnavailable, match="waiting for it"):
        await on_own.check("aaaaaaaa")
