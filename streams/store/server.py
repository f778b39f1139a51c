"""A Redis (or Valkey) server as the store speaks to it: pipelined round trips, and errors in our own words."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import redis.asyncio as aioredis
from redis.exceptions import (
    BusyLoadingError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.errors import StoreAway
from streams.store.address import Address
from streams.store.keys import Keys

_AWAY = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, OSError)


class Server:
    """One Redis. address: a URL alone is one without a cluster or files of secrets."""

    def __init__(self, address: Address | str, namespace: str, timeout_s: float = 5.0) -> None:
        at = Address(address) if isinstance(address, str) else address
        self._redis = aioredis.Redis.from_url(
            at.url,
            **{**at.security, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s},
            health_check_interval=0,
        )
        self._keys = Keys(namespace)
        pool = self._redis.connection_pool.connection_kwargs
        self._address = f"{pool.get('host', 'localhost')}:{pool.get('port', 6379)}"  # never the password

    async def close(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _reached(self) -> AsyncIterator[None]:
        try:
            yield
        except _AWAY as error:
            raise StoreAway(f"redis {self._address}: {type(error).__name__}: {error}; waiting for it") from error

    async def _eval(self, calls: Sequence[tuple[str, Sequence[str], Sequence[Any]]]) -> list[Any]:
        """The replies of several scripts, in one pipelined round trip."""
        async with self._reached():
            for _ in range(2):
                pipe = self._redis.pipeline(transaction=False)
                for script, keys, args in calls:
                    pipe.evalsha(_sha(script), len(keys), *keys, *args)
                replies = await pipe.execute(raise_on_error=False)
                missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
                if not missing:
                    break
                for script in {calls[i][0] for i in missing}:
                    await self._redis.script_load(script)
                # All run again: `apply` and the rest are safe to repeat, and a fresh server knows none of them.
            for reply in replies:
                if isinstance(reply, RedisError):
                    raise reply
            return replies

    async def _each(self, command: str, calls: Iterable[tuple[Any, ...]]) -> list[Any]:
        """One command many times, in one pipelined round trip."""
        async with self._reached():
            pipe = self._redis.pipeline(transaction=False)
            for args in calls:
                getattr(pipe, command)(*args)
            return await pipe.execute()


@cache
def _sha(script: str) -> str:
    """What Redis knows a script by."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def text(value: Any) -> str:
    """A reply as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
