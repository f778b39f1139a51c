"""Classifiers for drills that need a batch in hand at a certain moment: one that waits at a gate, one that is slow.

Named as `tests.drills.gate:gated` and `tests.drills.gate:slow`; what they do is said by variables of their process.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.scorers import ScriptedScorer
from tidegate.classifiers import Scored

GATE = "DRILL_GATE"  # a file: while it is there, whoever scores waits, and says how many texts in `<file>.waiting`
GATE_TEXTS = "DRILL_GATE_TEXTS"  # only calls with so many texts or more wait
TEXT_MS = "DRILL_TEXT_MS"  # what a text takes


class Gate:
    """The drill's end of it."""

    def __init__(self, folder: Path, texts: int = 1) -> None:
        self._file, self._texts = folder / "gate", texts
        self._said = folder / "gate.waiting"

    @property
    def environ(self) -> dict[str, str]:
        return {GATE: str(self._file), GATE_TEXTS: str(self._texts)}

    def close(self) -> None:
        self._file.touch()

    def open(self) -> None:
        self._file.unlink()

    async def waiting(self, within_s: float = 90) -> int:
        """How many texts a worker waits with, once one does."""
        async with asyncio.timeout(within_s):
            while not (self._said.exists() and (said := self._said.read_text())):
                await asyncio.sleep(0.05)
        return int(said)


class Gated(ScriptedScorer):
    """ScriptedScorer, and waits where it is told to."""

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        gate = os.environ.get(GATE)
        ours = sum("said" in text for text in texts)  # not what a worker tries the classifier with before it starts
        if gate and ours >= int(os.environ[GATE_TEXTS]) and os.path.exists(gate):
            Path(f"{gate}.waiting").write_text(str(ours))
            while os.path.exists(gate):
                time.sleep(0.02)
        return super().score(texts, explain=explain)


class Slow(ScriptedScorer):
    """ScriptedScorer, and takes its time with every text."""

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        time.sleep(len(texts) * float(os.environ[TEXT_MS]) / 1000)
        return super().score(texts, explain=explain)


def gated() -> Gated:
    return Gated()


def slow() -> Slow:
    return Slow()
