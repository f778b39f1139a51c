"""The ruler: once a second, on one worker at a time, counts become alerts and rates.

The worker that holds a lease in the store evaluates. Alert states are stored there too, so that the next holder
goes on where the last one stopped. A transition is saved with its state as unpublished, published, then acknowledged:
a crash in between publishes it again under the same id. All time is the store's. Rules are evaluated in event time,
boundary by boundary, and only up to the lowest watermark of all partitions.
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
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.kafka.producer import Message
from tidegate.streams.ruler.alert_states import ActiveAlerts, Publish
from tidegate.streams.ruler.stats import Stats
from tidegate.streams.ruler.store import RulerStore
from tidegate.streams.ruler.windows import RuleWindows, boundaries, watermark
from tidegate.streams.store import Lease
from tidegate.streams.tasks import retry, waiting_for

# Returns the last published status of every alert that was published since that time (ms; None: ever).
PublishedAlerts = Callable[[int | None], Awaitable[Sequence[AlertStatus]]]

log = logging.getLogger(__name__)

PERIOD_S = 1.0
LONGEST_WAIT_S = 15.0  # between tries while a dependency is unavailable
# Boundaries an evaluation: after a long absence the rest follow in the next evaluations, each well within the lease.
AT_ONCE = 30
RETAIN_MS = 60_000  # between two searches for scope names without counts
BEHIND_MS = (
    5_000  # behind by more than this and than two buckets is `incomplete`: owners send a heartbeat every 3 s or so
)


class _RulerState(BaseModel):
    """The ruler's own state, stored beside the alerts'."""

    evaluated_ms: int | None = None
    rated: tuple[str, ...] = ()  # scopes with published rates, without those with a tombstone
    kinds: tuple[tuple[str, int], ...] = ()  # their measures and windows: another policy may need none of them


class Ruler:
    """Evaluates the policy's rules and rates on one worker."""

    def __init__(
        self,
        store: RulerStore,
        publish: Publish,
        partitions: Callable[[], Sequence[TopicPartition]],
        live: Callable[[], LivePolicy],
        silences: Callable[[], Iterable[Silence]],
        worker: str,
        *,
        published_alerts: PublishedAlerts | None = None,
        lease_ms: int = 5_000,
        owner_timeout_ms: int = 10_000,
    ) -> None:
        """publish: must return only once all messages are acknowledged. partitions: every partition of every source
        topic, owned here or not. published_alerts: reads their last published statuses; None: the store loses nothing.
        owner_timeout_ms: an owner without a heartbeat for longer is gone.
        """
        self._store, self._publish, self._worker = store, publish, worker
        self._partitions, self._live, self._published_alerts = partitions, live, published_alerts
        self._lease_ms, self._owner_timeout_ms = lease_ms, owner_timeout_ms
        self._epoch: int | None = None  # of the lease under which the state below was read; None: read it again
        self._state = _RulerState()
        self._published: LastPublished | None = None  # None: not known; publish everything again
        self._published_epoch: int | None = None
        self._windows: RuleWindows | None = None
        self._followed: LivePolicy | None = None
        self._retained_ms = 0
        self._published_to_ms = 0  # the latest boundary that an alert was published for, as far as it was read
        self.alerts = ActiveAlerts(store, publish, silences)
        self.stats = Stats()

    async def run(self, stop: asyncio.Event) -> None:
        """Evaluates each second until stop is set, then releases the lease. Waits while a dependency is unavailable."""
        wait = waiting_for(stop)
        while not stop.is_set():
            await retry(
                self._run_once_renewing,
                backoff_s=(2 * PERIOD_S, LONGEST_WAIT_S),
                wanted=lambda: not stop.is_set(),
                on_error=lambda error, wait_s: log.warning("ruler: %s; next try in %g s", error, wait_s),
                wait=wait,
            )
            await wait(PERIOD_S)
        with suppress(StoreUnavailable):  # it expires by itself
            await self._store.release_lease(self._worker)

    async def _run_once_renewing(self) -> None:
        renewing = asyncio.create_task(self._renew())
        try:
            await self.run_once()
        finally:
            renewing.cancel()

    async def _renew(self) -> None:
        """Renews the lease through a long evaluation, such as the first one over an hour of buckets."""
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            with suppress(StoreUnavailable):
                if self.stats.leading:
                    await self._store.lease(self._worker, self._lease_ms)

    async def run_once(self) -> bool:
        """Runs one evaluation. Returns False if another worker holds the lease.

        Raises StoreUnavailable or BrokerUnavailable: call it again.
        """
        lease = await self._store.lease(self._worker, self._lease_ms)
        self.stats.leading = lease is not None
        if lease is None:
            self._epoch, self._windows = None, None
            return False
        # The store's state is the truth: unless this evaluation ends well, the next one reads it again.
        epoch, self._epoch = self._epoch, None
        if epoch != lease.epoch:
            stored = await self._store.alerts()
            self._state = _RulerState.model_validate_json(stored.get(RULER_KEY, "{}"))
            self.alerts.load(stored)
            await self._restore()
        if self._published_epoch != lease.epoch:
            self._published, self._published_epoch = None, lease.epoch
        if not await self._evaluate(lease):
            self.stats.leading = False
            return False
        self._epoch = lease.epoch
        self.stats.evaluations += 1
        return True

    async def _restore(self) -> None:
        """Restores alerts published after the stored state: none, unless the store came back older or empty."""
        if self._published_alerts is None:
            return
        published = await self._published_alerts(self._state.evaluated_ms)
        self.alerts.restore(published)
        self._published_to_ms = max((status.at_ms for status in published), default=0)
        if self._state.evaluated_ms is not None:
            self._set_evaluated(max(self._state.evaluated_ms, self._published_to_ms))

    async def _evaluate(self, lease: Lease) -> bool:
        """Returns False if another worker holds the lease."""
        began = time.perf_counter()
        live, partitions, stats = self._live(), self._partitions(), self.stats
        if not await self.alerts.publish_queued(lease):  # what the last holder saved and did not publish
            return False
        bucket_ms, grace_ms = live.policy.windows.bucket_s * 1000, live.policy.windows.grace_s * 1000
        windows, last_published = self._follow(live)

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

        self.alerts.remove_unruled(live, self._state.evaluated_ms or 0, lease.now_ms)
        for boundary in due:
            await self.alerts.evaluate(boundary, partitions, live, windows, lease.now_ms)
            await asyncio.sleep(0)
        evaluated = time.perf_counter()

        self._published = None  # until the rates below are acknowledged
        at_most = live.policy.limits.rates_per_evaluation
        rates: list[tuple[RateKey, Rate | None]] = [*last_published.tombstones(windows.rates, at_most)]
        rates += last_published.changes(
            windows.rates,
            windows.of_rates,
            open_end,
            lease.now_ms,
            incomplete=stats.incomplete or any(partition.unreadable_at is not None for partition in progress),
            at_most=at_most,
        )
        stats.rates_waiting = last_published.waiting
        if not await self._save(lease, due, last_published, rates):
            return False
        if not await self.alerts.publish_queued(lease):
            return False
        if not await self.alerts.resend(lease, live, incomplete=stats.incomplete):
            return False
        await self._publish_rates(rates)
        self._published = last_published
        if lease.now_ms - self._retained_ms >= RETAIN_MS:
            await self._retain(last_published, windows.longest_ms + live.policy.windows.late_s * 1000)
            self._retained_ms = lease.now_ms
        ended = time.perf_counter()
        stats.took_s = {"read": read - began, "evaluate": evaluated - read, "publish": ended - evaluated}
        return True

    def _follow(self, live: LivePolicy) -> tuple[RuleWindows, LastPublished]:
        """Returns the windows that the live policy needs, and the rates last published of them."""
        if self._followed is not live and self._windows is not None and not self._windows.adopt(live):
            self._windows = None
        self._followed = live
        if self._published is None:
            rated = (RateKey(scope, *kind) for scope in self._state.rated for kind in self._state.kinds)
            self._published, self._windows = LastPublished(rated), None  # new windows: every scope in them has changed
        if self._windows is None:
            self._windows = RuleWindows(self._store, live)
            self._published.recheck_all()
        return self._windows, self._published

    def _resume(self, rebuilt_ms: int) -> None:
        """If the store came back empty: once all partitions are rebuilt, goes on after the last published alert.

        rebuilt_ms: from here on every window is complete again.
        """
        if self._state.evaluated_ms is None and self._published_to_ms and not self.stats.incomplete:
            self._set_evaluated(max(self._published_to_ms, rebuilt_ms))

    def _set_evaluated(self, at_ms: int) -> None:
        self._state = self._state.model_copy(update={"evaluated_ms": at_ms})

    def _due(self, target_ms: int, bucket_ms: int, longest_ms: int) -> Sequence[int]:
        """Returns the boundaries to evaluate now."""
        evaluated_ms = self._state.evaluated_ms
        if evaluated_ms is None and self.stats.incomplete and self._published_alerts is not None:
            return ()  # the state is lost, and the windows are still being filled
        due = boundaries(evaluated_ms, target_ms, bucket_ms, longest_ms)
        if due and evaluated_ms is not None and (skipped := (due[0] - evaluated_ms) // bucket_ms - 1) > 0:
            self.stats.skipped += skipped
            log.warning(
                "ruler: nothing was evaluated for longer than the longest window (%g s); skipping %d bucket boundaries",
                longest_ms / 1000,
                skipped,
            )
        return due[:AT_ONCE]

    def _needed_from(self, due: Sequence[int], open_end: int, longest_ms: int) -> int:
        """Returns the start of the earliest bucket that a window covers."""
        end = due[0] if due else self._state.evaluated_ms or open_end
        if not due and open_end - end > 2 * longest_ms:
            end = open_end  # held for so long that it is cheaper to read again later
        return min(end, open_end) - longest_ms

    async def _save(
        self,
        lease: Lease,
        due: Sequence[int],
        last_published: LastPublished,
        rates: Sequence[tuple[RateKey, Rate | None]],
    ) -> bool:
        """Saves the alerts, and the ruler's own state where it changed. rates: those to publish once it is saved."""
        more: dict[str, str] = {}
        # Those with a tombstone too: it is not acknowledged yet.
        scopes, kinds = {key.scope for key, _ in rates}, {(key.measure, key.window_s) for key, _ in rates}
        if due or not (scopes <= set(self._state.rated) and kinds <= set(self._state.kinds)):
            self._state = _RulerState(
                evaluated_ms=due[-1] if due else self._state.evaluated_ms,
                rated=tuple(sorted(last_published.scopes | scopes)),
                kinds=tuple(sorted(last_published.kinds | kinds)),
            )
            more[RULER_KEY] = self._state.model_dump_json()
        if not await self.alerts.save(lease, more):
            return False
        self.stats.boundaries += len(due)
        self.stats.evaluated_ms = self._state.evaluated_ms or 0
        return True

    async def _publish_rates(self, rates: Sequence[tuple[RateKey, Rate | None]]) -> None:
        if rates:
            await self._publish(
                [
                    Message("rates", str(key).encode(), None if rate is None else rate.model_dump_json().encode())
                    for key, rate in rates
                ]
            )
            tombstones = sum(rate is None for _, rate in rates)
            self.stats.tombstones += tombstones
            self.stats.rates += len(rates) - tombstones

    async def _retain(self, last_published: LastPublished, quiet_ms: int) -> None:
        """Removes scope names without counts for the longest window."""
        scopes = last_published.scopes
        for kind in KINDS:
            await self._store.retain(kind, names(kind, scopes), quiet_ms)
