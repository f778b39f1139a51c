"""`dead-letters`: what could not be read, and sending it again once it can be."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, say
from tidegate.streams.cli.render import clock, json_line, table

dead_letters = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Input that could not be read.")
Reason = Annotated[str | None, typer.Option(help="Only this reason, as not_json or invalid.")]


@dead_letters.command(name="list")
def list_(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    json_: Annotated[bool, typer.Option("--json", help="One DeadLetter event a line.")] = False,
) -> None:
    """Show what could not be read, the newest last.

    \b
    tidegate dead-letters list
    tidegate dead-letters list --reason not_json --limit 5

    Exit code: 0, 2 unknown reason, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations.dead_letters import of_reason, read_dead_letters
    from tidegate.streams.settings.settings import Settings

    every = of_reason(go(read_dead_letters(Settings.load(), say)).in_order(), reason)
    found = every[-limit:]
    if json_:
        for letter in found:
            json_line(letter)
        return
    if not found:
        say("no dead letters")
        return
    again = ["origin"] if any(x.origin for x in found) else []  # only where something was sent again
    table(
        ["id", "at", "reason", "where", "expected", "bytes", "kept", *again],
        (
            [
                x.id, clock(x.record_ms), x.reason.value, x.where, x.expected, f"{x.length:,}",
                "no" if x.value_base64 is None else "yes", *([x.origin or "-"] if again else []),
            ]
            for x in found
        ),
        right=["bytes"],
    )  # fmt: skip
    if len(found) < len(every):
        say(f"{len(every) - len(found)} older ones; --limit shows more")


@dead_letters.command()
def show(id_: Annotated[str, typer.Argument(metavar="ID", help="As completions[3]@88214.")]) -> None:
    """Show one dead letter, as JSON.

    \b
    tidegate dead-letters show 'completions[3]@88214'

    Exit code: 0, 1 no such dead letter, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations.dead_letters import of_ids, read_dead_letters
    from tidegate.streams.settings.settings import Settings

    (letter,) = of_ids(go(read_dead_letters(Settings.load(), say)).in_order(), [id_])
    typer.echo(letter.model_dump_json(indent=2))


@dead_letters.command()
def redrive(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="As completions[3]@88214.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send dead letters again to the partition they came from, once what could not be read can be.

    Their bytes are taken from the source topic while it still holds the record, with its key and headers; else from
    the dead letter, where TIDEGATE_DEAD_LETTER_BYTES was on. What still cannot be read becomes a new dead letter.
    The header tidegate-origin says of which record it is a copy: of all copies one is decided, and nothing of which
    one was is sent, so --all may be said again and again.

    \b
    tidegate dead-letters redrive 'completions[3]@88214'
    tidegate dead-letters redrive --all --reason unknown_version

    Exit code: 0 all sent that is to be, 1 some could not be, 2 wrong usage, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations import dead_letters as operations
    from tidegate.streams.settings.settings import Settings

    if bool(ids) == (all_ or reason is not None):
        fail("expected ids, or --all, or --reason; nothing sent", ExitCode.WRONG)
    settings = Settings.load()
    letters = go(operations.read_dead_letters(settings, say))
    in_order = letters.in_order()
    wanted = operations.of_ids(in_order, ids) if ids else operations.of_reason(in_order, reason)
    plan = go(operations.plan_redrive(settings, letters, wanted, named=bool(ids)))
    if left_out := plan.left_out_phrases():
        say(f"left out: {'; '.join(left_out)}")
    if not ids:
        agreed(f"send {len(plan.send)} dead letters again?", yes)
    sent = go(operations.redrive(settings, plan, say))
    if sent < len(plan.send):
        fail(f"{sent} sent again; {len(plan.send) - sent} could not be")
    say(f"{sent} sent again")
