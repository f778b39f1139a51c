"""Strikes and their outbox in the in-memory twin: what `scripts.py` does in Lua, done by the pure core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tidegate.streams.core.strikes import Crossing, NewStrikes, StrikeBalance, Terms, add, after_undo, negligible_in_ms
from tidegate.streams.store import KEPT_MS, Outbox, Queued, Undo


@dataclass
class _Kept:
    standing: StrikeBalance
    undo: str  # id of the last undo, or nothing
    expires_ms: int


@dataclass
class PartStrikes:
    """One partition's."""

    users: dict[str, _Kept] = field(default_factory=dict)
    queue: list[Queued] = field(default_factory=list)

    def add(self, struck: NewStrikes, now_ms: int) -> None:
        terms = struck.terms
        for strike in struck.strikes:
            was = self._kept(strike.user, now_ms)
            strike = strike._replace(at_ms=min(strike.at_ms, now_ms + KEPT_MS))
            standing = add(was.standing if was else None, strike, terms.half_life_ms)
            self._stand(strike.user, standing, was.undo if was else "", terms, now_ms)
            if terms.lowest is not None and standing.strikes >= terms.lowest:
                self._queue(Crossing(strike.id, strike.user, standing, terms, strike.reason))

    def undo(self, user: str, undo: Undo, now_ms: int) -> tuple[float, float] | None:
        was = self._kept(user, now_ms)
        if was is None:
            return None
        before, standing = after_undo(was.standing, undo.weight, now_ms, undo.terms.half_life_ms)
        if was.undo == undo.id:
            return before, before
        if not was.standing.strikes:
            return None
        self._stand(user, standing, undo.id, undo.terms, now_ms)
        self._queue(Crossing(undo.id, user, standing, undo.terms, undo.reason, undo.author))
        return before, standing.strikes

    def standing(self, user: str, now_ms: int) -> StrikeBalance | None:
        kept = self._kept(user, now_ms)
        return None if kept is None else kept.standing

    def standings(self, now_ms: int) -> dict[str, StrikeBalance]:
        return {user: kept.standing for user in list(self.users) if (kept := self._kept(user, now_ms))}

    def outbox(self, at_most: int) -> Outbox:
        return Outbox(self.queue[:at_most], len(self.queue))

    def ack_outbox(self, queued: Sequence[Queued]) -> None:
        for one in queued:
            if one in self.queue:
                self.queue.remove(one)

    def _stand(self, user: str, standing: StrikeBalance, undo: str, terms: Terms, now_ms: int) -> None:
        keep_ms = negligible_in_ms(standing.strikes, terms) + KEPT_MS
        self.users[user] = _Kept(standing, undo, now_ms + keep_ms)

    def _queue(self, crossing: Crossing) -> None:
        self.queue.append(Queued(crossing.id, crossing))

    def _kept(self, user: str, now_ms: int) -> _Kept | None:
        kept = self.users.get(user)
        if kept is not None and kept.expires_ms <= now_ms:
            del self.users[user]
            return None
        return kept
