"""The stores that one contract runs on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from streams.store import Store
from streams.store.memory import MemoryStore
from streams.store.redis import RedisStore
from tests.pairs import Pair


@pytest.fixture(params=["redis", "memory"])
async def store(request: pytest.FixtureRequest, namespace: str) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore(lambda: int(time.time() * 1000))
        return
    pair: Pair = request.getfixturevalue("shared_pair")
    redis = RedisStore(pair.redis, namespace)
    yield redis
    await redis.close()
