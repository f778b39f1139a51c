"""`silence`: alerts that somebody knows about. Kept on the `policies` log; a silenced alert lives on, marked."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, say
from tidegate.streams.cli.policy.change import Author, Wanted, Why
from tidegate.streams.cli.render import ago, clock, json_line, span, table

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.log import LogHistory
    from tidegate.streams.core.alerts.status import AlertStatus
    from tidegate.streams.core.events import Silence
    from tidegate.streams.settings.settings import Settings

UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d{1,9}[dhms]){1,4}")
LONGEST_S = 366 * 86_400  # what is known for longer than a year is a rule to be changed
SCOPE = re.compile(r"all|(tenant|model|route)(=.+|:other)")
STARRED = re.compile(r"\*.*|[a-z:]+\*.*|(tenant|model|route)=.*")  # a scope with `*` in it that could be one

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
    from tidegate.streams.core.events import Silence
    from tidegate.streams.core.policy.rules import active_rules
    from tidegate.streams.core.policy.silences import matches
    from tidegate.streams.settings.settings import Settings

    settings, wanted, for_s = Settings.load(), Wanted(author, reason), duration_s(for_)
    if for_s > LONGEST_S:
        fail(f"--for {for_}: expected at most {LONGEST_S // UNITS_S['d']}d; nothing silenced", ExitCode.WRONG)
    if scope is not None and not (STARRED if "*" in scope else SCOPE).fullmatch(scope):
        fail(f"--scope {scope}: expected all, tenant=…, model=… or route=…; nothing silenced", ExitCode.WRONG)
    now_ms = int(time.time() * 1000)
    made = Silence(
        id=f"s-{secrets.token_hex(4)}", rule=rule, scope=scope, author=wanted.author, reason=wanted.reason,
        at_ms=now_ms, until_ms=now_ms + for_s * 1000,
    )  # fmt: skip
    seen = go(_write(settings, made))
    typer.echo(made.id)
    if made.id not in seen.log.silences:
        fail(f"{made.id} is not kept: too many silences end later; `tidegate silence expire` those that are over")
    known = {name for name, _, _ in active_rules(seen.log.live)} if seen.log.live else set()
    if rule is not None and not any(matches(made.model_copy(update={"scope": None}), name, "") for name in known):
        say(f"no rule {rule} in the live policy, only {', '.join(sorted(known)) or 'none'}; silenced all the same")
    for line in _matched(settings, made):
        say(line)
    say(f"silenced until {clock(made.until_ms)}; `tidegate silence expire {made.id}` takes it back")


def _matched(settings: Settings, made: Silence) -> list[str]:
    """A line for each alert that is pending or firing and that it matches."""
    from tidegate.streams.core.events import AlertState
    from tidegate.streams.core.policy.silences import matches
    from tidegate.streams.errors import StoreUnavailable

    try:
        now_ms, every = go(_alerts(settings))
    except StoreUnavailable as error:
        return [f"{str(error).removesuffix('; waiting for it')}: which alerts it matches could not be seen"]
    found = [
        f"it matches {alert.rule} {alert.scope}, {alert.state.value} for {ago(alert.since_ms, now_ms)}"
        for alert in every
        if alert.state in (AlertState.FIRING, AlertState.PENDING) and matches(made, alert.rule, alert.scope)
    ]
    return sorted(found) or ["no alert that is pending or firing matches it now"]


async def _alerts(settings: Settings) -> tuple[int, list[AlertStatus]]:
    """The store's time, and every alert that it keeps."""
    from tidegate.streams.core.alerts.status import parse_statuses
    from tidegate.streams.store.redis import RedisStore

    store = RedisStore(settings.store, settings.namespace)
    try:
        return await store.now_ms(), list(parse_statuses(await store.alerts()).values())
    finally:
        await store.close()


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
    from tidegate.streams.settings.settings import Settings

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

    Exit code: 0 ended, 1 no such silence in force, 3 Kafka is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    settings, wanted, now_ms = Settings.load(), Wanted(author, reason), int(time.time() * 1000)
    found = {s.id: s for s in go(_read(settings)) if s.until_ms > now_ms}
    if id_ not in found:
        fail(f"{id_}: no such silence in force; expected one of {', '.join(found) or '(none)'}")
    ended = found[id_].model_copy(
        update={"author": wanted.author, "reason": wanted.reason, "at_ms": now_ms, "until_ms": now_ms}
    )
    go(_write(settings, ended))
    say(f"{id_} ended")


def duration_s(text: str) -> int:
    """`1h30m` in seconds. Ends the command where it is none."""
    whole = _DURATION.fullmatch(text)
    seconds = sum(int(n) * UNITS_S[unit] for n, unit in re.findall(r"(\d+)([dhms])", text)) if whole else 0
    if not seconds:
        fail(f"{text}: not a duration; expected one such as 30m, 2h, 1d or 1h30m; nothing done", ExitCode.WRONG)
    return seconds


async def _read(settings: Settings) -> list[Silence]:
    from tidegate.streams.cli.policy.log import read_log

    return list((await read_log(settings)).log.silences.values())


async def _write(settings: Settings, made: Silence) -> LogHistory:
    from tidegate.streams.cli.policy.log import append

    seen, _ = await append(settings, made)
    return seen
