"""`silence`: alerts that somebody knows about. Kept on the `policies` log; a silenced alert lives on, marked."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, note, say
from tidegate.streams.cli.policy.change import Author, Why, attribution
from tidegate.streams.cli.render import ago, clock, json_line, span, table

if TYPE_CHECKING:
    from tidegate.streams.operations.silences import SilenceAdded

UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d{1,9}[dhms]){1,4}")

silence = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Silence alerts: still published, but marked.")


@silence.command()
def add(
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="As 30m, 2h, 1d or 1h30m.")],
    reason: Why,
    author: Author,
    rule: Annotated[str | None, typer.Option(help="Only alerts of this rule; * is any text.")] = None,
    scope: Annotated[str | None, typer.Option(help="Only of this scope, as all or tenant=acme; * is any text.")] = None,
) -> None:
    """Silence alerts that match a rule and a scope. Prints the silence's id, and says which alerts it matches now.

    In both, `*` is any text and everything else is itself; what is not given matches all. It is kept on the policies
    log, with who and why: a lost Redis does not lose it.

    \b
    tidegate silence add --rule bias_spike --scope tenant=acme --for 2h --reason "known, fix is on its way"
    tidegate silence add --rule 'bias_*' --scope 'tenant=*' --for 1d --reason "a load test"

    Exit code: 0 silenced, 2 wrong usage, 3 Kafka is unavailable.
    """
    from tidegate.streams.errors import RequestInvalid
    from tidegate.streams.operations.silences import add_silence, check_duration, check_scope
    from tidegate.streams.settings.settings import Settings

    settings, by, for_s = Settings.load(), attribution(author, reason), duration_s(for_)
    try:
        at = f"--for {for_}"
        check_duration(for_s)
        at = f"--scope {scope}"
        check_scope(scope)
    except RequestInvalid as error:
        fail(f"{at}: {error}", ExitCode.WRONG)
    added = go(add_silence(settings, by, for_s, rule=rule, scope=scope, note=note))
    id_ = added.silence.id
    typer.echo(id_)
    if not added.kept:
        fail(f"{id_} is not kept: too many silences end later; `tidegate silence expire` those that are over")
    if added.unknown_rule:
        say(f"no rule {rule} in the live policy, only {', '.join(added.rules) or 'none'}; silenced all the same")
    for line in _matched(added):
        say(line)
    say(f"silenced until {clock(added.silence.until_ms)}; `tidegate silence expire {id_}` takes it back")


def _matched(added: SilenceAdded) -> list[str]:
    """A line for each alert that is pending or firing and that it matches."""
    if added.store_unavailable:
        return [f"{added.store_unavailable}: which alerts it matches could not be seen"]
    found = [
        f"it matches {alert.rule} {alert.scope}, {alert.state.value} for {ago(alert.since_ms, added.now_ms)}"
        for alert in added.matched
    ]
    return sorted(found) or ["no alert that is pending or firing matches it now"]


@silence.command(name="list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Those that have expired too.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One Silence event a line.")] = False,
) -> None:
    """Show the silences in force.

    \b
    tidegate silence list
    tidegate silence list --all --json

    Exit code: 0, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations.silences import list_silences
    from tidegate.streams.settings.settings import Settings

    now_ms = int(time.time() * 1000)
    found = go(list_silences(Settings.load(), now_ms, expired=all_, note=note))
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

    Exit code: 0 ended, 1 no such silence in force, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations.silences import expire_silence
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    go(expire_silence(settings, id_, by, note))
    say(f"{id_} ended")


def duration_s(text: str) -> int:
    """`1h30m` in seconds. Ends the command where it is none."""
    whole = _DURATION.fullmatch(text)
    seconds = sum(int(n) * UNITS_S[unit] for n, unit in re.findall(r"(\d+)([dhms])", text)) if whole else 0
    if not seconds:
        fail(f"{text}: not a duration; expected one such as 30m, 2h, 1d or 1h30m; nothing done", ExitCode.WRONG)
    return seconds
