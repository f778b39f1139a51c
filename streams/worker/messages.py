"""The records that a worker publishes for its results, one each."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import to_json

from tidegate.streams.core.decide import decision_key
from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Decision
from tidegate.streams.kafka.producer import Message


def decision_message(decision: Decision) -> Message:
    """Returns a decision as one record, on the partition number of its completion."""
    return Message("decisions", decision_key(decision), to_json(decision), decision.source.partition)


def dead_letter_message(letter: DeadLetter) -> Message:
    """Returns a dead letter as one record; by key, since its topic may have another number of partitions."""
    return Message("dead-letters", letter.id.encode(), to_json(letter))


def count_redriven(results: Sequence[object]) -> int:
    """Returns how many results are copies that were decided before: the account counts them apart."""
    return sum(isinstance(result, DeadLetter) and result.reason is DeadLetterReason.REDRIVEN for result in results)
