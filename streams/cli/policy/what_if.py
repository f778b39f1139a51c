"""`policy what-if`: what a policy would have done with what was decided lately. Nothing is scored, nothing changes."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, note
from tidegate.streams.cli.render import json_line, progress

if TYPE_CHECKING:
    from tidegate.streams.core.policy.resolved import LivePolicy


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
    from tidegate.streams.cli.policy.report import Sides, show
    from tidegate.streams.cli.times import moment_ms
    from tidegate.streams.errors import RequestInvalid
    from tidegate.streams.operations import comparison
    from tidegate.streams.operations.policy_history import NamedPolicy
    from tidegate.streams.operations.what_if_report import as_json
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    now_ms = int(time.time() * 1000)
    since_ms = moment_ms("--since", since, now_ms)
    until_ms = now_ms if until is None else moment_ms("--until", until, now_ms)
    try:
        comparison.require_range(since_ms, until_ms, now_ms)
    except RequestInvalid as error:
        fail(f"--since {since}: {error}; nothing done", ExitCode.WRONG)
    settings = Settings.load()
    new = NamedPolicy(str(file), read_policy(file))
    found = go(
        comparison.what_if(
            settings, new, since_ms, until_ms, now_ms, against_live=baseline is Baseline.LIVE, examples=examples,
            progress=progress, note=note,
        )
    )  # fmt: skip
    version, against = found.candidate.version, found.against
    if json_:
        json_line(as_json(found.result, found.over, {"policy": version, "baseline": _named(against, found.rules)}))
        return
    title = f"policy {version} of {file} against {_against(against)}"
    show(found.result, found.over, Sides("was", "then", title))


def _named(against: LivePolicy | None, rules: LivePolicy | None) -> dict[str, str | None]:
    return {"decisions": "recorded" if against is None else against.version, "rules": rules.version if rules else None}


def _against(against: LivePolicy | None) -> str:
    return "what was decided" if against is None else f"the live policy {against.version}"
