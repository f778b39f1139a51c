"""Judges completions: scores them, and applies a policy. Knows no record, no batch, no owner, no store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

from tidegate.streams.core.decide import Judged, Verdict, judge
from tidegate.streams.core.events import Completion, FaultReason, Scopes, Span
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.moderation.combine import combine_scores
from tidegate.streams.moderation.scoring import ScoreRow, Scoring, TextScorer
from tidegate.streams.moderation.spans import find_spans, labels_to_redact

REMEMBERED = 8192  # combinations of scopes: routes come back; some MB


@dataclass(slots=True)
class ScoredCompletion:
    """One completion with a row of scores, or a fault, for each of its choices and for its prompt."""

    completion: Completion
    scorer: TextScorer  # the one that gave them
    choices: Sequence[ScoreRow | FaultReason] = ()
    prompt: ScoreRow | FaultReason | None = None
    spans: tuple[Span, ...] = ()


# The fields of `Judged`, in order.
JudgedFields = tuple[
    str,
    str,
    FaultReason | None,
    Mapping[str, float],
    Mapping[str, int],
    tuple[str, ...] | None,
    Mapping[str, float],
    tuple[str, ...] | None,
    Sequence[Span],
    Scopes,
]


class Moderated(NamedTuple):
    """One completion, what it was judged by, and the verdict."""

    completion: Completion
    judged: Judged
    verdict: Verdict


class Moderator:
    """Completions in, moderated completions out. Made by `tidegate.load_moderator`; a worker wires its own.

    scorer_under: the scorer in force, as a policy needs it: a cascade's bands hold the policy's thresholds.
    live: the policy where a call names none.
    explained: is called with the outcome of each search for spans (`spans`, `none`, `failed`, `too_many`), to count it.
    """

    def __init__(
        self,
        scoring: Scoring,
        scorer_under: Callable[[LivePolicy], TextScorer],
        *,
        live: LivePolicy | None = None,
        explained: Callable[[str], None] | None = None,
    ) -> None:
        self._scoring, self._scorer_under = scoring, scorer_under
        self._explained = explained or (lambda _: None)
        self._live = live
        self._prompt_only: tuple[TextScorer, LivePolicy, frozenset[str]] | None = None  # cache of the labels below

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def live(self) -> LivePolicy | None:
        """The policy where a call names none."""
        return self._live

    def close(self) -> None:
        """Ends the scoring threads. Do not use the moderator after it."""
        self._scoring.close()

    async def moderate(
        self, completions: Sequence[Completion | str], live: LivePolicy | None = None
    ) -> list[Moderated]:
        """Row i is completion i's: what it was judged by, and the verdict of the policy.

        completions: a text alone stands for a completion without a tenant, a model, a route or a prompt; its id is its
        place in the list. Any number; the texts of one call are scored in one batch.
        live: another policy than the moderator's own.

        Never raises because of a text: a text that cannot be scored is a fault, which the policy's `faults` decide.
        Raises ValueError where neither the call nor the moderator has a policy.
        """
        live = live or self._live
        if live is None:
            raise ValueError("moderate: no policy; expected one here, or in the moderator's making")
        named = [Completion(id=str(i), completion=c) if isinstance(c, str) else c for i, c in enumerate(completions)]
        return [self.judge(scored, live) for scored in await self.score(named, live)]

    def moderate_now(self, completions: Sequence[Completion | str], live: LivePolicy | None = None) -> list[Moderated]:
        """As `moderate`, from code that does not await: a script, a notebook, a function inside a running event loop.

        The caller's thread waits until all are judged.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="moderate") as thread:  # a loop of its own: ours may be running
            return thread.submit(asyncio.run, self.moderate(completions, live)).result()

    async def score(
        self, completions: Sequence[Completion], live: LivePolicy, scorer: TextScorer | None = None
    ) -> list[ScoredCompletion]:
        """Row i is completion i's: its scores by the scorer in force, and spans where a redact threshold is reached.

        scorer: one that `scorer_under` returned before, for calls that must not mix two versions.
        """
        scorer = scorer or self._scorer_under(live)
        items = [ScoredCompletion(completion, scorer) for completion in completions]
        prompts = bool(live.prompt_labels)
        with_text: list[ScoredCompletion] = []
        texts: list[str] = []
        for item in items:
            completion = item.completion
            if completion.status == "failed" and not any(completion.choices):
                continue  # a call that failed half-way has text that was shown: that one is scored
            with_text.append(item)
            texts += completion.choices
            if prompts and completion.prompt:
                texts.append(completion.prompt)
        rows = await self._scoring.score(scorer, texts)
        at = 0
        for item in with_text:
            completion = item.completion
            item.choices = rows[at : at + len(completion.choices)]
            at += len(completion.choices)
            if prompts and completion.prompt:
                item.prompt = rows[at]
                at += 1
        if live.redact_from:
            await asyncio.gather(*(self._find_spans(item, live) for item in with_text))
        return items

    def scorer_under(self, live: LivePolicy) -> TextScorer:
        """Returns the scorer that `score` takes now, under that policy."""
        return self._scorer_under(live)

    def judge(self, scored: ScoredCompletion, live: LivePolicy) -> Moderated:
        """If the policy changed since `score`, the scores and spans stay, and the new thresholds apply to them."""
        judged = self.judged(scored, live)
        return Moderated(scored.completion, judged, judge(judged, live))

    def judged(self, scored: ScoredCompletion, live: LivePolicy) -> Judged:
        """Returns the inputs of a completion's verdict: per label the highest choice's score."""
        return Judged(*self.judged_fields(scored, live))

    def judged_fields(self, scored: ScoredCompletion, live: LivePolicy) -> JudgedFields:
        """Returns the same as a plain tuple, for who makes something else of it."""
        completion, scorer, prompt = scored.completion, scored.scorer, scored.prompt
        if isinstance(prompt, FaultReason) and not live.policy.prompt_labels:
            prompt = None  # only the shadow needs the prompt: the verdict must not become a fault by it
        fault, best, of_prompt = combine_scores(
            scored.choices, prompt, scorer.labels, live.prompt_labels, self._prompt_only_labels(scorer, live)
        )
        return (
            scorer.version,
            completion.status,
            fault,
            *best,
            of_prompt.scores,
            of_prompt.by_encoder,
            () if fault else scored.spans,
            _scopes(completion.tenant, completion.model, completion.route, completion.locale),
        )

    async def _find_spans(self, item: ScoredCompletion, live: LivePolicy) -> None:
        labels = labels_to_redact(item.choices, item.scorer.labels, live.redact_from)
        if labels:
            item.spans = await find_spans(self._scoring, item.scorer, self._explained, item.completion.choices, labels)

    def _prompt_only_labels(self, scorer: TextScorer, live: LivePolicy) -> frozenset[str]:
        """Returns the scorer's prompt labels that neither the policy nor its shadow names for completions."""
        cached = self._prompt_only
        if cached is None or cached[0] is not scorer or cached[1] is not live:
            of_completions = {*live.policy.labels, *(live.shadow.policy.labels if live.shadow else ())}
            of_prompts = getattr(scorer, "prompt_labels", ())  # a custom scorer may have none
            cached = self._prompt_only = scorer, live, frozenset(of_prompts) - of_completions
        return cached[2]


@lru_cache(REMEMBERED)
def _scopes(tenant: str, model: str, route: str, locale: str) -> Scopes:
    return Scopes(tenant=tenant, model=model, route=route, locale=locale)
