"""Judges completions as records: decoded, scored, decided under their identity and times. Counts and publishes nothing.

The worker's handler, `tidegate score` and `replay` use the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Completion, DeadLetter, Decision, FaultReason, Source
from tidegate.streams.core.fields import unchecked
from tidegate.streams.core.partition import Record, by_broker
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.times import Arrival, arrival
from tidegate.streams.moderation.moderator import Moderator, ScoredCompletion
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.scoring import TextScorer
from tidegate.streams.wire import Unreadable, dead_letter, decode_completion

REMEMBERED = 8192  # hashed users: people come back; some MB


@dataclass(slots=True)
class DecodedCompletion:
    """One record, its completion, its time of arrival, and its scores once `score` has run."""

    record: Record
    completion: Completion | Unreadable
    arrived: Arrival
    scored: ScoredCompletion | None = None


class RecordModerator:
    """Records in; a decision, a fault decision or a dead letter for each, out.

    keep_bytes_up_to: dead letters carry a record's bytes up to this size; 0: none.
    """

    def __init__(self, moderator: Moderator, user_key: UserKey, *, keep_bytes_up_to: int = 0) -> None:
        self._moderator, self._keep_up_to = moderator, keep_bytes_up_to
        self._hash, self._record_hmac = lru_cache(REMEMBERED)(user_key.hash), user_key.record

    async def moderate(
        self, records: Sequence[Record], live: LivePolicy, *, epoch: int, now_ms: int
    ) -> list[tuple[DecodedCompletion, Decision | DeadLetter]]:
        """Row i is record i's. Never raises because of a text.

        epoch: the one in the decisions. now_ms: our clock, for records without a usable timestamp.
        """
        items = self.decode(records, now_ms)
        await self.score(items, live)
        return [(item, self.decide(item, epoch, live)) for item in items]

    def decode(self, records: Sequence[Record], now_ms: int) -> list[DecodedCompletion]:
        return [DecodedCompletion(r, decode_completion(r), arrival(r.timestamp, by_broker(r), now_ms)) for r in records]

    def scorer_under(self, live: LivePolicy) -> TextScorer:
        """Returns the scorer that `score` takes now, under that policy."""
        return self._moderator.scorer_under(live)

    async def score(
        self, items: Sequence[DecodedCompletion], live: LivePolicy, scorer: TextScorer | None = None
    ) -> None:
        """Sets `scored` of every item that is a completion; all texts are scored in one batch."""
        readable = [(item, item.completion) for item in items if isinstance(item.completion, Completion)]
        rows = await self._moderator.score([completion for _, completion in readable], live, scorer)
        for (item, _), scored in zip(readable, rows, strict=True):
            item.scored = scored

    def killed_worker(self, item: DecodedCompletion, scorer: TextScorer) -> None:
        """Makes the item a fault without scoring it: its text killed the workers that scored it."""
        if isinstance(item.completion, Completion):
            item.scored = ScoredCompletion(item.completion, scorer, (FaultReason.KILLED_WORKER,))

    def decide(self, item: DecodedCompletion, epoch: int, live: LivePolicy) -> Decision | DeadLetter:
        """If the policy changed since `score`, the scores and spans stay, and the new thresholds apply to them."""
        if isinstance(item.completion, Unreadable):
            return dead_letter(item.record, item.completion, epoch, self._keep_up_to)
        assert item.scored is not None  # noqa: S101 - `score` and `killed_worker` set it of every completion
        return decide(self._inputs(item, item.completion, item.scored, epoch, live), live)

    def _inputs(
        self, item: DecodedCompletion, completion: Completion, scored: ScoredCompletion, epoch: int, live: LivePolicy
    ) -> Inputs:
        record, tenant = item.record, completion.tenant
        user, conversation = completion.user, completion.conversation
        arrived_ms, arrived_by = item.arrived
        return Inputs(  # by position: names cost a microsecond, and this is made of every completion
            completion.id,
            unchecked(Source, {"topic": record.topic, "partition": record.partition, "offset": record.offset}),
            epoch,
            record.timestamp,
            *self._moderator.judged_fields(scored, live),
            completion.at_ms,
            None if user is None else self._hash(tenant, user),
            None if conversation is None else self._hash(tenant, conversation),
            self._record_hmac(record.value or b""),
            None,  # origin and its hash: the pipeline knows copies
            None,
            completion.dropped,
            arrived_ms,
            arrived_by,
        )
