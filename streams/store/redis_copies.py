"""Marks of decided copies in Redis: the arguments of `apply`, and how marks are read and restored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tidegate.streams.core.partition import Copy, TopicPartition
from tidegate.streams.store import DecidedCopies
from tidegate.streams.store.copy_scripts import MARK_COPIES, READ_COPIES
from tidegate.streams.store.keys import COPY_MS
from tidegate.streams.store.redis_client import text
from tidegate.streams.store.redis_strikes import RedisStrikes

AT_ONCE = 500  # marks written by one call: a millisecond of the server's time


class RedisCopies(RedisStrikes):
    """`RedisStore`'s methods for copies."""

    def _copy_args(self, partition: TopicPartition, copies: Sequence[Copy]) -> tuple[list[str], list[Any]]:
        """Returns the last keys and arguments of APPLY: a record range's decided copies."""
        keys = [self._keys.copy(partition, copy.origin) for copy in copies]
        return keys, [*(_mark(copy) for copy in copies), COPY_MS, len(copies)]

    async def copies(self, requested: Sequence[tuple[TopicPartition, Collection[int]]]) -> list[DecidedCopies]:
        wanted = [(partition, list(origins)) for partition, origins in requested]
        keys = [
            [self._keys.checkpoint(partition), *(self._keys.copy(partition, o) for o in origins)]
            for partition, origins in wanted
        ]
        replies = await self._eval([(READ_COPIES, each, []) for each in keys])
        return [
            DecidedCopies(
                complete is not None, {o: _copy(o, mark) for o, mark in zip(origins, marks, strict=True) if mark}
            )
            for (_, origins), (complete, *marks) in zip(wanted, replies, strict=True)
        ]

    async def mark_copies(
        self, partition: TopicPartition, epoch: int, copies: Sequence[tuple[Copy, int]], *, complete: bool
    ) -> bool:
        for start in range(0, max(1, len(copies)), AT_ONCE):
            some = copies[start : start + AT_ONCE]
            keys = [self._keys.checkpoint(partition), *(self._keys.copy(partition, copy.origin) for copy, _ in some)]
            args = [x for copy, at_ms in some for x in (_mark(copy), at_ms + COPY_MS)]
            last = complete and start + AT_ONCE >= len(copies)
            (reply,) = await self._eval([(MARK_COPIES, keys, [epoch, int(last), *args])])
            if not reply:
                return False
        return True


def _mark(copy: Copy) -> str:
    return f"{copy.sha256} {copy.offset}"


def _copy(origin: int, mark: Any) -> Copy:
    sha256, offset = text(mark).split(" ")
    return Copy(origin, sha256, int(offset))
