"""Faults of workers: killed, stopped, frozen, replaced. Guarantees 1, 2 and 3."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.scene import scene
from tests.pairs import Pair

pytestmark = [pytest.mark.drill, pytest.mark.fault]


async def test_a_worker_is_killed(own_pair: Pair, tmp_path: Path) -> None:
    async with scene(own_pair, tmp_path, "worker_killed", "kill -9 of a worker") as s:
        await s.fires()
        async with s.trouble("one of two workers killed with -9 while it counts, and replaced"):
            s.workers.kill(s.rng.choice(sorted(s.workers.workers)))
            s.workers.start()
        await s.account(duplicates=True, exact=True)
