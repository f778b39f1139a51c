"""All commands, in the order that `tidegate --help` lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.streams.cli.alerts import alerts
from tidegate.streams.cli.checkpoint import checkpoint
from tidegate.streams.cli.dead_letters import dead_letters
from tidegate.streams.cli.errors import Edge
from tidegate.streams.cli.keys import keys
from tidegate.streams.cli.models import models
from tidegate.streams.cli.policy.app import policy
from tidegate.streams.cli.rates import rates
from tidegate.streams.cli.replay import replay
from tidegate.streams.cli.run import up, worker
from tidegate.streams.cli.schemas import schemas
from tidegate.streams.cli.score import score
from tidegate.streams.cli.send import send
from tidegate.streams.cli.serve import serve
from tidegate.streams.cli.silence import silence
from tidegate.streams.cli.strikes import strikes
from tidegate.streams.cli.tail import tail
from tidegate.streams.cli.topics import topics

WIDTH = 100  # of help, where the terminal has it

app = typer.Typer(
    cls=Edge,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": WIDTH, "help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from tidegate.streams.installed import python, release

        typer.echo(f"tidegate {release()}, Python {python()}")
        raise typer.Exit


@app.callback()
def tidegate(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Streaming moderation for model outputs: completions in; decisions, rates and alerts out.

    Where Kafka and Redis are is told by TIDEGATE_ variables; `tidegate up` prints those of a stack to try it on.

    \b
    tidegate demo                       see it all in two minutes
    tidegate up                         then, in another terminal: tidegate tail decisions
    tidegate score completions.jsonl    neither Kafka nor Redis
    tidegate serve                      nor for this: moderation over HTTP, for OpenAI's client and others
    """


@app.command()
def demo(
    json_: Annotated[bool, typer.Option("--json", help="Print only the account, as one JSON line.")] = False,
) -> None:
    """See it all: made-up traffic by Kafka and over HTTP, decided.

    On an embedded stack, with a worker and `tidegate serve`. Ends by itself within two minutes, with an account of what
    was sent by both doors, decided and alerted.

    \b
    tidegate demo
    tidegate demo --json

    Exit code: 0 where the account closes: sent = decided + faults + dead letters + redriven.
    """
    from tidegate.streams.cli.demo import demo as show

    raise typer.Exit(show(json_))


app.command()(up)
app.command()(worker)
app.command()(serve)
app.add_typer(keys, name="keys")
app.command()(topics)
app.command()(send)
app.command()(tail)
app.command()(score)
app.command()(rates)
app.command()(alerts)
app.add_typer(silence, name="silence")
app.add_typer(policy, name="policy")
app.add_typer(strikes, name="strikes")
app.add_typer(checkpoint, name="checkpoint")
app.add_typer(dead_letters, name="dead-letters")
app.command()(replay)
app.command()(schemas)
app.command()(models)
