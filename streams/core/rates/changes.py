"""Rate changes: which rates are published again. Pure: windows come in, `Rate` events go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tidegate.streams.core.events import Rate
from tidegate.streams.core.rates.rates import RateSpec, share, total_of
from tidegate.streams.core.rates.windows import Sums, Window
from tidegate.streams.core.series import ALL

_UNKNOWN = (-1, -1, False, False)  # hits, total, …: unlike any value that can be published


class RateKey(NamedTuple):
    """The key that a rate is published under."""

    scope: str
    measure: str
    window_s: int

    def __str__(self) -> str:
        return f"{self.scope}|{self.measure}|{self.window_s}"


def window_rates(rates: Iterable[RateSpec], sums: Sums, at_ms: int, *, incomplete: bool = False) -> list[Rate]:
    """Returns every rate of one window with a total over 0. sums: of the window that all `rates` have."""
    return [
        _rate(spec, scope, sums[spec.measure.hits].get(scope, 0), total, at_ms, incomplete)
        for spec in rates
        for scope in sorted({scope for counter in spec.measure.total for scope in sums[counter]})
        if (total := total_of(spec.measure, scope, sums))
    ]


def _rate(spec: RateSpec, scope: str, hits: int, total: int, at_ms: int, incomplete: bool) -> Rate:
    return Rate(
        scope=scope,
        measure=spec.measure.name,
        window_s=spec.window_s,
        at_ms=at_ms,
        hits=hits,
        total=total,
        share=share(hits, total, spec.min_total),
        incomplete=incomplete,
    )


class LastPublished:
    """The last published value of each rate, so that only changed rates are published.

    A rate without hits is not published again while it has none: its share stays 0 however its total moves,
    and most of a thousand scopes have no hits of most labels.
    """

    def __init__(self, published: Iterable[RateKey] = ()) -> None:
        """published: rates that another worker may have published; each is published again, or gets a tombstone."""
        self._published: dict[RateKey, tuple[int, int, bool, bool]]  # hits, total, too few, incomplete
        self._published = dict.fromkeys(published, _UNKNOWN)
        # (window, scope): changed and not checked yet, in order of arrival.
        self._waiting: dict[tuple[int, str], None] = {}
        self._incomplete = False
        self.recheck_all()

    @property
    def scopes(self) -> set[str]:
        """Scopes with a published rate, also one that another worker may have published."""
        return {key.scope for key in self._published}

    @property
    def kinds(self) -> set[tuple[str, int]]:
        """Measures and windows of the published rates, likewise."""
        return {(key.measure, key.window_s) for key in self._published}

    @property
    def waiting(self) -> int:
        """How many scopes (for each window) changed and were not checked yet: more than `at_most` allowed."""
        return len(self._waiting)

    def recheck_all(self) -> None:
        """Queues every published rate for the next calls: new windows do not report what left the old ones."""
        for key in self._published:
            self._waiting.setdefault((key.window_s, key.scope))

    def changes(
        self,
        rates: Iterable[RateSpec],
        windows: Mapping[int, Window],
        end_ms: int,
        at_ms: int,
        *,
        incomplete: bool,
        at_most: int,
    ) -> list[tuple[RateKey, Rate | None]]:
        """Returns what to publish now: each rate that changed, and None (a tombstone) for each whose total is 0.

        windows: by their length (s); one for each length in `rates`. end_ms: where the windows end now. Once
        `at_most` are found the other scopes wait for the next call, first come first served; `all` never waits.
        """
        sums = {window_s: window.at(end_ms) for window_s, window in windows.items()}
        for window_s, window in windows.items():
            for scope in window.changed:
                self._waiting.setdefault((window_s, scope))
            window.changed.clear()
            if incomplete != self._incomplete:
                for scope in set().union(*sums[window_s].values()):
                    self._waiting.setdefault((window_s, scope))
        self._incomplete = incomplete
        specs_by_window: dict[int, list[RateSpec]] = {window_s: [] for window_s in windows}
        for spec in rates:
            specs_by_window[spec.window_s].append(spec)
        out: list[tuple[RateKey, Rate | None]] = []
        first = [(window_s, ALL) for window_s in windows if (window_s, ALL) in self._waiting]
        for window_s, scope in [*first, *(key for key in self._waiting if key[1] != ALL)]:
            if len(out) >= at_most and scope != ALL:
                break
            del self._waiting[window_s, scope]
            for spec in specs_by_window.get(window_s, ()):
                out += self._change(spec, sums[window_s], scope, at_ms, incomplete)
        return out

    def tombstones(self, rates: Iterable[RateSpec], at_most: int) -> list[tuple[RateKey, None]]:
        """Returns tombstones for published rates that a new policy no longer has; the rest by the next calls."""
        wanted = {(spec.measure.name, spec.window_s) for spec in rates}
        gone = [key for key in self._published if (key.measure, key.window_s) not in wanted][:at_most]
        for key in gone:
            del self._published[key]
        return [(key, None) for key in gone]

    def _change(
        self, spec: RateSpec, sums: Sums, scope: str, at_ms: int, incomplete: bool
    ) -> tuple[tuple[RateKey, Rate | None], ...]:
        key = RateKey(scope, spec.measure.name, spec.window_s)
        total = total_of(spec.measure, scope, sums)
        if not total:
            return ((key, None),) if self._published.pop(key, None) is not None else ()
        hits, too_few = sums[spec.measure.hits].get(scope, 0), total < spec.min_total
        current, previous = (hits, total, too_few, incomplete), self._published.get(key)
        if previous is not None and (
            current == previous or (not hits and (previous[0], *previous[2:]) == (0, too_few, incomplete))
        ):
            return ()
        self._published[key] = current
        return ((key, _rate(spec, scope, hits, total, at_ms, incomplete)),)
