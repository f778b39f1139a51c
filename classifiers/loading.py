"""From a name to a checked, warm scorer: the only file that reads model files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from tidegate.classifiers import golden, sample
from tidegate.classifiers.cascade import Cascade
from tidegate.classifiers.classifier import Classifier
from tidegate.classifiers.entries import CascadeEntry, ModelEntry
from tidegate.classifiers.errors import ModelFileError
from tidegate.classifiers.graph import Graph
from tidegate.classifiers.manifest import DEFAULT_MANIFEST, find_model, read_manifest
from tidegate.classifiers.scores import Scorer
from tidegate.classifiers.tokens import Windower, read_tokenizer


def load(name: str | None = None, *, manifest: Path | None = None, threads: int = 1) -> Classifier | Cascade:
    """The model of that name, checked and warm; the manifest's default where no name is given.

    manifest: a models.toml; None for the package's own. Files it names are read once, hashed, and loaded from memory.
    threads: of one model run, 1 where batches are scored side by side; of a cascade, the encoder's runs side by side,
    each on one thread. Tokenizing stays on the caller's thread, where threads is 1 and in a cascade:
    TOKENIZERS_PARALLELISM is set to false unless it is set already.
    Raises ManifestError, UnknownModelError, ModelFileError, ModelMismatchError or GoldenMismatchError; then nothing
    was loaded.
    """
    path = manifest or DEFAULT_MANIFEST
    known = read_manifest(path)
    name = name or known.default
    entry = find_model(known, name, path)
    if threads == 1 or isinstance(entry, CascadeEntry):
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if isinstance(entry, ModelEntry):
        return _classifier(path, name, entry, threads)
    parts = [(part, known.models[part]) for part in (entry.screen, entry.encoder)]
    screen, encoder = (_classifier(path, part, e, 1) for part, e in parts if isinstance(e, ModelEntry))
    stated = None
    if entry.traffic and entry.traffic_sha256:
        file = path.parent / entry.traffic
        content = _checked(file, entry.traffic_sha256, f"{path}: models.{name}.traffic")
        stated = sample.read(file, content, len(entry.labels))
    cascade = Cascade(name, entry, screen, encoder, traffic=stated, threads=threads)
    _check_golden(path, name, entry, cascade)
    return cascade


def _classifier(path: Path, name: str, entry: ModelEntry, threads: int) -> Classifier:
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
    classifier = Classifier(name, entry, graph, windower)
    _check_golden(path, name, entry, classifier)
    return classifier


def _check_golden(path: Path, name: str, entry: ModelEntry | CascadeEntry, scorer: Scorer) -> None:
    if entry.golden and entry.golden_sha256:
        file = path.parent / entry.golden
        content = _checked(file, entry.golden_sha256, f"{path}: models.{name}.golden")
        golden.read(file, content).check(scorer, str(file))


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
