"""What every change of the live policy goes through: warned of, asked about, written, and what became of it."""

from __future__ import annotations

import getpass
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, say
from tidegate.streams.cli.render import clock, json_line

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.log import Entry, LogHistory
    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.settings.settings import Settings

Why = Annotated[str, typer.Option("--reason", help="Why; it stays on the log.")]
Author = Annotated[str, typer.Option(default_factory=getpass.getuser, show_default="you", help="Who says so.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever it loosens; for scripts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what became of it as one JSON object.")]
Tenant = Annotated[str | None, typer.Option(help="Only for this tenant.")]
Model = Annotated[str | None, typer.Option(help="Only for this model.")]
Route = Annotated[str | None, typer.Option(help="Only for this route.")]
Locale = Annotated[str | None, typer.Option(help="Only for this locale.")]

NO_POLICY = "no policy yet: the first worker writes its policy file, or `tidegate policy apply FILE`"
STANDS = "nothing written; the live policy stands"


@dataclass(frozen=True)
class Wanted:
    """Who wants a change, and how it is to be told. Ends the command where reason or author say nothing."""

    author: str
    reason: str
    yes: bool = False
    as_json: bool = False

    def __post_init__(self) -> None:
        for flag, text in (("--reason", self.reason), ("--author", self.author)):
            if not text.strip() or not text.isprintable():
                fail(f"{flag} {text!r}: expected a line of text that people can read; {STANDS}", ExitCode.WRONG)


def live_policy(settings: Settings) -> tuple[LogHistory, LivePolicy]:
    """The log, and the live policy. Ends the command where there is none. Raises BrokerUnavailable."""
    from tidegate.streams.cli.policy.log import read_log

    seen = go(read_log(settings))
    if seen.log.live is None:
        fail(NO_POLICY)
    return seen, seen.log.live


def change(settings: Settings, seen: LogHistory, new: Policy, parent: str | None, wanted: Wanted) -> None:
    """Makes `new` the live policy where `parent` still is; says what became of it. Ends the command where it is not.

    parent: the version that it was made from. Asks first where it loosens the live policy.
    """
    from tidegate.streams.cli.policy.bands import band_warnings
    from tidegate.streams.cli.policy.file import differences, plain
    from tidegate.streams.cli.policy.log import append
    from tidegate.streams.cli.policy.opening import agreed_to_loosen
    from tidegate.streams.cli.policy.unseen import unseen_warnings
    from tidegate.streams.core.events import PolicyChange

    live = seen.log.live
    changes = differences(live.policy, new) if live else []
    if live and not changes and parent == live.version:
        say(f"no different from the live policy {live.version}; nothing written")
        if wanted.as_json:
            json_line({"verdict": "unchanged", "version": live.version})
        return
    was = live.policy if live else None
    for line in (*band_warnings(settings, new, was), *unseen_warnings(settings, new, was)):
        say(line)
    if live and parent == live.version:  # else it is lost already, and opens nothing
        agreed_to_loosen(settings, live, new, wanted.yes)
    at_ms = int(time.time() * 1000)
    record = PolicyChange(parent=parent, policy=plain(new), author=wanted.author, reason=wanted.reason, at_ms=at_ms)
    after, mine = go(append(settings, record))
    if mine.version is None:
        _lost(after, mine, parent, wanted)
    if wanted.as_json:
        json_line({"verdict": mine.verdict.value, "version": mine.version, "offset": mine.offset})
    for difference in changes if not wanted.as_json else ():
        typer.echo(str(difference))
    say(f"policy {mine.version} is live")


def _lost(after: LogHistory, mine: Entry, parent: str | None, wanted: Wanted) -> None:
    """Says who won, and what differs between what was assumed and what is. Ends the command."""
    from tidegate.streams.cli.policy.file import differences

    live = after.log.live
    winner = next((entry for entry in after.applied if entry.parent == parent and entry.offset < mine.offset), None)
    assumed = after.maker(parent)
    changed = differences(assumed.made.policy, live.policy) if live and assumed and assumed.made else []
    if wanted.as_json:
        json_line({
            "verdict": mine.verdict.value, "version": live.version if live else None, "offset": mine.offset,
            "why": mine.why or None, "winner": winner and _told(winner), "changed": [d._asdict() for d in changed],
        })  # fmt: skip
    if winner is None or live is None:
        fail(f"{mine.why or mine.verdict.value}; nothing changed")
    say(f"not applied: policy {winner.version} by {winner.author} at {clock(winner.at_ms)} came first: {winner.reason}")
    say(f"from {parent}, which you changed, to {live.version}, which is live:")
    for line in map(str, changed) if changed else ("nothing differs",):
        say(f"  {line}")
    fail("nothing changed; look at it, then run the command again")


def _told(winner: Entry) -> dict[str, Any]:
    return {
        "version": winner.version, "author": winner.author, "at_ms": winner.at_ms, "reason": winner.reason,
    }  # fmt: skip


def maker(entries: Sequence[Entry], version: str, what: str, then: str = f"; {STANDS}") -> Entry:
    """Who made a version; its offset alone will do. Ends the command where no entry did, naming the latest."""
    found = next((e for e in entries if e.version and version in (e.version, str(e.offset))), None)
    if found is None:
        latest = ", ".join([entry.version for entry in entries if entry.version][-5:]) or "(none)"
        fail(f"{what} {version}: no such version on the log, the latest are {latest}{then}", ExitCode.WRONG)
    return found
