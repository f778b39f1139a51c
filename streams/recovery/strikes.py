"""Strikes as a rebuild adds them again: no crossing is published twice, none is lost, and undone strikes stay undone.

A strike has the weight and terms of the policy version that decided its completion. The topic `enforcements` has the
published crossings: with the id of the completion, or with an undo's own id and an author.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from pydantic import ValidationError

from tidegate.streams.core.events import Decision, Enforcement
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import Strikes
from tidegate.streams.core.strikes import AT_ONCE, Strike, Terms, negligible_in_ms, strike_of, terms
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.recovery.published import HistoryReader
from tidegate.streams.store import Outbox, Queued, Undo

# Policy version -> its strikes table and terms; None if the version is no longer known.
StrikeRules = Callable[[str], tuple[Strikes, Terms] | None]


class StrikeUndos(Protocol):
    """What repeating an undo needs of the store (`store/__init__.py` describes it)."""

    async def undo(self, partition: TopicPartition, user: str, undo: Undo) -> tuple[float, float] | None: ...

    async def outboxes(self, partitions: Sequence[TopicPartition], at_most: int) -> list[Outbox]: ...

    async def ack_outbox(self, partition: TopicPartition, queued: Sequence[Queued]) -> None: ...


def reach_ms(live: LivePolicy) -> int:
    """Returns how old a completion may be whose strike still matters: as long as a sum at a threshold is kept."""
    of = live.policy.strikes
    weights = [
        weight
        for label in (*of.weights.values(), *of.prompt_weights.values())
        for weight in (label.flag, label.review, label.redact, label.block)
    ]
    return negligible_in_ms(max([*weights, of.throttle or 0.0, of.suspend or 0.0]), terms(live)) if any(weights) else 0


@dataclass
class PublishedEnforcements:
    """The records of `enforcements` about one partition."""

    offsets: set[int] = field(default_factory=set)  # completions whose crossing was published
    undos: dict[str, Enforcement] = field(default_factory=dict)  # user -> the last undo

    @classmethod
    async def read(cls, history: HistoryReader, partition: TopicPartition, ranges: Sequence[OffsetRange]) -> Self:
        """Reads the ranges of every partition of `enforcements`. Raises BrokerUnavailable."""
        enforcements = cls()
        async with aclosing(history.read(*ranges)) as batches:
            async for records in batches:
                for record in records:
                    enforcements._add(partition, record.value)
        return enforcements

    def _add(self, partition: TopicPartition, value: bytes | None) -> None:
        try:
            one = Enforcement.read(value)
        except ValidationError:
            return
        head, _, offset = one.id.rpartition("@")
        if head == str(partition) and offset.isdecimal():
            self.offsets.add(int(offset))
        elif one.author is not None and one.id.startswith(f"{partition}-undo-"):
            user = f"{one.tenant}:{one.user}"
            if user not in self.undos or self.undos[user].at_ms <= one.at_ms:
                self.undos[user] = one

    def forget_undos_before(self, first_ms: int | None) -> None:
        """Drops undos before first_ms, when the first decision of the rebuild was published: the store has those."""
        if first_ms is not None:
            self.undos = {user: undo for user, undo in self.undos.items() if undo.at_ms >= first_ms}

    @property
    def published_below(self) -> int:
        """Every crossing below this offset was published: an outbox is drained in order, AT_ONCE at a time."""
        return sorted(self.offsets)[-AT_ONCE] if len(self.offsets) >= AT_ONCE else 0


class StrikeRebuilder:
    """Gives the strikes of one partition's completions, in offset order."""

    def __init__(self, strike_rules: StrikeRules, live: LivePolicy, published: PublishedEnforcements) -> None:
        self._strike_rules, self._live, self._published = strike_rules, (live.policy.strikes, terms(live)), published
        self._published_below = published.published_below
        self._undos_left: list[Enforcement] = []  # undos that left some strikes, not added yet; the oldest last

    @classmethod
    async def create(
        cls,
        store: StrikeUndos,
        partition: TopicPartition,
        strike_rules: StrikeRules,
        live: LivePolicy,
        published: PublishedEnforcements,
    ) -> Self:
        """Repeats the undos in the store, which may hold strikes from before them. Raises StoreUnavailable."""
        rebuilder = cls(strike_rules, live, published)
        for user, undo in published.undos.items():
            if not await _undo_again(store, partition, user, undo, rebuilder._live[1]) and undo.strikes:
                rebuilder._undos_left.append(undo)
        rebuilder._undos_left.sort(key=lambda undo: -undo.at_ms)
        return rebuilder

    def strikes(self, decision: Decision | None, published_ms: int, *, last: bool) -> tuple[Terms, Sequence[Strike]]:
        """Returns the strikes that a completion adds, and their terms: without thresholds if its crossing is published.

        What an undo left is added before the first completion after it, at the latest with the last completion.
        """
        now, strikes = self._live[1], []
        while self._undos_left and (last or (decision is not None and published_ms > self._undos_left[-1].at_ms)):
            undo = self._undos_left.pop()
            strikes.append(Strike(undo.id, _user(undo), undo.at_ms, undo.strikes, undo.reason))
        own = None if decision is None else self._own_strike(decision, published_ms)
        if own is None:
            return _without_thresholds(now), strikes
        return own[0], [*strikes, own[1]]

    def _own_strike(self, decision: Decision, published_ms: int) -> tuple[Terms, Strike] | None:
        of, then = self._strike_rules(decision.policy_version) or self._live
        strike = strike_of(decision, of)
        if strike is None:
            return None
        undo = self._published.undos.get(strike.user)
        if undo is not None and published_ms <= undo.at_ms:
            return None
        offset = decision.source.offset
        was_published = offset < self._published_below or offset in self._published.offsets
        return (_without_thresholds(then) if was_published else then), strike


async def _undo_again(store: StrikeUndos, partition: TopicPartition, user: str, undo: Enforcement, now: Terms) -> bool:
    """Repeats an undo. Returns whether the store had it, and so holds what it left; else the user has no strikes there.

    It is not published again. The caller must add what it left.
    """
    changed = await store.undo(partition, user, Undo(undo.id, None, now, undo.author or "", undo.reason))
    (outbox,) = await store.outboxes([partition], AT_ONCE)
    await store.ack_outbox(partition, [queued for queued in outbox.queued if queued.crossing.id == undo.id])
    return changed is not None and changed[1] > 0


def _user(undo: Enforcement) -> str:
    return f"{undo.tenant}:{undo.user}"


def _without_thresholds(of: Terms) -> Terms:
    return replace(of, throttle=None, suspend=None)
