"""The pipeline's handler for `moderations`: what `tidegate serve` answered is decided again, published and counted.

Nothing is scored. Each is judged under the policy and the shadow that `serve` had: the worker waits until it has read
the `policies` log as far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import time
from typing import Protocol

from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Decision, Moderation, Source
from tidegate.streams.core.fields import unchecked
from tidegate.streams.core.moderations import as_recorded, decide_again, inputs_of
from tidegate.streams.core.partition import Record, by_broker
from tidegate.streams.core.policy.past import PastPolicies
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import Strikes
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.strikes import NewStrikes, Terms, strike_of
from tidegate.streams.core.times import Arrival, arrival
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.topics import MODERATIONS
from tidegate.streams.wire.moderation import decode_moderation
from tidegate.streams.wire.record import Unreadable, dead_letter
from tidegate.streams.worker.results import aggregate_results, message_of, names_of, observe_results

OTHER_VERDICT = Unreadable(
    DeadLetterReason.NOT_REPEATABLE, "action", "the verdict that its policy gives on its scores: it is not counted"
)


class Policies(Protocol):
    """What the handler needs of the policy log."""

    @property
    def past(self) -> PastPolicies: ...

    async def read_to(self, next_: int) -> None:
        """Returns once the log is read up to `next_`, exclusive, or holds no such record. Raises BrokerUnavailable."""

    def strikes_of(self, version: str) -> tuple[Strikes, Terms] | None: ...


@dataclass(slots=True)
class DecodedModeration:
    """One record of `moderations`, decoded."""

    record: Record
    moderation: Moderation | Unreadable
    arrived: Arrival


class ModerationHandler:
    """The pipeline's handler for `moderations`."""

    def __init__(
        self,
        policies: Policies,
        user_key: UserKey,
        metrics: Metrics,
        *,
        keep_bytes_up_to: int,
        clock: Callable[[], float] = time,
    ) -> None:
        """clock: seconds since 1970, for records that do not say when they came."""
        self._policies, self._user_key, self._metrics = policies, user_key, metrics
        self._keep_up_to, self._clock = keep_bytes_up_to, clock

    async def prepare(self, batch: Batch) -> list[list[DecodedModeration]]:
        """Decodes every record, and waits for the policies that they name. Raises BrokerUnavailable."""
        now_ms = int(self._clock() * 1000)
        ranges = [
            [
                DecodedModeration(r, decode_moderation(r), arrival(r.timestamp, by_broker(r), now_ms))
                for r in record_range.records
            ]
            for record_range in batch.ranges
        ]
        named = (item.moderation for items in ranges for item in items)
        await self._policies.read_to(max((m.policies_next for m in named if isinstance(m, Moderation)), default=0))
        return ranges

    def conclude(
        self, record_range: RecordRange, prepared: Sequence[DecodedModeration], live: LivePolicy
    ) -> list[Decision | DeadLetter]:
        """Returns for every record, in order, its decision or a dead letter."""
        return [self._decide(item, record_range.owned.epoch, live) for item in prepared]

    def _decide(self, item: DecodedModeration, epoch: int, live: LivePolicy) -> Decision | DeadLetter:
        record, moderation = item.record, item.moderation
        if isinstance(moderation, Unreadable):
            return dead_letter(record, moderation, epoch, self._keep_up_to)
        source = unchecked(Source, {"topic": record.topic, "partition": record.partition, "offset": record.offset})
        hmac = self._user_key.record(record.value or b"")
        inputs = inputs_of(moderation, source, epoch, record.timestamp, item.arrived, hmac)
        then = self._policies.past.at(moderation.policies_next)
        if then is None or then.version != moderation.policy_version:  # the log is another, or begins after it
            return as_recorded(inputs, moderation, live)
        return decide_again(inputs, moderation, then) or dead_letter(record, OTHER_VERDICT, epoch, self._keep_up_to)

    def split(
        self, record_range: RecordRange, results: Sequence[Decision | DeadLetter]
    ) -> list[tuple[RecordRange, list[Decision | DeadLetter]]]:
        """Returns the range in pieces, each with strikes under the terms of one policy version."""
        starts, before = [0], None
        for at, result in enumerate(results):
            found = self._strike(result)
            if found is not None:
                if before is not None and found[0] != before:
                    starts.append(at)
                before = found[0]
        pieces = []
        for start, end in zip(starts, [*starts[1:], len(results)], strict=True):
            records = record_range.records[start:end]
            offset = record_range.start if start == 0 else records[0].offset
            pieces.append((replace(record_range, start=offset, records=records), list(results[start:end])))
        return pieces

    def _strike(self, result: Decision | DeadLetter) -> tuple[Terms, NewStrikes] | None:
        found = self._policies.strikes_of(result.policy_version) if isinstance(result, Decision) else None
        if found is None or not isinstance(result, Decision):
            return None  # of a version that is known no longer: no strike, since nobody can say what it weighs
        strike = strike_of(result, found[0])
        return None if strike is None else (found[1], NewStrikes(found[1], (strike,)))

    # --- what the pipeline needs of the results

    def message(self, result: Decision | DeadLetter) -> Message:
        """Returns the result as one record for its topic."""
        return message_of(result)

    def names(self, results: Sequence[Decision | DeadLetter]) -> dict[str, set[str]]:
        """Returns the scope names that the decisions count under."""
        return names_of(results)

    def aggregate(self, results: Sequence[Decision | DeadLetter], live: LivePolicy, names: ScopeLimiter) -> Aggregate:
        """Returns what the results add to the counts, and their strikes: those of the policy that decided each."""
        found = [strike for result in results if (strike := self._strike(result)) is not None]
        strikes = NewStrikes(found[0][0], tuple(s for _, new in found for s in new.strikes)) if found else None
        return replace(aggregate_results(results, live, names), new_strikes=strikes)

    def observe(self, results: Sequence[Decision | DeadLetter], names: ScopeLimiter) -> None:
        """Counts what was published and counted in metrics."""
        observe_results(results, MODERATIONS, self._metrics, self._clock() * 1000)
