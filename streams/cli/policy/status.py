"""`policy status`: which version each worker decides by, and who is behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import fail, go, note, say
from tidegate.streams.cli.render import ago, clock, json_line, table

if TYPE_CHECKING:
    from tidegate.streams.core.worker_status import WorkerHealth
    from tidegate.streams.operations.worker_status import WorkersStatus


def status(
    json_: Annotated[bool, typer.Option("--json", help="One worker a line.")] = False,
) -> None:
    """Show which policy every worker decides by, who is behind, and whose policy file is ignored.

    Workers say so once a second. One that is silent for 5 s is shown as silent, and forgotten after 10 minutes, or
    when it starts again under the same name.

    \b
    tidegate policy status
    tidegate policy status --json | jq -r 'select(.why != "") | .worker'

    Exit code: 0 all are on the live version, 1 somebody is behind or silent or nobody is there, 3 Kafka or Redis is
    unavailable.
    """
    from tidegate.streams.operations.worker_status import workers_status
    from tidegate.streams.settings.settings import Settings

    found = go(workers_status(Settings.load(), note))
    live = found.live
    if json_:
        for line in found.as_json():
            json_line(line)
    else:
        maker = found.live_made_by
        by = f", by {maker.author} at {clock(maker.at_ms)}" if maker else ""
        shadow = f"; shadow {live.shadow.version}" if live and live.shadow else ""
        typer.echo(f"policy {live.version} is live{by}{shadow}" if live else "no policy is live yet")
        if found.workers:
            _table(found)
    problems = found.problems
    for problem in problems[:-1]:
        say(problem)
    if problems:
        fail(problems[-1])


def _table(found: WorkersStatus) -> None:
    table(
        ["worker", "version", "behind", "since", "shadow", "model", "file", "log", "state"],
        (
            [
                s.worker,
                s.status.version or "-",
                "?" if s.behind is None else s.behind,
                f"{ago(s.status.since_ms, found.now_ms)} ago" if s.status.since_ms else "-",
                s.status.shadow or "-",
                s.status.model or "-",
                s.status.file or "-",
                s.status.log.value,
                _state(s),
            ]
            for s in found.workers
        ),
        right=["behind"],
    )


def _state(s: WorkerHealth) -> str:
    if s.silent:
        return s.why
    return "; ".join(f"waits for {what}: {why}" for what, why in s.status.waiting_for.items()) or "ready"
