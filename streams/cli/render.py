"""Tables, times and progress as people read them. Nothing here decides what is shown."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import typer

from tidegate.streams.operations.times import clock as clock

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.streams.operations.deployment import Advance

PIPE_COLUMNS = 10_000  # a pipe has no edge: a table in it is never cut


def out() -> Console:
    """Standard output: colours only on a terminal, and never where NO_COLOR is set."""
    return _console(sys.stdout)


def _console(file: IO[str]) -> Console:
    from rich.console import Console

    return Console(file=file, width=None if file.isatty() else PIPE_COLUMNS, highlight=False, soft_wrap=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """A table without lines. Columns named in `right` hold numbers."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row))
    console = out()
    with console.capture() as captured:
        console.print(made)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def json_line(value: Any) -> None:
    """One value on one line, for programs. A pydantic model is written as its event is."""
    text = value.model_dump_json() if hasattr(value, "model_dump_json") else json.dumps(value, ensure_ascii=False)
    typer.echo(text)


def ago(at_ms: int, now_ms: int | None = None) -> str:
    """`3m 20s`: how long ago that is."""
    return span((int(time.time() * 1000) if now_ms is None else now_ms) - at_ms)


def span(ms: int) -> str:
    """`2h 5m`, `3m 20s`, `12s`: the two largest units."""
    seconds = max(0, ms) // 1000
    partitions = [
        (seconds // 86_400, "d"),
        (seconds // 3_600 % 24, "h"),
        (seconds // 60 % 60, "m"),
        (seconds % 60, "s"),
    ]
    while len(partitions) > 1 and not partitions[0][0]:
        partitions.pop(0)
    return " ".join(f"{n}{unit}" for n, unit in partitions[:2] if n or unit == partitions[0][1])


def value(kind: str, found: float | None) -> str:
    """A rule's value or limit: a share as a percentage, a count as it is."""
    if found is None:
        return "too few"
    return f"{found:g}" if kind == "count" else percent(found)


def percent(share: float | None) -> str:
    return "too few" if share is None else f"{share * 100:.2f}%"


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Advance]:
    """A bar on standard error, where that is a terminal. total: in the unit of `advance`; None where not known."""
    if not sys.stderr.isatty():
        yield lambda n: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(show_speed=True), TimeElapsedColumn()]
    with Progress(*columns, console=_console(sys.stderr), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)
