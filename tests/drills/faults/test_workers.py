"""Faults of workers: killed, stopped, replaced. Guarantees 1, 2 and 3. (Frozen and thawed: test_frozen.py.)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills.gate import Gate
from tests.drills.policy_writer import changing
from tests.drills.published import metric, owner_epochs, wait_for_decision
from tests.drills.scene import scene
from tests.support.proxy import Proxy
from tests.support.stacks import Stack

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]  # 50 s each where nothing else runs
UNANSWERED_S = 1.5  # longer than from one commit to the next
LARGE = 1500  # records: many times what a worker reads at once while it keeps up


@pytest.fixture
def store(own_stack: Stack, proxy_to: Callable[[str | None], Proxy]) -> Proxy:
    """The proxy between workers and Redis."""
    return proxy_to(own_stack.redis.split("/")[2])


async def test_a_worker_is_killed(own_stack: Stack, store: Proxy, tmp_path: Path) -> None:
    title = "kill -9 of a worker, between publishing and counting"
    async with scene(own_stack, tmp_path, "worker_killed", title, redis=f"redis://{store.address}/0") as s:
        await s.wait_for_alert()
        # An event that is decided again is decided differently: it shows which of the two was counted.
        async with (
            changing(own_stack.kafka),
            s.trouble(
                "Redis cut from both workers before they read any more; as soon as one has published what is not "
                "counted it is killed with -9 and replaced; the policy changes every 2 s"
            ),
        ):
            killed = s.rng.choice(sorted(s.workers.workers))
            # What is on its way when the network is cut may be counted and its answer lost: then nothing more is read,
            # and nothing published is left uncounted.
            await s.pause()
            store.cut()
            s.per_s = s.usual_per_s
            checkpoints = await s.checkpoints()
            await wait_for_decision(
                own_stack.kafka, {partition: checkpoints[partition] for partition in s.workers.epochs(killed)}
            )
            await asyncio.sleep(UNANSWERED_S)
            s.workers.kill(killed)
            store.heal()
            s.workers.start()
        seen = await s.account(duplicates=True, exact=True)
        assert seen.duplicates > 0, "the kill did not fall between published and counted: the drill proved nothing"
        versions_of_repeated = [
            {d["policy_version"] for d in found} for found in seen.decisions.values() if len(found) > 1
        ]
        assert max(map(len, versions_of_repeated)) > 1, (
            "nothing was decided otherwise the second time: the drill proved nothing"
        )


async def test_two_workers_are_killed_while_partitions_move(own_stack: Stack, tmp_path: Path) -> None:
    title = "two workers killed in turn while partitions move"
    async with scene(own_stack, tmp_path, "two_workers_killed", title, workers=3) as s:
        await s.wait_for_alert()
        async with changing(own_stack.kafka), s.trouble(""):
            before = await owner_epochs(own_stack.redis, s.partitions)
            s.workers.kill(s.rng.choice(sorted(s.workers.workers)))
            new_owner = None
            async with asyncio.timeout(120):
                while new_owner is None:
                    await asyncio.sleep(0.02)
                    new_epochs = {
                        name: set(s.workers.epochs(name).values()) - {*before.values()} for name in s.workers.workers
                    }
                    new_owner = next((name for name, epochs in sorted(new_epochs.items()) if epochs), None)
            s.workers.kill(new_owner)
            now = await owner_epochs(own_stack.redis, s.partitions)
            moved_partitions = sum(now[p] != before[p] for p in now)
            s.workers.start()
            s.workers.start()
            s.report.did = (
                f"one of three killed with -9; as soon as another took its partitions over ({moved_partitions} of "
                f"{s.partitions} had moved) that one too; both replaced; the policy changes every 2 s"
            )
        await s.account(duplicates=True, exact=True)


async def test_a_worker_is_stopped_during_a_large_batch(own_stack: Stack, tmp_path: Path) -> None:
    gate = Gate(tmp_path, LARGE)
    settings = {"batch_events": "2000", "classifier": "tests.drills.gate:gated", "score_timeout_s": "60"}
    title = "SIGTERM during a large batch"
    async with scene(own_stack, tmp_path, "worker_stopped", title, workers=1, **settings) as s:
        s.workers.start(gate.environ)  # the one that is stopped
        await s.workers.joined()
        await s.wait_for_alert()
        async with s.trouble(""):
            gate.close()
            await s.send_batch(LARGE, s.rng.choice(sorted(s.workers.epochs("w2"))))
            in_hand = await gate.waiting()
            leaving = asyncio.create_task(s.workers.leave("w2"))
            await asyncio.sleep(1)
            assert not leaving.done(), "it did not wait for its batch"
            gate.open()
            assert await leaving == 0, s.workers.log("w2")[-3000:]
            s.workers.start()
            s.report.did = (
                f"SIGTERM to one of two workers while it scores a batch of {in_hand}; it ends the batch first"
            )
        assert in_hand >= LARGE
        await s.account(duplicates=False, exact=True)


async def test_workers_are_replaced_one_after_another(own_stack: Stack, tmp_path: Path) -> None:
    title = "a rolling upgrade of workers"
    async with scene(own_stack, tmp_path, "rolling_upgrade", title, batch_events="256") as s:
        await s.wait_for_alert()
        did = "each of two workers stopped with SIGTERM and started again with another setting (batch_events), in turn"
        async with s.trouble(did):
            for name in sorted(s.workers.workers):
                assert await s.workers.leave(name) == 0, s.workers.log(name)[-3000:]
                s.workers.start(batch_events="64")
                await s.workers.joined()
                await s.wait_for_counts(100)
        await s.account(duplicates=False, exact=True)


async def test_answers_of_redis_are_lost(own_stack: Stack, store: Proxy, tmp_path: Path) -> None:
    title = "Redis counts, and its answer is lost"
    async with scene(own_stack, tmp_path, "answers_lost", title, redis=f"redis://{store.address}/0") as s:
        await s.wait_for_alert()
        async with s.trouble(
            "three times: Redis gets the workers' calls and its answers are dropped, then the network is cut"
        ):
            for _ in range(3):
                store.mute = True
                await asyncio.sleep(1)
                store.cut()
                store.heal()
                await s.wait_for_counts(200)
        await s.account(duplicates=False, exact=True)
        skipped = await metric(s.workers, "redelivered_events_total")
        assert sum(skipped.values()) > 0, "no record range was counted without an answer: the drill proved nothing"
