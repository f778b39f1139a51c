"""A loaded model: texts in, calibrated scores out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from classifiers.errors import ModelFileError, ScoreError
from classifiers.graph import Graph
from classifiers.manifest import DEFAULT_MANIFEST, Activation, ModelEntry, find_model, read_manifest
from classifiers.scored import Scored, Scores
from classifiers.tokens import Windower, read_tokenizer
from classifiers.windows import groups

# Characters tokenized in one go: bounds the memory of a call (about 100 bytes each) whatever the batch holds.
CHARS_AT_ONCE = 262_144


class Classifier:
    """One model of the manifest. Made by `load`."""

    def __init__(self, name: str, entry: ModelEntry, graph: Graph, windower: Windower) -> None:
        self.name = name
        self.entry = entry
        self.labels: tuple[str, ...] = entry.labels
        self.version = f"{name}@{_fingerprint(entry)[:8]}"
        self._graph = graph
        self._windower = windower

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        """(N, L) float32 probabilities in [0, 1]; row i belongs to text i, columns are `labels`.

        A text longer than a window is read in overlapping windows, and for each label the strongest counts. A text
        without tokens (empty, or only white space) scores 0.0 everywhere. Lone surrogates are read as U+FFFD.
        A text scores the same alone, in any batch and in any order (to 4 decimals). Thread safe.
        Raises ScoreError where the model gives something that is no probability.
        """
        scores = np.zeros((len(texts), len(self.labels)), np.float32)
        for start, end in _chunks(texts, CHARS_AT_ONCE):
            windows, owners = self._windower.windows(texts[start:end])
            lengths = [len(window) for window in windows]
            budget = self.entry.batch_tokens if self.entry.batching == "padded" else 0
            for group in groups(lengths, budget):
                raw = self._graph.run([windows[i] for i in group], self._windower.pad)
                rows = np.array([start + owners[i] for i in group])
                np.maximum.at(scores, rows, self._activated(raw, len(group)))
        return Scored(scores)

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


def load(name: str | None = None, *, manifest: Path | None = None, threads: int = 1) -> Classifier:
    """The model of that name, checked and warm; the manifest's default where no name is given.

    manifest: a models.toml; None for the package's own. Files it names are read once, hashed, and loaded from memory.
    threads: of one model run; 1 where batches are scored side by side. Tokenizing then also stays on the caller's
    thread: TOKENIZERS_PARALLELISM is set to false unless it is set already.
    Raises ManifestError, UnknownModelError, ModelFileError or ModelMismatchError; then nothing was loaded.
    """
    path = manifest or DEFAULT_MANIFEST
    known = read_manifest(path)
    name = name or known.default
    entry = find_model(known, name, path)
    if threads == 1:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    model_path, tokenizer_path = path.parent / entry.file, path.parent / entry.tokenizer
    model = _checked(model_path, entry.sha256, f"{path}: models.{name}.file")
    vocabulary = _checked(tokenizer_path, entry.tokenizer_sha256, f"{path}: models.{name}.tokenizer")
    windower = Windower(
        read_tokenizer(tokenizer_path, vocabulary),
        max_tokens=entry.max_tokens,
        overlap=entry.overlap,
        where=f"{path}: models.{name}",
    )
    graph = Graph(model_path, model, width=len(entry.labels), threads=threads)
    probe, _ = windower.windows(["a the 0 ."])
    graph.check(probe[0] if probe else np.array([windower.pad], np.int64), windower.pad)
    return Classifier(name, entry, graph, windower)


def _checked(path: Path, sha256: str, where: str) -> bytes:
    """The file's bytes, if they are the registered ones. Raises ModelFileError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{where}: {path}: {error.strerror}; expected a file; no model loaded") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelFileError(f"{where}: {path}: sha256 is {found}, expected {sha256}; no model loaded")
    return content


def _fingerprint(entry: ModelEntry) -> str:
    """sha256 over everything that a score depends on: both files, and how they are read."""
    parts = (
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
