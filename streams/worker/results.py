"""What becomes of decisions and dead letters, from whichever source: a record each, counts, metrics."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.streams.core.events import DeadLetter, Decision
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate, aggregate
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.store.scope_limiter import ScopeLimiter, names_by_kind
from tidegate.streams.worker.messages import count_redriven, dead_letter_message, decision_message

Results = Sequence[Decision | DeadLetter]


def message_of(result: Decision | DeadLetter) -> Message:
    """Returns the result as one record for its topic."""
    return dead_letter_message(result) if isinstance(result, DeadLetter) else decision_message(result)


def names_of(results: Results) -> dict[str, set[str]]:
    """Returns the scope names that the decisions count under."""
    decided = (result.scopes for result in results if isinstance(result, Decision))
    return names_by_kind((scopes.tenant, scopes.model, scopes.route) for scopes in decided)


def aggregate_results(results: Results, live: LivePolicy, names: ScopeLimiter) -> Aggregate:
    """Returns what the results add to the counts."""
    decisions = [result for result in results if isinstance(result, Decision)]
    if len(decisions) == len(results):
        return aggregate(decisions, 0, live, names.scope)
    again = count_redriven(results)
    dead = sum(result.offsets for result in results if isinstance(result, DeadLetter)) - again
    return aggregate(decisions, dead, live, names.scope, again)


def observe_results(results: Results, topic: str, metrics: Metrics, now_ms: float) -> None:
    """Counts in metrics what was published and counted. topic: the source's."""
    metrics.count_decisions((result for result in results if isinstance(result, Decision)), topic, now_ms)
    metrics.count_dead_letters(result for result in results if isinstance(result, DeadLetter))
