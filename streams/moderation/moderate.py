"""Where the three meet: records are decoded (wire), scored (classifiers), decided (core)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import time

from pydantic_core import to_json

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Completion, DeadLetter, DeadLetterReason, Decision, FaultReason, Scopes, Source
from tidegate.streams.core.events import Span as TextSpan
from tidegate.streams.core.fields import unchecked
from tidegate.streams.core.partition import Record, by_broker
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate, aggregate
from tidegate.streams.core.times import Arrived, arrive
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.combine import fault_or_scores
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.replaced import ReplacedTimes
from tidegate.streams.moderation.scoring import Row, Scorer, Scoring
from tidegate.streams.moderation.spans import find_spans, reached
from tidegate.streams.store import Store
from tidegate.streams.store.scope_limiter import ScopeLimiter, names_by_kind
from tidegate.streams.wire import Unreadable, dead_letter, decode_completion

REMEMBERED = 8192  # hashed users, and combinations of scopes: people and routes come back; some MB


@dataclass(slots=True)
class Moderated:
    """One record on its way to a decision: what it says, and how its choices and its prompt scored, and by whom."""

    record: Record
    completion: Completion | Unreadable
    scorer: Scorer
    arrived: Arrived
    choices: Sequence[Row | FaultReason] = ()
    prompt: Row | FaultReason | None = None
    spans: tuple[TextSpan, ...] = ()


class CompletionHandler:
    """The pipeline's handler for `completions`.

    scorer_under: the scorer in force, as a policy needs it. Asked once a batch: a batch ends with what it began with.
    """

    def __init__(
        self,
        scoring: Scoring,
        scorer_under: Callable[[LivePolicy], Scorer],
        store: Store,
        user_key: UserKey,
        live: Callable[[], LivePolicy],
        metrics: Metrics,
        *,
        keep_bytes_up_to: int,
        replaced: ReplacedTimes | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """clock: seconds since 1970, for records that do not say when they came. replaced: is told of those."""
        self._scoring, self._scorer_under = scoring, scorer_under
        self._store, self._live, self._metrics = store, live, metrics
        self._keep_up_to, self._replaced, self._clock = keep_bytes_up_to, replaced, clock
        self._hash, self._record_hmac = lru_cache(REMEMBERED)(user_key.hash), user_key.record
        self._alone: tuple[Scorer, LivePolicy, frozenset[str]] | None = None  # as `_prompts_alone` last said

    # --- prepare: decode and score

    async def prepare(self, batch: Batch) -> list[list[Moderated]]:
        """Per span, per record: decoded, and scored where it has text. Raises StoreUnavailable (a careful batch only)."""
        live, now_ms = self._live(), int(self._clock() * 1000)
        scorer = self._scorer_under(live)
        spans = [
            [
                Moderated(r, decode_completion(r), scorer, arrive(r.timestamp, by_broker(r), now_ms))
                for r in span.records
            ]
            for span in batch.ranges
        ]
        if batch.quarantined:
            for span, items in zip(batch.ranges, spans, strict=True):
                await self._score_one_at_a_time(span, items, scorer, live)
        else:
            await self._score([item for items in spans for item in items], scorer, live)
        return spans

    async def _score(self, items: Sequence[Moderated], scorer: Scorer, live: LivePolicy) -> None:
        prompts = bool(live.prompt_labels)
        asked: list[Moderated] = []
        texts: list[str] = []
        for item in items:
            completion = item.completion
            if isinstance(completion, Unreadable) or (completion.status == "failed" and not any(completion.choices)):
                continue  # of a call that failed half-way, the text was shown
            asked.append(item)
            texts += completion.choices
            if prompts and completion.prompt:
                texts.append(completion.prompt)
        scored = await self._scoring.score(scorer, texts)
        at = 0
        for item in asked:
            completion = item.completion
            assert isinstance(completion, Completion)  # noqa: S101 - only these were asked
            item.choices = scored[at : at + len(completion.choices)]
            at += len(completion.choices)
            if prompts and completion.prompt:
                item.prompt = scored[at]
                at += 1
        if live.redact_from:
            await asyncio.gather(*(self._find_spans(item, live) for item in asked))

    async def _find_spans(self, item: Moderated, live: LivePolicy) -> None:
        assert isinstance(item.completion, Completion)  # noqa: S101 - only these were asked
        wanted = reached(item.choices, item.scorer.labels, live.redact_from)
        if wanted:
            texts = item.completion.choices
            item.spans = await find_spans(self._scoring, item.scorer, self._metrics, texts, wanted)

    async def _score_one_at_a_time(
        self, span: RecordRange, items: list[Moderated], scorer: Scorer, live: LivePolicy
    ) -> None:
        """Says which record is in hand before it is scored: what kills the worker is known to the next one."""
        owned = span.owned
        for item in items:
            if item.record.offset == owned.poison_offset:
                item.choices = (FaultReason.KILLED_WORKER,)
                continue
            await self._store.in_hand(owned.partition, owned.epoch, item.record.offset)
            await self._score([item], scorer, live)
        await self._store.in_hand(owned.partition, owned.epoch, None)

    # --- conclude: decide

    def conclude(
        self, span: RecordRange, prepared: Sequence[Moderated], live: LivePolicy
    ) -> list[Decision | DeadLetter]:
        """A decision, a fault decision or a dead letter for every record, in order.

        Where the policy changed since `prepare`, the scores and spans stand, and the new thresholds judge them.
        """
        epoch = span.owned.epoch
        return [
            dead_letter(item.record, item.completion, epoch, self._keep_up_to)
            if isinstance(item.completion, Unreadable)
            else decide(self._inputs(item, item.completion, epoch, live), live)
            for item in prepared
        ]

    def _prompts_alone(self, scorer: Scorer, live: LivePolicy) -> frozenset[str]:
        """Labels meant for prompts that neither the policy nor its shadow names for completions: nobody asks."""
        unchecked = self._alone
        if unchecked is None or unchecked[0] is not scorer or unchecked[1] is not live:
            named = {*live.policy.labels, *(live.shadow.policy.labels if live.shadow else ())}
            meant = getattr(scorer, "prompt_labels", ())  # somebody's own scorer may not say
            unchecked = self._alone = scorer, live, frozenset(meant) - named
        return unchecked[2]

    def _inputs(self, item: Moderated, completion: Completion, epoch: int, live: LivePolicy) -> Inputs:
        record, tenant, labels = item.record, completion.tenant, item.scorer.labels
        scored = item.prompt
        if isinstance(scored, FaultReason) and not live.policy.prompt_labels:
            scored = None  # only the shadow asked for the prompt: the decision must not become a fault by it
        prompts_alone = self._prompts_alone(item.scorer, live)
        fault, best, prompt = fault_or_scores(item.choices, scored, labels, live.prompt_labels, prompts_alone)
        user, conversation = completion.user, completion.conversation
        return Inputs(
            id=completion.id,
            source=unchecked(Source, {"topic": record.topic, "partition": record.partition, "offset": record.offset}),
            epoch=epoch,
            record_ms=record.timestamp,
            model_version=item.scorer.version,
            event_ms=completion.at_ms,
            status=completion.status,
            fault=fault,
            scores=best.scores,
            choice_of=best.choice_of,
            by_encoder=best.by_encoder,
            prompt_scores=prompt.scores,
            prompt_by_encoder=prompt.by_encoder,
            spans=() if fault else item.spans,
            scopes=_scopes(tenant, completion.model, completion.route, completion.locale),
            user=None if user is None else self._hash(tenant, user),
            conversation=None if conversation is None else self._hash(tenant, conversation),
            record_hmac=self._record_hmac(record.value or b""),
            dropped=completion.dropped,
            arrived_ms=item.arrived.ms,
            arrived_by=item.arrived.by,
        )

    # --- what the pipeline asks of the results

    def message(self, result: Decision | DeadLetter) -> Message:
        """The result as one record for its topic."""
        if isinstance(result, DeadLetter):
            return dead_letter_message(result)
        return Message("decisions", decision_key(result), to_json(result), result.source.partition)

    def names(self, results: Sequence[Decision | DeadLetter]) -> dict[str, set[str]]:
        """Scope names that the decisions count under."""
        decided = (result.scopes for result in results if isinstance(result, Decision))
        return names_by_kind((scopes.tenant, scopes.model, scopes.route) for scopes in decided)

    def aggregate(self, results: Sequence[Decision | DeadLetter], live: LivePolicy, names: ScopeLimiter) -> Aggregate:
        """What the results add to the counts."""
        decisions = [result for result in results if isinstance(result, Decision)]
        if len(decisions) == len(results):
            return aggregate(decisions, 0, live, names.scope)
        again = redriven(results)
        dead = sum(result.offsets for result in results if isinstance(result, DeadLetter)) - again
        return aggregate(decisions, dead, live, names.scope, again)

    def observe(self, results: Sequence[Decision | DeadLetter], names: ScopeLimiter) -> None:
        """Metrics of what was published and counted."""
        if self._replaced is not None:
            self._replaced.note(results, names)
        self._metrics.decided((result for result in results if isinstance(result, Decision)), self._clock() * 1000)
        self._metrics.dead(result for result in results if isinstance(result, DeadLetter))


def redriven(results: Sequence[object]) -> int:
    """How many are copies that were decided before: of the account a term of their own."""
    return sum(isinstance(result, DeadLetter) and result.reason is DeadLetterReason.REDRIVEN for result in results)


def decision_key(decision: Decision) -> bytes:
    """One user's decisions, of one tenant, under one key; without a user their conversation's, else its own."""
    who = decision.user or decision.conversation or decision.id
    return f"{decision.scopes.tenant}:{who}".encode()


def dead_letter_message(letter: DeadLetter) -> Message:
    """A dead letter as one record; by key, since its topic may have another number of partitions."""
    return Message("dead-letters", letter.id.encode(), to_json(letter))


@lru_cache(REMEMBERED)
def _scopes(tenant: str, model: str, route: str, locale: str) -> Scopes:
    return Scopes(tenant=tenant, model=model, route=route, locale=locale)
