"""What another policy would make of recent decisions: topics in, effects and alerts out.

`core/what_if.py` and `core/backtest.py` do the work; here they are given what `decisions` and `feedback` keep.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision, Feedback, Source
from tidegate.streams.core.fields import unchecked
from tidegate.streams.core.partition import Record
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import ReceivedFeedback
from tidegate.streams.core.simulation.backtest import Backtest, BacktestResult, FirstScopes
from tidegate.streams.core.simulation.effects import Effects, UnscoredLabel
from tidegate.streams.core.simulation.what_if import EXAMPLES, FEEDBACK_BIT, WhatIf, lacks_spans
from tidegate.streams.core.times import Arrival, TimeSource, record_time
from tidegate.streams.kafka.ranges import SKEW_MS
from tidegate.streams.kafka.reader import TopicReader
from tidegate.streams.operations.decisions import Decisions, RecentDecisions
from tidegate.streams.operations.deployment import Advance, Deployment, unheeded
from tidegate.streams.wire import Unreadable, decode_feedback

# What was decided, and what would be; None: not to be compared.
Judge = Callable[[Decision], tuple[Decision, Decision | None]]


def judge_by(candidate: LivePolicy, baseline: LivePolicy | None) -> Judge:
    """The candidate held against what was decided, or against what the baseline makes of the same scores."""

    def judge(decision: Decision) -> tuple[Decision, Decision | None]:
        inputs = Inputs.of(decision)
        return decision if baseline is None else decide(inputs, baseline), decide(inputs, candidate)

    return judge


def judge_as_recorded(version: str) -> Judge:
    """What the shadow of that version was recorded to make of a decision, held against it."""

    def judge(decision: Decision) -> tuple[Decision, Decision | None]:
        would = decision.would_be
        if would is None or would.policy_version != version:
            return decision, None
        asked = {"action": would.action, "reasons": would.reasons, "policy_version": version, "would_be": None}
        return decision, unchecked(Decision, {**decision.__dict__, **asked})

    return judge


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Garbage is looked for rarely: millions of objects come and go, none of them in a cycle; it took a fifth of it."""
    was = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*was)


async def count_effects(
    deployment: Deployment,
    candidate: LivePolicy,
    baseline: LivePolicy | None,
    since_ms: int,
    until_ms: int,
    *,
    most: int | None = None,
    advance: Advance = unheeded,
    examples: int = EXAMPLES,
) -> Effects:
    """What the candidate would make of the decisions on completions that came in `[since_ms, until_ms)`.

    Held against what was decided, or, where a baseline is given, against what that makes of the same scores: give
    the live policy to learn what a change of it does, also of decisions that an older one made.
    most: only of about so many records, the newest; `first_ms` then says from when on there are decisions.
    advance: is called with the number of records read, each of them twice.

    What was deleted is not missed here: `complete_from_ms` of a survey says that. None at all is `decisions == 0`.
    Raises BrokerUnavailable, TopicsMissing.
    """
    tally, judge = WhatIf(examples=examples), judge_by(candidate, baseline)
    with _rarely_collected():
        async with aclosing(Decisions(deployment.brokers)) as topic:
            recent = await topic.survey(since_ms - SKEW_MS, most=most)
            await topic.find_again(recent, advance)
            async with aclosing(topic.read(recent, advance)) as batches:
                async for decisions in batches:
                    for decision in decisions:
                        if since_ms <= decision.came_ms < until_ms:
                            was, now = judge(decision)
                            if now is not None:
                                tally.add(decision, was, now)
    return tally.effects()


class WhatIfRange(NamedTuple):
    """Of which completions it speaks: those that came in `[since_ms, until_ms)`; and of which boundaries, to rules_ms.

    rules_ms: not later than until_ms; the rules have not looked at a bucket that has just ended.
    """

    since_ms: int
    until_ms: int
    rules_ms: int


@dataclass(frozen=True)
class WhatIfResult:
    """Everything that a what-if knows."""

    effects: Effects
    recent: RecentDecisions  # the account of what was read
    never_scored: list[UnscoredLabel]
    not_judged: int  # decisions of the range that the other side says nothing of
    without_spans: int  # decisions that reach a `redact` threshold of the candidate, and hold no spans
    was: BacktestResult | None  # None where there is no policy whose rules it could be
    now: BacktestResult
    feedback: int  # what people said that was read: from the time of the first window on
    feedback_from_ms: int | None  # older feedback was deleted; None: none was
    not_filled_ms: int | None  # boundaries up to here have windows that reach back to what was deleted
    overflowed: tuple[str, ...]  # kinds of scope with more names than may have rates of their own


