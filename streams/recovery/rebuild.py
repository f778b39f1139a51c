"""Rebuilds the counts of a partition that Redis lost, from what was published: `decisions` and `dead-letters`.

All completions before a group's committed offset have acknowledged outputs and were counted. If the checkpoint is
behind it or gone, those in between are counted under the new epoch as they were decided, in offset order, through the
same `aggregate` and `apply`. From the first one without a published outcome on, they are read and decided again.
Knows no Kafka client: it reads from a `HistoryReader`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

from tidegate.streams.core.events import Decision
from tidegate.streams.core.partition import Copy, Record, TopicPartition, UnreadableRange, end_of
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate, aggregate
from tidegate.streams.core.rates.rates import keep_ms
from tidegate.streams.core.strikes import NewStrikes, Strike, Terms
from tidegate.streams.core.times import record_time
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest.heartbeat import Heartbeats
from tidegate.streams.ingest.takeover import marker_of, watermark_ms
from tidegate.streams.kafka.ranges import SKEW_MS, OffsetRange, RangeCursor
from tidegate.streams.metrics import Metrics
from tidegate.streams.recovery.copies import CopyMarks
from tidegate.streams.recovery.published import HistoryReader, Published, PublishedOutcome, parse_outcome
from tidegate.streams.recovery.strikes import PublishedEnforcements, StrikeRebuilder, StrikeRules, StrikeUndos, reach_ms
from tidegate.streams.store import Applied, Apply, ApplyOutcome
from tidegate.streams.store.scope_limiter import ScopeLimiter, names_by_kind
from tidegate.streams.topics import DEAD_LETTERS, DECISIONS, ENFORCEMENTS, FEEDBACK

log = logging.getLogger(__name__)

AT_ONCE = 4_000_000  # offsets rebuilt at once: 64 MB


class RebuildStore(Heartbeats, CopyMarks, StrikeUndos, Protocol):
    """What a rebuild needs of the store (`store/__init__.py` describes it)."""

    async def apply(self, ranges: Sequence[Apply]) -> list[ApplyOutcome]: ...


@dataclass
class RebuildProgress:
    """The progress of a rebuild."""

    start: int
    of: int
    done: int = 0
    decisions: int = 0
    dead_letters: int = 0
    began: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Piece:
    """Consecutive completions whose strikes have the terms of one policy version."""

    start: int
    last: Record
    readable: Record | None = None  # the last one that can be read
    decisions: list[Decision] = field(default_factory=list)
    dead_letters: int = 0
    redriven: int = 0
    copies: list[tuple[Copy, int]] = field(default_factory=list)  # the decided ones, and when
    strikes: list[Strike] = field(default_factory=list)
    terms: Terms | None = None  # None: no strike yet


class Rebuild:
    """The rebuilds of one worker, one partition at a time: those already rebuilt go on meanwhile."""

    def __init__(
        self,
        store: RebuildStore,
        history: HistoryReader,
        limiter: ScopeLimiter,
        live: Callable[[], LivePolicy],
        strike_rules: StrikeRules,
        partitions: Callable[[], Mapping[str, int]],
        metrics: Metrics,
    ) -> None:
        """partitions: topic -> how many. strike_rules: the strike rules of a policy version, perhaps an old one."""
        self._store, self._history, self._limiter, self._live = store, history, limiter, live
        self._strike_rules, self._partitions, self._metrics = strike_rules, partitions, metrics
        self._lock = asyncio.Lock()
        self.in_progress: dict[TopicPartition, RebuildProgress] = {}

    @property
    def status(self) -> str | None:
        """What is being rebuilt, for people; None if nothing is."""
        if not self.in_progress:
            return None
        return "rebuilding " + ", ".join(f"{p}: {g.done:,} of {g.of:,}" for p, g in self.in_progress.items())

    async def start_offset(self, partition: TopicPartition) -> int:
        """Returns the offset to count a partition from if Redis holds nothing: before every window and every strike.

        Raises StoreUnavailable and BrokerUnavailable.
        """
        live = self._live()
        back_ms = keep_ms(live, feedback=partition.topic == FEEDBACK)
        if partition.topic != FEEDBACK:
            back_ms = max(back_ms, reach_ms(live))
        now_ms = await self._store.now_ms()
        since_ms = max(1, now_ms - back_ms - SKEW_MS)
        (offset_range,) = await self._history.since([partition], since_ms)
        return min([offset_range.start, *await self._offsets_without_time(partition, since_ms, now_ms)])

    async def _offsets_without_time(self, partition: TopicPartition, since_ms: int, now_ms: int) -> list[int]:
        """Returns offsets of the first completions decided since then that Kafka's time index cannot find.

        A timestamp in seconds, or none, is before every time. Their decisions have the worker's timestamp.
        """
        if partition.topic == FEEDBACK:
            return []
        (decided,) = await self._history.since([TopicPartition(DECISIONS, partition.partition)], since_ms)
        outcomes = [parse_outcome(record, partition) for record in await _first_records(self._history, decided)]
        return [one.offset for one in outcomes if one and record_time(one.record_ms, now_ms) != one.record_ms]

    async def rebuild(self, partition: TopicPartition, epoch: int, start: int, end: int) -> int:
        """Counts what can be counted of [start, end), and returns the checkpoint's `next`: nothing before it is left.

        Of feedback nothing is published: it is read again. Raises StoreUnavailable and BrokerUnavailable: take the
        partition over again.
        """
        if partition.topic == FEEDBACK or start >= end:
            return start
        progress = self.in_progress[partition] = RebuildProgress(start, end - start)
        try:
            async with self._lock:
                progress.began = time.monotonic()
                log.warning(
                    "%s: redis lost what was counted of %d to %d; rebuilding from decisions", partition, start, end
                )
                next_, complete = start, True
                while complete and next_ < end:
                    next_, complete = await self._rebuild(partition, epoch, next_, min(end, next_ + AT_ONCE), end)
        finally:
            if self.in_progress.get(partition) is progress:  # an older assignment's takeover may rebuild it too
                del self.in_progress[partition]
        log.warning(
            "%s: rebuilt up to %d in %.1f s: %d decisions, %d dead letters",
            partition, next_, time.monotonic() - progress.began, progress.decisions, progress.dead_letters,
        )  # fmt: skip
        if next_ < end:
            log.warning(
                "%s@%d: nothing published fits this completion; read and decided again from there", partition, next_
            )
        return next_

    async def _output_ranges(
        self, partition: TopicPartition, since_ms: int
    ) -> tuple[list[OffsetRange], list[OffsetRange]]:
        """Returns what was written since then: the partition's decisions and all dead letters; and all enforcements."""
        counts = self._partitions()
        letters = [TopicPartition(DEAD_LETTERS, p) for p in range(counts[DEAD_LETTERS])]
        enforcements = [TopicPartition(ENFORCEMENTS, p) for p in range(counts[ENFORCEMENTS])]
        own = TopicPartition(DECISIONS, partition.partition)
        ranges = await self._history.since([own, *letters, *enforcements], since_ms)
        return ranges[: 1 + len(letters)], ranges[1 + len(letters) :]

    async def _rebuild(
        self, partition: TopicPartition, epoch: int, start: int, end: int, committed: int
    ) -> tuple[int, bool]:
        """Returns the next offset to be counted, and whether everything up to `end` was published and is counted."""
        history = self._history
        (retained,) = await history.since([partition], 0)
        completions = OffsetRange(partition, retained.log_start, max(start, retained.log_start), min(end, retained.end))
        first = await _first_records(history, completions)
        if not first:
            return start, False  # expired meanwhile, or only control records
        live, now_ms = self._live(), await self._store.now_ms()
        times = [at_ms for record in first if (at_ms := record_time(record.timestamp, now_ms)) is not None]
        # If no record has a time, all retained outputs are read.
        written, enforced = await self._output_ranges(partition, max(1, min(*times, now_ms) - SKEW_MS) if times else 1)
        published = await Published.read(history, partition, start, end, written)
        counter = _PieceCounter(self._store, self._limiter, live, partition, epoch, now_ms, committed)
        progress = self.in_progress.get(partition) or RebuildProgress(start, end - start)
        next_, watermark, complete = start, 0, True
        places = RangeCursor(history, TopicPartition(DECISIONS, partition.partition), published.end)
        async with aclosing(places), aclosing(history.read(completions)) as batches:
            enforcements = await PublishedEnforcements.read(history, partition, enforced)
            enforcements.forget_undos_before(await published.first_ms(places))
            strikes = await StrikeRebuilder.create(self._store, partition, self._strike_rules, live, enforcements)
            async for records in batches:
                outcomes = await published.outcomes(places, records)
                complete, records = len(outcomes) == len(records), records[: len(outcomes)]
                pieces = _pieces(next_, records, outcomes, strikes, end)
                await counter.count(pieces)
                next_ = end_of(pieces[-1].last) if pieces else next_
                watermark = max(watermark, watermark_ms(records, now_ms))
                progress.done = next_ - progress.start
                progress.decisions += sum(len(piece.decisions) for piece in pieces)
                progress.dead_letters += sum(piece.dead_letters for piece in pieces)
                self._metrics.rebuilt.inc(len(records))
                if not complete:
                    break
                await asyncio.sleep(0)
        # Until now the partition had no watermark, and the ruler waits for it. This is the first.
        await self._store.heartbeat(partition, epoch, -1, watermark)
        return next_, complete


