"""What processes of one parent say to each other: a question, an answer, over a Unix socket that only their user opens.

A frame is four bytes of length, then JSON. A text may pass, from the process that answered it to the one that counts
its stream; it goes into no file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import to_json

log = logging.getLogger(__name__)

FRAME_BYTES = 16 * 2**20  # four times the largest request body; a longer one is cut off
_LENGTH = 4

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class NoAnswer(Exception):
    """The other process is not there, is too slow, or did not understand: do without it."""


@dataclass(frozen=True, slots=True)
class Family:
    """One process of several: its number from 0, of how many, and the folder of their sockets."""

    number: int
    processes: int
    folder: Path

    def socket(self, number: int) -> Path:
        return self.folder / f"{number}.sock"


class Listener:
    """Answers what siblings and the parent ask of one process. answers: by the question's name."""

    def __init__(self, path: Path, answers: Mapping[str, Answer]) -> None:
        self._path, self._answers = path, answers
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)  # of a process that was killed
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def stop(self) -> None:
        """Takes no more questions. Those that were read have their answers."""
        if self._server is not None:
            self._server.close()
            for writer in [*self._open]:
                writer.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            asked = await _read(reader)
            answer = await self._answers[asked["ask"]](asked)
            _write(writer, answer)
            await writer.drain()
        except (OSError, EOFError, ValueError, KeyError) as error:
            log.warning("a question of another process was not answered: %s", type(error).__name__)
        finally:
            self._open.discard(writer)
            writer.close()


async def ask(path: Path, question: str, within_s: float, **body: Any) -> dict[str, Any]:
    """Returns the answer. Raises NoAnswer."""
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                _write(writer, {"ask": question, **body})
                return await _read(reader)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
        raise NoAnswer(type(error).__name__) from None


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    length = int.from_bytes(await reader.readexactly(_LENGTH))
    if length > FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes; expected {FRAME_BYTES} at most")
    found: dict[str, Any] = json.loads(await reader.readexactly(length))
    return found


def _write(writer: asyncio.StreamWriter, body: Mapping[str, Any]) -> None:
    raw = to_json(body)
    writer.write(len(raw).to_bytes(_LENGTH) + raw)
