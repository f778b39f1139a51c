"""Faults of the network between workers and brokers, and brokers that stand still. Guarantees 1, 2, 3 and 7."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.drills.pages import all_ready, all_wait_for
from tests.drills.scene import scene
from tests.support.pairs import Pair
from tests.support.proxy import Proxy
from tidegate.streams.embedded import Embedded

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.integration, pytest.mark.timeout(480)]
AWAY_S = 10.0  # longer than a session of the group, and of a broker


@dataclass
class Network:
    """The way of the workers to a pair's brokers: a proxy before each."""

    pair: Pair
    kafka: str  # what the workers are told
    proxies: list[Proxy]


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """Of the real servers only the workers are behind it; the embedded broker has one listener, for everybody."""
    with contextlib.ExitStack() as running:
        if request.config.getoption("--servers") == "real":
            pair = request.getfixturevalue("own_real")
            ways = [
                (target, int(at.split(":")[1]))
                for target, at in zip(pair.cluster.listens, pair.cluster.proxied, strict=True)
            ]
            proxies = [running.enter_context(Proxy(target, port)) for target, port in ways]
            yield Network(pair, ",".join(pair.cluster.proxied), proxies)
        else:
            request.getfixturevalue("_wheels")
            proxy = running.enter_context(Proxy())
            embedded = running.enter_context(Embedded(appendonly=True, advertised=proxy.address))
            proxy.target = embedded.kafka_listens
            yield Network(embedded, embedded.kafka, [proxy])


async def test_the_network_is_cut_and_healed(network: Network, tmp_path: Path) -> None:
    title = "the network between workers and brokers cut"
    async with scene(network.pair, tmp_path, "network_cut", title, kafka=network.kafka) as s:
        await s.fires()
        did = "every connection of the workers to Kafka reset and none made; meanwhile one of two stopped (SIGTERM)"
        async with s.trouble(f"{did}; healed, and replaced"):
            for proxy in network.proxies:
                proxy.cut()
            await all_wait_for(s.workers, "kafka")
            assert await s.workers.leave(s.rng.choice(sorted(s.workers.workers))) == 0
            for proxy in network.proxies:
                proxy.heal()
            s.workers.start()
        await all_ready(s.workers)
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_the_network_swallows_everything_for_a_while(network: Network, tmp_path: Path) -> None:
    title = "the network between workers and brokers silent"
    async with scene(network.pair, tmp_path, "network_silent", title, kafka=network.kafka) as s:
        await s.fires()
        async with s.trouble(f"connections of the workers to Kafka stay open, and nothing passes for {AWAY_S:g} s"):
            for proxy in network.proxies:
                proxy.stalled = True
            await all_wait_for(s.workers, "kafka")
            await asyncio.sleep(AWAY_S)
            for proxy in network.proxies:
                proxy.heal()
        await all_ready(s.workers)
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_the_brokers_stand_still(own_pair: Pair, tmp_path: Path) -> None:
    async with scene(own_pair, tmp_path, "brokers_frozen", "all brokers frozen, and thawed") as s:
        await s.fires()
        async with s.trouble(
            f"every broker stopped (SIGSTOP) until the workers say so and {AWAY_S:g} s more, and thawed"
        ):
            own_pair.freeze_broker()
            await all_wait_for(s.workers, "kafka")
            await asyncio.sleep(AWAY_S)
            own_pair.thaw_broker()
        await all_ready(s.workers)
        await s.account(duplicates=True)
        assert s.workers.ended() == []
