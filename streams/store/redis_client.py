"""The connection to a Redis (or Valkey) server: pipelined round trips, and errors as `StoreUnavailable` and so on."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterError,
    MovedError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tidegate.streams.errors import StoreRefused, StoreUnavailable
from tidegate.streams.store.address import Address
from tidegate.streams.store.keys import Keys
from tidegate.streams.store.redis_errors import refusal, user_of

_UNAVAILABLE = (
    *(RedisConnectionError, RedisTimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, OSError),
    *(ClusterError, TryAgainError),  # a primary is down and its replica not promoted yet; a slot is migrating
)
# Only texts tell these apart from wrong calls, which are the same class.
_CLUSTER_UNAVAILABLE = ("cannot be connected", "not covered", "could not agree")
CLUSTER_WITHOUT = (
    "redis {address}: is a node of a Redis Cluster; expected one Redis; set TIDEGATE_REDIS_CLUSTER=true and start again"
)
_NO_CLUSTER = "Cluster mode is not enabled"


class RedisServer:
    """One Redis, or a Redis Cluster. address: a URL alone means no cluster and no separate credentials."""

    def __init__(self, address: Address | str, namespace: str, timeout_s: float = 5.0) -> None:
        at = Address(address) if isinstance(address, str) else address
        self._cluster = at.cluster
        self._redis, self._address = _connect(at, timeout_s)
        self._user = user_of(at)
        self._keys = Keys(namespace)

    async def close(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _translate_errors(self) -> AsyncIterator[None]:
        try:
            yield
        except MovedError as error:
            raise StoreRefused(CLUSTER_WITHOUT.format(address=self._address)) from error
        except RedisClusterException as error:
            raise self._cluster_error(error) from error
        except _UNAVAILABLE as error:
            if self._cluster:
                await self._redis.aclose()  # the next call reads the slot map again: a replica may be promoted by then
            raise self._unavailable(error) from error
        except RedisError as error:
            if (refused := refusal(self._address, self._user, error)) is None:
                raise
            raise refused from error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return refusal(self._address, self._user, error) or StoreUnavailable(
            f"redis {self._address}: {type(error).__name__}: {error}; waiting for it"
        )

    def _cluster_error(self, error: RedisClusterException) -> Exception:
        """Returns our error for a failure to form the cluster; the error itself if we called the client wrongly."""
        if (refused := refusal(self._address, self._user, error)) is not None:
            return refused
        if _NO_CLUSTER in str(error):
            return StoreRefused(
                f"redis {self._address}: is no node of a Redis Cluster; TIDEGATE_REDIS_CLUSTER expects one; "
                "unset it and start again"
            )
        return self._unavailable(error) if any(text in str(error) for text in _CLUSTER_UNAVAILABLE) else error

    async def _nodes(self) -> dict[str, Any]:
        """Returns address -> client of each node, which has `execute_command`; replicas too."""
        if not self._cluster:
            return {self._address: self._redis}
        await self._redis.initialize()
        return {node.name: node for node in self._redis.get_nodes()}

    async def _scan_keys(self, pattern: str, kind: str, at_once: int) -> AsyncIterator[list[bytes]]:
        """Yields the keys that match, of every primary, some at a time. It may miss a key that is written meanwhile."""
        nodes: list[dict[str, Any]] = [{}]
        if self._cluster:
            async with self._translate_errors():
                await self._redis.initialize()
                nodes = [{"target_nodes": node} for node in self._redis.get_primaries()]
        for node in nodes:
            cursor = -1
            while cursor:
                async with self._translate_errors():
                    reply = await self._redis.scan(max(cursor, 0), pattern, at_once, kind, **node)
                cursor, keys = _scan_reply(reply)
                yield keys

    async def _eval(self, calls: Sequence[tuple[str, Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Runs several scripts in one pipelined round trip. Returns their replies."""
        async with self._translate_errors():
            for _ in range(2):
                pipe = self._redis.pipeline(transaction=False)
                for script, keys, args in calls:  # by name: a cluster's pipeline has no method for it
                    pipe.execute_command("EVALSHA", _sha(script), len(keys), *keys, *args)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
                missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
                if not missing:
                    break
                for script in {calls[i][0] for i in missing}:
                    await self._redis.script_load(script)
                # Run them all again: `apply` and the rest are safe to repeat, and a fresh server has none loaded.
            for reply in replies:
                if isinstance(reply, RedisError):
                    raise reply
            return replies

    async def _pipelined(self, command: str, calls: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Runs one command many times in one pipelined round trip. Returns the replies."""
        async with self._translate_errors():
            pipe = self._redis.pipeline(transaction=False)
            for args in calls:
                getattr(pipe, command)(*args)
            replies: list[Any] = await pipe.execute()
            return replies


def _connect(at: Address, timeout_s: float) -> tuple[Any, str]:
    """Returns a client and its host:port, never the password. The two clients share no type that has the commands."""
    options = {**at.security, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    options["health_check_interval"] = 0
    if at.cluster:
        # One retry, with the nodes as they are by then: an unavailable cluster must raise as soon as one Redis does.
        retry = Retry(ConstantBackoff(0.25), 1)
        cluster = aioredis.RedisCluster.from_url(at.url, **options, retry=retry)
        return cluster, cluster.startup_nodes[0].name
    client = aioredis.Redis.from_url(at.url, **options)
    pool = client.connection_pool.connection_kwargs
    return client, f"{pool.get('host', 'localhost')}:{pool.get('port', 6379)}"


def _scan_reply(reply: Any) -> tuple[int, list[bytes]]:
    """Returns the cursor and keys of a SCAN reply. A cluster's reply names its node, and we asked one node."""
    cursor, keys = reply
    if isinstance(cursor, dict):
        (cursor,) = cursor.values()
    return int(cursor), keys


@cache
def _sha(script: str) -> str:
    """Returns the digest by which Redis identifies a script."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def text(value: Any) -> str:
    """Returns a reply as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
