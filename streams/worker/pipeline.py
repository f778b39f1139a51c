"""From a batch to its effects: batches are prepared in parallel, then published, counted and finished in read order.

No exception may escape `process`. It waits for a dependency that is unavailable, and drops a partition that was
revoked. Anything else is a bug: the worker exits without a commit, and the group reassigns its partitions.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tidegate.streams.core.partition import Copy, TopicPartition, end_of
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.rates.rates import keep_ms
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest import Ingest
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.ingest.takeover import last_marker, watermark_ms
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.store import Applied, Apply, ApplyOutcome, DecidedCopies
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.tasks import exit_on_bug, retry
from tidegate.streams.wire.copies import Copies, copies_in, resolve_copies

log = logging.getLogger(__name__)

T = TypeVar("T")
Result = TypeVar("Result")
R = TypeVar("R")
BACKOFF_S = (0.05, 5.0)


class Handler(Protocol[T, Result]):
    """What happens to the records of one source topic. T: a prepared record; Result: what is published and counted."""

    async def prepare(self, batch: Batch) -> list[list[T]]:
        """Decodes and scores every record, per record range. May run beside other batches. Raises StoreUnavailable."""

    def conclude(self, record_range: RecordRange, prepared: Sequence[T], live: LivePolicy) -> list[Result]:
        """Returns one result a record, in order, decided under one policy version."""

    def message(self, result: Result) -> Message | None:
        """Returns the record to publish for a result, if any."""

    def names(self, results: Sequence[Result]) -> dict[str, set[str]]:
        """Returns the scope names that the results count under."""

    def aggregate(self, results: Sequence[Result], live: LivePolicy, names: ScopeLimiter) -> Aggregate:
        """Returns what the results add to the counts."""

    def observe(self, results: Sequence[Result], names: ScopeLimiter) -> None:
        """Counts results that were published and counted in metrics."""


class CountsAndCopies(Protocol):
    """What a pipeline needs of the store (`store/__init__.py` describes it)."""

    async def apply(self, ranges: Sequence[Apply]) -> list[ApplyOutcome]: ...

    async def copies(self, requested: Sequence[tuple[TopicPartition, Collection[int]]]) -> list[DecidedCopies]: ...


Split = Callable[[RecordRange, list[Result]], list[tuple[RecordRange, list[Result]]]]


def whole(record_range: RecordRange, results: list[Result]) -> list[tuple[RecordRange, list[Result]]]:
    """Returns the range in one piece."""
    return [(record_range, results)]


@dataclass(slots=True)
class _Work(Generic[Result]):
    """A record range to publish and count. start and results shrink where the store had counted some of it before."""

    record_range: RecordRange
    start: int
    results: list[Result]
    copies: Copies  # of its records: those that `redrive` sent again
    decided: list[Copy] = field(default_factory=list)  # of those


class Pipeline(Generic[T, Result]):
    """Takes the batches of one source topic through a worker."""

    def __init__(
        self,
        ingest: Ingest,
        handler: Handler[T, Result],
        publisher: Publisher,
        store: CountsAndCopies,
        names: ScopeLimiter,
        live: Callable[[], LivePolicy],
        metrics: Metrics,
        want_copies: Callable[[TopicPartition], None] | None = None,
        clock: Callable[[], float] = time.time,
        split: Split[Result] = whole,
    ) -> None:
        """want_copies: called with a partition whose decided copies the store lost, before it is taken over again.

        clock: seconds since 1970, for the watermark. split: returns a record range with its results in pieces, each
        counted by itself, in order: what `aggregate` cannot count as one.
        """
        self._want_copies, self._clock, self._split = want_copies, clock, split
        self._ingest, self._handler, self._publisher, self._store = ingest, handler, publisher, store
        self._scopes, self._live, self._metrics = names, live, metrics
        self._keep_ms_policy: LivePolicy | None = None
        self._keep_ms_cached = 0
        self._stage = {
            s: metrics.stage.labels(ingest.topic, s) for s in ("prepare", "wait", "decide", "publish", "apply")
        }

    async def process(self, batch: Batch) -> None:
        """Publishes, counts and finishes one batch."""
        try:
            t0 = time.perf_counter()
            prepared = await self._until(lambda: self._handler.prepare(batch), batch)
            t1 = self._took("prepare", t0)
            await batch.turn.wait()
            self._took("wait", t1)
            if prepared is not None:
                await self._effects(batch, prepared)
        except asyncio.CancelledError:
            for record_range in batch.ranges:
                record_range.owned.valid = False  # nothing after an unfinished batch may be applied
            raise
        except Exception as error:  # noqa: BLE001 - the last resort, and it ends the process
            exit_on_bug(error)
        await self._ingest.done(batch)

    def _took(self, stage: str, since: float) -> float:
        now = time.perf_counter()
        self._stage[stage].observe(now - since)
        return now

    async def _until(self, call: Callable[[], Awaitable[R]], batch: Batch) -> R | None:
        """Retries while a dependency is unavailable. Returns None once every partition of the batch is revoked."""

        def on_error(error: Exception, delay_s: float) -> None:
            self._metrics.unavailable.labels("redis" if isinstance(error, StoreUnavailable) else "kafka").inc()
            log.warning("%s; trying again in %.1f s", error, delay_s)

        return await retry(
            call,
            backoff_s=BACKOFF_S,
            wanted=lambda: any(record_range.owned.valid for record_range in batch.ranges),
            on_error=on_error,
        )

    async def _effects(self, batch: Batch, prepared: list[list[T]]) -> None:
        live = self._live()  # one policy version a batch
        t0 = time.perf_counter()
        work = [
            _Work(piece, piece.start, results, copies_in(piece.records))
            for record_range, items in zip(batch.ranges, prepared, strict=True)
            if record_range.owned.valid
            for piece, results in self._split(record_range, self._handler.conclude(record_range, items, live))
        ]
        t1 = self._took("decide", t0)
        if copied := [w for w in work if w.copies.by_offset]:
            await self._until(lambda: self._look_up(copied), batch)
        await self._until(lambda: self._publish(work), batch)
        t2 = self._took("publish", t1)
        await self._until(lambda: self._count(work, live), batch)
        self._took("apply", t2)
        self._metrics.batch.labels(self._ingest.topic).observe(batch.events)

    async def _look_up(self, work: list[_Work[Result]]) -> bool:
        """Looks up which copies were decided before, for what is published. `apply` checks it again."""
        copies = await self._store.copies([(w.record_range.owned.partition, w.copies.origins) for w in work])
        for w, stored in zip(work, copies, strict=True):
            owned = w.record_range.owned
            if stored.complete or self._want_copies is None:
                w.results, w.decided = resolve_copies(
                    w.record_range.records, w.results, w.copies, stored.decided, owned.epoch
                )
            elif owned.valid:
                self._want_copies(owned.partition)
                self._ingest.retake(owned, "a record was sent again, and redis does not know which were decided")
        return True

    async def _publish(self, work: list[_Work[Result]]) -> bool:
        ours = [w for w in work if w.record_range.owned.valid]
        if not self._ingest.may_publish():
            for w in ours:
                self._ingest.retake(
                    w.record_range.owned, "no heartbeat for longer than the session timeout; published nothing"
                )
            return False
        await self._publisher.publish([m for w in ours for r in w.results if (m := self._handler.message(r))])
        return True

    async def _count(self, work: list[_Work[Result]], live: LivePolicy) -> bool:
        keep_ms = self._keep_ms(live)
        while ours := [w for w in work if w.record_range.owned.valid]:
            await self._scopes.learn(self._handler.names([r for w in ours for r in w.results]))
            ranges = [self._apply(w, live, keep_ms) for w in ours]
            outcomes = await self._store.apply(ranges)
            for w, record_range, (applied, next_) in zip(ours, ranges, outcomes, strict=True):
                self._account(w, applied, next_)
                if applied is Applied.APPLIED and record_range.aggregate.new_strikes is not None:
                    self._metrics.count_strikes(record_range.aggregate.new_strikes)
            work[:] = [w for w, outcome in zip(ours, outcomes, strict=True) if outcome.applied is Applied.OVERLAP]
        return True

    def _keep_ms(self, live: LivePolicy) -> int:
        if self._keep_ms_policy is not live:
            self._keep_ms_policy, self._keep_ms_cached = live, keep_ms(live, feedback=self._ingest.topic == "feedback")
        return self._keep_ms_cached

    def _apply(self, w: _Work[Result], live: LivePolicy, keep_ms: int) -> Apply:
        return Apply(
            partition=w.record_range.owned.partition,
            epoch=w.record_range.owned.epoch,
            start=w.start,
            end=w.record_range.end,
            marker=last_marker(w.record_range.records),
            aggregate=self._handler.aggregate(w.results, live, self._scopes),
            watermark_ms=watermark_ms(w.record_range.records, int(self._clock() * 1000), w.record_range.lag),
            lag=w.record_range.lag,
            keep_ms=keep_ms,
            copies=w.decided,
        )

    def _account(self, w: _Work[Result], applied: Applied, next_: int) -> None:
        record_range, topic = w.record_range, self._ingest.topic
        if applied in (Applied.APPLIED, Applied.ALREADY):
            record_range.owned.applied = record_range.end
            if applied is Applied.APPLIED:
                self._metrics.events.labels(topic).inc(len(w.results))
                self._handler.observe(w.results, self._scopes)
                for why, n in w.copies.ignored.items():
                    self._metrics.origins_ignored.labels(topic, why.value).inc(n)
            else:
                self._metrics.skipped.labels(topic).inc(len(w.results))
        elif applied is Applied.OVERLAP and not w.copies.by_offset and not _within(record_range, next_):
            # otherwise these may be copies of what is cut off, or a batch that cannot be read is cut in two
            fresh = [
                r
                for record, r in zip(record_range.records[-len(w.results) :], w.results, strict=True)
                if record.offset >= next_
            ]
            self._metrics.skipped.labels(topic).inc(len(w.results) - len(fresh))
            w.start, w.results = next_, fresh
        else:
            self._metrics.gaps.labels(topic, applied.value).inc()
            self._ingest.retake(
                record_range.owned,
                f"store says {applied.value}: next is {next_}, this record range starts at {w.start}",
            )


def _within(record_range: RecordRange, offset: int) -> bool:
    """Whether the offset lies inside an unreadable batch of the record range."""
    return any(record.offset < offset < end_of(record) for record in record_range.records)
