"""Help is part of the interface: every command teaches with an example, and its text is a golden file."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from tests.cli.golden_messages import FOLDER
from tests.cli.goldens import HELP, VERSION, commands, helps

TEXTS = helps()


def words(text: str) -> list[str]:
    """What is ours of a help text, without its line breaks; all of it where typer is the one it was made with."""
    if typer.__version__ != VERSION.read_text("utf-8").strip():
        text = text.split("\n", 1)[1].split("Arguments:")[0].split("Options:")[0]
    return text.split()


def test_every_command_has_a_golden_file_and_no_other_is_there() -> None:
    assert sorted(TEXTS) == sorted(path.name for path in HELP.glob("*.txt")), "run: python -m tests.cli.goldens"


def test_golden_messages_are_of_commands() -> None:
    names = {"-".join(path) for path in commands()} | {"tidegate"}
    assert {path.stem for path in FOLDER.glob("*.txt")} <= names, "run: python -m tests.cli.goldens"


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_help_is_as_its_golden_file(name: str) -> None:
    assert words(TEXTS[name]) == words((HELP / name).read_text("utf-8")), "run: python -m tests.cli.goldens"


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_has_an_example_and_exit_codes(path: tuple[str, ...]) -> None:
    ours = TEXTS["-".join(("tidegate", *path)) + ".txt"].split("Options:")[0].split("\n", 1)[1]
    assert re.search(rf"tidegate {' '.join(path)}( |\n)", ours), "no example"
    assert "Exit code: 0" in ours


def test_help_loads_nothing_heavy() -> None:
    began = time.monotonic()
    heavy = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tidegate", "--help"], capture_output=True, text=True, check=True
    ).stderr
    assert time.monotonic() - began < 10  # 0.25 s on an idle machine
    for module in ("faust", "aiokafka", "onnxruntime", "numpy", "pydantic", "redis"):
        assert f"| {module}\n" not in heavy.replace("|   ", "| "), f"{module} is imported for --help"


def test_the_docs_list_every_command() -> None:
    table = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text("utf-8")
    for path in commands():
        assert f"| `{' '.join(path)}` |" in table, path
