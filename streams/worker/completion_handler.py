"""The pipeline's handler for `completions`: batches in; decisions, dead letters, counts and metrics out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time
from typing import Protocol

from tidegate.streams.core.events import DeadLetter, Decision
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.records import DecodedCompletion, RecordModerator
from tidegate.streams.moderation.scoring import TextScorer
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.topics import COMPLETIONS
from tidegate.streams.worker.replaced import ReplacedTimes
from tidegate.streams.worker.results import aggregate_results, message_of, names_of, observe_results


class RecordInHand(Protocol):
    """What the handler needs of the store."""

    async def in_hand(self, partition: TopicPartition, epoch: int, offset: int | None) -> None:
        """Stores which single record is in hand, before it is scored (None: none)."""


class CompletionHandler:
    """The pipeline's handler for `completions`. live: returns the policy in force now."""

    def __init__(
        self,
        moderator: RecordModerator,
        store: RecordInHand,
        live: Callable[[], LivePolicy],
        metrics: Metrics,
        *,
        replaced: ReplacedTimes | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """clock: seconds since 1970, for records without a usable timestamp. replaced: counts those."""
        self._moderator, self._store, self._live, self._metrics = moderator, store, live, metrics
        self._replaced, self._clock = replaced, clock

    async def prepare(self, batch: Batch) -> list[list[DecodedCompletion]]:
        """Decodes every record, per record range, and scores those with text.

        Raises StoreUnavailable, for a quarantined batch only.
        """
        live, now_ms = self._live(), int(self._clock() * 1000)
        scorer = self._moderator.scorer_under(live)  # once a batch: a batch ends with the scorer that it began with
        ranges = [self._moderator.decode(record_range.records, now_ms) for record_range in batch.ranges]
        if batch.quarantined:
            for record_range, items in zip(batch.ranges, ranges, strict=True):
                await self._score_one_at_a_time(record_range, items, scorer, live)
        else:
            await self._moderator.score([item for items in ranges for item in items], live, scorer)
        return ranges

    async def _score_one_at_a_time(
        self, record_range: RecordRange, items: list[DecodedCompletion], scorer: TextScorer, live: LivePolicy
    ) -> None:
        """Stores which record is in hand before it scores it, so that the next owner knows what killed this worker."""
        owned = record_range.owned
        for item in items:
            if item.record.offset == owned.poison_offset:
                self._moderator.killed_worker(item, scorer)
                continue
            await self._store.in_hand(owned.partition, owned.epoch, item.record.offset)
            await self._moderator.score([item], live, scorer)
        await self._store.in_hand(owned.partition, owned.epoch, None)

    def conclude(
        self, record_range: RecordRange, prepared: Sequence[DecodedCompletion], live: LivePolicy
    ) -> list[Decision | DeadLetter]:
        """Returns a decision, a fault decision or a dead letter for every record, in order."""
        epoch = record_range.owned.epoch
        return [self._moderator.decide(item, epoch, live) for item in prepared]

    # --- what the pipeline needs of the results

    def message(self, result: Decision | DeadLetter) -> Message:
        """Returns the result as one record for its topic."""
        return message_of(result)

    def names(self, results: Sequence[Decision | DeadLetter]) -> dict[str, set[str]]:
        """Returns the scope names that the decisions count under."""
        return names_of(results)

    def aggregate(self, results: Sequence[Decision | DeadLetter], live: LivePolicy, names: ScopeLimiter) -> Aggregate:
        """Returns what the results add to the counts."""
        return aggregate_results(results, live, names)

    def observe(self, results: Sequence[Decision | DeadLetter], names: ScopeLimiter) -> None:
        """Counts what was published and counted in metrics."""
        if self._replaced is not None:
            self._replaced.count(results, names)
        observe_results(results, COMPLETIONS, self._metrics, self._clock() * 1000)
