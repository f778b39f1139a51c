"""Which rates are worth saying again. Pure: windows come in, `Rate` events go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streams.core.events import Rate
from streams.core.rates import Asked, share, total_of
from streams.core.windows import Sums, Window


class Key(NamedTuple):
    """Which rate: the key it is published under."""

    scope: str
    measure: str
    window_s: int

    def __str__(self) -> str:
        return f"{self.scope}|{self.measure}|{self.window_s}"


def snapshots(rates: Iterable[Asked], sums: Sums, at_ms: int, *, incomplete: bool = False) -> list[Rate]:
    """Every rate of one window that has anything to be a share of. sums: of the window that all `rates` have."""
    return [
        _rate(asked, scope, sums[asked.measure.hits].get(scope, 0), total, at_ms, incomplete)
        for asked in rates
        for scope in sorted({scope for counter in asked.measure.total for scope in sums[counter]})
        if (total := total_of(asked.measure, scope, sums))
    ]


def _rate(asked: Asked, scope: str, hits: int, total: int, at_ms: int, incomplete: bool) -> Rate:
    return Rate(
        scope=scope,
        measure=asked.measure.name,
        window_s=asked.window_s,
        at_ms=at_ms,
        hits=hits,
        total=total,
        share=share(hits, total, asked.min_total),
        incomplete=incomplete,
    )


class Said:
    """What was last said of each rate, so that only what changed is said again.

    A rate without hits is not said again while it stays without: its share stays 0 however its total moves,
    and most of a thousand scopes have no hits of most labels.
    """

    def __init__(self, scopes: Iterable[str] = ()) -> None:
        """scopes: of which another worker said rates before; those that have none now get tombstones."""
        self._said: dict[Key, tuple[int, int, bool]] = {}  # hits, total, too few
        self._inherited = set(scopes)
        self._incomplete = False

    @property
    def scopes(self) -> set[str]:
        """Those of which anything is said."""
        return {key.scope for key in self._said}

    def changes(
        self, rates: Iterable[Asked], windows: Mapping[int, Window], end_ms: int, at_ms: int, *, incomplete: bool
    ) -> list[tuple[Key, Rate | None]]:
        """What to say now: each rate that changed, and None for each that has nothing left to be a share of.

        windows: by their length (s); one for each length in `rates`. end_ms: where the windows end now.
        """
        out: list[tuple[Key, Rate | None]] = []
        for window_s, window in windows.items():
            sums = window.at(end_ms)
            scopes = window.changed | self._inherited
            if incomplete != self._incomplete:
                scopes.update(*sums.values())
            of_window = [asked for asked in rates if asked.window_s == window_s]
            for asked in of_window:
                self._changes(asked, sums, scopes, at_ms, incomplete, out)
            window.changed.clear()
        self._inherited.clear()
        self._incomplete = incomplete
        return out

    def unasked(self, rates: Iterable[Asked]) -> list[tuple[Key, None]]:
        """A tombstone for each rate said before that a new policy does not ask for."""
        wanted = {(asked.measure.name, asked.window_s) for asked in rates}
        gone = [key for key in self._said if (key.measure, key.window_s) not in wanted]
        for key in gone:
            del self._said[key]
        return [(key, None) for key in gone]

    def _changes(
        self,
        asked: Asked,
        sums: Sums,
        scopes: Iterable[str],
        at_ms: int,
        incomplete: bool,
        out: list[tuple[Key, Rate | None]],
    ) -> None:
        hits_of, totals = sums[asked.measure.hits], [sums[counter] for counter in asked.measure.total]
        name, window_s, min_total, told = asked.measure.name, asked.window_s, asked.min_total, incomplete
        for scope in scopes:
            total = 0
            for scoped in totals:
                total += scoped.get(scope, 0)
            key = Key(scope, name, window_s)
            if not total:
                if self._said.pop(key, None) is not None or scope in self._inherited:
                    out.append((key, None))
                continue
            hits, few = hits_of.get(scope, 0), total < min_total
            was = self._said.get(key)
            same = was is not None and was[0] == hits and was[2] == few and (not hits or was[1] == total)
            if not same or told != self._incomplete:
                self._said[key] = (hits, total, few)
                out.append((key, _rate(asked, scope, hits, total, at_ms, incomplete)))