class _PieceCounter:
    """Counts pieces of one partition under its owner's epoch."""

    def __init__(
        self,
        store: RebuildStore,
        limiter: ScopeLimiter,
        live: LivePolicy,
        partition: TopicPartition,
        epoch: int,
        now_ms: int,
        committed: int,
    ) -> None:
        self._store, self._limiter, self._live, self._partition, self._epoch = store, limiter, live, partition, epoch
        self._keep_ms, self._committed = keep_ms(live, feedback=False), committed
        self._oldest_ms = now_ms - self._keep_ms - SKEW_MS  # older buckets are in no window any more

    async def count(self, pieces: Sequence[_Piece]) -> None:
        """Raises StoreUnavailable if Redis is unavailable, was lost again, or has another owner."""
        if not pieces:
            return
        scopes = (decision.scopes for piece in pieces for decision in piece.decisions)
        await self._limiter.learn(names_by_kind((s.tenant, s.model, s.route) for s in scopes))
        copies = [copy for piece in pieces for copy in piece.copies]
        if copies and not await self._store.mark_copies(self._partition, self._epoch, copies, complete=False):
            raise StoreUnavailable(f"{self._partition}: has another owner while it is rebuilt")
        for applied, next_ in await self._store.apply([self._apply(piece) for piece in pieces]):
            if applied not in (Applied.APPLIED, Applied.ALREADY):
                raise StoreUnavailable(
                    f"{self._partition}: store says {applied.value} while it is rebuilt: next is {next_}"
                )

    def _apply(self, piece: _Piece) -> Apply:
        end, marker = end_of(piece.last), marker_of(piece.readable) if piece.readable else None
        return Apply(
            partition=self._partition, epoch=self._epoch, start=piece.start, end=end, marker=marker,
            aggregate=self._aggregate(piece), watermark_ms=0, lag=max(1, self._committed - end), keep_ms=self._keep_ms,
        )  # fmt: skip

    def _aggregate(self, piece: _Piece) -> Aggregate:
        sums = aggregate(piece.decisions, piece.dead_letters, self._live, self._limiter.scope, piece.redriven)
        return replace(
            sums,
            counts={start: series for start, series in sums.counts.items() if start >= self._oldest_ms},
            users={start: series for start, series in sums.users.items() if start >= self._oldest_ms},
            new_strikes=NewStrikes(piece.terms, tuple(piece.strikes)) if piece.terms else None,
        )


