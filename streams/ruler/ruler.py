"""The ruler: once a second, on one worker at a time, counts become alerts and rates.

A lease in the store says who evaluations; alert states are kept there, so that the next holder goes on where the last
one stopped. A transition is saved with its state as unpublished, published, then marked: a crash in between
publishes it again under the same id. All time is the store's. Rules are looked at in event time, boundary by
boundary, and only up to where every partition has been counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from pydantic import BaseModel

from tidegate.streams.core.alerts.status import RULER_KEY, AlertStatus
from tidegate.streams.core.events import Rate, Silence
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.changes import LastPublished, RateKey
from tidegate.streams.core.series import KINDS, names
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.kafka.producer import Message
from tidegate.streams.ruler.alert_states import ActiveAlerts, Publish
from tidegate.streams.ruler.stats import Stats
from tidegate.streams.ruler.windows import RuleWindows, boundaries, watermark
from tidegate.streams.store import Lease, Store

# Of every alert that something was published of since then (ms; None: ever), as it stood at the last of it.
Words = Callable[[int | None], Awaitable[Sequence[AlertStatus]]]

log = logging.getLogger(__name__)

PERIOD_S = 1.0
LONGEST_WAIT_S = 15.0  # between tries while a dependency is unavailable
AT_ONCE = 30  # boundaries an evaluation: after a long absence the rest follow in the next evaluations, each well within the lease
RETAIN_MS = 60_000  # between two looks at which scope names went quiet
BEHIND_MS = 5_000  # behind by more than this and than two buckets is `incomplete`: owners give word every 3 s or so


class _RulerState(BaseModel):
    """The ruler's own state, kept beside the alerts'."""

    evaluated_ms: int | None = None
    rated: tuple[str, ...] = ()  # scopes of which rates were published and not taken back
    kinds: tuple[tuple[str, int], ...] = ()  # their measures and windows: another policy may ask for none of them


class Ruler:
    """One worker's tick."""

    def __init__(
        self,
        store: Store,
        publish: Publish,
        partitions: Callable[[], Sequence[TopicPartition]],
        live: Callable[[], LivePolicy],
        silences: Callable[[], Iterable[Silence]],
        worker: str,
        *,
        words: Words | None = None,
        lease_ms: int = 5_000,
        owner_timeout_ms: int = 10_000,
    ) -> None:
        """publish: returns once all messages are acknowledged. partitions: every partition of every source topic, owned
        here or not. words: the last ones said of alerts; None: the store loses nothing.
        owner_timeout_ms: an owner silent longer is gone.
        """
        self._store, self._publish, self._worker = store, publish, worker
        self._partitions, self._live, self._words = partitions, live, words
        self._lease_ms, self._owner_timeout_ms = lease_ms, owner_timeout_ms
        self._epoch: int | None = None  # of the lease under which the state below was read; None: read it again
        self._kept = _RulerState()
        self._said: LastPublished | None = None  # None: what was said is not known; say everything again
        self._said_epoch: int | None = None
        self._windows: RuleWindows | None = None
        self._followed: LivePolicy | None = None
        self._retained_ms = 0
        self._said_to_ms = 0  # the latest boundary that an alert was published for, as far as it was asked
        self.alerts = ActiveAlerts(store, publish, silences)
        self.stats = Stats()

    async def run(self, stop: asyncio.Event) -> None:
        """Ticks once a second until stop is set, then gives the lease back. Waits while a dependency is unavailable."""
        wait_s = PERIOD_S
        while not stop.is_set():
            renewing = asyncio.create_task(self._renew())
            try:
                await self.run_once()
                wait_s = PERIOD_S
            except (StoreUnavailable, BrokerUnavailable) as unavailable:
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                log.warning("tick: %s; next try in %g s", unavailable, wait_s)
            finally:
                renewing.cancel()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
        with suppress(StoreUnavailable):  # it expires by itself
            await self._store.release_lease(self._worker)

    async def _renew(self) -> None:
        """Keeps the lease through a long tick, such as the first one over an hour of buckets."""
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            with suppress(StoreUnavailable):
                if self.stats.leading:
                    await self._store.lease(self._worker, self._lease_ms)

    async def run_once(self) -> bool:
        """One tick. False: another worker holds the lease. Raises StoreUnavailable or BrokerUnavailable; then call it again."""
        lease = await self._store.lease(self._worker, self._lease_ms)
        self.stats.leading = lease is not None
        if lease is None:
            self._epoch, self._windows = None, None
            return False
        # What the store holds is what counts: unless this tick ends well, the next one reads it again.
        epoch, self._epoch = self._epoch, None
        if epoch != lease.epoch:
            kept = await self._store.alerts()
            self._kept = _RulerState.model_validate_json(kept.get(RULER_KEY, "{}"))
            self.alerts.load(kept)
            await self._remember()
        if self._said_epoch != lease.epoch:
            self._said, self._said_epoch = None, lease.epoch
        if not await self._evaluate(lease):
            self.stats.leading = False
            return False
        self._epoch = lease.epoch
        self.stats.evaluations += 1
        return True

    async def _remember(self) -> None:
        """What was said of alerts since the store last knew: nothing, unless it came back older or empty."""
        if self._words is None:
            return
        words = await self._words(self._kept.evaluated_ms)
        self.alerts.hear(words)
        self._said_to_ms = max((word.at_ms for word in words), default=0)
        if self._kept.evaluated_ms is not None:
            self._evaluated(max(self._kept.evaluated_ms, self._said_to_ms))

    async def _evaluate(self, lease: Lease) -> bool:
        """False: the lease went to another worker."""
        began = time.perf_counter()
        live, partitions, stats = self._live(), self._partitions(), self.stats
        if not await self.alerts.publish_queued(lease):  # what the last holder saved and did not come to publish
            return False
        bucket_ms, grace_ms = live.policy.windows.bucket_s * 1000, live.policy.windows.grace_s * 1000
        windows, said = self._follow(live)

        could_be = lease.now_ms - grace_ms
        progress = await self._store.progress(partitions)
        counted_to = min(
            (watermark(partition, lease.now_ms, grace_ms, self._owner_timeout_ms) for partition in progress),
            default=could_be,
        )
        stats.behind_ms = max(0, could_be - counted_to)
        stats.incomplete = stats.behind_ms > max(2 * bucket_ms, BEHIND_MS)
        self._resume(lease.now_ms - live.policy.windows.late_s * 1000)
        due = self._due(min(could_be, counted_to), bucket_ms, windows.longest_ms)
        open_end = lease.now_ms - lease.now_ms % bucket_ms + bucket_ms
        stats.buckets_read += await windows.read(partitions, self._needed_from(due, open_end, windows.longest_ms))
        read = time.perf_counter()

        self.alerts.remove_unruled(live, self._kept.evaluated_ms or 0, lease.now_ms)
        for boundary in due:
            await self.alerts.evaluate(boundary, partitions, live, windows, lease.now_ms)
            await asyncio.sleep(0)
        evaluated = time.perf_counter()

        self._said = None  # until what it now takes for said is acknowledged
        at_most = live.policy.limits.rates_per_evaluation
        rates: list[tuple[RateKey, Rate | None]] = [*said.tombstones(windows.rates, at_most)]
        rates += said.changes(
            windows.rates,
            windows.of_rates,
            open_end,
            lease.now_ms,
            incomplete=stats.incomplete or any(partition.unreadable_at is not None for partition in progress),
            at_most=at_most,
        )
        stats.rates_waiting = said.waiting
        if not await self._save(lease, due, said, rates):
            return False
        if not await self.alerts.publish_queued(lease):
            return False
        if not await self.alerts.publish_again(lease, live, incomplete=stats.incomplete):
            return False
        await self._say(rates)
        self._said = said
        if lease.now_ms - self._retained_ms >= RETAIN_MS:
            await self._retain(said, windows.longest_ms + live.policy.windows.late_s * 1000)
            self._retained_ms = lease.now_ms
        ended = time.perf_counter()
        stats.took_s = {"read": read - began, "evaluate": evaluated - read, "publish": ended - evaluated}
        return True

    def _follow(self, live: LivePolicy) -> tuple[RuleWindows, LastPublished]:
        """The windows that the live policy asks for, and what was said of them."""
        if self._followed is not live and self._windows is not None and not self._windows.adopt(live):
            self._windows = None
        self._followed = live
        if self._said is None:
            rated = (RateKey(scope, *kind) for scope in self._kept.rated for kind in self._kept.kinds)
            self._said, self._windows = LastPublished(rated), None  # new windows: every scope in them has changed
        if self._windows is None:
            self._windows = RuleWindows(self._store, live)
            self._said.recheck_all()
        return self._windows, self._said

    def _resume(self, rebuilt_ms: int) -> None:
        """Where the store came back empty: once all partitions are rebuilt, goes on after the last word that was said.

        rebuilt_ms: from here on every window is whole again.
        """
        if self._kept.evaluated_ms is None and self._said_to_ms and not self.stats.incomplete:
            self._evaluated(max(self._said_to_ms, rebuilt_ms))

    def _evaluated(self, at_ms: int) -> None:
        self._kept = self._kept.model_copy(update={"evaluated_ms": at_ms})

    def _due(self, target_ms: int, bucket_ms: int, longest_ms: int) -> Sequence[int]:
        """The boundaries to look at now."""
        evaluated_ms = self._kept.evaluated_ms
        if evaluated_ms is None and self.stats.incomplete and self._words is not None:
            return ()  # nothing is known of before, and windows are still being filled
        found = boundaries(evaluated_ms, target_ms, bucket_ms, longest_ms)
        if found and evaluated_ms is not None and (skipped := (found[0] - evaluated_ms) // bucket_ms - 1) > 0:
            self.stats.skipped += skipped
            log.warning(
                "tick: nothing was looked at for longer than the longest window (%g s); skipping %d bucket boundaries",
                longest_ms / 1000,
                skipped,
            )
        return found[:AT_ONCE]

    def _needed_from(self, due: Sequence[int], open_end: int, longest_ms: int) -> int:
        """The earliest bucket that a window reaches back to."""
        end = due[0] if due else self._kept.evaluated_ms or open_end
        if not due and open_end - end > 2 * longest_ms:
            end = open_end  # held for so long that it is cheaper to read again once it goes on
        return min(end, open_end) - longest_ms

    async def _save(
        self, lease: Lease, due: Sequence[int], said: LastPublished, rates: Sequence[tuple[RateKey, Rate | None]]
    ) -> bool:
        """Saves the alerts, and the ruler's own state where it changed. rates: those to be said once it is saved."""
        more: dict[str, str] = {}
        # Those taken back too: their tombstones are not acknowledged yet.
        scopes, kinds = {key.scope for key, _ in rates}, {(key.measure, key.window_s) for key, _ in rates}
        if due or not (scopes <= set(self._kept.rated) and kinds <= set(self._kept.kinds)):
            self._kept = _RulerState(
                evaluated_ms=due[-1] if due else self._kept.evaluated_ms,
                rated=tuple(sorted(said.scopes | scopes)),
                kinds=tuple(sorted(said.kinds | kinds)),
            )
            more[RULER_KEY] = self._kept.model_dump_json()
        if not await self.alerts.save(lease, more):
            return False
        self.stats.boundaries += len(due)
        self.stats.evaluated_ms = self._kept.evaluated_ms or 0
        return True

    async def _say(self, rates: Sequence[tuple[RateKey, Rate | None]]) -> None:
        if rates:
            await self._publish(
                [
                    Message("rates", str(key).encode(), None if rate is None else rate.model_dump_json().encode())
                    for key, rate in rates
                ]
            )
            gone = sum(rate is None for _, rate in rates)
            self.stats.tombstones += gone
            self.stats.rates += len(rates) - gone

    async def _retain(self, said: LastPublished, quiet_ms: int) -> None:
        """Lets go of scope names that have had no counts for the longest window."""
        scopes = said.scopes
        for kind in KINDS:
            await self._store.retain(kind, names(kind, scopes), quiet_ms)
