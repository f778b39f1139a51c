"""`policy compare`: the live policy and its shadow side by side, from what workers recorded of both."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from tidegate.streams.cli.errors import go, note, say
from tidegate.streams.cli.render import ago, clock, json_line, progress


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

    Of the decisions that record what the shadow would have done; nothing is judged again.

    \b
    tidegate policy shadow next.toml --reason "stricter for kids"
    tidegate policy compare
    tidegate policy compare --since 24h --json | jq .effects.newly

    Exit code: 0, 1 no shadow runs, 2 wrong usage, or the range begins before what is kept, 3 Kafka is unavailable.
    """
    from tidegate.streams.cli.policy.report import Sides, show
    from tidegate.streams.cli.times import moment_ms
    from tidegate.streams.operations import comparison
    from tidegate.streams.operations.what_if_report import as_json
    from tidegate.streams.settings.settings import Settings

    now_ms = int(time.time() * 1000)
    since_ms = moment_ms("--since", since, now_ms)
    asked = comparison.compare(Settings.load(), since_ms, now_ms, examples=examples, progress=progress, note=note)
    found = go(asked)
    result, started = found.result, found.started
    live, shadow = found.live.version, found.shadow.version
    if json_:
        runs = {"policy": live, "shadow": shadow, "shadow_since_ms": started.at_ms}
        runs |= {"shadow_author": started.author, "shadow_reason": started.reason}
        json_line(as_json(result, found.over, runs))
        return
    why = " ".join(started.reason.split())
    title = (
        f"shadow {shadow} beside the live policy {live}: it runs since {clock(started.at_ms)} "
        f"({ago(started.at_ms, now_ms)}), by {started.author}: {why}"
    )
    show(result, found.over, Sides("live", "shadow", title))
    if result.not_judged:
        say(f"{result.not_judged:,} decisions of that time hold nothing of it: workers did not have it yet")
