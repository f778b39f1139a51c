"""`worker` and `up`: what runs in the foreground until it is stopped."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Annotated

import typer

from streams.cli.edge import ExitCode, say

STOP_TIMEOUT_S = 20.0  # a worker finishes what it has in hand


def worker() -> None:
    """Run one worker against the configured Kafka and Redis, until Ctrl-C or SIGTERM.

    \b
    TIDEGATE_KAFKA=kafka:9092 TIDEGATE_REDIS=redis://redis:6379/0 tidegate worker
    """
    from streams.app import run
    from streams.settings import Settings

    run(Settings.load())


def up(
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of the topics.")] = 3,
) -> None:
    """Run an embedded broker, a store and a worker on loopback, until Ctrl-C. Its data is gone at exit.

    Prints the addresses, and the variables that let other commands find them: copy them into another terminal.
    """
    from streams.embedded import Embedded, free_port
    from streams.topics_admin import ensure_topics

    with Embedded() as pair:
        asyncio.run(ensure_topics(pair.kafka, partitions, 1))
        env = {**pair.env(), "TIDEGATE_PARTITIONS": str(partitions)}
        port = free_port()
        typer.echo(f"broker  {pair.kafka}\nstore   {pair.redis}\npages   http://127.0.0.1:{port}/readyz\n")
        for name, value in env.items():
            typer.echo(f"export {name}={value}")
        typer.echo("\nEverything is in memory and gone at exit. Ctrl-C ends it.")
        running = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "streams", "worker"], env={**os.environ, **env, "TIDEGATE_HTTP_PORT": str(port)}
        )
        try:
            code = running.wait()
        except KeyboardInterrupt:
            code = 0
        finally:
            running.terminate()
            try:
                running.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                running.kill()
    if code:
        say(f"the worker ended by itself with exit code {code}; its log above says why")
        raise typer.Exit(ExitCode.REFUSED)
