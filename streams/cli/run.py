"""`worker` and `up`: what runs in the foreground until it is stopped."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated

import typer

from tidegate.streams.cli.errors import fail, go, say

WATCH_S = 1.0  # between two looks at the broker and the store


def worker() -> None:
    """Run one worker against Kafka and Redis.

    Until Ctrl-C or SIGTERM. It waits for what is unavailable, and says so on /readyz. Run several for more partitions
    at once, or for a spare.

    \b
    TIDEGATE_KAFKA=kafka:9092 TIDEGATE_REDIS=redis://redis:6379/0 \\
    TIDEGATE_USER_KEY_FILE=/run/secrets/user-key \\
    tidegate worker

    Exit code: 0 stopped, 2 wrong settings, policy or model, 70 a bug or a stuck classifier: start it again.
    """
    from tidegate.streams.settings.settings import Settings
    from tidegate.streams.worker.faust_app import run

    run(Settings.load())


def up(
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of the topics.")] = 3,
) -> None:
    """Run an embedded stack and a worker, to try it on.

    A broker, a store and a worker on loopback, until Ctrl-C; all data is gone at exit. Prints the addresses, and
    the variables by which other commands find them: copy those into another terminal.

    \b
    tidegate up

    Exit code: 0 stopped, 1 the worker, broker or store ended by itself, 2 not installed or wrong settings.
    """
    from tidegate.streams.embedded import EmbeddedError, EmbeddedStack, free_port
    from tidegate.streams.embedded.worker_process import WorkerProcess
    from tidegate.streams.kafka.admin import ensure_topics

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with EmbeddedStack() as stack:
            go(ensure_topics(stack.kafka, partitions, 1))
            env = {**stack.env(), "TIDEGATE_PARTITIONS": str(partitions)}
            port = free_port()
            typer.echo(f"broker  {stack.kafka}\nstore   {stack.redis}\npages   http://127.0.0.1:{port}/readyz\n")
            typer.echo("For other terminals, such as one that runs `tidegate tail decisions`:\n")
            for name, value in env.items():
                typer.echo(f"export {name}={value}")
            typer.echo("\nAll data is in memory, and gone at exit. Ctrl-C ends it. What follows is the worker's log.\n")
            with WorkerProcess({**env, "TIDEGATE_HTTP_PORT": str(port)}) as running:
                while (code := running.wait(WATCH_S)) is None:
                    try:
                        stack.check()
                    except EmbeddedError as error:
                        fail(str(error))
    except KeyboardInterrupt:
        say("stopped")
        return
    fail(f"the worker ended by itself with exit code {code}; its log above says why")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
