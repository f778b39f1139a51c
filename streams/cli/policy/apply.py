"""`policy apply` and `policy rollback`: a whole policy, from a file or from the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, say
from tidegate.streams.cli.policy.change import STANDS, AsJson, Author, Wanted, Why, Yes, change, live_policy, maker

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.log import Entry, LogHistory
    from tidegate.streams.core.policy.resolved import LivePolicy


def apply(
    file: Annotated[Path, typer.Argument(help="A policy file: the whole policy.")],
    reason: Why,
    author: Author,
    parent: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version it was made from, where not the live one.")
    ] = None,
    yes: Yes = False,
    json_: AsJson = False,
) -> None:
    """Make a policy file the live policy. It is live within a second, on every worker.

    With --parent it is refused where that version is no longer live: nobody's change is undone unseen.
    Where it loosens a block or a floor, it says what that opens and asks first.

    \b
    tidegate policy apply policy.toml --reason "stricter for kids"
    tidegate policy apply policy.toml --parent 12-7f3a91c2 --reason "from review"

    Exit code: 0 live, 1 another change came first or you said no, 2 the file is wrong, or nobody to ask,
    3 Kafka is unavailable.
    """
    from tidegate.classifiers import MissingLabelError
    from tidegate.streams.cli.policy.file import labels_checked
    from tidegate.streams.cli.policy.log import read_log
    from tidegate.streams.core.policy.model import PolicyError
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    settings, wanted = Settings.load(), Wanted(author, reason, yes, json_)
    try:
        new = read_policy(file)
        labels_checked(settings, new, str(file))
    except (PolicyError, MissingLabelError) as error:
        fail(f"{error}\n{STANDS}", ExitCode.WRONG)
    seen = go(read_log(settings))
    if parent is not None:
        parent = maker(seen.applied, parent, "--parent").version
    change(settings, seen, new, parent or (seen.log.live.version if seen.log.live else None), wanted)


def rollback(
    reason: Why,
    author: Author,
    version: Annotated[
        str | None,
        typer.Argument(help="As `policy history` shows it; the one before the live one.", show_default=False),
    ] = None,
    yes: Yes = False,
    json_: AsJson = False,
) -> None:
    """Make an earlier version the live policy again, as a new change: nothing leaves the log.

    Without VERSION it takes the last change back. After a rollback that would be the rollback: it says so and asks;
    name a version to go further back. Where it loosens a block or a floor, it says what that opens and asks first.

    \b
    tidegate policy rollback --reason "worse than before"
    tidegate policy rollback 12-7f3a91c2 --reason "as it was on Monday"

    Exit code: 0 live, 1 another change came first or you said no, 2 no such version, or nobody to ask,
    3 Kafka is unavailable.
    """
    from tidegate.classifiers import MissingLabelError
    from tidegate.streams.cli.policy.file import labels_checked
    from tidegate.streams.settings.settings import Settings

    settings, wanted = Settings.load(), Wanted(author, reason, yes, json_)
    seen, live = live_policy(settings)
    target = maker(seen.applied, version, "VERSION") if version else _before(seen, live, yes)
    assert target.made is not None  # noqa: S101 - it has a version
    try:
        labels_checked(settings, target.made.policy, f"policy {target.version}")
    except MissingLabelError as error:
        fail(f"{error}\n{STANDS}", ExitCode.WRONG)
    say(f"back to what policy {target.version} was, by {target.author}: {target.reason}")
    change(settings, seen, target.made.policy, live.version, wanted)


def _before(seen: LogHistory, live: LivePolicy, yes: bool) -> Entry:
    """The version before the live one. Asks where that one was a way back itself: twice back is where one was."""
    *earlier, last = seen.applied
    if not earlier:
        fail(f"policy {live.version} is the first on the log: nothing is before it; {STANDS}", ExitCode.WRONG)
    before = earlier[-1]
    same = next((e for e in reversed(earlier[:-1]) if e.made and e.made.policy == live.policy), None)
    if same is not None:
        say(
            f"policy {last.version}, which is live, is what {same.version} was: somebody went back already. Back from "
            f"there is forth again, to {before.version}; for an older one name it: `tidegate policy history`"
        )
        agreed(f"make {before.version} live again?", yes)
    return before
