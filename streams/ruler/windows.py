"""The ruler's view of the counts: reads buckets that changed in the store and slides the policy's windows.

Reads only; knows `BucketCounts`, no Redis. All of it can be discarded and read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.rules import active_rules
from tidegate.streams.core.rates.rates import RateSpec, counters_by_window, published_rates
from tidegate.streams.core.rates.windows import Buckets, Sums, Window
from tidegate.streams.ruler.store import BucketCounts
from tidegate.streams.store import Progress

_READ_AT_ONCE = 64  # buckets a round trip: other tasks of the process run between two of them


def watermark(progress: Progress, now_ms: int, grace_ms: int, owner_timeout_ms: int) -> int:
    """Returns the event time (ms) up to which a partition's records are counted.

    An idle partition (its owner lives and has no lag) is complete up to the owner's last heartbeat, less grace. Any
    other is complete up to its watermark, which stands still while the partition lags or has no owner. A partition
    whose owner waits at an unreadable batch counts as idle: the alerts of all others are not held for it.
    """
    owned = progress.owner is not None and now_ms - progress.seen_ms <= owner_timeout_ms
    if owned and (progress.lag == 0 or progress.unreadable_at is not None):
        return max(progress.watermark_ms, min(now_ms, progress.seen_ms) - grace_ms)
    return progress.watermark_ms


def boundaries(evaluated_ms: int | None, target_ms: int, bucket_ms: int, longest_ms: int) -> range:
    """Returns the bucket boundaries to evaluate, in order: those after evaluated_ms up to target_ms.

    At the first start only the latest one. If more than the longest window was missed, only those of the last longest
    window: their windows cover what older boundaries would show.
    """
    last = max(0, target_ms - target_ms % bucket_ms)
    if evaluated_ms is None:
        first = max(last, bucket_ms)
    elif last - evaluated_ms > longest_ms:
        first = last - longest_ms + bucket_ms
    else:
        first = evaluated_ms - evaluated_ms % bucket_ms + bucket_ms
    return range(first, last + 1, bucket_ms)


class RuleWindows:
    """The windows that one policy's rates and rules need, over the buckets of all partitions."""

    def __init__(self, store: BucketCounts, live: LivePolicy) -> None:
        self._store = store
        self._read_versions: dict[tuple[TopicPartition, int], str] = {}  # bucket -> its version when it was read
        self.rates: tuple[RateSpec, ...] = published_rates(live)
        self._counters = counters_by_window(self.rates)
        keep_s: dict[str, int] = {}
        for window_s, counters in self._counters.items():
            for counter in counters:
                keep_s[counter] = max(window_s, keep_s.get(counter, 0))
        self._buckets = Buckets(keep_s)
        self.longest_ms = max(self._counters) * 1000
        self.of_rates: dict[int, Window] = {s: self._buckets.window(s, c) for s, c in self._counters.items()}
        rules: dict[int, set[str]] = {}
        for _, rule, of in active_rules(live):
            rules.setdefault(rule.window_s, set()).update(of.counters)
        self._rules = rules
        self._of_rules = {s: self._buckets.window(s, c) for s, c in rules.items()}

    def adopt(self, live: LivePolicy) -> bool:
        """Follows a change of policy. Returns False where it needs other windows: then build new ones."""
        new = RuleWindows(self._store, live)
        if (new._counters, new._rules) != (self._counters, self._rules):
            return False
        self.rates = new.rates
        return True

    def of_rule(self, window_s: int, end_ms: int) -> Sums:
        """Returns the sums of a rule's window."""
        return self._of_rules[window_s].at(end_ms)

    async def read(self, partitions: Sequence[TopicPartition], from_ms: int) -> int:
        """Reads the changed buckets that start at from_ms or later, and drops older ones. Returns how many it read."""
        versions = dict(zip(partitions, await self._store.bucket_versions(partitions), strict=True))
        wanted = [
            (partition, start)
            for partition, starts in versions.items()
            for start, version in starts.items()
            if start >= from_ms and self._read_versions.get((partition, start)) != version
        ]
        for i in range(0, len(wanted), _READ_AT_ONCE):
            for (partition, start), counts in zip(
                wanted[i : i + _READ_AT_ONCE],
                await self._store.counts(wanted[i : i + _READ_AT_ONCE]),
                strict=True,
            ):
                self._buckets.put(partition, start, counts)
                # If it is written again meanwhile, its version differs next time, and it is read again.
                self._read_versions[partition, start] = versions[partition][start]
                await asyncio.sleep(0)
        for partition, start in [
            key for key in self._read_versions if key[1] < from_ms or key[1] not in versions.get(key[0], ())
        ]:
            del self._read_versions[partition, start]
            if start >= from_ms:
                self._buckets.put(partition, start, {})  # expired, or the store lost its tail
        self._buckets.drop_before(from_ms)
        self._buckets.trim(from_ms + self.longest_ms)
        return len(wanted)
