"""Strikes and their outbox in Redis: the arguments of `apply`, and how strikes are read, published and undone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.strikes import Crossing, NewStrikes, StrikeBalance, Terms
from tidegate.streams.store import Outbox, Queued, Undo, scripts
from tidegate.streams.store.keys import parse_strikes_key, strikes_pattern
from tidegate.streams.store.redis_client import RedisServer, text

SCAN = 1_000  # keys scanned for each reply: a millisecond of the server's time


class RedisStrikes(RedisServer):
    """`RedisStore`'s methods for strikes."""

    def _strike_args(self, partition: TopicPartition, new: NewStrikes | None) -> tuple[list[str], list[Any]]:
        """Returns the keys and arguments of APPLY: a record range's strikes."""
        if new is None:
            return [], [0]
        users = {user: i for i, user in enumerate(dict.fromkeys(strike.user for strike in new.strikes))}
        keys = [self._keys.outbox(partition), *(self._keys.strikes(partition, user) for user in users)]
        lowest = new.terms.lowest
        args: list[Any] = [len(users), *users, *_terms(new.terms), _or_empty(lowest), len(new.strikes)]
        for strike in new.strikes:
            args += [users[strike.user], strike.id, strike.at_ms, strike.weight, strike.reason]
        return keys, args

    async def outboxes(self, partitions: Sequence[TopicPartition], at_most: int) -> list[Outbox]:
        async with self._translate_errors():
            pipe = self._redis.pipeline(transaction=False)
            for partition in partitions:
                pipe.lrange(self._keys.outbox(partition), 0, at_most - 1)
                pipe.llen(self._keys.outbox(partition))
            replies = await pipe.execute()
        return [
            Outbox([Queued(text(entry), _crossing(text(entry))) for entry in entries], int(waiting))
            for entries, waiting in zip(replies[::2], replies[1::2], strict=True)
        ]

    async def ack_outbox(self, partition: TopicPartition, queued: Sequence[Queued]) -> None:
        await self._pipelined("lrem", [(self._keys.outbox(partition), 1, one.entry) for one in queued])

    async def user_strikes(self, partitions: Sequence[TopicPartition], user: str) -> list[StrikeBalance | None]:
        return [
            _standing(r)
            for r in await self._pipelined("get", [(self._keys.strikes(partition, user),) for partition in partitions])
        ]

    async def all_strikes(self) -> AsyncIterator[tuple[TopicPartition, str, StrikeBalance]]:
        async for keys in self._scan_keys(strikes_pattern(self._keys), "STRING", SCAN):
            replies = await self._pipelined("get", [(key,) for key in keys])
            for key, reply in zip(keys, replies, strict=True):
                owner, balance = parse_strikes_key(text(key)), _standing(reply)
                if owner is not None and balance is not None:
                    yield *owner, balance

    async def undo(self, partition: TopicPartition, user: str, undo: Undo) -> tuple[float, float] | None:
        keys = [self._keys.outbox(partition), self._keys.strikes(partition, user)]
        args = [undo.id, user, _or_empty(undo.weight), *_terms(undo.terms), undo.reason, undo.author]
        (reply,) = await self._eval([(scripts.UNDO, keys, args)])
        return None if reply is None else (float(reply[0]), float(reply[1]))


def _terms(terms: Terms) -> list[Any]:
    throttle, suspend = _or_empty(terms.throttle), _or_empty(terms.suspend)
    return [terms.half_life_ms, throttle, suspend, terms.negligible, terms.policy_version]


def _or_empty(number: float | None) -> float | str:
    return "" if number is None else number


def _standing(reply: Any) -> StrikeBalance | None:
    if reply is None:
        return None
    strikes, at_ms, *_ = text(reply).split(" ")
    return StrikeBalance(float(strikes), int(at_ms))


def _crossing(entry: str) -> Crossing:
    id_, user, strikes, at_ms, half_life_ms, throttle, suspend, negligible, version, reason, author = json.loads(entry)
    terms = Terms(
        int(half_life_ms),
        float(throttle) if throttle else None,
        float(suspend) if suspend else None,
        float(negligible),
        version,
    )
    return Crossing(id_, user, StrikeBalance(float(strikes), int(at_ms)), terms, reason, author or None)
