"""Guarantees 2, 3, 4 and 7: what is away is waited for, and a store that comes back older is noticed."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.embedded import Embedded
from tests.drills.fleet import account, closes, event, fleet, make_topics, positions, send, settled
from tests.pairs import Pair
from tests.proxy import Proxy

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("_wheels")]
EVENTS = 14_000
PER_S = 220.0
AWAY_S = 10.0  # longer than a session


async def test_an_outage_of_each_dependency_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    rng = random.Random(7)
    network = proxy_to(None)
    with Embedded(appendonly=True, advertised=network.address) as pair:
        network.target = pair.kafka_listens
        await make_topics(pair.kafka, 6)
        with fleet(tmp_path, pair.env()) as workers:
            workers.start()
            workers.start()
            await workers.joined()
            over = asyncio.Event()

            async def traffic() -> None:
                """At least EVENTS, and on until the trouble is over: a slow machine must not run out of them."""
                for start in range(0, 5 * EVENTS, 500):
                    if start >= EVENTS and over.is_set():
                        return
                    some = [event(start + n, f"said toxicity={rng.random():.2f}") for n in range(500)]
                    await send(pair.kafka, some, PER_S)

            sending = asyncio.create_task(traffic())
            await trouble(pair, network, tmp_path)
            over.set()
            await sending
            sent = await positions(pair.kafka)
            assert len(sent) >= EVENTS
            redis = await settled(pair.redis, len(sent), 60)
            seen = await account(pair.kafka, len(sent), 60)
            closes(sent, seen, redis)
            assert workers.ended() == [], workers.logs()[-4000:]
            said = workers.logs()
            assert "store says gap" in said, "the store came back older, and nobody noticed"
            assert "fence not believed" not in said.replace("fence not believed (no_fence)", "")


async def trouble(pair: Pair, network: Proxy, folder: Path) -> None:
    async def counting(more: int) -> None:
        total = sum((await settled(pair.redis, 0, 0)).totals.values())
        await settled(pair.redis, total + more, 60)

    await counting(500)
    pair.freeze_broker()
    await asyncio.sleep(AWAY_S)
    pair.thaw_broker()
    await counting(500)
    network.cut()
    await asyncio.sleep(AWAY_S)
    network.heal()
    await counting(500)
    pair.kill_store()
    await asyncio.sleep(2)
    pair.start_store()
    await counting(500)
    older = folder / "older"
    shutil.copytree(pair.store_dir, older)
    await counting(500)
    pair.kill_store()
    shutil.rmtree(pair.store_dir / "appendonlydir", ignore_errors=True)
    shutil.copytree(older, pair.store_dir, dirs_exist_ok=True)
    pair.start_store()
