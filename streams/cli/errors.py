"""Where errors become lines and exit codes. The one place: a command raises, this says."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from collections.abc import Coroutine
from enum import IntEnum
from typing import Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

T = TypeVar("T")


class ExitCode(IntEnum):
    """What every command ends with."""

    DONE = 0
    REFUSED = 1  # some input was refused, a change lost its race, a worker died: the lines on standard error say which
    WRONG = 2  # settings, policy file or usage are wrong: nothing was done
    UNAVAILABLE = 3  # Kafka or Redis is unavailable, or lacks what is needed: the same command may do later


class Edge(TyperGroup):
    """The group of all commands: what they raise on purpose ends as lines on standard error, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            # The reader of our output has seen enough (`| head`). Python would complain of it once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.DONE) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None  # 128 + SIGINT, as shells have it
        except Exception as error:
            code = _code(error)
            if code is None:
                raise
            fail(_message(error), code)


def fail(message: str, code: ExitCode = ExitCode.REFUSED) -> NoReturn:
    """Says it on standard error and ends the command."""
    say(message)
    raise typer.Exit(code)


def say(message: str) -> None:
    """A line on standard error: for people, never part of the output."""
    typer.echo(message, err=True)


_noted: set[str] = set()


def note(message: str) -> None:
    """A line on standard error, once a process: a command reads the policies log several times."""
    if message not in _noted:
        _noted.add(message)
        say(message)


def go(work: Coroutine[Any, Any, T]) -> T:
    """What a command's coroutine returns."""
    # The errors that clients raise hold what they log; without this, Python prints it in between.
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
    return asyncio.run(work)


def agreed(question: str, yes: bool) -> None:
    """Returns where `--yes` was given or somebody at a terminal says so. Ends the command otherwise."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{question}\nnobody to ask: standard input is no terminal; nothing done; expected --yes", ExitCode.WRONG)
    if not typer.confirm(question, err=True):
        fail("nothing done")


def _message(error: Exception) -> str:
    """The error's message, as a command says it."""
    once = re.sub(r"\b(\w+Error): \1: ", r"\1: ", str(error))  # aiokafka's errors begin with their own name
    return once.removesuffix("; waiting for it")  # workers wait; a command does not


def _code(error: Exception) -> ExitCode | None:
    """The exit code of an error that is raised on purpose; None for a bug."""
    # Only here, after something failed: these imports cost what `--help` must not.
    from tidegate.classifiers import ClassifierError
    from tidegate.streams.core.policy.model import PolicyError
    from tidegate.streams.errors import (
        BrokerUnavailable,
        RequestRefused,
        StoreDenied,
        StoreUnavailable,
        TidegateError,
        TopicsMissing,
    )

    match error:
        case StoreDenied():  # who waits takes it for unavailable; a command need not be tried again with this password
            return ExitCode.WRONG
        case StoreUnavailable() | BrokerUnavailable() | TopicsMissing():
            return ExitCode.UNAVAILABLE
        case RequestRefused():
            return ExitCode.REFUSED
        case TidegateError() | PolicyError() | ClassifierError():
            return ExitCode.WRONG
    return None
