"""Users' strikes as the store holds them: shown, and undone."""

from __future__ import annotations

import heapq
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.strikes import StrikeBalance, Terms, below_ms, decayed, terms, threshold_reached
from tidegate.streams.errors import RequestInvalid, RequestRefused, TopicsMissing
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.policy_log.history import read_log
from tidegate.streams.store import Undo
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import COMPLETIONS, DECIDED

_USER = re.compile(r".+:[0-9a-f]{32}", re.DOTALL)


@dataclass(frozen=True)
class HeldStrikes:
    """One user's strikes in one partition, under the live policy's terms."""

    user: str
    partition: TopicPartition
    balance: StrikeBalance
    terms: Terms
    now_ms: int

    @property
    def now(self) -> StrikeBalance:
        """What is left of them by the store's clock."""
        at_ms = max(self.now_ms, self.balance.at_ms)
        return StrikeBalance(decayed(self.balance.strikes, at_ms - self.balance.at_ms, self.terms.half_life_ms), at_ms)

    @property
    def enforced(self) -> tuple[str, int] | None:
        """What the user is under now, and until when."""
        found = threshold_reached(self.now.strikes, self.terms)
        return None if found is None else (found[0], below_ms(self.now, found[1], self.terms.half_life_ms))

    def as_json(self) -> dict[str, object]:
        action, until_ms = self.enforced or (None, None)
        return {
            "user": self.user,
            "partition": f"{self.partition.topic}-{self.partition.partition}",
            "strikes": round(self.now.strikes, 4),
            "action": action,
            "until_ms": until_ms,
            "last_ms": self.balance.at_ms,
            "last_strikes": self.balance.strikes,
        }


@dataclass(frozen=True)
class StrikesFound:
    """What was asked for, the most strikes first."""

    held: list[HeldStrikes]
    more: int  # users and partitions beyond the limit
    weights: bool  # whether the live policy makes strikes


async def most_strikes(deployment: Deployment, limit: int, note: Note = unheeded) -> StrikesFound:
    """The users with most strikes. Raises RequestRefused where no policy is live; Broker- or StoreUnavailable."""
    async with _opened(deployment, note) as (store, _, terms, weights):
        now_ms = await store.now_ms()
        top: list[tuple[float, str, TopicPartition, HeldStrikes]] = []
        inside: set[tuple[str, TopicPartition]] = set()  # the store may give one twice: it looks while others write
        more = 0
        async for partition, user, balance in store.all_strikes():
            held = HeldStrikes(user, partition, balance, terms, now_ms)
            strikes = held.now.strikes
            if strikes < terms.negligible or (user, partition) in inside:
                continue
            inside.add((user, partition))
            heapq.heappush(top, (strikes, user, partition, held))
            if len(top) > limit:
                inside.discard(heapq.heappop(top)[1:3])
                more += 1
    return StrikesFound([row[-1] for row in sorted(top, key=lambda row: (-row[0], *row[1:3]))], more, weights)


async def strikes_of(deployment: Deployment, user: str, note: Note = unheeded) -> StrikesFound:
    """One user's strikes, in every partition that holds some."""
    async with _opened(deployment, note) as (store, partitions, terms, weights):
        return StrikesFound(await _of(store, partitions, user, terms), 0, weights)


class Undone(NamedTuple):
    """Strikes that were taken back in one partition."""

    before: HeldStrikes
    left: float


def check_weight(weight: float | None) -> None:
    """Raises RequestInvalid where so many strikes cannot be undone."""
    if weight is not None and not 0 < weight < float("inf"):
        raise RequestInvalid(f"{weight:g}: expected more than 0; nothing undone")


async def undo_strikes(
    deployment: Deployment,
    user: str,
    weight: float | None,
    author: str,
    reason: str,
    done: Callable[[Undone], None] = unheeded,
    note: Note = unheeded,
) -> list[Undone]:
    """Takes strikes back, where most are first; all of them where no weight is given.

    done: called after each partition: what a later one fails on does not undo it. Raises as `most_strikes`.
    """
    check_weight(weight)
    undone: list[Undone] = []
    async with _opened(deployment, note) as (store, partitions, terms, _):
        left = weight
        for held in await _of(store, partitions, user, terms):
            if left is not None and left < terms.negligible:
                break
            id_ = f"{held.partition}-undo-{secrets.token_hex(8)}"
            result = await store.undo(held.partition, user, Undo(id_, left, terms, author, reason))
            if result is not None:
                before, after = result
                undone.append(Undone(held, after))
                done(undone[-1])
                left = None if left is None else left - (before - after)
    return undone


async def _of(store: RedisStore, partitions: Sequence[TopicPartition], user: str, terms: Terms) -> list[HeldStrikes]:
    now_ms, standings = await store.now_ms(), await store.user_strikes(partitions, user)
    held = [
        HeldStrikes(user, partition, s, terms, now_ms)
        for partition, s in zip(partitions, standings, strict=True)
        if s and s.strikes
    ]
    return sorted(held, key=lambda one: -one.now.strikes)


@asynccontextmanager
async def _opened(
    deployment: Deployment, note: Note
) -> AsyncIterator[tuple[RedisStore, list[TopicPartition], Terms, bool]]:
    """The store, the partitions that may hold strikes, the live policy's terms, and whether it makes any."""
    counts = await partition_counts(deployment.brokers)
    if COMPLETIONS not in counts:
        raise TopicsMissing(f"kafka {deployment.brokers}: no topic {COMPLETIONS}; expected `tidegate topics` first")
    live = (await read_log(deployment, note)).log.live
    if live is None:
        raise RequestRefused("no policy is live, and so no strikes; a worker, or `tidegate policy apply`, makes one")
    of = live.policy.strikes
    store = RedisStore(deployment.store, deployment.namespace)
    try:
        partitions = [TopicPartition(topic, p) for topic in DECIDED for p in range(counts.get(topic, 0))]
        yield store, partitions, terms(live), bool(of.weights or of.prompt_weights)
    finally:
        await store.close()


def is_stored_user(user: str) -> bool:
    """Whether it is a user as the store has one: `tenant:hmac(user)`, with 32 hex digits."""
    return bool(_USER.fullmatch(user))


async def stored_user(deployment: Deployment, key: bytes, tenant: str, name: str) -> str:
    """`tenant:hmac(name)`, of a name as producers send it. Raises RequestInvalid where users have another key."""
    ours = UserKey(key)
    store = RedisStore(deployment.store, deployment.namespace)
    try:
        stored = await store.user_key()
    finally:
        await store.close()
    if stored not in (None, ours.fingerprint):
        raise RequestInvalid(
            f"TIDEGATE_USER_KEY: its fingerprint is {ours.fingerprint}; users were hashed with key {stored}; expected "
            "that one, or USER as tenant:hash; nothing done"
        )
    return f"{tenant}:{ours.hash(tenant, name)}"
