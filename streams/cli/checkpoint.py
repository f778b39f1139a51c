"""`checkpoint`: per source partition, the truth about what was counted; and how to rewind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, say
from tidegate.streams.cli.render import ago, clock, json_line, table

if TYPE_CHECKING:
    from tidegate.streams.operations.checkpoints import CheckpointRow, Move

checkpoint = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What was counted, and how to rewind.")


@checkpoint.command()
def show(json_: Annotated[bool, typer.Option("--json", help="One partition a line.")] = False) -> None:
    """Show every checkpoint: the next offset to be counted, who holds it, and how far behind it is.

    \b
    tidegate checkpoint show
    tidegate checkpoint show --json | jq 'select(.lag > 1000) | .partition'

    Exit code: 0, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.operations.checkpoints import read_checkpoints
    from tidegate.streams.settings.settings import Settings

    found = go(read_checkpoints(Settings.load()))
    if json_:
        for row in found:
            json_line(row.as_json())
        return
    table(
        ["partition", "next", "generation", "last counted", "owner", "lag", "seen"],
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
    tidegate checkpoint reset --partition completions-3 --to 88000
    tidegate checkpoint reset --partition completions-3 --to committed --yes

    Exit code: 0 moved, 1 held by a worker or not agreed to, 2 wrong usage, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.errors import RequestInvalid
    from tidegate.streams.operations.checkpoints import move_checkpoint, propose_move, source_partition
    from tidegate.streams.settings.settings import Settings

    settings = Settings.load()
    try:
        target = source_partition(partition)
    except RequestInvalid as error:
        fail(f"--partition {partition}: {error}", ExitCode.WRONG)
    move = go(propose_move(settings, target, to))
    row = move.row
    if row.owner and not force:
        fail(
            f"{target}: held by {row.owner}, alive {ago(row.progress.seen_ms, row.now_ms)} ago; expected nobody: "
            "stop it, or --force; nothing moved"
        )
    say(_consequence(move))
    agreed(f"move the checkpoint of {target} to {move.offset}?", yes)
    moved = go(move_checkpoint(settings, move, force=force))
    typer.echo(f"{target}: next is {moved.next}, generation {moved.generation}")


def _consequence(move: Move) -> str:
    row, offset = move.row, move.offset
    if row.checkpoint is None:
        return (
            f"{row.partition}: there is no checkpoint; a worker would start at the committed offset, or at {move.start}"
        )
    next_ = row.checkpoint.next
    if move.again:
        again = f"will be decided again and counted twice: {move.again} at most"
        return f"{row.partition}: offsets [{offset}, {next_}) {again}"
    if move.never:
        return f"{row.partition}: offsets [{next_}, {offset}) will never be decided nor counted: {move.never} at most"
    return f"{row.partition}: next is {offset} already; only its generation changes"
