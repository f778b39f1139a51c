"""Faults of Redis: killed, slow, full. Guarantees 2 and 7. (Emptied and rolled back: test_store_lost.py.)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from tests.drills.probes import all_ready, all_wait_for
from tests.drills.scene import scene
from tests.support.proxy import Proxy
from tests.support.stacks import Stack

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]
UNAVAILABLE_S = 10.0  # longer than a session of the group
DELAY_S = 0.3  # added to whatever passes, each way


async def test_redis_is_killed_and_started_again(own_stack: Stack, tmp_path: Path) -> None:
    async with scene(own_stack, tmp_path, "redis_killed", "Redis killed") as s:
        await s.wait_for_alert()
        async with s.trouble(f"Redis killed with -9, started again on its append-only file {UNAVAILABLE_S:g} s later"):
            own_stack.kill_store()
            await all_wait_for(s.workers, "redis")
            await asyncio.sleep(UNAVAILABLE_S)
            own_stack.start_store()
        await all_ready(s.workers)
        # A second of the append-only file may be gone: what it had counted is decided again.
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_redis_is_slow(own_stack: Stack, tmp_path: Path, proxy_to: Callable[[str | None], Proxy]) -> None:
    network = proxy_to(own_stack.redis.split("/")[2])
    async with scene(own_stack, tmp_path, "redis_slow", "Redis slow", redis=f"redis://{network.address}/0") as s:
        await s.wait_for_alert()
        async with s.trouble(f"every answer of Redis {2 * DELAY_S:g} s later, for {UNAVAILABLE_S:g} s"):
            network.delay_s = DELAY_S
            await s.wait_for_counts(200)
            await asyncio.sleep(UNAVAILABLE_S)
            await all_ready(s.workers, within_s=10)
            network.delay_s = 0.0
        await s.account(duplicates=False)
        assert s.workers.ended() == []


async def test_redis_is_full(own_stack: Stack, tmp_path: Path) -> None:
    async with scene(own_stack, tmp_path, "redis_full", "Redis full") as s:
        await s.wait_for_alert()
        with redis.Redis.from_url(own_stack.redis) as store:
            async with s.trouble(
                f"Redis given less memory than it uses (maxmemory, noeviction), for {UNAVAILABLE_S:g} s"
            ):
                store.config_set("maxmemory", 1 << 20)
                try:
                    await all_wait_for(s.workers, "OutOfMemoryError")
                    before = await s.checkpoints()
                    await asyncio.sleep(UNAVAILABLE_S)
                    assert await s.checkpoints() == before, "counted while Redis was full"
                finally:
                    store.config_set("maxmemory", 0)
        await all_ready(s.workers)
        await s.account(duplicates=False)
        assert s.workers.ended() == []
