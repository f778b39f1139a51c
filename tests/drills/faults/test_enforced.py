"""Enforcements: a worker killed between publishing them and emptying its outbox publishes them again; none is lost."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.drills.reading import follow, read_topic
from tests.drills.scene import POLICY, scene
from tests.drills.test_strikes import drained, recomputed
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.core.events import Decision, Enforcement
from tidegate.streams.core.policy.model import parse
from tidegate.streams.topics import ENFORCEMENTS

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]  # 50 s each where nothing else runs
KILLS = 2
DELAY_S = 1.0  # on the way to Redis: a published enforcement stays in the outbox for at least so long
STRIKING = f"""{POLICY}
[strikes]
half_life_s = 3600
throttle = 10
suspend = 20
weights.toxicity = {{ block = 1 }}
"""


async def test_a_worker_is_killed_between_enforcement_and_outbox(
    own_stack: Stack, tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    store = proxy_to(own_stack.redis.split("/")[2])
    settings = {"policy": STRIKING, "redis": f"redis://{store.address}/0"}
    title = "kill -9 of a worker, between publishing an enforcement and taking it out of the outbox"
    async with scene(own_stack, tmp_path, "enforcement_killed", title, workers=1, **settings) as s:
        await s.wait_for_alert()
        did = (
            f"twice: Redis slowed by {DELAY_S:g} s, the only worker killed with -9 as soon as an enforcement stood on "
            "the topic, and replaced"
        )
        async with s.trouble(did):
            for _ in range(KILLS):
                await s.workers.joined()
                store.delay_s = DELAY_S
                await _wait_for_enforcement(own_stack.kafka, int(time.time() * 1000))
                store.cut()
                s.workers.kill(next(iter(s.workers.workers)))
                store.delay_s = 0.0
                store.heal()
                s.workers.start()
        seen = await s.account(duplicates=True)
        await drained(own_stack.redis)
        times = Counter[str]()
        found: dict[str, Enforcement] = {}
        for enforcement in await _read_enforcements(own_stack.kafka):
            times[enforcement.id] += 1
            assert found.setdefault(enforcement.id, enforcement) == enforcement, "one id, two enforcements"
        decisions = sorted((Decision.model_validate(d) for d in seen.counted()), key=lambda d: d.source.offset)
        _, crossed = recomputed(decisions, parse(tomllib.loads(STRIKING), "the drill"), set(), {})
        assert found == crossed
        assert max(times.values()) > 1, "nothing was published twice: the drill proved nothing"
        again = sum(n - 1 for n in times.values())
        s.report.did += f"; {len(found)} enforcements, {again} of them published again under the same id"


async def _read_enforcements(kafka: str) -> list[Enforcement]:
    return [Enforcement.model_validate_json(record.value) async for record in read_topic(kafka, ENFORCEMENTS)]


async def _wait_for_enforcement(kafka: str, after_ms: int, within_s: float = 60) -> None:
    """Returns once `enforcements` has a record that was written after that time."""
    async with asyncio.timeout(within_s), aclosing(follow(kafka, ENFORCEMENTS)) as records:
        async for record in records:
            if record.timestamp > after_ms:
                return
