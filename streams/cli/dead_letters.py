"""`dead-letters`: what could not be read, and sending it again once it can be."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.edge import ExitCode, agreed, fail, go, say
from streams.cli.show import clock, json_line, table

if TYPE_CHECKING:
    from streams.core.events import DeadLetter
    from streams.settings import Settings
    from streams.source import Source

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

    Exit code: 0, 2 unknown reason, 3 Kafka is away.
    """
    from streams.settings import Settings

    every = _of(go(_all(Settings.load())), reason)
    found = every[-limit:]
    if json_:
        for letter in found:
            json_line(letter)
        return
    if not found:
        say("no dead letters")
        return
    table(
        ["id", "at", "reason", "where", "expected", "bytes", "kept"],
        (
            [
                x.id, clock(x.record_ms), x.reason.value, x.where, x.expected, f"{x.length:,}",
                "no" if x.value_base64 is None else "yes",
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

    Exit code: 0, 1 no such dead letter, 3 Kafka is away.
    """
    from streams.settings import Settings

    (letter,) = _chosen(go(_all(Settings.load())), [id_])
    typer.echo(letter.model_dump_json(indent=2))


@dead_letters.command()
def redrive(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="As completions[3]@88214.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send dead letters again to the topic they came from, once what could not be read can be.

    Their bytes are taken from the source topic while it still holds the record, with its key and headers; else from
    the dead letter, where TIDEGATE_DEAD_LETTER_BYTES was on. What still cannot be read becomes a new dead letter.

    \b
    tidegate dead-letters redrive 'completions[3]@88214'
    tidegate dead-letters redrive --all --reason unknown_version

    Exit code: 0 all sent, 1 some could not be, 2 wrong usage, 3 Kafka is away.
    """
    from streams.settings import Settings

    if bool(ids) == (all_ or reason is not None):
        fail("expected ids, or --all, or --reason; nothing sent", ExitCode.WRONG)
    settings = Settings.load()
    every = go(_all(settings))
    wanted = _chosen(every, ids) if ids else _of(every, reason)
    if not ids:
        agreed(f"send {len(wanted)} dead letters again?", yes)
    sent = go(_redrive(settings, wanted))
    said = f"{sent} sent again"
    if sent < len(wanted):
        fail(f"{said}; {len(wanted) - sent} could not be")
    say(said)


def _of(letters: list[DeadLetter], reason: str | None) -> list[DeadLetter]:
    from streams.core.events import DeadLetterReason

    if reason is not None and reason not in list(DeadLetterReason):
        fail(f"--reason {reason}: expected one of {', '.join(DeadLetterReason)}", ExitCode.WRONG)
    return [letter for letter in letters if reason is None or letter.reason == reason]


def _chosen(letters: list[DeadLetter], ids: list[str]) -> list[DeadLetter]:
    known = {letter.id: letter for letter in letters}
    if missing := [id_ for id_ in ids if id_ not in known]:
        fail(f"{missing[0]}: no such dead letter on the topic; `tidegate dead-letters list` shows them")
    return [known[id_] for id_ in dict.fromkeys(ids)]


async def _all(settings: Settings) -> list[DeadLetter]:
    """Every dead letter once (of two epochs the later), in the order of their records."""
    found: dict[str, DeadLetter] = {}
    async for letter in _letters(settings):
        if letter.id not in found or found[letter.id].epoch <= letter.epoch:
            found[letter.id] = letter
    return sorted(found.values(), key=lambda x: (x.record_ms, x.source.topic, x.source.partition, x.source.offset))


async def _letters(settings: Settings) -> AsyncIterator[DeadLetter]:
    from pydantic import ValidationError

    from streams.cli.reading import everything
    from streams.core.events import DeadLetter

    async for record in everything(settings.brokers, "dead-letters"):
        try:
            yield DeadLetter.read(record.value)
        except ValidationError:
            say(f"dead-letters[{record.partition}]@{record.offset}: not a dead letter; left out")


async def _redrive(settings: Settings, letters: list[DeadLetter]) -> int:
    """How many were sent and acknowledged."""
    from streams.cli.writing import producer
    from streams.source import Source

    sent, source = 0, Source(settings.brokers)
    try:
        async with producer(settings) as out:
            for letter in letters:
                found = await _bytes(source, letter)
                if isinstance(found, str):
                    say(f"{letter.id}: {found}; not sent")
                    continue
                key, value, headers = found
                await out.send_and_wait(letter.source.topic, value, key=key, headers=headers)
                sent += 1
    finally:
        await source.stop()
    return sent


async def _bytes(source: Source, letter: DeadLetter) -> tuple[Any, bytes, list[Any]] | str:
    """Key, value and headers to send again; or why there are none."""
    from streams.store import Part

    at = letter.source
    record = await source.read(Part(at.topic, at.partition), at.offset)
    if letter.length == 0:
        return "it had no bytes: a tombstone or an empty record"
    if record is not None and record.value and hashlib.sha256(record.value).hexdigest() == letter.sha256:
        return record.key, record.value, list(record.headers)
    if letter.value_base64 is not None:
        return None, base64.b64decode(letter.value_base64), []
    return f"{at.topic} holds it no longer, and its bytes were not kept: TIDEGATE_DEAD_LETTER_BYTES was off"
