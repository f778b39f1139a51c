"""Guarantee 3: a worker that was frozen past its session timeout publishes and counts nothing afterwards.

But what its Kafka client held already, which nobody can take back: here it holds nothing.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills.gate import Gate
from tests.drills.policy_moves import change
from tests.drills.published import ahead, epochs, written_by
from tests.drills.scene import Scene, scene
from tests.support.proxy import Proxy
from tests.support.stacks import Stack

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]  # 50 s each where nothing else runs
MANY = 200  # records that the two decide: enough for them to differ


async def test_a_worker_is_frozen_and_thawed(own_stack: Stack, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    settings = {"classifier": "tests.drills.gate:gated", "score_timeout_s": "60"}
    title = "a worker frozen past its session timeout, and thawed"
    async with scene(own_stack, tmp_path, "worker_frozen", title, workers=1, **settings) as s:
        frozen = s.workers.start(gate.environ)
        await s.workers.joined()
        await s.fires()
        did = (
            "SIGSTOP of one of two workers while it scores a batch, until the other had all its partitions and had "
            "counted on; then SIGCONT"
        )
        async with s.trouble(did):
            old = s.workers.epochs(frozen)
            gate.close()
            await gate.waiting()
            await _still(s, old)
            s.workers.signal(frozen, signal.SIGSTOP)
            await _taken_from(s, old)
            await s.counts(100)
            published, written = await epochs(own_stack.kafka), await written_by(own_stack.redis, {*old.values()})
            gate.open()
            s.workers.signal(frozen, signal.SIGCONT)
            await asyncio.sleep(2)
        later = {place: epoch for place, epoch in (await epochs(own_stack.kafka)).items() if place not in published}
        now = await written_by(own_stack.redis, {*old.values()})
        await s.account(duplicates=True, exact=True)
        late = [epoch for epoch in later.values() if epoch in old.values()]
        assert later
        assert not late, f"the thawed worker published {len(late)} decisions under an epoch that it had lost"
        assert now.items() <= written.items(), "the thawed worker counted under an epoch that it had lost"


async def test_a_frozen_worker_comes_to_count_before_the_new_owner(
    own_stack: Stack, tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    """What it had counted reaches Redis when another owns the partition and has not moved the checkpoint: only the epoch says
    no. The policy changed meanwhile, so that the two decide otherwise.
    """
    gate, link = Gate(tmp_path), proxy_to(own_stack.redis.split("/")[2])
    settings = {"classifier": "tests.drills.gate:gated", "score_timeout_s": "60", "redis": f"redis://{link.address}/0"}
    title = "a frozen worker's count arrives before the new owner's"
    async with scene(own_stack, tmp_path, "frozen_comes_first", title, workers=1, **settings) as s:
        await s.fires()
        did = (
            "the only worker published, its call to Redis is held by the network and it is frozen; another takes all "
            "partitions over and is held while it scores under another policy; the call arrives; then each goes on"
        )
        async with s.trouble(did):
            old = s.workers.epochs("w1")
            await s.pause()  # the first that it has to count is what it then reads at once
            link.stalled = True
            partition = s.rng.choice(sorted(old))
            await ahead(own_stack.kafka, {partition: await s.at_once(MANY, partition)})
            await asyncio.sleep(3)  # from the acknowledgement to the call
            s.workers.signal("w1", signal.SIGSTOP)
            s.per_s = s.usual_per_s
            await change(own_stack.kafka, flag=0.2, review=0.3)
            gate.close()
            s.workers.start(gate.environ, redis=own_stack.redis)
            await _taken_from(s, old)
            await gate.waiting()
            before = await s.checkpoints()
            link.stalled = False
            await asyncio.sleep(1)
            after = await s.checkpoints()
            gate.open()
            await s.counts(2 * MANY)  # more than what waited: the new owner has decided it all
            s.workers.signal("w1", signal.SIGCONT)
        seen = await s.account(duplicates=True, exact=True)
        assert seen.duplicates > 0, "the frozen worker had published nothing: the drill proved nothing"
        assert before == after, "counted under an epoch that was lost"


async def _still(s: Scene, held: dict[int, int]) -> None:
    """Returns once none of those partitions has counted for a second: what was decided is published and counted."""
    before, now = None, {0: -1}
    async with asyncio.timeout(60):
        while now != before:
            await asyncio.sleep(1)
            before, now = now, {p: checkpoint for p, checkpoint in (await s.checkpoints()).items() if p in held}


async def _taken_from(s: Scene, old: dict[int, int]) -> None:
    """Returns once every partition has another epoch than those."""
    async with asyncio.timeout(120):
        while not old.items().isdisjoint((await epochs(s.stack.redis, s.partitions)).items()):
            await asyncio.sleep(0.1)
