"""`policy`: the live policy shown, checked and changed. What every change of it goes through is `change.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.streams.cli.errors import go, note, say
from tidegate.streams.cli.policy.apply import apply, rollback
from tidegate.streams.cli.policy.compare import compare
from tidegate.streams.cli.policy.diff import diff
from tidegate.streams.cli.policy.set import set_, unset
from tidegate.streams.cli.policy.shadow import drop, promote
from tidegate.streams.cli.policy.shadow import shadow as run_shadow
from tidegate.streams.cli.policy.status import status
from tidegate.streams.cli.policy.what_if import what_if
from tidegate.streams.cli.render import clock, json_line, table

REASON_SHOWN = 60  # characters of a reason in the table; --json has all of it

policy = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show and change the live policy.",
)


@policy.command()
def show(
    shadow: Annotated[bool, typer.Option("--shadow", help="The shadow that runs beside it.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object, with who, when and why.")] = False,
) -> None:
    """Print the live policy as TOML, every key of it, under who made it, when and why.

    \b
    tidegate policy show
    tidegate policy show > policy.toml      # then edit, `policy check`, `policy apply`
    tidegate policy show --shadow

    Exit code: 0, 1 no policy yet, or no shadow, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations.policy_history import show_policy
    from tidegate.streams.operations.policy_toml import toml
    from tidegate.streams.settings.settings import Settings

    shown, made, live = go(show_policy(Settings.load(), shadow=shadow, note=note))
    if json_:
        json_line({
            "version": shown.version, "parent": made.parent, "author": made.author, "at_ms": made.at_ms,
            "reason": made.reason, "policy": shown.policy.model_dump(mode="json", exclude_none=True),
        })  # fmt: skip
        return
    what, why = f"Shadow {shown.version}, beside" if shadow else "Policy", " ".join(made.reason.split())
    beside = f"policy {live.version}" if shadow else live.version
    typer.echo(f"# {what} {beside}, by {made.author} at {clock(made.at_ms)}: {why}\n")
    typer.echo(toml(shown.policy), nl=False)
    if live.shadow is not None and not shadow:
        say(f"shadow {live.shadow.version} runs beside it: `tidegate policy show --shadow`")


@policy.command()
def check(
    file: Annotated[Path, typer.Argument(help="A policy file.")],
    live: Annotated[bool, typer.Option("--live", help="Say what it would change; asks Kafka and Redis.")] = False,
) -> None:
    """Check a policy file: every key, and that the classifier gives every label it names. Changes nothing.

    Where a threshold lies outside what a cascade's encoder reads, it says which, and what it costs to hold it.
    With --live also what it would change and loosen, and which scopes match nothing that came lately.

    \b
    tidegate policy check policy.toml
    tidegate policy check policy.toml --live

    Exit code: 0 right, 2 wrong, 3 Kafka is unavailable (--live).
    """
    from tidegate.streams.cli.policy.change import relaxed_lines
    from tidegate.streams.core.policy.model import digest
    from tidegate.streams.operations.policy_check import check_against_live, check_policy
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    settings = Settings.load()
    found = read_policy(file)
    checked = go(check_policy(settings, found, str(file)))
    typer.echo(f"{file}: right; {checked.covered}; its digest is {digest(found)}")
    for line in checked.band_warnings:
        say(line)
    if not live:
        return
    against = go(check_against_live(settings, found, note))
    for line in against.selector_warnings:
        say(line)
    if against.live is None:
        typer.echo("no policy is live yet")
    elif against.changes:
        typer.echo(f"against the live policy {against.live.version}:")
        for change in against.changes:
            typer.echo(f"  {change}")
        if against.relaxed:
            typer.echo("it loosens:")
            for line in relaxed_lines(against.relaxed):
                typer.echo(line)
    else:
        typer.echo(f"no different from the live policy {against.live.version}")


@policy.command()
def history(
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many, the newest.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="One record a line.")] = False,
) -> None:
    """Show every change ever tried, with its verdict: the audit trail.

    \b
    tidegate policy history
    tidegate policy history --json | jq 'select(.verdict == "lost")'

    Exit code: 0, 3 Kafka is unavailable.
    """
    from tidegate.streams.policy_log.history import read_log
    from tidegate.streams.settings.settings import Settings

    every = go(read_log(Settings.load(), note)).entries
    found = every[-limit:] if limit else every
    if json_:
        for e in found:
            json_line({
                "offset": e.offset, "verdict": e.verdict.value, "version": e.version, "kind": e.kind,
                "parent": e.parent, "author": e.author, "at_ms": e.at_ms, "reason": e.reason, "why": e.why or None,
            })  # fmt: skip
        return
    table(
        ["offset", "verdict", "version", "at", "author", "reason"],
        ([e.offset, e.verdict.value, e.version, clock(e.at_ms), e.author, _short(e.why or e.reason)] for e in found),
        right=["offset"],
    )
    if len(found) < len(every):
        say(f"{len(every) - len(found)} older ones; --limit shows more")


policy.command(name="set")(set_)
for command in (unset, apply, rollback, diff, status, what_if, compare):
    policy.command()(command)
policy.command(name="shadow")(run_shadow)
policy.command()(promote)
policy.command()(drop)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= REASON_SHOWN else line[: REASON_SHOWN - 1] + "…"
