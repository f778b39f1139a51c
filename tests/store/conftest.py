"""The stores that one contract runs on: the twin in memory, Redis, and with `--servers real` a Redis Cluster too."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.real.redis_cluster import RedisCluster
from tests.support.stacks import Stack
from tidegate.streams.settings.roles import redis_acl
from tidegate.streams.store import Store
from tidegate.streams.store.address import Address
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.redis import RedisStore


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A cluster takes 8 s to form: it belongs to the real servers alone."""
    if "store" in metafunc.fixturenames:
        servers = ["redis", "cluster"] if metafunc.config.getoption("--servers") == "real" else ["redis"]
        served = [pytest.param(server, marks=pytest.mark.integration) for server in servers]
        metafunc.parametrize("store", [*served, "memory"], indirect=True)


@pytest.fixture
async def store(request: pytest.FixtureRequest, namespace: str) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore(lambda: int(time.time() * 1000))
        return
    if request.param == "cluster":
        cluster: RedisCluster = request.getfixturevalue("redis_cluster")
        redis = RedisStore(cluster.address, namespace)
    else:
        stack: Stack = request.getfixturevalue("shared_stack")
        redis = RedisStore(as_worker(stack.redis, namespace), namespace)
    yield redis
    await redis.close()


def as_worker(url: str, namespace: str, role: str = "worker") -> Address:
    """The server, as a user with a role's commands and this namespace's keys sees it: the contract asks for no more."""
    user, password = f"{role}-{namespace}", secrets.token_hex(16)
    with Redis.from_url(url) as admin:
        admin.execute_command("ACL", "SETUSER", *redis_acl(role, user, namespace), f">{password}")
    return Address(url, security={"username": user, "password": password})


@pytest.fixture(scope="session")
def redis_cluster(redis_binary: Path) -> Iterator[RedisCluster]:
    """Six nodes for the whole session, shared: use a `namespace`; they stay as they are."""
    with RedisCluster(redis_binary) as cluster:
        yield cluster


@pytest.fixture
def own_redis_cluster(redis_binary: Path) -> Iterator[RedisCluster]:
    """Six nodes for this test alone. They may be killed and frozen."""
    with RedisCluster(redis_binary) as cluster:
        yield cluster
