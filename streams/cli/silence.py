"""`silence`: alerts that somebody knows about. Kept on the `policies` log; a silenced alert lives on, marked."""

from __future__ import annotations

import getpass
import re
import secrets
import time
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.edge import ExitCode, fail, go, say
from streams.cli.show import clock, json_line, span, table

if TYPE_CHECKING:
    from streams.core.events import Silence
    from streams.settings import Settings

UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+[dhms])+")
SCOPE = re.compile(r"all|(tenant|model|route)(=.+|:other)")

silence = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Silence alerts: still published, but marked.")
Author = Annotated[str, typer.Option(default_factory=getpass.getuser, show_default="you", help="Who says so.")]


@silence.command()
def add(
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="As 30m, 2h, 1d or 1h30m.")],
    reason: Annotated[str, typer.Option(help="Why; it stays on the log.")],
    author: Author,
    rule: Annotated[str | None, typer.Option(help="Only this alert rule; every rule where not given.")] = None,
    scope: Annotated[str | None, typer.Option(help="Only this scope, as all or tenant=acme.")] = None,
) -> None:
    """Silence alerts that match a rule and a scope. Prints the silence's id.

    \b
    tidegate silence add --rule bias_spike --scope tenant=acme --for 2h --reason "known, fix is on its way"

    Exit code: 0 silenced, 2 wrong usage, 3 Kafka is away.
    """
    from streams.core.events import Silence
    from streams.settings import Settings

    if scope is not None and not SCOPE.fullmatch(scope):
        fail(f"--scope {scope}: expected all, tenant=…, model=… or route=…; nothing silenced", ExitCode.WRONG)
    now_ms = int(time.time() * 1000)
    until_ms = now_ms + duration_s(for_) * 1000
    made = Silence(
        id=f"s-{secrets.token_hex(4)}", rule=rule, scope=scope, author=author, reason=reason, at_ms=now_ms,
        until_ms=until_ms,
    )  # fmt: skip
    known = go(_write(Settings.load(), made))
    if rule is not None and rule not in known:
        say(f"no rule {rule} in the live policy, only {', '.join(sorted(known)) or 'none'}; silenced all the same")
    typer.echo(made.id)
    say(f"silenced until {clock(until_ms)}; `tidegate silence expire {made.id}` takes it back")


@silence.command(name="list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Those that have expired too.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One Silence event a line.")] = False,
) -> None:
    """Show the silences in force.

    \b
    tidegate silence list
    tidegate silence list --all --json

    Exit code: 0, 3 Kafka is away.
    """
    from streams.settings import Settings

    now_ms = int(time.time() * 1000)
    found = [s for s in go(_read(Settings.load())) if all_ or s.until_ms > now_ms]
    if json_:
        for s in found:
            json_line(s)
    elif not found:
        say("no silences" if all_ else "no silences in force")
    else:
        table(
            ["id", "rule", "scope", "ends", "author", "since", "reason"],
            (
                [
                    s.id, s.rule or "every rule", s.scope or "every scope",
                    f"in {span(s.until_ms - now_ms)}" if s.until_ms > now_ms else "over", s.author, clock(s.at_ms),
                    s.reason,
                ]
                for s in found
            ),
        )  # fmt: skip


@silence.command()
def expire(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `silence list` shows it.")],
    author: Author,
    reason: Annotated[str, typer.Option(help="Why; it stays on the log.")] = "over",
) -> None:
    """End a silence now.

    \b
    tidegate silence expire s-1f2e3d4c

    Exit code: 0 ended, 1 no such silence in force, 3 Kafka is away.
    """
    from streams.settings import Settings

    settings, now_ms = Settings.load(), int(time.time() * 1000)
    found = {s.id: s for s in go(_read(settings)) if s.until_ms > now_ms}
    if id_ not in found:
        fail(f"{id_}: no such silence in force; expected one of {', '.join(found) or '(none)'}")
    ended = found[id_].model_copy(update={"author": author, "reason": reason, "at_ms": now_ms, "until_ms": now_ms})
    go(_write(settings, ended))
    say(f"{id_} ended")


def duration_s(text: str) -> int:
    """`1h30m` in seconds. Ends the command where it is none."""
    seconds = sum(int(n) * UNITS_S[unit] for n, unit in re.findall(r"(\d+)([dhms])", text))
    if not _DURATION.fullmatch(text) or not seconds:
        fail(f"{text}: not a duration; expected one such as 30m, 2h, 1d or 1h30m; nothing done", ExitCode.WRONG)
    return seconds


async def _read(settings: Settings) -> list[Silence]:
    from streams.cli.policy_log import read_log

    return list((await read_log(settings)).log.silences.values())


async def _write(settings: Settings, made: Silence) -> set[str]:
    """The live policy's alert rules."""
    from streams.cli.policy_log import append

    seen, _ = await append(settings, made)
    return set(seen.log.live.policy.alerts) if seen.log.live else set()
