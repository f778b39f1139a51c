"""`policy apply` and `policy rollback`: a whole policy, from a file or from the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, note, say
from tidegate.streams.cli.policy.change import AsJson, Author, Why, Yes, attribution, carry_out
from tidegate.streams.cli.render import progress


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
    from tidegate.streams.core.policy.model import PolicyError
    from tidegate.streams.operations.policy_change import propose_policy
    from tidegate.streams.operations.policy_history import STANDS, NamedPolicy
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    try:
        new = NamedPolicy(str(file), read_policy(file))
        proposal = go(propose_policy(settings, new, parent, progress=progress, note=note))
    except (PolicyError, MissingLabelError) as error:
        fail(f"{error}\n{STANDS}", ExitCode.WRONG)
    carry_out(settings, proposal, by, yes=yes, as_json=json_)


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
    from tidegate.streams.operations.policy_change import find_rollback, propose_rollback
    from tidegate.streams.operations.policy_history import STANDS
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    target = go(find_rollback(settings, version, note))
    if target.same_as_live is not None:
        say(
            f"policy {target.live.version}, which is live, is what {target.same_as_live.version} was: somebody went "
            f"back already. Back from there is forth again, to {target.entry.version}; for an older one name it: "
            "`tidegate policy history`"
        )
        agreed(f"make {target.entry.version} live again?", yes)
    try:
        proposal = go(propose_rollback(settings, target, progress=progress))
    except MissingLabelError as error:
        fail(f"{error}\n{STANDS}", ExitCode.WRONG)
    say(f"back to what policy {target.entry.version} was, by {target.entry.author}: {target.entry.reason}")
    carry_out(settings, proposal, by, yes=yes, as_json=json_)
