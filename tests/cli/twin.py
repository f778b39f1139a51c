"""A classifier whose scores stand in the text: `toxicity=0.85 insult=0.2`. For tests that are about anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LABELS = ("toxicity", "insult", "threat", "obscene", "identity_attack", "stereotype")
_SAID = re.compile(r"(\w+)=([0-9.]+)")


class Twin:
    """A `Scorer`. A text that says `boom` makes it raise."""

    labels = LABELS
    version = "twin@1"

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        scores = np.zeros((len(texts), len(LABELS)), np.float32)
        for i, text in enumerate(texts):
            if "boom" in text:
                raise RuntimeError("boom")
            for label, said in _SAID.findall(text):
                if label in LABELS:
                    scores[i, LABELS.index(label)] = float(said)
        return scores


def make() -> Twin:
    return Twin()
