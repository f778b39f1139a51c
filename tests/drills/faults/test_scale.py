"""More workers and fewer, and one that comes back under its name. Guarantees 1, 2 and 3."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.drills.scene import Scene, scene
from tests.real.stack import Real
from tests.support.stacks import Stack

pytestmark = [pytest.mark.drill, pytest.mark.fault]

PARTITIONS = 12


def assigned(s: Scene) -> dict[str, set[int]]:
    """Worker -> the partitions of `completions` of its last assignment."""
    assignment = {}
    for name in s.workers.workers:
        lines = re.findall(r"assigned (completions\[.*|nothing of completions)", s.workers.log(name))
        assignment[name] = {int(n) for n in re.findall(r"completions\[(\d+)\]", lines[-1])} if lines else set()
    return assignment


async def wait_until_balanced(s: Scene, within_s: float = 60) -> dict[str, set[int]]:
    """Returns the assignment once each partition has one owner, and the owners' numbers differ by at most one."""
    async with asyncio.timeout(within_s):
        while True:
            assignment = assigned(s)
            sizes = [len(partitions) for partitions in assignment.values()]
            if sum(sizes) == PARTITIONS == len(set().union(*assignment.values())) and max(sizes) - min(sizes) <= 1:
                return assignment
            await asyncio.sleep(0.2)


def count_kept(before: dict[str, set[int]], after: dict[str, set[int]]) -> int:
    """The number of partitions that stayed with their worker."""
    return sum(len(partitions & after.get(name, set())) for name, partitions in before.items())


async def test_one_worker_two_four_and_three(own_stack: Stack, tmp_path: Path) -> None:
    async with scene(
        own_stack, tmp_path, "scale_out", "1, 2, 4, 3 workers in one group", workers=1, partitions=PARTITIONS
    ) as s:
        await s.wait_for_alert()
        async with s.trouble("a second worker, two more, and one of the four stopped, under traffic", within_s=120):
            s.workers.start()
            await s.workers.joined()
            two = await wait_until_balanced(s)
            await s.wait_for_counts(200)
            s.workers.start()
            s.workers.start()
            await s.workers.joined()
            four = await wait_until_balanced(s)
            await s.wait_for_counts(200)
            await s.workers.leave(s.rng.choice(sorted(s.workers.workers)))
            three = await wait_until_balanced(s)
        # 12 partitions: each of two workers has 6 and keeps 3; of four workers with 3, the three that stay keep all.
        assert count_kept(two, four) == 6
        assert count_kept(four, three) == 9
        await s.account(duplicates=False)


async def test_a_worker_is_back_under_its_name_and_no_other_stops(own_stack: Stack, tmp_path: Path) -> None:
    async with scene(
        own_stack,
        tmp_path,
        "name_kept",
        "a named worker killed and back within the session timeout",
        workers=0,
        session_timeout_s="20",
    ) as s:
        for n in range(3):
            s.workers.start(group_instance=f"worker-{n}")
        await s.workers.joined()
        await s.wait_for_alert()
        others = ["w2", "w3"]
        lines = {name: s.workers.log(name).count("assigned") for name in others}
        generations = {name: s.workers.epochs(name) for name in others}
        before = assigned(s)["w1"]
        async with s.trouble("one of three named workers killed with -9, and started again under its name"):
            s.workers.kill("w1")
            back = s.workers.start(group_instance="worker-0")
        assert {name: s.workers.log(name).count("assigned") for name in others} == lines, "the others stopped"
        assert {name: s.workers.epochs(name) for name in others} == generations, "the others' partitions moved"
        assert assigned(s)[back] == before, "it did not get its own partitions back"
        await s.account(duplicates=True)


async def test_of_two_workers_with_one_name_the_older_ends(own_real: Real, tmp_path: Path) -> None:
    """It says in its log that another worker joined under its name."""
    async with scene(own_real, tmp_path, "name_taken", "two workers with one name", workers=0) as s:
        older = s.workers.start(group_instance="worker-0")
        await s.workers.joined()
        await s.wait_for_alert()
        async with s.trouble("a second worker started under the name of the first"):
            newer = s.workers.start(group_instance="worker-0")
            async with asyncio.timeout(60):
                while older not in s.workers.ended():
                    await asyncio.sleep(0.2)
        assert s.workers.workers.pop(older).returncode == 2
        assert "another worker joined as worker-0" in s.workers.log(older)
        assert newer not in s.workers.ended()
        await s.account(duplicates=True)
