"""`policy what-if`: what a policy would have done with what was decided lately. Nothing is scored, nothing changes."""

from __future__ import annotations

import time
from contextlib import aclosing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go
from tidegate.streams.cli.render import clock, json_line, progress

if TYPE_CHECKING:
    from tidegate.streams.cli.decisions import RecentDecisions
    from tidegate.streams.cli.recent import WhatIfResult, WhatIfRun
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.settings.settings import Settings


class Baseline(StrEnum):
    """What a candidate is held against."""

    RECORDED = "recorded"
    LIVE = "live"


def what_if(
    file: Annotated[Path, typer.Argument(help="A policy file: the whole policy.")],
    since: Annotated[str, typer.Option(metavar="MOMENT", help="2h for two hours ago, or 2026-01-31T12:00:00Z.")],
    until: Annotated[str | None, typer.Option(metavar="MOMENT", help="The end, likewise; now where not given.")] = None,
    baseline: Annotated[
        Baseline, typer.Option(help="Against what was decided then, or what the live policy makes of it now.")
    ] = Baseline.RECORDED,
    examples: Annotated[int, typer.Option(min=0, max=1000, help="Ids shown of each kind of change.")] = 3,
    json_: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
) -> None:
    """Say what a policy would have done: which decisions and alerts would be others. Changes nothing.

    The scores that decisions hold are judged again: no text is needed, and a million take a minute or two.
    Completions count by when they came; alerts go by event time, and windows are filled from before the start.

    \b
    tidegate policy show > next.toml        # edit it, then
    tidegate policy what-if next.toml --since 24h
    tidegate policy what-if next.toml --since 2026-01-31T08:00:00Z --until 2026-01-31T09:30:00Z --baseline live
    tidegate policy what-if next.toml --since 7d --json | jq .effects.newly

    Exit code: 0, 2 the file is wrong, or the range begins before what is kept, 3 Kafka is unavailable.
    """
    from tidegate.streams.cli.policy.file import labels_checked
    from tidegate.streams.cli.policy.log import read_log
    from tidegate.streams.cli.policy.report import Sides, data, show
    from tidegate.streams.cli.recent import WhatIfRange, WhatIfRun, judged_by, last_boundary_ms
    from tidegate.streams.cli.times import moment_ms
    from tidegate.streams.core.policy.model import digest
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    now_ms = int(time.time() * 1000)
    since_ms = moment_ms("--since", since, now_ms)
    until_ms = now_ms if until is None else moment_ms("--until", until, now_ms)
    if not since_ms < min(until_ms, now_ms):
        fail(
            f"--since {since}: {clock(since_ms)} is not before {clock(min(until_ms, now_ms))}, where the range ends; "
            "nothing done",
            ExitCode.WRONG,
        )
    settings = Settings.load()
    new = read_policy(file)
    labels_checked(settings, new, str(file))
    candidate = LivePolicy(digest(new), new)
    live = go(read_log(settings)).log.live
    if live is None and baseline is Baseline.LIVE:
        fail("--baseline live: no policy is live yet; expected `recorded`; nothing done", ExitCode.WRONG)
    rules = None if live is None else LivePolicy(live.version, live.policy)  # a shadow is another matter
    against = rules if baseline is Baseline.LIVE else None
    over = WhatIfRange(
        since_ms, min(until_ms, now_ms), last_boundary_ms(until_ms, [p for p in (candidate, rules) if p], now_ms)
    )
    asking = WhatIfRun(settings, judged_by(candidate, against), candidate, rules, over, examples=examples)
    found = go(answered(settings, asking, since_ms))
    if json_:
        json_line(data(found, over, {"policy": candidate.version, "baseline": _named(against, rules)}))
        return
    title = f"policy {candidate.version} of {file} against {_against(against)}"
    show(found, over, Sides("was", "then", title))


async def answered(settings: Settings, asking: WhatIfRun, since_ms: int) -> WhatIfResult:
    """What it finds, with a progress bar. Ends the command where the range begins before what is kept."""
    from tidegate.streams.cli.decisions import Decisions

    async with aclosing(Decisions(settings.brokers)) as topic:
        recent = await asking.survey(topic)
        _refuse(recent, since_ms)
        with progress("decisions", 2 * recent.records) as advance:
            return await asking.answer(topic, recent, advance)


def _refuse(recent: RecentDecisions, since_ms: int) -> None:
    kept_ms = recent.complete_from_ms
    if kept_ms is not None and since_ms < kept_ms:
        fail(
            f"--since: {clock(since_ms)} is before the oldest decision that decisions keeps, on a completion of "
            f"{clock(kept_ms)}, and older ones were deleted; expected that or later; nothing done",
            ExitCode.WRONG,
        )


def _named(against: LivePolicy | None, rules: LivePolicy | None) -> dict[str, str | None]:
    return {"decisions": "recorded" if against is None else against.version, "rules": rules.version if rules else None}


def _against(against: LivePolicy | None) -> str:
    return "what was decided" if against is None else f"the live policy {against.version}"
