"""Lines of a file or a pipe, as they come: what `send` and `score` read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tidegate.streams.cli.errors import ExitCode, fail

if TYPE_CHECKING:
    from tidegate.streams.operations.deployment import Advance

CHUNK_BYTES = 1 << 20

Numbered = tuple[int, bytes]  # line number, from 1, and its content


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The file, or standard input for `-`, as bytes. Ends the command where it cannot be read."""
    if file == "-":
        yield sys.stdin.buffer
        return
    with _file(file) as lines:
        yield lines


def _file(file: str) -> BinaryIO:
    try:
        return Path(file).open("rb")
    except OSError as error:
        fail(f"{file}: {error.strerror}; expected a JSONL file, or - for standard input", ExitCode.WRONG)


def size(file: str) -> int | None:
    """Bytes to come; None where nobody knows."""
    return os.path.getsize(file) if file != "-" and Path(file).is_file() else None


def chunks(lines: BinaryIO, advance: Advance) -> Iterator[list[Numbered]]:
    """Every line that is not blank, in lists of those that are there without waiting."""
    number, rest = 0, b""
    while True:
        got = _some(lines)
        whole, newline, rest = (rest + got).rpartition(b"\n") if got else (rest, b"\n", b"")
        if newline:
            found = whole.split(b"\n")
            yield [(number + i, content) for i, line in enumerate(found, 1) if (content := line.strip(b" \t\r"))]
            number += len(found)
        advance(len(got))
        if not got:
            return


def _some(lines: BinaryIO) -> bytes:
    try:
        # Not readline: of a pipe this returns what is there, be it one line or a thousand.
        return lines.read1(CHUNK_BYTES) if hasattr(lines, "read1") else lines.read(CHUNK_BYTES)
    except OSError as error:  # a directory, a disk that fails
        fail(f"{getattr(lines, 'name', 'input')}: {error.strerror}", ExitCode.WRONG)
