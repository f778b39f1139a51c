"""Classifiers for drills that need a batch in hand at a certain moment: one that waits at a gate, one that is slow.

Their import paths are `tests.drills.gate:gated` and `tests.drills.gate:slow`. Environment variables set what they do.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.scorers import ScriptedScorer
from tidegate.classifiers import Scored

GATE = "DRILL_GATE"  # a file: while it exists, a scorer waits, and writes its number of texts to `<file>.waiting`
GATE_TEXTS = "DRILL_GATE_TEXTS"  # calls with fewer texts do not wait
TEXT_MS = "DRILL_TEXT_MS"  # milliseconds for each text


class Gate:
    """The gate as the drill opens and closes it."""

    def __init__(self, folder: Path, texts: int = 1) -> None:
        self._file, self._texts = folder / "gate", texts
        self._waiting = folder / "gate.waiting"

    @property
    def environ(self) -> dict[str, str]:
        return {GATE: str(self._file), GATE_TEXTS: str(self._texts)}

    def close(self) -> None:
        self._file.touch()

    def open(self) -> None:
        self._file.unlink()

    async def waiting(self, within_s: float = 90) -> int:
        """Returns the number of texts that a worker waits with, once one waits."""
        async with asyncio.timeout(within_s):
            while not (self._waiting.exists() and (texts := self._waiting.read_text())):
                await asyncio.sleep(0.05)
        return int(texts)


class GatedScorer(ScriptedScorer):
    """A ScriptedScorer that waits while the gate is closed."""

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        gate = os.environ.get(GATE)
        texts_of_drill = sum("said" in text for text in texts)  # without the texts of a worker's trial before it starts
        if gate and texts_of_drill >= int(os.environ[GATE_TEXTS]) and os.path.exists(gate):
            Path(f"{gate}.waiting").write_text(str(texts_of_drill))
            while os.path.exists(gate):
                time.sleep(0.02)
        return super().score(texts, explain=explain)


class SlowScorer(ScriptedScorer):
    """A ScriptedScorer that sleeps for every text."""

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        time.sleep(len(texts) * float(os.environ[TEXT_MS]) / 1000)
        return super().score(texts, explain=explain)


def gated() -> GatedScorer:
    return GatedScorer()


def slow() -> SlowScorer:
    return SlowScorer()
