"""`strikes`: decaying marks on hashed users, which a policy makes where it gives weights; and how to take them back."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, say
from tidegate.streams.cli.render import ago, clock, json_line, table
from tidegate.streams.cli.strikes_held import as_stored, check_key, everybody, one
from tidegate.streams.cli.strikes_held import undo as take_back

if TYPE_CHECKING:
    from tidegate.streams.cli.strikes_held import HeldStrikes
    from tidegate.streams.settings.settings import Settings

strikes = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Users' strikes, and how to undo them.")

User = Annotated[str | None, typer.Argument(metavar="USER", help="tenant:hash, as enforcements and decisions have it.")]
Tenant = Annotated[str | None, typer.Option(help="With --user: the tenant of that name.")]
Raw = Annotated[
    str | None,
    typer.Option("--user", metavar="NAME", help="As producers send it; hashed with TIDEGATE_USER_KEY, not kept."),
]


@strikes.command()
def show(
    user: User = None,
    tenant: Tenant = None,
    raw: Raw = None,
    limit: Annotated[int, typer.Option(min=1, help="So many users at the most.")] = 20,
    json_: Annotated[bool, typer.Option("--json", help="One user and part a line.")] = False,
) -> None:
    """Show who has strikes now, the most first; or how one user stands.

    Strikes are kept for each partition of completions: a user whose completions are in several has a line for each.

    \b
    tidegate strikes show
    tidegate strikes show acme:5f0c2a9be1d34c7788990a1b2c3d4e5f
    tidegate strikes show --tenant acme --user u-17
    tidegate strikes show --json --limit 1000 | jq 'select(.action == "suspend") | .user'

    Exit code: 0, 1 no policy is live, 2 wrong usage, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    settings = Settings.load()
    who = _who(user, tenant, raw, settings)
    found = go(everybody(settings, limit) if who is None else one(settings, who))
    if not found.weights:
        say("the live policy gives no weights: no strikes are made now (docs/reference/policy.md)")
    if json_:
        for held in found.held:
            json_line(held.told())
    elif not found.held:
        say("nobody has strikes" if who is None else f"{who}: no strikes")
    else:
        table(
            ["user", "strikes", "now", "until", "last", "part"],
            (
                [
                    held.user,
                    f"{held.now.strikes:.2f}",
                    held.enforced[0] if held.enforced else "-",
                    clock(held.enforced[1]) if held.enforced else "-",
                    f"{ago(held.balance.at_ms, held.now_ms)} ago",
                    f"{held.partition.topic}-{held.partition.partition}",
                ]
                for held in found.held
            ),
            right=["strikes"],
        )
    if found.more:
        say(f"{found.more:,} more; --limit shows them")


@strikes.command()
def undo(
    reason: Annotated[str, typer.Option(help="Why; it is published with the enforcement.")],
    author: Annotated[str, typer.Option(default_factory=getpass.getuser, show_default="you", help="Who says so.")],
    user: User = None,
    tenant: Tenant = None,
    raw: Raw = None,
    weight: Annotated[float | None, typer.Option(help="So many of them; all where not given.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take strikes back: all of a user's, or some.

    An enforcement says so, with author and reason: `lifted`, or what the user is still under. The worker that owns the
    part publishes it within a second. Strikes that come afterwards count as ever.

    \b
    tidegate strikes undo acme:5f0c2a9be1d34c7788990a1b2c3d4e5f --reason "appeal upheld: quoted a song"
    tidegate strikes undo --tenant acme --user u-17 --weight 1.5 --reason "one was wrong" --yes

    Exit code: 0 undone, 1 no strikes or not agreed to, 2 wrong usage, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    if weight is not None and not 0 < weight < float("inf"):
        fail(f"--weight {weight:g}: expected more than 0; nothing undone", ExitCode.WRONG)
    settings = Settings.load()
    who = _who(user, tenant, raw, settings)
    if who is None:
        fail("nobody named; expected USER, or --tenant and --user; nothing undone", ExitCode.WRONG)
    held = go(one(settings, who)).held
    if not held:
        fail(f"{who}: no strikes; nothing undone")
    for h in held:
        under = f", {h.enforced[0]} until {clock(h.enforced[1])}" if h.enforced else ""
        say(f"{who}: {h.now.strikes:.2f} strikes in {h.partition.topic}-{h.partition.partition}{under}")
    agreed(f"undo {'all of them' if weight is None else f'{weight:g} of them'}?", yes)
    done: list[str] = []

    def told(before: HeldStrikes, after: float) -> None:  # at once: what a later part fails on does not undo this one
        partition = f"{before.partition.topic}-{before.partition.partition}"
        done.append(partition)
        typer.echo(f"{who}: {before.now.strikes:.2f} -> {after:.2f} strikes in {partition}")

    go(take_back(settings, who, weight, author, reason, told))
    if not done:
        fail(f"{who}: somebody was faster; nothing undone")
    say("said on enforcements once the worker that owns the partition has published it: `tidegate tail enforcements`")


def _who(user: str | None, tenant: str | None, raw: str | None, settings: Settings) -> str | None:
    who = as_stored(user, tenant, raw, settings)
    if raw is not None:
        go(check_key(settings))
    return who
