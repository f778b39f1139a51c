"""The handler for `feedback`: decodes and counts it, in the same pipeline and under a checkpoint of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time

from tidegate.streams.core.events import DeadLetter, Feedback, Source
from tidegate.streams.core.fields import unchecked
from tidegate.streams.core.partition import Record, by_broker
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate, ReceivedFeedback, aggregate_feedback
from tidegate.streams.core.times import Arrival, arrival
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.store.scope_limiter import ScopeLimiter, names_by_kind
from tidegate.streams.wire import Unreadable, dead_letter, decode_feedback
from tidegate.streams.worker.messages import count_redriven, dead_letter_message
from tidegate.streams.worker.replaced import ReplacedTimes


@dataclass(slots=True)
class DecodedFeedback:
    """One record of `feedback`, decoded."""

    record: Record
    feedback: Feedback | Unreadable
    arrived: Arrival


class FeedbackHandler:
    """The pipeline's handler for `feedback`.

    Feedback counts under its record's time only: no decision stores its own time, and a replay must count alike.
    """

    def __init__(
        self,
        user_key: UserKey,
        metrics: Metrics,
        *,
        keep_bytes_up_to: int,
        replaced: ReplacedTimes | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """clock: seconds since 1970, for records that do not say when they came. replaced: counts those."""
        self._user_key, self._metrics, self._keep_up_to = user_key, metrics, keep_bytes_up_to
        self._replaced, self._clock = replaced, clock

    async def prepare(self, batch: Batch) -> list[list[DecodedFeedback]]:
        """Returns the decoded records, per record range."""
        now_ms = int(self._clock() * 1000)
        return [
            [
                DecodedFeedback(r, decode_feedback(r), arrival(r.timestamp, by_broker(r), now_ms))
                for r in record_range.records
            ]
            for record_range in batch.ranges
        ]

    def conclude(
        self, record_range: RecordRange, prepared: Sequence[DecodedFeedback], live: LivePolicy
    ) -> list[ReceivedFeedback | DeadLetter]:
        """Returns feedback under its record's time, or a dead letter, for every record."""
        return [
            dead_letter(item.record, item.feedback, record_range.owned.epoch, self._keep_up_to)
            if isinstance(item.feedback, Unreadable)
            else self._received(item.record, item.feedback, item.arrived)
            for item in prepared
        ]

    def _received(self, record: Record, feedback: Feedback, arrived: Arrival) -> ReceivedFeedback:
        user = None if feedback.user is None else self._user_key.hash(feedback.tenant or "", feedback.user)
        source = unchecked(Source, {"topic": record.topic, "partition": record.partition, "offset": record.offset})
        return ReceivedFeedback(feedback, arrived, user, source, record.timestamp)

    def message(self, result: ReceivedFeedback | DeadLetter) -> Message | None:
        """Returns the record of a dead letter; None for feedback, which is not published."""
        return dead_letter_message(result) if isinstance(result, DeadLetter) else None

    def names(self, results: Sequence[ReceivedFeedback | DeadLetter]) -> dict[str, set[str]]:
        """Returns the scope names that the feedback counts under."""
        received = (result.feedback for result in results if isinstance(result, ReceivedFeedback))
        return names_by_kind((feedback.tenant, feedback.model, feedback.route) for feedback in received)

    def aggregate(
        self, results: Sequence[ReceivedFeedback | DeadLetter], live: LivePolicy, names: ScopeLimiter
    ) -> Aggregate:
        """Returns what the results add to the counts."""
        received = [result for result in results if isinstance(result, ReceivedFeedback)]
        again = count_redriven(results)
        dead = sum(result.offsets for result in results if isinstance(result, DeadLetter)) - again
        return aggregate_feedback(received, dead, live, names.scope, again)

    def observe(self, results: Sequence[ReceivedFeedback | DeadLetter], names: ScopeLimiter) -> None:
        """Counts the results in metrics."""
        self._metrics.count_dead_letters(result for result in results if isinstance(result, DeadLetter))
        if self._replaced is not None:
            self._replaced.count(results, names)
