"""Which scope names count under their own name: at most `limit` live ones a kind, the rest as `<kind>:other`."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from tidegate.streams.core.series import KINDS, other, scoped
from tidegate.streams.store import Store

FRESH_S = 30.0  # an answer is asked for again after this long
FORGOTTEN_S = 3600.0  # a name that nobody asked for in this time is not kept, where there are more than the limit


class ScopeLimiter:
    """A cache in front of `store.admit`, so that a million distinct routes cost one call every FRESH_S, not each."""

    def __init__(self, store: Store, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._limit, self._clock = store, limit, clock
        self._admitted: dict[str, dict[str, float]] = defaultdict(dict)  # kind -> name -> asked at
        self._full_until: dict[str, float] = defaultdict(float)
        self.overflowed: dict[str, int] = dict.fromkeys(KINDS, 0)  # how often a name counted as other

    async def learn(self, seen: dict[str, set[str]]) -> None:
        """Asks the store for names that are not known. Raises StoreUnavailable."""
        now = self._clock()
        for kind, names in seen.items():
            known = self._admitted[kind]
            stale = [name for name in names if now - known.get(name, float("-inf")) > FRESH_S]
            if not stale or (now < self._full_until[kind] and not any(name in known for name in stale)):
                continue
            admitted = await self._store.admit(kind, stale, self._limit)
            for name in stale:
                known.pop(name, None)
            known.update(dict.fromkeys(admitted, now))
            if len(known) > self._limit:
                for name in [name for name, asked in known.items() if now - asked > FORGOTTEN_S]:
                    del known[name]
            if len(admitted) < len(stale):
                self._full_until[kind] = now + FRESH_S

    def admitted(self, kind: str, name: str) -> bool:
        """Whether a name counts under its own."""
        return name in self._admitted[kind]

    def scope(self, kind: str, name: str) -> str:
        """The scope that a name counts under: `tenant=acme`, or `tenant:other` where there are too many."""
        if name in self._admitted[kind]:
            return scoped(kind, name)
        self.overflowed[kind] += 1
        return other(kind)


def seen(scopes: Iterable[tuple[str | None, str | None, str | None]]) -> dict[str, set[str]]:
    """Kind -> names among (tenant, model, route) triples."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for triple in scopes:
        for kind, name in zip(KINDS, triple, strict=True):
            if name is not None:
                found[kind].add(name)
    return found
