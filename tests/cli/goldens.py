"""Writes the golden files: tests/cli/help/, each command's --help, and tests/cli/messages/, what it says.

Run it after a change of help or of a message, and read the diff. Messages (golden_messages.py) are those
of a run of tests/cli: some minutes.

python -m tests.cli.goldens
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from tests.cli import golden_messages
from tidegate.streams.cli import app

HELP = Path(__file__).with_name("help")
VERSION = HELP / "made-with-typer"  # its layout is its own: another version's is compared by our words only


def helps() -> dict[str, str]:
    """File name -> help text, for every command and group."""
    texts = {}
    for path in _paths(typer.main.get_command(app), ()):
        result = CliRunner().invoke(app, [*path, "--help"], prog_name="tidegate")
        texts["-".join(("tidegate", *path)) + ".txt"] = result.output
    return texts


def commands() -> list[tuple[str, ...]]:
    """What can be run: ("policy", "set"), ("rates",), …"""
    every = list(_paths(typer.main.get_command(app), ()))
    return [path for path in every if not any(other != path and other[: len(path)] == path for other in every)]


def _paths(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _paths(inner, (*path, name))


if __name__ == "__main__":
    HELP.mkdir(exist_ok=True)
    for old in HELP.glob("*.txt"):
        old.unlink()
    for name, text in helps().items():
        (HELP / name).write_text(text, "utf-8")
    VERSION.write_text(typer.__version__ + "\n", "utf-8")
    tests = [sys.executable, "-m", "pytest", "-q", "-n", "2", str(HELP.parent)]
    with tempfile.TemporaryDirectory() as saved:
        ended = subprocess.run(tests, env={**os.environ, golden_messages.COLLECT: saved}, check=False)
        if ended.returncode == 0:
            golden_messages.write_golden_files(Path(saved))
    sys.exit(ended.returncode)
