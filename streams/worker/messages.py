"""What a worker publishes of its results: one record each."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import to_json

from tidegate.streams.core.decide import decision_key
from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Decision
from tidegate.streams.kafka.producer import Message


def decision_message(decision: Decision) -> Message:
    """A decision as one record, on the partition number of its completion."""
    return Message("decisions", decision_key(decision), to_json(decision), decision.source.partition)


def dead_letter_message(letter: DeadLetter) -> Message:
    """A dead letter as one record; by key, since its topic may have another number of partitions."""
    return Message("dead-letters", letter.id.encode(), to_json(letter))


def redriven(results: Sequence[object]) -> int:
    """How many are copies that were decided before: of the account a term of their own."""
    return sum(isinstance(result, DeadLetter) and result.reason is DeadLetterReason.REDRIVEN for result in results)
