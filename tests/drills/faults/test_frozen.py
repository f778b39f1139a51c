"""Guarantee 3: a worker that was frozen past its session timeout publishes and counts nothing afterwards.

The exception is what its Kafka client already held, which nobody can take back: here it holds nothing.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills.gate import Gate
from tests.drills.policy_writer import change
from tests.drills.published import buckets_written_by, decision_epochs, owner_epochs, wait_for_decision
from tests.drills.scene import Scene, scene
from tests.support.proxy import Proxy
from tests.support.stacks import Stack

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]  # 50 s each where nothing else runs
MANY = 200  # records that both decide: enough for their decisions to differ


async def test_a_worker_is_frozen_and_thawed(own_stack: Stack, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    settings = {"classifier": "tests.drills.gate:gated", "score_timeout_s": "60"}
    title = "a worker frozen past its session timeout, and thawed"
    async with scene(own_stack, tmp_path, "worker_frozen", title, workers=1, **settings) as s:
        frozen = s.workers.start(gate.environ)
        await s.workers.joined()
        await s.wait_for_alert()
        did = (
            "SIGSTOP of one of two workers while it scores a batch, until the other had all its partitions and had "
            "counted on; then SIGCONT"
        )
        async with s.trouble(did):
            old = s.workers.epochs(frozen)
            gate.close()
            await gate.waiting()
            await _wait_until_idle(s, old)
            s.workers.signal(frozen, signal.SIGSTOP)
            await _wait_until_taken_over(s, old)
            await s.wait_for_counts(100)
            published, written = (
                await decision_epochs(own_stack.kafka),
                await buckets_written_by(own_stack.redis, {*old.values()}),
            )
            gate.open()
            s.workers.signal(frozen, signal.SIGCONT)
            await asyncio.sleep(2)
        later = {
            place: epoch for place, epoch in (await decision_epochs(own_stack.kafka)).items() if place not in published
        }
        now = await buckets_written_by(own_stack.redis, {*old.values()})
        await s.account(duplicates=True, exact=True)
        late = [epoch for epoch in later.values() if epoch in old.values()]
        assert later
        assert not late, f"the thawed worker published {len(late)} decisions under an epoch that it had lost"
        assert now.items() <= written.items(), "the thawed worker counted under an epoch that it had lost"


async def test_a_frozen_worker_comes_to_count_before_the_new_owner(
    own_stack: Stack, tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    """Its `apply` reaches Redis when another worker owns the partition and has not yet moved the checkpoint: only the
    epoch refuses it. The policy changed meanwhile, so that the two decide differently.
    """
    gate, link = Gate(tmp_path), proxy_to(own_stack.redis.split("/")[2])
    settings = {"classifier": "tests.drills.gate:gated", "score_timeout_s": "60", "redis": f"redis://{link.address}/0"}
    title = "a frozen worker's count arrives before the new owner's"
    async with scene(own_stack, tmp_path, "frozen_comes_first", title, workers=1, **settings) as s:
        await s.wait_for_alert()
        did = (
            "the only worker published, its call to Redis is held by the network and it is frozen; another takes all "
            "partitions over and is held while it scores under another policy; the call arrives; then each goes on"
        )
        async with s.trouble(did):
            old = s.workers.epochs("w1")
            await s.pause()  # so that its next `apply` is for the batch that it then reads
            link.stalled = True
            partition = s.rng.choice(sorted(old))
            await wait_for_decision(own_stack.kafka, {partition: await s.send_batch(MANY, partition)})
            await asyncio.sleep(3)  # from the acknowledgement to the call
            s.workers.signal("w1", signal.SIGSTOP)
            s.per_s = s.usual_per_s
            await change(own_stack.kafka, flag=0.2, review=0.3)
            gate.close()
            s.workers.start(gate.environ, redis=own_stack.redis)
            await _wait_until_taken_over(s, old)
            await gate.waiting()
            before = await s.checkpoints()
            link.stalled = False
            await asyncio.sleep(1)
            after = await s.checkpoints()
            gate.open()
            await s.wait_for_counts(2 * MANY)  # more than what waited: the new owner has decided all of it
            s.workers.signal("w1", signal.SIGCONT)
        seen = await s.account(duplicates=True, exact=True)
        assert seen.duplicates > 0, "the frozen worker had published nothing: the drill proved nothing"
        assert before == after, "counted under an epoch that was lost"


async def _wait_until_idle(s: Scene, held: dict[int, int]) -> None:
    """Returns once no checkpoint of those partitions moved for a second: all decisions are published and counted."""
    before, now = None, {0: -1}
    async with asyncio.timeout(60):
        while now != before:
            await asyncio.sleep(1)
            before, now = now, {p: checkpoint for p, checkpoint in (await s.checkpoints()).items() if p in held}


async def _wait_until_taken_over(s: Scene, old: dict[int, int]) -> None:
    """Returns once every partition has another epoch than these."""
    async with asyncio.timeout(120):
        while not old.items().isdisjoint((await owner_epochs(s.stack.redis, s.partitions)).items()):
            await asyncio.sleep(0.1)
