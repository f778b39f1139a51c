"""`worker` and `up`: what runs in the foreground until it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, say

if TYPE_CHECKING:
    from tidegate.streams.embedded import EmbeddedStack
    from tidegate.streams.embedded.child_process import ChildProcess
    from tidegate.streams.settings.settings import Settings

WATCH_S = 1.0  # between two looks at everything


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
    """Run an embedded stack, a worker and `serve`, to try it on.

    A broker, a store, a worker and `tidegate serve` on loopback, until Ctrl-C; all data is gone at exit. Prints the
    addresses, a line that asks over HTTP, and the variables by which other commands find them: copy those into another
    terminal. The port of serve is TIDEGATE_SERVE_PORT, else 8080; 0 is any free one.

    \b
    tidegate up
    TIDEGATE_SERVE_PORT=0 tidegate up

    Exit code: 0 stopped, 1 one of them ended by itself, 2 not installed, wrong settings, or that port is taken.
    """
    from tidegate.streams.embedded import EmbeddedError, EmbeddedStack
    from tidegate.streams.embedded.child_process import ChildProcess
    from tidegate.streams.kafka.admin import ensure_topics
    from tidegate.streams.settings.settings import Settings

    signal.signal(signal.SIGTERM, _interrupt)
    settings = Settings.load()
    ports = _ports(settings)
    try:
        with EmbeddedStack() as stack:
            go(ensure_topics(stack.kafka, partitions, 1))
            env = {**stack.env(), "TIDEGATE_PARTITIONS": str(partitions)}
            _say_where(stack, ports, env, keys=settings.serve_keys_file is not None)
            # serve is stopped first: what it answered last is still counted.
            with ChildProcess("worker", env=env | ports) as worker, ChildProcess("serve", env=env | ports) as serve:
                while (ended := _ended({"worker": worker, "serve": serve})) is None:
                    try:
                        stack.check()
                    except EmbeddedError as error:
                        fail(str(error))
    except KeyboardInterrupt:
        say("stopped")
        return
    fail(ended)


def _ports(settings: Settings) -> dict[str, str]:
    """Returns the variables of every port. Ends the command where that of serve is taken."""
    from tidegate.streams.embedded import free_port, is_free

    port = settings.serve_port or free_port()
    if not is_free(port):
        where = f"TIDEGATE_SERVE_PORT: 127.0.0.1:{port} is taken"
        fail(f"{where}; expected a free port: set another one, or 0 for any; nothing started", ExitCode.WRONG)
    return {
        "TIDEGATE_SERVE_HOST": "127.0.0.1",
        "TIDEGATE_SERVE_PORT": str(port),
        "TIDEGATE_SERVE_PROBE_PORT": str(free_port()),
        "TIDEGATE_HTTP_PORT": str(free_port()),
    }


def _say_where(stack: EmbeddedStack, ports: Mapping[str, str], env: Mapping[str, str], *, keys: bool) -> None:
    key = " -H 'authorization: Bearer KEY'" if keys else ""
    served = f"127.0.0.1:{ports['TIDEGATE_SERVE_PORT']}"
    typer.echo(f"broker  {stack.kafka}\nstore   {stack.redis}")
    for name, port in (("worker", "TIDEGATE_HTTP_PORT"), ("serve", "TIDEGATE_SERVE_PROBE_PORT")):
        typer.echo(f"{name:<7} http://127.0.0.1:{ports[port]}/readyz")
    typer.echo(f"docs    http://{served}/docs\n")
    typer.echo("To ask over HTTP, in some seconds when serve is ready; what it answers is counted:\n")
    typer.echo(f"curl -s {served}/v1/moderations -H 'content-type: application/json'{key} \\")
    typer.echo('  -d \'{"input": "You are a worthless idiot."}\'\n')
    typer.echo("For other terminals, such as one that runs `tidegate tail decisions`:\n")
    for name, value in env.items():
        typer.echo(f"export {name}={value}")
    typer.echo("\nAll data is in memory, and gone at exit. Ctrl-C ends it. What follows is the log of both.\n")


def _ended(children: Mapping[str, ChildProcess]) -> str | None:
    """Returns which process ended by itself, as text; None where none did for a moment."""
    for name, child in children.items():
        if (code := child.wait(WATCH_S / len(children))) is not None:
            return f"{name} ended by itself with exit code {code}; its log above says why"
    return None


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