async def _first_records(history: HistoryReader, offset_range: OffsetRange) -> Sequence[Record]:
    """Returns the first records of a range, some of them; none if there are none."""
    async with aclosing(history.read(offset_range)) as batches:
        async for records in batches:
            return records
    return ()


def _pieces(
    start: int, records: Sequence[Record], outcomes: Sequence[PublishedOutcome], rebuilder: StrikeRebuilder, end: int
) -> list[_Piece]:
    """Returns the records with their outcomes, split where the terms of strikes change."""
    pieces: list[_Piece] = []
    for record, (decision, published_ms, redriven) in zip(records, outcomes, strict=True):
        terms, strikes = rebuilder.strikes(decision, published_ms, last=end_of(record) >= end)
        piece = pieces[-1] if pieces else None
        if piece is None or (strikes and piece.strikes and piece.terms != terms):
            piece = _Piece(end_of(piece.last) if piece else start, record)
            pieces.append(piece)
        if strikes:
            piece.terms = terms
            piece.strikes += strikes
        piece.last = record
        if not isinstance(record, UnreadableRange):
            piece.readable = record
        if decision is None:
            piece.redriven += redriven
            piece.dead_letters += 0 if redriven else end_of(record) - record.offset
            continue
        piece.decisions.append(decision)
        if decision.origin is not None and decision.origin_sha256 is not None:
            copy = Copy(decision.origin.offset, decision.origin_sha256, decision.source.offset)
            piece.copies.append((copy, published_ms))
    return pieces
