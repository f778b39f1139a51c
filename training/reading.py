"""The encoder reading what the screen would send it: every window of every text, each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from tidegate.classifiers.classifier import Classifier
from tidegate.classifiers.tokens import Windower
from training.cut import slices

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def pieces_of(texts: Sequence[str], windower: Windower) -> tuple[list[str], Ints]:
    """(every window of every text as the cascade would send it, the text each is of)."""
    cut = slices(windower, texts)
    return [piece for pieces in cut for piece in pieces], np.repeat(np.arange(len(cut)), [len(p) for p in cut])


def read_all(classifier: Classifier, texts: Sequence[str], threads: int) -> Floats:
    """(N, L) scores, each text a call of its own, so many side by side."""
    with ThreadPoolExecutor(threads) as pool:
        rows = list(pool.map(lambda text: classifier.score([text]).values[0], texts, chunksize=64))
    return np.array(rows, np.float32).reshape(len(texts), len(classifier.labels))
