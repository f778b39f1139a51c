"""Two assignments take one partition over at once, and both rebuild it."""

from __future__ import annotations

import asyncio

from tests.recovery.test_rebuild import CLUSTER, P, a_world
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.store import Checkpoint


async def test_two_rebuilds_of_one_partition_count_once() -> None:
    """A rebalance while Redis is emptied: the older assignment's takeover still runs.

    older   [--- counts ---) done
    newer      [ waits ...... [--- finds it counted ---)
    """
    world = await a_world()
    expected = await world.state_of()
    world.emptied()
    await world.claim()
    rebuild = world.rebuild()
    both = await asyncio.gather(*(rebuild.rebuild(P, world.epoch, 0, 30) for _ in range(2)), return_exceptions=True)
    assert [end for end in both if not isinstance(end, int | StoreUnavailable)] == []
    assert 30 in both
    assert rebuild.in_progress == {}
    assert (await world.store.checkpoints([P]))[0] != Checkpoint(0, CLUSTER, 1, None)
    assert await world.state_of() == expected
