"""`demo`: draws what `streams/demo` says. Live on a terminal, a line every few seconds anywhere else."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from tidegate.streams.cli.errors import ExitCode, say
from tidegate.streams.cli.render import PIPE_COLUMNS

if TYPE_CHECKING:
    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.demo.dashboard import Dashboard, Event
    from tidegate.streams.demo.view import Now, StyledLine

PLAIN_S = 5.0  # between two plain lines


def demo(json_: bool) -> int:
    """The exit code: 0 where the account closes and an alert fired and resolved, 1 otherwise."""
    from tidegate.streams.demo.run import DemoStopped, run
    from tidegate.streams.demo.summary import summary

    logging.getLogger().addHandler(logging.NullHandler())  # the errors that clients raise hold what they log
    signal.signal(signal.SIGTERM, _interrupt)
    face = _Face(sys.stderr if json_ else sys.stdout)
    try:
        result = run(face)
    except DemoStopped as stopped:
        face.end()
        say(str(stopped))
        return ExitCode.REFUSED
    except KeyboardInterrupt:
        face.end()
        say("stopped; nothing is left running")
        raise
    finally:
        face.end()
    if not json_:
        face.lines(summary(result))
    for problem in result.problems:
        say(f"the account does not close: {problem}")
    typer.echo(json.dumps(result.to_dict()))
    return ExitCode.REFUSED if result.problems else ExitCode.DONE


class _Face:
    """What people see of a run."""

    def __init__(self, file: Any) -> None:
        from rich.console import Console

        terminal = file.isatty()
        self._console = Console(file=file, width=None if terminal else PIPE_COLUMNS, highlight=False)
        self._live: Any = None
        self._plain_at = 0.0
        self._draw: Callable[[Dashboard, Policy, Now], None] = self._drawn if terminal else self._print_lines

    def say(self, line: str) -> None:
        self.end()
        self._console.print(line, markup=False)

    def lines(self, lines: list[StyledLine]) -> None:
        self._console.print(_text(lines))

    def rules(self, policy: Policy) -> None:
        from tidegate.streams.demo.view import rules

        self.lines(rules(policy))

    def show(self, dash: Dashboard, policy: Policy, now: Now) -> None:
        self._draw(dash, policy, now)

    def transition(self, alert: Event, now: Now) -> None:
        from tidegate.streams.demo.view import format_transition

        if self._draw == self._print_lines:
            self.say(format_transition(alert, now))

    def end(self) -> None:
        """The last picture stays; may be called again."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _drawn(self, dash: Dashboard, policy: Policy, now: Now) -> None:
        from rich.live import Live

        from tidegate.streams.demo.view import screen

        picture = _text(screen(dash, policy, now, self._console.height - 1))
        if self._live is None:
            self._live = Live(picture, console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        self._live.update(picture, refresh=True)

    def _print_lines(self, dash: Dashboard, policy: Policy, now: Now) -> None:
        from tidegate.streams.demo.view import status_line

        if now.at_s >= self._plain_at:
            self._plain_at = now.at_s - now.at_s % PLAIN_S + PLAIN_S
            self.say(status_line(dash, now))


def _text(lines: list[StyledLine]) -> Any:
    """The lines as rich draws them: never wrapped, whatever the width."""
    from rich.text import Text

    return Text("\n", no_wrap=True, overflow="ellipsis").join(Text.assemble(*line) for line in lines)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
