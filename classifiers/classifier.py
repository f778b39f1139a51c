"""A loaded model: texts in, calibrated scores out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tidegate.classifiers.entries import Activation, ModelEntry
from tidegate.classifiers.errors import ScoreError
from tidegate.classifiers.explain import explain_screen
from tidegate.classifiers.graph import Graph
from tidegate.classifiers.offsets import Ids
from tidegate.classifiers.runs import RULE, given, shortened
from tidegate.classifiers.scores import Scored, Scores
from tidegate.classifiers.tokens import Windower
from tidegate.classifiers.windows import groups

Owners = npt.NDArray[np.int64]

# Characters tokenized in one go: bounds the memory of a call (about 100 bytes each) whatever the batch holds.
CHARS_AT_ONCE = 262_144


class Classifier:
    """One model of the manifest. Made by `load`."""

    def __init__(self, name: str, entry: ModelEntry, graph: Graph, windower: Windower) -> None:
        self.name = name
        self.entry = entry
        self.labels: tuple[str, ...] = entry.labels
        self.prompt_labels: tuple[str, ...] = entry.prompt_labels
        self.fingerprint = _fingerprint(entry)
        self.version = f"{name}@{self.fingerprint[:8]}"
        self.windower = windower
        self.graph = graph

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        """(N, L) float32 probabilities in [0, 1]; row i belongs to text i, columns are `labels`.

        A text longer than a window is read in overlapping windows, and for each label the strongest counts. A text
        without tokens (empty, or only white space) scores 0.0 everywhere. Lone surrogates are read as U+FFFD. What
        repeats itself is shortened first (classifiers/runs.py); spans are of the text as it was given.
        A text scores the same alone, in any batch and in any order (to 4 decimals). Thread safe.
        explain: gives `spans` too (classifiers/explain.py says which), at the cost of some dozens of runs a text.
        Raises ScoreError where the model gives something that is no probability.
        """
        short = [shortened(text) for text in texts]
        read = [each.text for each in short]
        owners, rows = self.read(read)
        values = strongest(owners, rows, len(texts))
        if not explain:
            return Scored(values)
        return Scored(values, spans=given(short, explain_screen(self, read, owners, rows, values)))

    def read(self, texts: Sequence[str]) -> tuple[Owners, Scores]:
        """(the text of each window, ascending; (W, L) scores of the windows), all windows of all texts, in order.

        Of texts as `shortened` leaves them.
        """
        owners: list[int] = []
        found: list[Scores] = []
        for start, end in _chunks(texts, CHARS_AT_ONCE):
            windows, of = self.windower.windows(texts[start:end])
            owners += [start + owner for owner in of]
            found.append(self.probabilities(windows))
        return np.array(owners, np.int64), np.concatenate([np.zeros((0, len(self.labels)), np.float32), *found])

    def probabilities(self, windows: Sequence[Ids]) -> Scores:
        """(W, L) scores of windows of token ids, special tokens included, as the windower gives them."""
        rows = np.zeros((len(windows), len(self.labels)), np.float32)
        budget = self.entry.batch_tokens if self.entry.batching == "padded" else 0
        for group in groups(list(map(len, windows)), budget):
            raw = self.graph.run([windows[i] for i in group], self.windower.pad)
            rows[group] = self._activated(raw, len(group))
        return rows

    def _activated(self, raw: Scores, rows: int) -> Scores:
        if raw.shape != (rows, len(self.labels)):
            raise ScoreError(f"{self.version}: gave shape {raw.shape}, expected {(rows, len(self.labels))}; not scored")
        out = ACTIVATIONS[self.entry.activation](raw.astype(np.float64))
        if not ((out >= 0) & (out <= 1)).all():  # also false for NaN
            raise ScoreError(
                f"{self.version}: gave a number that is no probability after {self.entry.activation}, expected "
                f"[0, 1]; {rows} windows not scored"
            )
        return out.astype(np.float32)


def strongest(owners: Owners, rows: Scores, texts: int) -> Scores:
    """(N, L): the highest of each text's windows a label; 0 for a text without windows."""
    values = np.zeros((texts, rows.shape[1]), np.float32)
    np.maximum.at(values, owners, rows)
    return values


def _fingerprint(entry: ModelEntry) -> str:
    """sha256 over everything that a score depends on: both files, and how they are read: runs, windows, labels."""
    parts = (
        RULE,
        *(entry.sha256, entry.tokenizer_sha256, entry.activation, entry.batching),
        *(str(entry.max_tokens), str(entry.overlap), *entry.labels),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _chunks(texts: Sequence[str], chars: int) -> Iterator[tuple[int, int]]:
    """Half-open runs of neighbouring texts, each of at most `chars` characters or of one longer text."""
    start = size = 0
    for i, text in enumerate(texts):
        if i > start and size + len(text) > chars:
            yield start, i
            start, size = i, 0
        size += len(text)
    if start < len(texts):
        yield start, len(texts)


def _sigmoid(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))  # past 700 exp overflows; the result is 0 or 1 there anyhow


def _softmax(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _as_is(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return x


# In float64, where the last bit is far below the fourth decimal: a vectorised exp may differ by its place in a batch.
ACTIVATIONS: dict[Activation, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "none": _as_is,
}
