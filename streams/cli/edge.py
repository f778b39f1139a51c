"""Where errors become lines and exit codes. The one place: a command raises, this says."""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup


class ExitCode(IntEnum):
    """What every command ends with."""

    DONE = 0
    REFUSED = 1  # some input was refused, a change lost its race, a worker died: the lines on standard error say which
    WRONG = 2  # settings, policy file or usage are wrong: nothing was done
    AWAY = 3  # Kafka or Redis is away, or lacks what is needed: the same command may do later


class Edge(TyperGroup):
    """The group of all commands: what they raise on purpose ends as lines on standard error, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read us has seen enough (`| head`). Python would complain of it once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.DONE) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            code = _code(error)
            if code is None:
                raise
            fail(str(error), code)


def fail(message: str, code: ExitCode = ExitCode.REFUSED) -> NoReturn:
    """Says it on standard error and ends the command."""
    say(message)
    raise typer.Exit(code)


def say(message: str) -> None:
    """A line on standard error: for people, never part of the output."""
    typer.echo(message, err=True)


def _code(error: Exception) -> ExitCode | None:
    """The exit code of an error that is raised on purpose; None for a bug."""
    # Only here, after something failed: these imports cost what `--help` must not.
    from classifiers import ClassifierError
    from streams.core.policy import PolicyError
    from streams.errors import BrokerAway, SettingsError, StoreAway, TidegateError, TopicsMissing

    match error:
        case StoreAway() | BrokerAway() | TopicsMissing():
            return ExitCode.AWAY
        case SettingsError() | PolicyError() | ClassifierError() | TidegateError():
            return ExitCode.WRONG
    return None
