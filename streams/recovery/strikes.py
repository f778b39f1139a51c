"""Strikes as a rebuild adds them again: nobody is told twice, nobody left untold, and what was undone stays undone.

Under which policy version a completion was decided, its strike weighs and adds up. Who was told stands on
`enforcements`: under the id of the completion, or of an undo under a name of its own, with an author.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Self

from pydantic import ValidationError

from tidegate.streams.core.events import Decision, Enforcement
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import Strikes
from tidegate.streams.core.strikes import AT_ONCE, Strike, Terms, negligible_in_ms, strike_of, terms
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.recovery.published import HistoryReader
from tidegate.streams.store import Store, Undo

# Policy version -> what it says of strikes; None where it is not known any more.
AsThen = Callable[[str], tuple[Strikes, Terms] | None]


def reach_ms(live: LivePolicy) -> int:
    """How old a completion may be whose strike still matters: as long as what stands at a threshold is kept."""
    of = live.policy.strikes
    weights = [
        weight
        for label in (*of.weights.values(), *of.prompt_weights.values())
        for weight in (label.flag, label.review, label.redact, label.block)
    ]
    return negligible_in_ms(max([*weights, of.throttle or 0.0, of.suspend or 0.0]), terms(live)) if any(weights) else 0


@dataclass
class PublishedEnforcements:
    """What `enforcements` says of one partition."""

    offsets: set[int] = field(default_factory=set)  # completions whose crossing was published
    undone: dict[str, Enforcement] = field(default_factory=dict)  # user -> the last undo

    @classmethod
    async def of(cls, past: HistoryReader, partition: TopicPartition, stretches: Sequence[OffsetRange]) -> Self:
        """stretches: every partition of `enforcements`. Raises BrokerUnavailable."""
        told = cls()
        async with aclosing(past.read(*stretches)) as some:
            async for records in some:
                for record in records:
                    told._hear(partition, record.value)
        return told

    def _hear(self, partition: TopicPartition, value: bytes | None) -> None:
        try:
            made = Enforcement.read(value)
        except ValidationError:
            return
        head, _, offset = made.id.rpartition("@")
        if head == str(partition) and offset.isdecimal():
            self.offsets.add(int(offset))
        elif made.author is not None and made.id.startswith(f"{partition}-undo-"):
            user = f"{made.tenant}:{made.user}"
            if user not in self.undone or self.undone[user].at_ms <= made.at_ms:
                self.undone[user] = made

    def forget_undos_before(self, first_ms: int | None) -> None:
        """first_ms: when the first decision of the rebuild was published. The store knows what was undone before."""
        if first_ms is not None:
            self.undone = {user: undo for user, undo in self.undone.items() if undo.at_ms >= first_ms}

    @property
    def quiet_until(self) -> int:
        """Every crossing below that offset was published: an outbox goes in order, so many at once."""
        return sorted(self.offsets)[-AT_ONCE] if len(self.offsets) >= AT_ONCE else 0


class StrikeRebuilder:
    """The strikes of one partition's completions, in offset order."""

    def __init__(self, as_then: AsThen, live: LivePolicy, told: PublishedEnforcements) -> None:
        self._as_then, self._live, self._told = as_then, (live.policy.strikes, terms(live)), told
        self._quiet_until = told.quiet_until
        self._left: list[Enforcement] = []  # undos that left some, not added yet; the oldest last

    @classmethod
    async def of(
        cls, store: Store, partition: TopicPartition, as_then: AsThen, live: LivePolicy, told: PublishedEnforcements
    ) -> Self:
        """What was undone is undone in the store, which may hold strikes from before. Raises StoreUnavailable."""
        made = cls(as_then, live, told)
        for user, undone in told.undone.items():
            if not await _undo_again(store, partition, user, undone, made._live[1]) and undone.strikes:
                made._left.append(undone)
        made._left.sort(key=lambda undone: -undone.at_ms)
        return made

    def strikes(self, decision: Decision | None, published_ms: int, *, last: bool) -> tuple[Terms, Sequence[Strike]]:
        """What a completion adds, and under which terms; without thresholds, so that nobody is told, where somebody
        was. What undos left is added before the first completion that came after them, at the latest with the last.
        """
        now, made = self._live[1], []
        while self._left and (last or (decision is not None and published_ms > self._left[-1].at_ms)):
            undone = self._left.pop()
            made.append(Strike(undone.id, _user(undone), undone.at_ms, undone.strikes, undone.reason))
        own = None if decision is None else self._own(decision, published_ms)
        if own is None:
            return _muted(now), made
        return own[0], [*made, own[1]]

    def _own(self, decision: Decision, published_ms: int) -> tuple[Terms, Strike] | None:
        of, then = self._as_then(decision.policy_version) or self._live
        strike = strike_of(decision, of)
        if strike is None:
            return None
        undone = self._told.undone.get(strike.user)
        if undone is not None and published_ms <= undone.at_ms:
            return None
        offset = decision.source.offset
        told = offset < self._quiet_until or offset in self._told.offsets
        return (_muted(then) if told else then), strike


async def _undo_again(store: Store, partition: TopicPartition, user: str, undone: Enforcement, now: Terms) -> bool:
    """Whether the store knew of the undo, and so holds what it left. Else it holds nothing of the user from here on.

    It is not published again; and what it left is for the caller to add.
    """
    said = await store.undo(partition, user, Undo(undone.id, None, now, undone.author or "", undone.reason))
    (outbox,) = await store.outboxes([partition], AT_ONCE)
    await store.ack_outbox(partition, [queued for queued in outbox.queued if queued.crossing.id == undone.id])
    return said is not None and said[1] > 0


def _user(undone: Enforcement) -> str:
    return f"{undone.tenant}:{undone.user}"


def _muted(of: Terms) -> Terms:
    return replace(of, throttle=None, suspend=None)
