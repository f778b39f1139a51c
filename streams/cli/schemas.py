"""`schemas`: the contracts as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, say

DIRECTORY = Path("schemas")


def schemas(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where they are, or go.")] = DIRECTORY,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file is not current.")] = False,
) -> None:
    """Write the contracts as files.

    A JSON Schema for every event and for policy.toml, and an AsyncAPI 3 document.

    \b
    tidegate schemas
    tidegate schemas --out build/schemas
    tidegate schemas --check

    Exit code: 0 written or current, 1 not current, 2 not writable.
    """
    from tidegate.streams.reference.schemas import generate

    files = generate()
    stale = [name for name, text in files.items() if _read(out / name) != text]
    if check:
        if stale:
            fail(f"{out}: {', '.join(stale)}: not as the models are; `tidegate schemas --out {out}` writes them")
        say(f"{out}: {len(files)} files, all current")
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (out / name).write_text(files[name], "utf-8")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; expected a directory to write to", ExitCode.WRONG)
    say(f"{out}: {len(stale)} of {len(files)} files written" if stale else f"{out}: {len(files)} files, all current")


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
