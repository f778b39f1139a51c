"""`dead-letters`: what could not be read, and sending it again once it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, say
from tidegate.streams.cli.render import clock, json_line, table

if TYPE_CHECKING:
    from tidegate.streams.core.events import DeadLetter

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
    from tidegate.streams.cli.redriving import read_letters
    from tidegate.streams.settings.settings import Settings

    every = _of(go(read_letters(Settings.load())).in_order(), reason)
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
    from tidegate.streams.cli.redriving import read_letters
    from tidegate.streams.settings.settings import Settings

    (letter,) = _chosen(go(read_letters(Settings.load())).in_order(), [id_])
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
    from tidegate.streams.cli.redriving import planned, read_letters, send
    from tidegate.streams.settings.settings import Settings

    if bool(ids) == (all_ or reason is not None):
        fail("expected ids, or --all, or --reason; nothing sent", ExitCode.WRONG)
    settings = Settings.load()
    letters = go(read_letters(settings))
    wanted = _chosen(letters.in_order(), ids) if ids else _of(letters.in_order(), reason)
    plan = go(planned(settings, letters, wanted, named=bool(ids)))
    if told := plan.told():
        say(f"left out: {'; '.join(told)}")
    if not ids:
        agreed(f"send {len(plan.send)} dead letters again?", yes)
    sent = go(send(settings, plan))
    said = f"{sent} sent again"
    if sent < len(plan.send):
        fail(f"{said}; {len(plan.send) - sent} could not be")
    say(said)


def _of(letters: list[DeadLetter], reason: str | None) -> list[DeadLetter]:
    from tidegate.streams.core.events import DeadLetterReason

    if reason is not None and reason not in list(DeadLetterReason):
        fail(f"--reason {reason}: expected one of {', '.join(DeadLetterReason)}", ExitCode.WRONG)
    return [letter for letter in letters if reason is None or letter.reason == reason]


def _chosen(letters: list[DeadLetter], ids: list[str]) -> list[DeadLetter]:
    known = {letter.id: letter for letter in letters}
    if missing := [id_ for id_ in ids if id_ not in known]:
        fail(f"{missing[0]}: no such dead letter on the topic; `tidegate dead-letters list` shows them")
    return [known[id_] for id_ in dict.fromkeys(ids)]
