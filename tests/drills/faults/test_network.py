"""Faults of the network between workers and brokers, and frozen brokers. Guarantees 1, 2, 3 and 7."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.drills.probes import all_ready, all_wait_for
from tests.drills.scene import scene
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.integration, pytest.mark.timeout(480)]
UNAVAILABLE_S = 10.0  # longer than a session of the group, and of a broker


@dataclass
class Network:
    """The network between workers and a stack's brokers: a proxy before each."""

    stack: Stack
    kafka: str  # the address that workers are given
    proxies: list[Proxy]


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """On real servers only the workers are behind it; the embedded broker has one listener, for every client."""
    with contextlib.ExitStack() as running:
        if request.config.getoption("--servers") == "real":
            stack = request.getfixturevalue("own_real")
            ways = [
                (target, int(at.split(":")[1]))
                for target, at in zip(stack.cluster.listens, stack.cluster.proxied, strict=True)
            ]
            proxies = [running.enter_context(Proxy(target, port)) for target, port in ways]
            yield Network(stack, ",".join(stack.cluster.proxied), proxies)
        else:
            request.getfixturevalue("_wheels")
            proxy = running.enter_context(Proxy())
            embedded = running.enter_context(EmbeddedStack(appendonly=True, advertised=proxy.address))
            proxy.target = embedded.kafka_listens
            yield Network(embedded, embedded.kafka, [proxy])


async def test_the_network_is_cut_and_healed(network: Network, tmp_path: Path) -> None:
    title = "the network between workers and brokers cut"
    async with scene(network.stack, tmp_path, "network_cut", title, kafka=network.kafka) as s:
        await s.wait_for_alert()
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


async def test_the_network_drops_everything_for_a_while(network: Network, tmp_path: Path) -> None:
    title = "the network between workers and brokers silent"
    async with scene(network.stack, tmp_path, "network_silent", title, kafka=network.kafka) as s:
        await s.wait_for_alert()
        async with s.trouble(
            f"connections of the workers to Kafka stay open, and nothing passes for {UNAVAILABLE_S:g} s"
        ):
            for proxy in network.proxies:
                proxy.stalled = True
            await all_wait_for(s.workers, "kafka")
            await asyncio.sleep(UNAVAILABLE_S)
            for proxy in network.proxies:
                proxy.heal()
        await all_ready(s.workers)
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_the_brokers_are_frozen(own_stack: Stack, tmp_path: Path) -> None:
    async with scene(own_stack, tmp_path, "brokers_frozen", "all brokers frozen, and thawed") as s:
        await s.wait_for_alert()
        async with s.trouble(
            f"every broker stopped (SIGSTOP) until the workers report it and {UNAVAILABLE_S:g} s more, and thawed"
        ):
            own_stack.freeze_broker()
            await all_wait_for(s.workers, "kafka")
            await asyncio.sleep(UNAVAILABLE_S)
            own_stack.thaw_broker()
        await all_ready(s.workers)
        await s.account(duplicates=True)
        assert s.workers.ended() == []
