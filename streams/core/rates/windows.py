"""Counts over sliding windows. Pure: no clock, no store; the caller gives each window its end.

    buckets   [----)[----)[----)[----)        each bucket: the last counts of every partition
    window          [----------------)        [end - window_s, end), summed as it moves

A window keeps running sums: its cost is what enters, leaves and changes, not what it holds.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.streams.core.series import split

Sums = dict[str, dict[str, int]]  # counter -> scope -> n; absent where 0

# Splits of series names are remembered up to this many, then forgotten: names come and go for ever.
_SPLITS = 200_000


@dataclass(slots=True)
class _Bucket:
    partitions: dict[Hashable, dict[str, int]] = field(default_factory=dict)  # last counts of each: series -> n
    sums: Sums = field(default_factory=dict)  # over the partitions
    trimmed_s: int = 0  # counters kept for less than this were dropped


class Buckets:
    """Counts per bucket, merged over partitions, and the windows that slide over them."""

    def __init__(self, keep_s: Mapping[str, int]) -> None:
        """keep_s: counter -> the longest window that needs it (s). Other counters are not kept."""
        self._keep_s = dict(keep_s)
        self._buckets: dict[int, _Bucket] = {}
        self._windows: list[Window] = []
        self._splits: dict[str, tuple[str, str, str] | None] = {}

    @property
    def starts(self) -> list[int]:
        return sorted(self._buckets)

    def window(self, window_s: int, counters: Iterable[str]) -> Window:
        """Returns a window over these buckets that follows every later `put`. It covers nothing until `at` moves it."""
        window = Window(self._buckets, window_s, counters)
        self._windows.append(window)
        return window

    def put(self, partition: Hashable, start_ms: int, counts: Mapping[str, int]) -> None:
        """Replaces the partition's counts of the bucket that starts at start_ms. counts: series -> n."""
        bucket = self._buckets.get(start_ms)
        if bucket is None:
            bucket = self._buckets[start_ms] = _Bucket()
        held = bucket.partitions.setdefault(partition, {})
        delta: Sums = {}
        for name, n in counts.items():
            before = held.get(name, 0)
            if before != n and (parsed := self._split(name)) is not None:
                series, counter, scope = parsed
                if self._keep_s[counter] >= bucket.trimmed_s:
                    held[series] = n
                    delta.setdefault(counter, {})[scope] = n - before
        if not held.keys() <= counts.keys():  # expired, or the store lost its tail
            for name in held.keys() - counts.keys():
                counter, scope = split(name)
                delta.setdefault(counter, {})[scope] = -held.pop(name)
        if delta:
            _add(bucket.sums, delta, 1)
            self._notify_windows(start_ms, delta, 1)

    def drop_before(self, ms: int) -> None:
        """Drops buckets that start before ms."""
        for start in [start for start in self._buckets if start < ms]:
            self._notify_windows(start, self._buckets.pop(start).sums, -1)

    def trim(self, end_ms: int) -> None:
        """Drops, bucket by bucket, counters that no window ending at end_ms or later can need."""
        horizons = sorted(set(self._keep_s.values()))
        for start, bucket in self._buckets.items():
            needed_s = next((h for h in horizons if start >= end_ms - h * 1000), horizons[-1] + 1)
            if needed_s > bucket.trimmed_s:
                bucket.trimmed_s = needed_s
                gone = {c: sums for c, sums in bucket.sums.items() if self._keep_s[c] < needed_s}
                if gone:
                    bucket.sums = {c: sums for c, sums in bucket.sums.items() if c not in gone}
                    for partition, held in bucket.partitions.items():
                        bucket.partitions[partition] = {s: n for s, n in held.items() if split(s)[0] not in gone}
                    self._notify_windows(start, gone, -1)

    def _notify_windows(self, start_ms: int, delta: Sums, sign: int) -> None:
        for window in self._windows:
            window.note(start_ms, delta, sign)

    def _split(self, name: str) -> tuple[str, str, str] | None:
        """Returns the series (one object for equal strings), its counter and its scope; None where it is not kept."""
        try:
            return self._splits[name]
        except KeyError:
            if len(self._splits) >= _SPLITS:
                self._splits.clear()
            counter, scope = split(name)
            parsed = self._splits[name] = (name, counter, scope) if counter in self._keep_s else None
            return parsed


class Window:
    """Running sums over `[end - window_s, end)`. `changed`: scopes whose sums changed since it was last cleared."""

    def __init__(self, buckets: Mapping[int, _Bucket], window_s: int, counters: Iterable[str]) -> None:
        self.window_s = window_s
        self.end_ms: int | None = None
        self.changed: set[str] = set()
        self._buckets = buckets
        self._sums: Sums = {counter: {} for counter in counters}

    def at(self, end_ms: int) -> Sums:
        """Moves the window's end and returns its sums: the window's own, not a copy; every counter is in them."""
        old_end, self.end_ms = self.end_ms, end_ms
        width = self.window_s * 1000
        if old_end is None or abs(end_ms - old_end) >= width:
            for sums in self._sums.values():
                self.changed.update(sums)
                sums.clear()
            old_end = end_ms - width  # empty, where the new window begins
            old_start = old_end
        else:
            old_start = old_end - width
        new_start = end_ms - width
        for start, bucket in self._buckets.items():
            was_inside, is_inside = old_start <= start < old_end, new_start <= start < end_ms
            if was_inside != is_inside:
                self._add(bucket.sums, 1 if is_inside else -1)
        return self._sums

    def note(self, start_ms: int, delta: Sums, sign: int) -> None:
        """Adds a bucket's change to the sums where the window covers the bucket."""
        if self.end_ms is not None and self.end_ms - self.window_s * 1000 <= start_ms < self.end_ms:
            self._add(delta, sign)

    def _add(self, delta: Sums, sign: int) -> None:
        wanted = {counter: sums for counter, sums in delta.items() if counter in self._sums}
        _add(self._sums, wanted, sign)
        for sums in wanted.values():
            self.changed.update(sums)


def _add(sums: Sums, delta: Sums, sign: int) -> None:
    for counter, scopes in delta.items():
        into = sums.setdefault(counter, {})
        for scope, n in scopes.items():
            remaining = into.get(scope, 0) + sign * n
            if remaining:
                into[scope] = remaining
            else:
                into.pop(scope, None)
