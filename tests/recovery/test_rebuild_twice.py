"""A partition that is taken over by two assignments at once, both of which find that Redis lost it."""

from __future__ import annotations

import asyncio

from tests.recovery.test_rebuild import CLUSTER, P, a_world
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.store import Checkpoint


async def test_two_rebuilds_of_one_partition_count_once() -> None:
    """A rebalance while Redis is emptied: the older assignment's takeover is still at it.

    older   [--- counts ---) done
    newer      [ waits ...... [--- finds it counted ---)
    """
    world = await a_world()
    said = await world.says()
    world.emptied()
    await world.claim()
    rebuild = world.rebuild()
    both = await asyncio.gather(*(rebuild.rebuild(P, world.epoch, 0, 30) for _ in range(2)), return_exceptions=True)
    assert [end for end in both if not isinstance(end, int | StoreUnavailable)] == []
    assert 30 in both
    assert rebuild.going == {}
    assert (await world.store.checkpoints([P]))[0] != Checkpoint(0, CLUSTER, 1, None)
    assert await world.says() == said
