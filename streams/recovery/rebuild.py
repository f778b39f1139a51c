"""Counts a partition again that Redis lost, from what was published of it: `decisions` and `dead-letters`.

A group's committed offset stands after completions whose outputs were acknowledged and counted. Where the checkpoint is
behind it or gone, those in between are counted under the new epoch as they were decided, in offset order, through
the same `aggregate` and `apply`; from the first one on of which nothing is published they are read and decided again.
Knows no Kafka client: what is read comes from a `HistoryReader`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from tidegate.streams.core.events import Decision
from tidegate.streams.core.partition import Copy, Record, TopicPartition, UnreadableRange, end_of
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate, aggregate
from tidegate.streams.core.rates.rates import keep_ms
from tidegate.streams.core.strikes import NewStrikes, Strike, Terms
from tidegate.streams.core.times import stamped
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest.takeover import marker_of, watermark_ms
from tidegate.streams.kafka.ranges import OffsetRange, RangeCursor
from tidegate.streams.metrics import Metrics
from tidegate.streams.recovery.published import HistoryReader, Published, PublishedOutcome, parse_outcome
from tidegate.streams.recovery.strikes import AsThen, PublishedEnforcements, StrikeRebuilder, reach_ms
from tidegate.streams.store import Applied, Apply, Store
from tidegate.streams.store.scope_limiter import ScopeLimiter, seen
from tidegate.streams.topics import COMPLETIONS, DEAD_LETTERS, DECISIONS, ENFORCEMENTS

log = logging.getLogger(__name__)

# A decision is stamped by its worker's clock, a completion by its producer's: they may be apart by so much, and what
# was written close to where the window begins is found all the same.
SKEW_MS = 300_000
AT_ONCE = 4_000_000  # positions looked at together: 64 MB


@dataclass
class RebuildProgress:
    """How far a rebuild has come."""

    start: int
    of: int
    done: int = 0
    decisions: int = 0
    dead_letters: int = 0
    began: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Piece:
    """Consecutive completions whose strikes are under one policy version's terms."""

    start: int
    last: Record
    readable: Record | None = None  # the last one that can be read
    decisions: list[Decision] = field(default_factory=list)
    dead_letters: int = 0
    redriven: int = 0
    copies: list[tuple[Copy, int]] = field(default_factory=list)  # those decided, and when
    strikes: list[Strike] = field(default_factory=list)
    terms: Terms | None = None  # None: nobody was struck yet


