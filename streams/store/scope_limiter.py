"""Limits the cardinality of scopes: at most `limit` live names of a kind count, the rest as `<kind>:other`."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from tidegate.streams.core.series import KINDS, other, scoped

FRESH_S = 30.0  # an answer of the store is used for this long
FORGOTTEN_S = 3600.0  # a name not seen for this long is dropped from the cache, if it holds more than the limit


class AdmittedNames(Protocol):
    """What the limit needs of the store (`__init__.py` describes it)."""

    async def admit(self, kind: str, names: Collection[str], limit: int) -> set[str]: ...


class ScopeLimiter:
    """A cache in front of `store.admit`, so that a million distinct routes cost one call every FRESH_S, not each."""

    def __init__(self, store: AdmittedNames, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._limit, self._clock = store, limit, clock
        self._admitted: dict[str, dict[str, float]] = defaultdict(dict)  # kind -> name -> when it was last requested
        self._full_until: dict[str, float] = defaultdict(float)
        self.overflowed: dict[str, int] = dict.fromkeys(KINDS, 0)  # how often a name counted as other

    async def learn(self, names_seen: dict[str, set[str]]) -> None:
        """Asks the store to admit the names that are not cached. Raises StoreUnavailable."""
        now = self._clock()
        for kind, names in names_seen.items():
            cached = self._admitted[kind]
            stale = [name for name in names if now - cached.get(name, float("-inf")) > FRESH_S]
            if not stale or (now < self._full_until[kind] and not any(name in cached for name in stale)):
                continue
            admitted = await self._store.admit(kind, stale, self._limit)
            for name in stale:
                cached.pop(name, None)
            cached.update(dict.fromkeys(admitted, now))
            if len(cached) > self._limit:
                for name in [name for name, requested in cached.items() if now - requested > FORGOTTEN_S]:
                    del cached[name]
            if len(admitted) < len(stale):
                self._full_until[kind] = now + FRESH_S

    def admitted(self, kind: str, name: str) -> bool:
        """Returns whether a name counts under its own name."""
        return name in self._admitted[kind]

    def scope(self, kind: str, name: str) -> str:
        """Returns the scope that a name counts under: `tenant=acme`, or `tenant:other` if there are too many."""
        if name in self._admitted[kind]:
            return scoped(kind, name)
        self.overflowed[kind] += 1
        return other(kind)


def names_by_kind(scopes: Iterable[tuple[str | None, str | None, str | None]]) -> dict[str, set[str]]:
    """Returns kind -> names of (tenant, model, route) triples."""
    names: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for triple in scopes:
        for kind, name in zip(KINDS, triple, strict=True):
            if name is not None:
                names[kind].add(name)
    return names
