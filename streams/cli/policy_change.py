"""`policy set` and `policy apply`: one change, written to the log, and what became of it there."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.edge import ExitCode, fail, go, say
from streams.cli.show import clock, json_line

if TYPE_CHECKING:
    from streams.cli.policy_log import Entry, Log
    from streams.core.policy import Policy
    from streams.settings import Settings

Why = Annotated[str, typer.Option("--reason", help="Why; it stays on the log.")]
Author = Annotated[str, typer.Option(default_factory=getpass.getuser, show_default="you", help="Who says so.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what became of it as one JSON object.")]


def set_(
    key: Annotated[str, typer.Argument(help="As in the file: labels.toxicity.block")],
    value: Annotated[str, typer.Argument(help="As in the file: 0.8, off, 300, closed")],
    reason: Why,
    author: Author,
    tenant: Annotated[str | None, typer.Option(help="Only for this tenant.")] = None,
    model: Annotated[str | None, typer.Option(help="Only for this model.")] = None,
    route: Annotated[str | None, typer.Option(help="Only for this route.")] = None,
    locale: Annotated[str | None, typer.Option(help="Only for this locale.")] = None,
    json_: AsJson = False,
) -> None:
    """Change one key of the live policy. It is live within a second, on every worker.

    With --tenant, --model, --route or --locale a threshold is set for completions that match all of those given.

    \b
    tidegate policy set labels.toxicity.block 0.9 --reason "incident 42"
    tidegate policy set labels.insult.review off --tenant acme --reason "their own review"
    tidegate policy set alerts.high_toxicity.above 0.08 --reason "too noisy"

    Exit code: 0 live, 1 another change came first, 2 wrong key or value, 3 Kafka is away.
    """
    from streams.cli.policy_keys import changed
    from streams.cli.policy_log import read_log
    from streams.settings import Settings

    settings = Settings.load()
    seen = go(read_log(settings))
    live = seen.log.live
    if live is None:
        fail("no policy yet: the first worker writes its policy file, or `tidegate policy apply FILE`")
    selectors = {"tenant": tenant, "model": model, "route": route, "locale": locale}
    new = changed(settings, live, key, value, {kind: name for kind, name in selectors.items() if name is not None})
    _change(settings, seen, new, live.version, author, reason, json_)


def apply(
    file: Annotated[Path, typer.Argument(help="A policy file: the whole policy.")],
    reason: Why,
    author: Author,
    parent: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version it was made from, where not the live one.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Make a policy file the live policy. It is live within a second, on every worker.

    With --parent it is refused where that version is no longer live: nobody's change is undone unseen.

    \b
    tidegate policy apply policy.toml --reason "stricter for kids"
    tidegate policy apply policy.toml --parent 12-7f3a91c2 --reason "from review"

    Exit code: 0 live, 1 another change came first, 2 the file is wrong, 3 Kafka is away.
    """
    from streams.cli.policy_file import labels_checked
    from streams.cli.policy_log import read_log
    from streams.policy_file import read_policy
    from streams.settings import Settings

    settings = Settings.load()
    new = read_policy(file)
    labels_checked(settings, new, str(file))
    seen = go(read_log(settings))
    live = seen.log.live
    _change(settings, seen, new, parent or (live.version if live else None), author, reason, json_)


def _change(
    settings: Settings, seen: Log, new: Policy, parent: str | None, author: str, reason: str, as_json: bool
) -> None:
    """Writes the change and says what became of it. Ends the command."""
    from streams.cli.policy_bands import band_warnings
    from streams.cli.policy_file import differences, plain
    from streams.cli.policy_log import append
    from streams.core.events import PolicyChange

    live = seen.log.live
    if parent is not None and seen.maker(parent) is None:
        versions = ", ".join(entry.version or "" for entry in seen.applied[-5:]) or "(none)"
        fail(
            f"--parent {parent}: no such version on the log, the latest are {versions}; nothing written", ExitCode.WRONG
        )
    changes = differences(live.policy, new) if live else []
    if live and not changes and parent == live.version:
        say(f"no different from the live policy {live.version}; nothing written")
        if as_json:
            json_line({"verdict": "unchanged", "version": live.version})
        return
    for line in band_warnings(settings, new, live.policy if live else None):
        say(line)
    record = PolicyChange(parent=parent, policy=plain(new), author=author, reason=reason, at_ms=int(time.time() * 1000))
    after, mine = go(append(settings, record))
    if as_json:
        now = after.log.live
        json_line({"verdict": mine.verdict.value, "version": now.version if now else None, "offset": mine.offset})
    if mine.version is not None:
        for line in changes if not as_json else ():
            typer.echo(line)
        say(f"policy {mine.version} is live")
        return
    _lost(after, mine, parent)


def _lost(after: Log, mine: Entry, parent: str | None) -> None:
    """Says who won, and what differs between what was assumed and what is. Ends the command."""
    from streams.cli.policy_file import differences

    live = after.log.live
    winner = next((entry for entry in after.applied if entry.parent == parent and entry.offset < mine.offset), None)
    if winner is None or live is None:
        fail(f"{mine.why or mine.verdict.value}; nothing changed")
    say(f"not applied: policy {winner.version} by {winner.author} at {clock(winner.at_ms)} came first: {winner.reason}")
    assumed = after.maker(parent)
    if assumed is not None and assumed.made is not None:
        say(f"from {parent}, which you changed, to {live.version}, which is live:")
        for line in differences(assumed.made.policy, live.policy) or ["nothing differs"]:
            say(f"  {line}")
    fail("nothing changed; look at it, then run the command again")
