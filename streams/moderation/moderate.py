"""The handler for `completions`: decodes records (wire), scores them (classifiers), decides (core)."""

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
from tidegate.streams.moderation.combine import combine_scores
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.replaced import ReplacedTimes
from tidegate.streams.moderation.scoring import ScoreRow, Scoring, TextScorer
from tidegate.streams.moderation.spans import find_spans, labels_to_redact
from tidegate.streams.store import Store
from tidegate.streams.store.scope_limiter import ScopeLimiter, seen
from tidegate.streams.wire import Unreadable, dead_letter, decode_completion

REMEMBERED = 8192  # hashed users, and combinations of scopes: people and routes come back; some MB


@dataclass(slots=True)
class Moderated:
    """One record on its way to a decision: its completion, the scores of its choices and its prompt, and the scorer."""

    record: Record
    completion: Completion | Unreadable
    scorer: TextScorer
    arrived: Arrived
    choices: Sequence[ScoreRow | FaultReason] = ()
    prompt: ScoreRow | FaultReason | None = None
    spans: tuple[TextSpan, ...] = ()


class CompletionHandler:
    """The pipeline's handler for `completions`.

    scorer_under: returns the scorer in force for a policy. Called once a batch: a batch ends with what it began with.
    """

    def __init__(
        self,
        scoring: Scoring,
        scorer_under: Callable[[LivePolicy], TextScorer],
        store: Store,
        user_key: UserKey,
        live: Callable[[], LivePolicy],
        metrics: Metrics,
        *,
        keep_bytes_up_to: int,
        replaced: ReplacedTimes | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """clock: seconds since 1970, for records without a usable timestamp. replaced: counts those."""
        self._scoring, self._scorer_under = scoring, scorer_under
        self._store, self._live, self._metrics = store, live, metrics
        self._keep_up_to, self._replaced, self._clock = keep_bytes_up_to, replaced, clock
        self._hash, self._record_hmac = lru_cache(REMEMBERED)(user_key.hash), user_key.record
        self._prompt_only: tuple[TextScorer, LivePolicy, frozenset[str]] | None = None  # cache of `_prompt_only_labels`

    # --- prepare: decode and score

    async def prepare(self, batch: Batch) -> list[list[Moderated]]:
        """Decodes every record, per record range, and scores those with text.

        Raises StoreUnavailable, for a quarantined batch only.
        """
        live, now_ms = self._live(), int(self._clock() * 1000)
        scorer = self._scorer_under(live)
        prepared = [
            [
                Moderated(r, decode_completion(r), scorer, arrive(r.timestamp, by_broker(r), now_ms))
                for r in record_range.records
            ]
            for record_range in batch.ranges
        ]
        if batch.quarantined:
            for record_range, items in zip(batch.ranges, prepared, strict=True):
                await self._score_one_at_a_time(record_range, items, scorer, live)
        else:
            await self._score([item for items in prepared for item in items], scorer, live)
        return prepared

    async def _score(self, items: Sequence[Moderated], scorer: TextScorer, live: LivePolicy) -> None:
        prompts = bool(live.prompt_labels)
        with_text: list[Moderated] = []
        texts: list[str] = []
        for item in items:
            completion = item.completion
            if isinstance(completion, Unreadable) or (completion.status == "failed" and not any(completion.choices)):
                continue  # a call that failed half-way has text that was shown: that one is scored
            with_text.append(item)
            texts += completion.choices
            if prompts and completion.prompt:
                texts.append(completion.prompt)
        scored = await self._scoring.score(scorer, texts)
        at = 0
        for item in with_text:
            completion = item.completion
            assert isinstance(completion, Completion)  # noqa: S101 - only these have text
            item.choices = scored[at : at + len(completion.choices)]
            at += len(completion.choices)
            if prompts and completion.prompt:
                item.prompt = scored[at]
                at += 1
        if live.redact_from:
            await asyncio.gather(*(self._find_spans(item, live) for item in with_text))

    async def _find_spans(self, item: Moderated, live: LivePolicy) -> None:
        assert isinstance(item.completion, Completion)  # noqa: S101 - only these have text
        labels = labels_to_redact(item.choices, item.scorer.labels, live.redact_from)
        if labels:
            texts = item.completion.choices
            item.spans = await find_spans(self._scoring, item.scorer, self._metrics, texts, labels)

    async def _score_one_at_a_time(
        self, record_range: RecordRange, items: list[Moderated], scorer: TextScorer, live: LivePolicy
    ) -> None:
        """Stores which record is in hand before it scores it, so that the next owner knows what killed this worker."""
        owned = record_range.owned
        for item in items:
            if item.record.offset == owned.poison_offset:
                item.choices = (FaultReason.KILLED_WORKER,)
                continue
            await self._store.in_hand(owned.partition, owned.epoch, item.record.offset)
            await self._score([item], scorer, live)
        await self._store.in_hand(owned.partition, owned.epoch, None)

    # --- conclude: decide

    def conclude(
        self, record_range: RecordRange, prepared: Sequence[Moderated], live: LivePolicy
    ) -> list[Decision | DeadLetter]:
        """Returns a decision, a fault decision or a dead letter for every record, in order.

        If the policy changed since `prepare`, the scores and spans stay, and the new thresholds apply to them.
        """
        epoch = record_range.owned.epoch
        return [
            dead_letter(item.record, item.completion, epoch, self._keep_up_to)
            if isinstance(item.completion, Unreadable)
            else decide(self._inputs(item, item.completion, epoch, live), live)
            for item in prepared
        ]

    def _prompt_only_labels(self, scorer: TextScorer, live: LivePolicy) -> frozenset[str]:
        """Returns the scorer's prompt labels that neither the policy nor its shadow names for completions."""
        cached = self._prompt_only
        if cached is None or cached[0] is not scorer or cached[1] is not live:
            of_completions = {*live.policy.labels, *(live.shadow.policy.labels if live.shadow else ())}
            of_prompts = getattr(scorer, "prompt_labels", ())  # a custom scorer may have none
            cached = self._prompt_only = scorer, live, frozenset(of_prompts) - of_completions
        return cached[2]

    def _inputs(self, item: Moderated, completion: Completion, epoch: int, live: LivePolicy) -> Inputs:
        record, tenant, labels = item.record, completion.tenant, item.scorer.labels
        row = item.prompt
        if isinstance(row, FaultReason) and not live.policy.prompt_labels:
            row = None  # only the shadow needs the prompt: the decision must not become a fault by it
        prompt_only = self._prompt_only_labels(item.scorer, live)
        fault, best, prompt = combine_scores(item.choices, row, labels, live.prompt_labels, prompt_only)
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

    # --- what the pipeline needs of the results

    def message(self, result: Decision | DeadLetter) -> Message:
        """Returns the result as one record for its topic."""
        if isinstance(result, DeadLetter):
            return dead_letter_message(result)
        return Message("decisions", decision_key(result), to_json(result), result.source.partition)

    def names(self, results: Sequence[Decision | DeadLetter]) -> dict[str, set[str]]:
        """Returns the scope names that the decisions count under."""
        decided = (result.scopes for result in results if isinstance(result, Decision))
        return seen((scopes.tenant, scopes.model, scopes.route) for scopes in decided)

    def aggregate(self, results: Sequence[Decision | DeadLetter], live: LivePolicy, names: ScopeLimiter) -> Aggregate:
        """Returns what the results add to the counts."""
        decisions = [result for result in results if isinstance(result, Decision)]
        if len(decisions) == len(results):
            return aggregate(decisions, 0, live, names.scope)
        again = count_redriven(results)
        dead = sum(result.offsets for result in results if isinstance(result, DeadLetter)) - again
        return aggregate(decisions, dead, live, names.scope, again)

    def observe(self, results: Sequence[Decision | DeadLetter], names: ScopeLimiter) -> None:
        """Counts what was published and counted in metrics."""
        if self._replaced is not None:
            self._replaced.count(results, names)
        self._metrics.count_decisions(
            (result for result in results if isinstance(result, Decision)), self._clock() * 1000
        )
        self._metrics.count_dead_letters(result for result in results if isinstance(result, DeadLetter))


def count_redriven(results: Sequence[object]) -> int:
    """Returns how many results are copies that were decided before: the account counts them apart."""
    return sum(isinstance(result, DeadLetter) and result.reason is DeadLetterReason.REDRIVEN for result in results)


def decision_key(decision: Decision) -> bytes:
    """Returns the key of a decision: its tenant, and its user, else its conversation, else its id."""
    who = decision.user or decision.conversation or decision.id
    return f"{decision.scopes.tenant}:{who}".encode()


def dead_letter_message(letter: DeadLetter) -> Message:
    """Returns a dead letter as one record; by key, since its topic may have another number of partitions."""
    return Message("dead-letters", letter.id.encode(), to_json(letter))


@lru_cache(REMEMBERED)
def _scopes(tenant: str, model: str, route: str, locale: str) -> Scopes:
    return Scopes(tenant=tenant, model=model, route=route, locale=locale)