class WhatIfRun:
    """One what-if: `survey` says what there is to read, `answer` reads it."""

    def __init__(
        self,
        deployment: Deployment,
        judge: Judge,
        candidate: LivePolicy,
        rules: LivePolicy | None,
        over: WhatIfRange,
        *,
        examples: int = EXAMPLES,
    ) -> None:
        """rules: the policy whose rules and windows hold for what was decided; None: no alerts of that side."""
        self._deployment, self._judge, self._candidate, self._over = deployment, judge, candidate, over
        self._examples = examples
        self._names = FirstScopes(deployment.live_scopes)
        self._now = Backtest(candidate, self._names)
        self._was = None if rules is None else Backtest(rules, self._names)
        self._both = None if self._was is None else self._was.shared_with(self._now)
        self._sides = [side for side in (self._was, self._now) if side is not None]
        self._from_ms = over.since_ms - max(side.lead_ms for side in self._sides)
        # A completion may claim to be newer than its record by so much.
        future_s = max(side.live.policy.windows.future_s for side in self._sides)
        self._read_from_ms = self._from_ms - future_s * 1000

    async def survey(self, topic: Decisions) -> RecentDecisions:
        """What there is to read: the range, and before it what fills the windows of its first boundaries."""
        return await topic.survey(self._read_from_ms - SKEW_MS)

    async def answer(self, topic: Decisions, recent: RecentDecisions, advance: Advance = unheeded) -> WhatIfResult:
        """Reads everything. advance: called with the number of decisions read, each twice. Raises BrokerUnavailable."""
        with _rarely_collected():
            return await self._answer(topic, recent, advance)

    async def _answer(self, topic: Decisions, recent: RecentDecisions, advance: Advance) -> WhatIfResult:
        feedback = await self._feedback()
        tally = WhatIf(feedback.by_completion, examples=self._examples)
        without_spans = not_judged = 0
        since_ms, until_ms, read_from_ms = self._over.since_ms, self._over.until_ms, self._read_from_ms
        redacts = bool(self._candidate.redact_from)
        judge, was_side, now_side, both_sides = self._judge, self._was, self._now, self._both
        await topic.find_again(recent, advance)
        async with aclosing(topic.read(recent, advance)) as batches:
            async for decisions in batches:
                before: list[Decision] = []
                after: list[Decision] = []
                alike: list[Decision] = []
                for decision in decisions:
                    if decision.came_ms < read_from_ms:
                        continue
                    was, now = judge(decision)
                    # No reasons on either side is most of it.
                    if (
                        both_sides is not None
                        and now is not None
                        and not (was.reasons or now.reasons)
                        and (was.at_ms, was.time) == (now.at_ms, now.time)
                    ):
                        alike.append(was)
                    else:
                        before.append(was)
                        if now is not None:
                            after.append(now)
                    in_range = since_ms <= decision.came_ms < until_ms
                    if now is None:
                        not_judged += in_range
                        continue
                    if in_range:
                        tally.add(decision, was, now)
                        if redacts and now.reasons and lacks_spans(now, self._candidate):
                            without_spans += 1
                if was_side is not None:
                    was_side.add(before)
                now_side.add(after)
                if both_sides is not None:
                    both_sides.add(alike)
        return WhatIfResult(
            effects=tally.effects(),
            recent=recent,
            never_scored=tally.unscored_labels(self._candidate),
            not_judged=not_judged,
            without_spans=without_spans,
            was=None if was_side is None else was_side.run(since_ms, self._over.rules_ms),
            now=now_side.run(since_ms, self._over.rules_ms),
            feedback=feedback.records,
            feedback_from_ms=feedback.from_ms,
            not_filled_ms=self._not_filled_ms(recent),
            overflowed=tuple(sorted(self._names.overflowed)),
        )

    def _not_filled_ms(self, recent: RecentDecisions) -> int | None:
        kept_ms = recent.complete_from_ms
        if kept_ms is None or kept_ms <= self._from_ms:
            return None
        return self._over.since_ms + kept_ms - self._from_ms

    async def _feedback(self) -> _Feedback:
        """What people said from the first window on, also counted for the rules."""
        of: dict[str, int] = {}
        n, from_ms, now_ms = 0, None, int(time.time() * 1000)
        async with aclosing(TopicReader(self._deployment.brokers, "feedback")) as topic:
            for stretch in await topic.since(self._read_from_ms - SKEW_MS):
                if stretch.truncated and (oldest := await topic.oldest(stretch)) is not None:
                    from_ms = max(from_ms or 0, record_time(oldest.timestamp, now_ms) or 0)
                at_ms = self._read_from_ms
                async with aclosing(topic.read(stretch)) as batches:
                    async for records in batches:
                        found = [(record, decode_feedback(record)) for record in records]
                        readable = [(record, one) for record, one in found if not isinstance(one, Unreadable)]
                        n += len(readable)
                        for _, one in readable:
                            if one.kind in FEEDBACK_BIT:
                                of[one.completion_id] = of.get(one.completion_id, 0) | FEEDBACK_BIT[one.kind]
                        counted = []
                        for record, one in readable:
                            at_ms = record_time(record.timestamp, now_ms) or at_ms  # else as the one before it
                            counted.append(_received(one, record, at_ms))
                        for side in self._sides:
                            side.add_feedback(counted)
        return _Feedback(of, n, from_ms)


class _Feedback(NamedTuple):
    by_completion: dict[str, int]  # completion id -> BITs
    records: int
    from_ms: int | None


def _received(feedback: Feedback, record: Record, at_ms: int) -> ReceivedFeedback:
    """As a worker counts it. Its user never leaves here, and so needs no hash, only a name unlike the others'."""
    user = None if feedback.user is None else f"{feedback.tenant or ''}\0{feedback.user}"
    source = Source(topic=record.topic, partition=record.partition, offset=record.offset)
    return ReceivedFeedback(feedback, Arrival(at_ms, TimeSource.RECORD), user, source, record.timestamp)


def last_boundary_ms(until_ms: int, policies: Sequence[LivePolicy], now_ms: int) -> int:
    """Up to where the rules have looked: a bucket that has just ended is waited for."""
    grace_ms = max(policy.policy.windows.grace_s for policy in policies) * 1000
    return min(until_ms, now_ms - grace_ms)
