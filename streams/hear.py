"""What people say of completions: feedback is decoded and counted, by the same pipeline and under its own fence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.batch import Batch, Span
from streams.core.count import Aggregate, Heard, aggregate_feedback
from streams.core.decide import event_time
from streams.core.events import DeadLetter, EventTime, Feedback
from streams.core.thresholds import LivePolicy
from streams.metrics import Metrics
from streams.moderate import dead_letter_message
from streams.names import Names, seen
from streams.publish import Message
from streams.users import UserKey
from streams.wire import Record, Unreadable, dead_letter, decode_feedback


@dataclass(slots=True)
class Said:
    """One record of `feedback`, decoded."""

    record: Record
    feedback: Feedback | Unreadable


class Hear:
    """The pipeline's handler for `feedback`."""

    def __init__(self, user_key: UserKey, metrics: Metrics, *, keep_bytes_up_to: int) -> None:
        self._user_key, self._metrics, self._keep_up_to = user_key, metrics, keep_bytes_up_to

    async def prepare(self, batch: Batch) -> list[list[Said]]:
        """Per span, per record: decoded."""
        return [[Said(record, decode_feedback(record)) for record in span.records] for span in batch.spans]

    def conclude(self, span: Span, prepared: Sequence[Said], live: LivePolicy) -> list[Heard | DeadLetter]:
        """Feedback with its time judged, or a dead letter, for every record."""
        return [
            dead_letter(said.record, said.feedback, span.owned.token, self._keep_up_to)
            if isinstance(said.feedback, Unreadable)
            else self._heard(said.record, said.feedback, live)
            for said in prepared
        ]

    def _heard(self, record: Record, feedback: Feedback, live: LivePolicy) -> Heard:
        time, at_ms = event_time(feedback.at_ms, record.timestamp, live)
        user = None if feedback.user is None else self._user_key.hash(feedback.tenant or "", feedback.user)
        return Heard(feedback, time, at_ms, user)

    def message(self, result: Heard | DeadLetter) -> Message | None:
        """A dead letter's record; feedback itself goes nowhere."""
        return dead_letter_message(result) if isinstance(result, DeadLetter) else None

    def names(self, results: Sequence[Heard | DeadLetter]) -> dict[str, set[str]]:
        """Scope names that the feedback counts under."""
        said = (result.feedback for result in results if isinstance(result, Heard))
        return seen((feedback.tenant, feedback.model, feedback.route) for feedback in said)

    def aggregate(self, results: Sequence[Heard | DeadLetter], live: LivePolicy, names: Names) -> Aggregate:
        """What the results add to the counts."""
        heard = [result for result in results if isinstance(result, Heard)]
        dead = sum(result.offsets for result in results if isinstance(result, DeadLetter))
        return aggregate_feedback(heard, dead, live, names.scope)

    def observe(self, results: Sequence[Heard | DeadLetter]) -> None:
        """Metrics of what was counted."""
        self._metrics.dead(result for result in results if isinstance(result, DeadLetter))
        late = sum(1 for result in results if isinstance(result, Heard) and result.time is EventTime.TOO_LATE)
        self._metrics.too_late.labels("feedback").inc(late)
