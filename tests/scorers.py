"""Classifiers for tests, named as `tests.scorers:factory`: real scorers, of texts that say how they want to be scored.

A text may hold `toxicity=0.91 insult=0.4`, which is what it scores; and words that hurt: RAISE, HANG, ABORT, NAN.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LABELS = ("toxicity", "insult", "threat", "obscene", "identity_attack", "stereotype")
RELEASE = threading.Event()  # what HANG waits for: never set in a worker, at the end of a test so that it can exit
_SAID = re.compile(r"\b([a-z_]{1,20})=([01](?:\.\d+)?)")


class Obedient:
    """Scores what a text asks for, and does what it says."""

    labels = LABELS
    version = "obedient@1"

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        scores = np.zeros((len(texts), len(LABELS)), np.float32)
        for row, text in zip(scores, texts, strict=True):
            if "RAISE" in text:
                raise ValueError(text)
            if "HANG" in text:
                RELEASE.wait()
            if "ABORT" in text:
                os.abort()
            for label, score in _SAID.findall(text):
                if label in LABELS:
                    row[LABELS.index(label)] = float(score)
            if "NAN" in text:
                row[0] = np.nan
        return scores


class Zeros:
    """Scores nothing: what is left is everything else."""

    labels = LABELS
    version = "zeros@1"

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.zeros((len(texts), len(LABELS)), np.float32)


def obedient() -> Obedient:
    return Obedient()


def zeros() -> Zeros:
    return Zeros()
