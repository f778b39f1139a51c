"""`strikes`: decaying marks on hashed users, which a policy makes where it gives weights; and how to take them back."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, note, say
from tidegate.streams.cli.render import ago, clock, json_line, table

if TYPE_CHECKING:
    from tidegate.streams.operations.strikes import Undone
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
    json_: Annotated[bool, typer.Option("--json", help="One user and partition a line.")] = False,
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
    from tidegate.streams.operations.strikes import most_strikes, strikes_of
    from tidegate.streams.settings.settings import Settings

    settings = Settings.load()
    who = _who(user, tenant, raw, settings)
    found = go(most_strikes(settings, limit, note) if who is None else strikes_of(settings, who, note))
    if not found.weights:
        say("the live policy gives no weights: no strikes are made now (docs/reference/policy.md)")
    if json_:
        for held in found.held:
            json_line(held.as_json())
    elif not found.held:
        say("nobody has strikes" if who is None else f"{who}: no strikes")
    else:
        table(
            ["user", "strikes", "now", "until", "last", "partition"],
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
    partition publishes it within a second. Strikes that come afterwards count as ever.

    \b
    tidegate strikes undo acme:5f0c2a9be1d34c7788990a1b2c3d4e5f --reason "appeal upheld: quoted a song"
    tidegate strikes undo --tenant acme --user u-17 --weight 1.5 --reason "one was wrong" --yes

    Exit code: 0 undone, 1 no strikes or not agreed to, 2 wrong usage, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.errors import RequestInvalid
    from tidegate.streams.operations.strikes import check_weight, strikes_of, undo_strikes
    from tidegate.streams.settings.settings import Settings

    try:
        check_weight(weight)
    except RequestInvalid as error:
        fail(f"--weight {error}", ExitCode.WRONG)
    settings = Settings.load()
    who = _who(user, tenant, raw, settings)
    if who is None:
        fail("nobody named; expected USER, or --tenant and --user; nothing undone", ExitCode.WRONG)
    held = go(strikes_of(settings, who, note)).held
    if not held:
        fail(f"{who}: no strikes; nothing undone")
    for h in held:
        under = f", {h.enforced[0]} until {clock(h.enforced[1])}" if h.enforced else ""
        say(f"{who}: {h.now.strikes:.2f} strikes in {h.partition.topic}-{h.partition.partition}{under}")
    agreed(f"undo {'all of them' if weight is None else f'{weight:g} of them'}?", yes)

    def show_undone(one: Undone) -> None:  # at once: what a later partition fails on does not undo this one
        partition = one.before.partition
        where = f"{partition.topic}-{partition.partition}"
        typer.echo(f"{who}: {one.before.now.strikes:.2f} -> {one.left:.2f} strikes in {where}")

    if not go(undo_strikes(settings, who, weight, author, reason, show_undone, note)):
        fail(f"{who}: somebody was faster; nothing undone")
    say("said on enforcements once the worker that owns the partition has published it: `tidegate tail enforcements`")


def _who(user: str | None, tenant: str | None, raw: str | None, settings: Settings) -> str | None:
    """`tenant:hmac(user)`, as it was given or hashed here; None where nobody is named. Never says a raw name."""
    from tidegate.streams.operations.strikes import is_stored_user, stored_user

    if raw is None and tenant is None:
        if user is not None and not is_stored_user(user):
            fail(
                "USER: expected tenant:hash with 32 hex digits, as `tail enforcements` shows it; of a name as your "
                "producers send it: --tenant TENANT --user NAME; nothing done",
                ExitCode.WRONG,
            )  # what was given is not said: it may be a name
        return user
    if user is not None or raw is None or tenant is None:
        fail("expected USER, or both --tenant and --user; nothing done", ExitCode.WRONG)
    return go(stored_user(settings, settings.user_key_bytes(), tenant, raw))
