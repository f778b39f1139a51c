"""All commands, in the order that `tidegate --help` lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli import run
from streams.cli.edge import Edge

app = typer.Typer(
    cls=Edge,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Streaming moderation for model outputs: completions in, decisions, rates and alerts out.",
)


@app.command()
def demo(
    json: Annotated[bool, typer.Option("--json", help="Print only the account, as one JSON line.")] = False,
) -> None:
    """Show it all: an embedded broker and store, a worker, made-up traffic, and the account at the end."""
    from streams.cli.demo import demo as show

    raise typer.Exit(show(json))


app.command()(run.up)
app.command()(run.worker)
