"""Two judgements of the same decisions: a candidate beside what was decided, or a shadow beside the live policy."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from tidegate.streams.core.policy.model import digest
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import RequestInvalid
from tidegate.streams.operations.decisions import Decisions
from tidegate.streams.operations.deployment import Deployment, Note, Progress, no_progress, unheeded
from tidegate.streams.operations.policy_history import NamedPolicy, require_shadow
from tidegate.streams.operations.policy_toml import labels_checked
from tidegate.streams.operations.times import clock
from tidegate.streams.operations.what_if import (
    WhatIfRange,
    WhatIfResult,
    WhatIfRun,
    judge_as_recorded,
    judge_by,
    last_boundary_ms,
)
from tidegate.streams.policy_log.history import LogEntry, read_log


@dataclass(frozen=True)
class WhatIfAnswer:
    """What a candidate would have done."""

    result: WhatIfResult
    over: WhatIfRange
    candidate: LivePolicy
    rules: LivePolicy | None  # the live policy, whose rules alerted; None: none is live
    against: LivePolicy | None  # None: held against what was decided


@dataclass(frozen=True)
class ShadowComparison:
    """What the shadow was recorded to do, beside what the live policy did."""

    result: WhatIfResult
    over: WhatIfRange
    live: LivePolicy
    shadow: LivePolicy
    started: LogEntry


def require_range(since_ms: int, until_ms: int, now_ms: int) -> None:
    """Raises RequestInvalid where the range is empty, or all of it is to come."""
    end_ms = min(until_ms, now_ms)
    if not since_ms < end_ms:
        raise RequestInvalid(f"{clock(since_ms)} is not before {clock(end_ms)}, where the range ends")


async def what_if(
    deployment: Deployment,
    new: NamedPolicy,
    since_ms: int,
    until_ms: int,
    now_ms: int,
    *,
    against_live: bool = False,
    examples: int = 3,
    progress: Progress = no_progress,
    note: Note = unheeded,
) -> WhatIfAnswer:
    """What a policy would have done with completions that came in `[since_ms, until_ms)`. Writes nothing.

    against_live: held against what the live policy makes of the same scores, not against what was decided.
    examples: ids of each kind of change. Raises MissingLabelError; RequestInvalid where the range begins before what
    is kept, or no policy is live to be held against; BrokerUnavailable, TopicsMissing.
    """
    require_range(since_ms, until_ms, now_ms)
    await asyncio.to_thread(labels_checked, deployment, new.policy, new.name)
    candidate = LivePolicy(digest(new.policy), new.policy)
    live = (await read_log(deployment, note)).log.live
    if live is None and against_live:
        raise RequestInvalid("--baseline live: no policy is live yet; expected `recorded`; nothing done")
    rules = None if live is None else LivePolicy(live.version, live.policy)  # a shadow is another matter
    against = rules if against_live else None
    boundary_ms = last_boundary_ms(until_ms, [p for p in (candidate, rules) if p], now_ms)
    over = WhatIfRange(since_ms, min(until_ms, now_ms), boundary_ms)
    run = WhatIfRun(deployment, judge_by(candidate, against), candidate, rules, over, examples=examples)
    return WhatIfAnswer(await _answer(deployment, run, since_ms, progress), over, candidate, rules, against)


async def compare(
    deployment: Deployment,
    since_ms: int,
    now_ms: int,
    *,
    examples: int = 3,
    progress: Progress = no_progress,
    note: Note = unheeded,
) -> ShadowComparison:
    """The live policy and the shadow side by side, of the decisions that record both: nothing is judged again.

    since_ms: the shadow's start is the earliest. Raises RequestRefused where no shadow runs, and as `what_if`.
    """
    history = await read_log(deployment, note)
    live = history.log.live
    shadow = require_shadow(live)
    assert live is not None  # noqa: S101 - it has a shadow
    started = next(entry for entry in history.entries if entry.version == shadow.version)
    since_ms = max(since_ms, started.at_ms)
    over = WhatIfRange(since_ms, now_ms, last_boundary_ms(now_ms, [live, shadow], now_ms))
    rules = LivePolicy(live.version, live.policy)
    run = WhatIfRun(deployment, judge_as_recorded(shadow.version), shadow, rules, over, examples=examples)
    return ShadowComparison(await _answer(deployment, run, since_ms, progress), over, live, shadow, started)


async def _answer(deployment: Deployment, run: WhatIfRun, since_ms: int, progress: Progress) -> WhatIfResult:
    """Raises RequestInvalid where the range begins before what is kept."""
    async with aclosing(Decisions(deployment.brokers)) as topic:
        recent = await run.survey(topic)
        kept_ms = recent.complete_from_ms
        if kept_ms is not None and since_ms < kept_ms:
            raise RequestInvalid(
                f"--since: {clock(since_ms)} is before the oldest decision that decisions keeps, on a completion of "
                f"{clock(kept_ms)}, and older ones were deleted; expected that or later; nothing done"
            )
        with progress("decisions", 2 * recent.records) as advance:
            return await run.answer(topic, recent, advance)
