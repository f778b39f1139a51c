"""A classifier whose scores stand in the text: `toxicity=0.85 insult=0.2`. For tests that are about anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tests.support.scorers import LABELS
from tidegate.classifiers import Scored, Span

_SAID = re.compile(r"(\w+)=([0-9.]+)")  # and where it stands, where asked


class Twin:
    """A `Scorer`. A text that says `boom` makes it raise, one that says `mute` where it is asked to explain."""

    labels = LABELS
    version = "twin@1"

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        scores = np.zeros((len(texts), len(LABELS)), np.float32)
        for i, text in enumerate(texts):
            if "boom" in text or (explain and "mute" in text):
                raise RuntimeError("boom")
            for label, said in _SAID.findall(text):
                if label in LABELS:
                    scores[i, LABELS.index(label)] = float(said)
        return Scored(scores, spans=[_spans(text) for text in texts] if explain else None)


def _spans(text: str) -> list[Span]:
    return [Span(found.start(), found.end(), found[1], float(found[2])) for found in _SAID.finditer(text)]


def make() -> Twin:
    return Twin()