class Rebuild:
    """One worker's. One partition at a time: the partitions before it go on while it is at the next."""

    def __init__(
        self,
        store: Store,
        past: HistoryReader,
        names: ScopeLimiter,
        live: Callable[[], LivePolicy],
        as_then: AsThen,
        partitions: Callable[[], Mapping[str, int]],
        metrics: Metrics,
    ) -> None:
        """partitions: of every topic. as_then: what a policy version, perhaps an old one, says of strikes."""
        self._store, self._past, self._names, self._live = store, past, names, live
        self._as_then, self._partitions, self._metrics = as_then, partitions, metrics
        self._one = asyncio.Lock()
        self.going: dict[TopicPartition, RebuildProgress] = {}

    @property
    def status(self) -> str | None:
        """What is being rebuilt, for people; None where nothing is."""
        if not self.going:
            return None
        return "rebuilding " + ", ".join(f"{partition}: {g.done:,} of {g.of:,}" for partition, g in self.going.items())

    async def begins(self, partition: TopicPartition) -> int:
        """Where a partition is counted from, of which Redis holds nothing: far enough back for every window, and strike.

        Raises StoreUnavailable and BrokerUnavailable.
        """
        live = self._live()
        back_ms = keep_ms(live, feedback=partition.topic != COMPLETIONS)
        if partition.topic == COMPLETIONS:
            back_ms = max(back_ms, reach_ms(live))
        now_ms = await self._store.now_ms()
        since_ms = max(1, now_ms - back_ms - SKEW_MS)
        (stretch,) = await self._past.since([partition], since_ms)
        return min([stretch.start, *await self._not_found_by_time(partition, since_ms, now_ms)])

    async def _not_found_by_time(self, partition: TopicPartition, since_ms: int, now_ms: int) -> list[int]:
        """Offsets of completions, the first decided since then, whose timestamps Kafka cannot find them by.

        A timestamp in seconds, or none, is before every time. What was decided of them bears the worker's.
        """
        if partition.topic != COMPLETIONS:
            return []
        (decided,) = await self._past.since([TopicPartition(DECISIONS, partition.partition)], since_ms)
        found = [parse_outcome(record, partition) for record in await _first(self._past, decided)]
        return [one.offset for one in found if one and stamped(one.record_ms, now_ms) != one.record_ms]

    async def rebuild(self, partition: TopicPartition, epoch: int, start: int, end: int) -> int:
        """The checkpoint's `next` once everything of [start, end) is counted that can be, before which nothing is left.

        Of feedback nothing is published: it is read again. Raises StoreUnavailable and BrokerUnavailable: take the partition over again.
        """
        if partition.topic != COMPLETIONS or start >= end:
            return start
        going = self.going[partition] = RebuildProgress(start, end - start)
        try:
            async with self._one:
                going.began = time.monotonic()
                log.warning(
                    "%s: redis lost what was counted of %d to %d; rebuilding from decisions", partition, start, end
                )
                next_, whole = start, True
                while whole and next_ < end:
                    next_, whole = await self._rebuild(partition, epoch, next_, min(end, next_ + AT_ONCE), end)
        finally:
            if self.going.get(partition) is going:  # an older assignment's takeover may be at it too
                del self.going[partition]
        log.warning(
            "%s: rebuilt up to %d in %.1f s: %d decisions, %d dead letters",
            partition, next_, time.monotonic() - going.began, going.decisions, going.dead_letters,
        )  # fmt: skip
        if next_ < end:
            log.warning(
                "%s@%d: nothing published fits this completion; read and decided again from there", partition, next_
            )
        return next_

    async def _written(self, partition: TopicPartition, since_ms: int) -> tuple[list[OffsetRange], list[OffsetRange]]:
        """What was written since then: the partition's decisions and all dead letters; and all enforcements."""
        many = self._partitions()
        letters = [TopicPartition(DEAD_LETTERS, p) for p in range(many[DEAD_LETTERS])]
        told = [TopicPartition(ENFORCEMENTS, p) for p in range(many[ENFORCEMENTS])]
        found = await self._past.since([TopicPartition(DECISIONS, partition.partition), *letters, *told], since_ms)
        return found[: 1 + len(letters)], found[1 + len(letters) :]

    async def _rebuild(
        self, partition: TopicPartition, epoch: int, start: int, end: int, committed: int
    ) -> tuple[int, bool]:
        """The next offset to be counted, and whether everything up to `end` was published and is counted."""
        past = self._past
        (kept,) = await past.since([partition], 0)
        completions = OffsetRange(partition, kept.begins, max(start, kept.begins), min(end, kept.end))
        first = await _first(past, completions)
        if not first:
            return start, False  # expired meanwhile, or nothing but control records
        live, now_ms = self._live(), await self._store.now_ms()
        came = [at_ms for record in first if (at_ms := stamped(record.timestamp, now_ms)) is not None]
        # Where no record says when it came, all that is kept of what was written is looked at.
        written, told_of = await self._written(partition, max(1, min(*came, now_ms) - SKEW_MS) if came else 1)
        published = await Published.of(past, partition, start, end, written)
        counting = _Counting(self._store, self._names, live, partition, epoch, now_ms, committed)
        going, next_, come_ms, whole = self.going.get(partition) or RebuildProgress(start, end - start), start, 0, True
        places = RangeCursor(past, TopicPartition(DECISIONS, partition.partition), published.end)
        async with aclosing(places), aclosing(past.read(completions)) as some:
            told = await PublishedEnforcements.of(past, partition, told_of)
            told.forget_undos_before(await published.first_ms(places))
            striking = await StrikeRebuilder.of(self._store, partition, self._as_then, live, told)
            async for records in some:
                outcomes = await published.outcomes(places, records)
                whole, records = len(outcomes) == len(records), records[: len(outcomes)]
                pieces = _pieces(next_, records, outcomes, striking, end)
                await counting.count(pieces)
                next_ = end_of(pieces[-1].last) if pieces else next_
                come_ms = max(come_ms, watermark_ms(records, now_ms))
                going.done = next_ - going.start
                going.decisions += sum(len(piece.decisions) for piece in pieces)
                going.dead_letters += sum(piece.dead_letters for piece in pieces)
                self._metrics.rebuilt.inc(len(records))
                if not whole:
                    break
                await asyncio.sleep(0)
        # Until now the partition is counted up to nowhere, for all who ask: the ruler holds. From here on its watermark says.
        await self._store.heartbeat(partition, epoch, -1, come_ms)
        return next_, whole


class _Counting:
    """Pieces of one partition, counted under its owner's epoch."""

    def __init__(
        self,
        store: Store,
        names: ScopeLimiter,
        live: LivePolicy,
        partition: TopicPartition,
        epoch: int,
        now_ms: int,
        committed: int,
    ) -> None:
        self._store, self._names, self._live, self._partition, self._epoch = store, names, live, partition, epoch
        self._keep_ms, self._committed = keep_ms(live, feedback=False), committed
        self._oldest_ms = now_ms - self._keep_ms - SKEW_MS  # buckets before are in no window any more

    async def count(self, pieces: Sequence[_Piece]) -> None:
        """Raises StoreUnavailable where Redis is unavailable, was lost again, or knows another owner."""
        if not pieces:
            return
        scopes = (decision.scopes for piece in pieces for decision in piece.decisions)
        await self._names.learn(seen((s.tenant, s.model, s.route) for s in scopes))
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
        made = aggregate(piece.decisions, piece.dead_letters, self._live, self._names.scope, piece.redriven)
        return replace(
            made,
            counts={start: series for start, series in made.counts.items() if start >= self._oldest_ms},
            users={start: series for start, series in made.users.items() if start >= self._oldest_ms},
            new_strikes=NewStrikes(piece.terms, tuple(piece.strikes)) if piece.terms else None,
        )


async def _first(past: HistoryReader, stretch: OffsetRange) -> Sequence[Record]:
    """The first records, some of them; none where there are none."""
    async with aclosing(past.read(stretch)) as some:
        async for records in some:
            return records
    return ()


def _pieces(
    start: int, records: Sequence[Record], outcomes: Sequence[PublishedOutcome], striking: StrikeRebuilder, end: int
) -> list[_Piece]:
    """The records with what became of them, cut where the terms of strikes change."""
    pieces: list[_Piece] = []
    for record, (decision, published_ms, redriven) in zip(records, outcomes, strict=True):
        terms, strikes = striking.strikes(decision, published_ms, last=end_of(record) >= end)
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
