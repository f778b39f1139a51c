"""`checkpoint`: per source partition, the truth about what was counted; and how to rewind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.checkpoint_moves import CheckpointRow, move, prepare, rows
from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, say
from tidegate.streams.cli.render import ago, clock, json_line, table
from tidegate.streams.topics import SOURCES

if TYPE_CHECKING:
    from tidegate.streams.core.partition import TopicPartition

checkpoint = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What was counted, and how to rewind.")


@checkpoint.command()
def show(json_: Annotated[bool, typer.Option("--json", help="One partition a line.")] = False) -> None:
    """Show every checkpoint: the next offset to be counted, who holds it, and how far behind it is.

    \b
    tidegate checkpoint show
    tidegate checkpoint show --json | jq 'select(.lag > 1000) | .part'

    Exit code: 0, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    found = go(rows(Settings.load()))
    if json_:
        for row in found:
            json_line(row.told())
        return
    table(
        ["part", "next", "generation", "last counted", "owner", "lag", "seen"],
        (
            [
                f"{row.partition.topic}-{row.partition.partition}",
                row.checkpoint.next if row.checkpoint else "no checkpoint",
                row.checkpoint.generation if row.checkpoint else "-",
                f"@{mark.offset} {clock(mark.timestamp_ms)}"
                if row.checkpoint and (mark := row.checkpoint.marker)
                else "-",
                row.owner or "none",
                _lag(row),
                f"{ago(row.progress.seen_ms, row.now_ms)} ago" if row.progress.seen_ms else "never",
            ]
            for row in found
        ),
        right=["next", "generation", "lag"],
    )


def _lag(row: CheckpointRow) -> str:
    progress = row.progress
    if progress.unreadable_at is not None:
        return f"{progress.lag}, @{progress.unreadable_at} unreadable"
    return str(progress.lag) if progress.seen_ms else "-"


@checkpoint.command()
def reset(
    partition: Annotated[str, typer.Option(metavar="TOPIC-PARTITION", help="As completions-3.")],
    to: Annotated[str, typer.Option(metavar="OFFSET|committed", help="The next offset to be read.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even from a worker that is alive.")] = False,
) -> None:
    """Move a checkpoint: records are then decided and counted twice, or never.

    Back: records from there on are read again, decided again, and counted a second time. Forward: records up to
    there are never read. A worker that takes the partition over starts at the new offset, under a new generation.

    \b
    tidegate checkpoint reset --part completions-3 --to 88000
    tidegate checkpoint reset --part completions-3 --to committed --yes

    Exit code: 0 moved, 1 held by a worker or not agreed to, 2 wrong usage, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    settings = Settings.load()
    target = _partition(partition)
    row, start, end, offset = go(prepare(settings, target, to))
    if not start <= offset <= end:
        fail(f"{target}: {offset} is outside [{start}, {end}], what the topic holds; nothing moved", ExitCode.WRONG)
    if row.owner and not force:
        fail(
            f"{target}: held by {row.owner}, alive {ago(row.progress.seen_ms, row.now_ms)} ago; expected nobody: "
            "stop it, or --force; nothing moved"
        )
    say(_consequence(row, offset, start))
    agreed(f"move the checkpoint of {target} to {offset}?", yes)
    moved = go(move(settings, row, offset))
    typer.echo(f"{target}: next is {moved.next}, generation {moved.generation}")


def _partition(text: str) -> TopicPartition:
    from tidegate.streams.core.partition import TopicPartition

    found = re.fullmatch(r"(.+?)(?:-(\d+)|\[(\d+)\])", text)
    if not found or found[1] not in SOURCES:
        fail(f"--partition {text}: expected one such as completions-3 or feedback-0; nothing moved", ExitCode.WRONG)
    return TopicPartition(found[1], int(found[2] or found[3]))


def _consequence(row: CheckpointRow, offset: int, start: int) -> str:
    if row.checkpoint is None:
        return f"{row.partition}: there is no checkpoint; a worker would start at the committed offset, or at {start}"
    n = offset - row.checkpoint.next
    if n < 0:
        return f"{row.partition}: offsets [{offset}, {row.checkpoint.next}) will be decided again and counted twice: {-n} at most"
    if n > 0:
        return (
            f"{row.partition}: offsets [{row.checkpoint.next}, {offset}) will never be decided nor counted: {n} at most"
        )
    return f"{row.partition}: next is {offset} already; only its generation changes"
