"""How users stand, read and undone for the operator: what `strikes.py` shows and asks."""

from __future__ import annotations

import heapq
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.streams.cli.errors import ExitCode, fail
from tidegate.streams.topics import COMPLETIONS

if TYPE_CHECKING:
    from tidegate.streams.core.partition import TopicPartition
    from tidegate.streams.core.strikes import StrikeBalance, Terms
    from tidegate.streams.settings.settings import Settings
    from tidegate.streams.store.redis import RedisStore

_USER = re.compile(r".+:[0-9a-f]{32}", re.DOTALL)


@dataclass(frozen=True)
class HeldStrikes:
    """One user's strikes in one partition, under the live policy's terms."""

    user: str
    partition: TopicPartition
    standing: StrikeBalance
    terms: Terms
    now_ms: int

    @property
    def now(self) -> StrikeBalance:
        """What is left of them by the store's clock."""
        from tidegate.streams.core.strikes import StrikeBalance, decayed

        at_ms = max(self.now_ms, self.standing.at_ms)
        left = decayed(self.standing.strikes, at_ms - self.standing.at_ms, self.terms.half_life_ms)
        return StrikeBalance(left, at_ms)

    @property
    def enforced(self) -> tuple[str, int] | None:
        """What the user is under now, and until when."""
        from tidegate.streams.core.strikes import below_ms, threshold_reached

        found = threshold_reached(self.now.strikes, self.terms)
        return None if found is None else (found[0], below_ms(self.now, found[1], self.terms.half_life_ms))

    def told(self) -> dict[str, object]:
        action, until_ms = self.enforced or (None, None)
        return {
            "user": self.user,
            "part": f"{self.partition.topic}-{self.partition.partition}",
            "strikes": round(self.now.strikes, 4),
            "action": action,
            "until_ms": until_ms,
            "last_ms": self.standing.at_ms,
            "last_strikes": self.standing.strikes,
        }


@dataclass(frozen=True)
class StrikesFound:
    """What was asked for, the most strikes first."""

    held: list[HeldStrikes]
    more: int  # users and partitions beyond the limit
    weights: bool  # whether the live policy makes strikes


async def everybody(settings: Settings, limit: int) -> StrikesFound:
    """The users with most strikes."""
    async with _opened(settings) as (store, _, terms, weights):
        now_ms = await store.now_ms()
        top: list[tuple[float, str, TopicPartition, HeldStrikes]] = []
        inside: set[tuple[str, TopicPartition]] = set()  # the store may give one twice: it looks while others write
        more = 0
        async for partition, user, standing in store.standings():
            held = HeldStrikes(user, partition, standing, terms, now_ms)
            strikes = held.now.strikes
            if strikes < terms.negligible or (user, partition) in inside:
                continue
            inside.add((user, partition))
            heapq.heappush(top, (strikes, user, partition, held))
            if len(top) > limit:
                inside.discard(heapq.heappop(top)[1:3])
                more += 1
    return StrikesFound([row[-1] for row in sorted(top, key=lambda row: (-row[0], *row[1:3]))], more, weights)


async def one(settings: Settings, user: str) -> StrikesFound:
    """One user's strikes, in every partition that holds some."""
    async with _opened(settings) as (store, partitions, terms, weights):
        return StrikesFound(await _of(store, partitions, user, terms), 0, weights)


async def undo(
    settings: Settings,
    user: str,
    weight: float | None,
    author: str,
    reason: str,
    done: Callable[[HeldStrikes, float], None],
) -> None:
    """Takes strikes back, where most are first. done: told what was there and how many are left, part by part."""
    from tidegate.streams.store import Undo

    async with _opened(settings) as (store, partitions, terms, _):
        left = weight
        for held in await _of(store, partitions, user, terms):
            if left is not None and left < terms.negligible:
                break
            id_ = f"{held.partition}-undo-{secrets.token_hex(8)}"
            said = await store.undo(held.partition, user, Undo(id_, left, terms, author, reason))
            if said is not None:
                before, after = said
                done(held, after)
                left = None if left is None else left - (before - after)


async def _of(store: RedisStore, partitions: Sequence[TopicPartition], user: str, terms: Terms) -> list[HeldStrikes]:
    now_ms, standings = await store.now_ms(), await store.standing(partitions, user)
    held = [
        HeldStrikes(user, partition, s, terms, now_ms)
        for partition, s in zip(partitions, standings, strict=True)
        if s and s.strikes
    ]
    return sorted(held, key=lambda one: -one.now.strikes)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[RedisStore, list[TopicPartition], Terms, bool]]:
    """The store, the partitions that may hold strikes, the live policy's terms, and whether it makes any."""
    from tidegate.streams.cli.policy.log import read_log
    from tidegate.streams.core.partition import TopicPartition
    from tidegate.streams.core.strikes import terms
    from tidegate.streams.errors import TopicsMissing
    from tidegate.streams.kafka.lookup import partition_counts
    from tidegate.streams.store.redis import RedisStore

    counts = await partition_counts(settings.brokers)
    if COMPLETIONS not in counts:
        raise TopicsMissing(f"kafka {settings.brokers}: no topic {COMPLETIONS}; expected `tidegate topics` first")
    live = (await read_log(settings)).log.live
    if live is None:
        fail("no policy is live, and so no strikes; a worker, or `tidegate policy apply`, makes one", ExitCode.REFUSED)
    of = live.policy.strikes
    store = RedisStore(settings.store, settings.namespace)
    try:
        partitions = [TopicPartition(COMPLETIONS, p) for p in range(counts[COMPLETIONS])]
        yield store, partitions, terms(live), bool(of.weights or of.prompt_weights)
    finally:
        await store.close()


def as_stored(user: str | None, tenant: str | None, raw: str | None, settings: Settings) -> str | None:
    """`tenant:hmac(user)`, as it was given or hashed here; None where nobody is named. Never says a raw name."""
    if raw is None and tenant is None:
        if user is not None and not _USER.fullmatch(user):
            fail(
                "USER: expected tenant:hash with 32 hex digits, as `tail enforcements` shows it; of a name as your "
                "producers send it: --tenant TENANT --user NAME; nothing done",
                ExitCode.WRONG,
            )  # what was given is not said: it may be a name
        return user
    if user is not None or raw is None or tenant is None:
        fail("expected USER, or both --tenant and --user; nothing done", ExitCode.WRONG)
    from tidegate.streams.moderation.pseudonyms import UserKey

    return f"{tenant}:{UserKey(settings.user_key_bytes()).hash(tenant, raw)}"


async def check_key(settings: Settings) -> None:
    """Ends the command where names are hashed with another key than users were."""
    from tidegate.streams.moderation.pseudonyms import UserKey
    from tidegate.streams.store.redis import RedisStore

    store = RedisStore(settings.store, settings.namespace)
    try:
        known, ours = await store.user_key(), UserKey(settings.user_key_bytes()).fingerprint
    finally:
        await store.close()
    if known not in (None, ours):
        fail(
            f"TIDEGATE_USER_KEY: its fingerprint is {ours}; users were hashed with key {known}; expected that one, or "
            "USER as tenant:hash; nothing done",
            ExitCode.WRONG,
        )
