"""`policy compare`: the live policy and its shadow side by side, from what workers recorded of both."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import fail, go, say
from tidegate.streams.cli.policy.shadow import NO_SHADOW
from tidegate.streams.cli.render import ago, clock, json_line

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.log import Entry, LogHistory


def compare(
    since: Annotated[
        str,
        typer.Option(
            metavar="MOMENT", help="1h for an hour ago, or 2026-01-31T12:00:00Z; the shadow's start is the earliest."
        ),
    ] = "1h",
    examples: Annotated[int, typer.Option(min=0, max=1000, help="Ids shown of each kind of change.")] = 3,
    json_: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
) -> None:
    """Show the live policy and the shadow that runs beside it side by side: actions, labels, alerts.

    Of the decisions that record what the shadow would have done; nothing is judged anew.

    \b
    tidegate policy shadow next.toml --reason "stricter for kids"
    tidegate policy compare
    tidegate policy compare --since 24h --json | jq .effects.newly

    Exit code: 0, 1 no shadow runs, 2 wrong usage, or the range begins before what is kept, 3 Kafka is unavailable.
    """
    from tidegate.streams.cli.policy.log import read_log
    from tidegate.streams.cli.policy.report import Sides, data, show
    from tidegate.streams.cli.policy.what_if import answered
    from tidegate.streams.cli.recent import WhatIfRange, WhatIfRun, last_boundary_ms, shadowed_by
    from tidegate.streams.cli.times import moment_ms
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.settings.settings import Settings

    now_ms = int(time.time() * 1000)
    since_ms = moment_ms("--since", since, now_ms)
    settings = Settings.load()
    seen = go(read_log(settings))
    live = seen.log.live
    if live is None or live.shadow is None:
        fail(NO_SHADOW)
    shadow, started = live.shadow, _started(seen, live.shadow.version)
    since_ms = max(since_ms, started.at_ms)
    over = WhatIfRange(since_ms, now_ms, last_boundary_ms(now_ms, [live, shadow], now_ms))
    rules = LivePolicy(live.version, live.policy)
    asking = WhatIfRun(settings, shadowed_by(shadow.version), shadow, rules, over, examples=examples)
    found = go(answered(settings, asking, since_ms))
    if json_:
        runs = {"policy": live.version, "shadow": shadow.version, "shadow_since_ms": started.at_ms}
        json_line(data(found, over, {**runs, "shadow_author": started.author, "shadow_reason": started.reason}))
        return
    why = " ".join(started.reason.split())
    title = (
        f"shadow {shadow.version} beside the live policy {live.version}: it runs since {clock(started.at_ms)} "
        f"({ago(started.at_ms, now_ms)}), by {started.author}: {why}"
    )
    show(found, over, Sides("live", "shadow", title))
    if found.not_judged:
        say(f"{found.not_judged:,} decisions of that time hold nothing of it: workers did not have it yet")


def _started(seen: LogHistory, version: str) -> Entry:
    """The record that began the shadow."""
    return next(entry for entry in seen.entries if entry.made is not None and entry.made.version == version)
