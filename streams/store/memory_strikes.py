"""Strikes and their outbox in the in-memory twin: the pure core does what `scripts.py` does in Lua."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tidegate.streams.core.strikes import Crossing, NewStrikes, StrikeBalance, Terms, add, after_undo, negligible_in_ms
from tidegate.streams.store import KEPT_MS, Outbox, Queued, Undo


@dataclass
class _StoredStrikes:
    balance: StrikeBalance
    undo: str  # id of the last undo, or nothing
    expires_ms: int


@dataclass
class PartitionStrikes:
    """The strikes and the outbox of one partition."""

    users: dict[str, _StoredStrikes] = field(default_factory=dict)
    queue: list[Queued] = field(default_factory=list)

    def add(self, new: NewStrikes, now_ms: int) -> None:
        terms = new.terms
        for strike in new.strikes:
            old = self._read(strike.user, now_ms)
            strike = strike._replace(at_ms=min(strike.at_ms, now_ms + KEPT_MS))
            balance = add(old.balance if old else None, strike, terms.half_life_ms)
            self._write(strike.user, balance, old.undo if old else "", terms, now_ms)
            if terms.lowest is not None and balance.strikes >= terms.lowest:
                self._queue(Crossing(strike.id, strike.user, balance, terms, strike.reason))

    def undo(self, user: str, undo: Undo, now_ms: int) -> tuple[float, float] | None:
        old = self._read(user, now_ms)
        if old is None:
            return None
        before, balance = after_undo(old.balance, undo.weight, now_ms, undo.terms.half_life_ms)
        if old.undo == undo.id:
            return before, before
        if not old.balance.strikes:
            return None
        self._write(user, balance, undo.id, undo.terms, now_ms)
        self._queue(Crossing(undo.id, user, balance, undo.terms, undo.reason, undo.author))
        return before, balance.strikes

    def user_strikes(self, user: str, now_ms: int) -> StrikeBalance | None:
        stored = self._read(user, now_ms)
        return None if stored is None else stored.balance

    def all_strikes(self, now_ms: int) -> dict[str, StrikeBalance]:
        return {user: stored.balance for user in list(self.users) if (stored := self._read(user, now_ms))}

    def outbox(self, at_most: int) -> Outbox:
        return Outbox(self.queue[:at_most], len(self.queue))

    def ack_outbox(self, queued: Sequence[Queued]) -> None:
        for one in queued:
            if one in self.queue:
                self.queue.remove(one)

    def _write(self, user: str, balance: StrikeBalance, undo: str, terms: Terms, now_ms: int) -> None:
        keep_ms = negligible_in_ms(balance.strikes, terms) + KEPT_MS
        self.users[user] = _StoredStrikes(balance, undo, now_ms + keep_ms)

    def _queue(self, crossing: Crossing) -> None:
        self.queue.append(Queued(crossing.id, crossing))

    def _read(self, user: str, now_ms: int) -> _StoredStrikes | None:
        stored = self.users.get(user)
        if stored is not None and stored.expires_ms <= now_ms:
            del self.users[user]
            return None
        return stored
