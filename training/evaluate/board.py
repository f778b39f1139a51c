"""The models under test, and what each said of every text: a text is scored once a model, whoever asks."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.classifiers import CascadeEntry, ModelEntry, Scorer, find_model, load, read_manifest
from training.label_map import LABELS

Scores = npt.NDArray[np.float64]
BATCH = 32
FP32 = "encoder fp32"
# What a reader of a model needs, besides the two files.
READ_BY = ("labels", "activation", "max_tokens", "overlap", "batching", "batch_tokens")


class Models(NamedTuple):
    """role -> model: "screen", "encoder", "encoder fp32", "cascade"; where there is no cascade, the default alone."""

    scorers: Mapping[str, Scorer]
    names: Mapping[str, str]  # role -> its name in the manifest
    headline: str  # the role that the card is about
    entry: ModelEntry | CascadeEntry  # of the headline
    thresholds: Mapping[str, float]  # label -> the manifest's chosen threshold


def load_models(manifest: Path, fp32: Path | None) -> Models:
    """The default of the manifest and its parts. Raises ValueError where it has no figures to take thresholds from."""
    known = read_manifest(manifest)
    entry = find_model(known, known.default, manifest)
    if entry.figures is None:
        raise ValueError(f"{manifest}: models.{known.default}: no figures, expected thresholds; nothing measured")
    names = {"screen": known.default}
    if isinstance(entry, CascadeEntry):
        names = {"screen": entry.screen, "encoder": entry.encoder, "cascade": known.default}
    scorers: dict[str, Scorer] = {role: load(name, manifest=manifest) for role, name in names.items()}
    if fp32 and "encoder" in names:
        whole = find_model(known, names["encoder"], manifest)
        scorers[FP32], names[FP32] = _other_file(whole, manifest.parent, fp32), f"{names['encoder']} in float32"
    headline = "cascade" if "cascade" in names else "screen"
    return Models(scorers, names, headline, entry, entry.figures.thresholds)


def _other_file(entry: ModelEntry | CascadeEntry, folder: Path, file: Path) -> Scorer:
    """The model with another graph in place of its own."""
    keys = entry.model_dump(mode="json", include=set(READ_BY))
    tokenizer = (folder / entry.tokenizer).resolve() if isinstance(entry, ModelEntry) else Path()
    keys |= {"file": str(file.resolve()), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    keys |= {"tokenizer": str(tokenizer), "tokenizer_sha256": hashlib.sha256(tokenizer.read_bytes()).hexdigest()}
    keys |= {"licence": "", "summary": "", "intended_use": ""}
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]  # strings and lists are TOML as they are
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch) / "models.toml"
        written.write_text('default = "whole"\n[models.whole]\n' + "\n".join(lines) + "\n", "utf-8")
        return load("whole", manifest=written)


class Board:
    """Scores by role and text, rounded to 4 decimals as everything that decides on them sees them."""

    def __init__(self, scorers: Mapping[str, Scorer]) -> None:
        self.scorers = scorers
        self._rows: dict[str, dict[str, Scores]] = {role: {} for role in scorers}
        self._sent: dict[str, dict[str, bool]] = {role: {} for role in scorers}

    def scores(self, role: str, texts: Sequence[str]) -> Scores:
        """(N, L), columns as in LABELS; NaN for a label that the model does not give."""
        rows = self._rows[role]
        self._score(role, [text for text in dict.fromkeys(texts) if text not in rows])
        return np.array([rows[text] for text in texts]).reshape(len(texts), len(LABELS))

    def sent(self, role: str, texts: Sequence[str]) -> float | None:
        """Share of the texts of which the encoder read something; None for a single model, or no texts."""
        self.scores(role, texts)
        known = self._sent[role]
        return float(np.mean([known[text] for text in texts])) if known and texts else None

    def _score(self, role: str, texts: Sequence[str]) -> None:
        scorer = self.scorers[role]
        columns = [LABELS.index(label) for label in scorer.labels if label in LABELS]
        taken = [i for i, label in enumerate(scorer.labels) if label in LABELS]
        # A cascade counts what it sent a call, so it gets one text a call.
        step = 1 if role == "cascade" else BATCH
        for start in range(0, len(texts), step):
            some = texts[start : start + step]
            scored = scorer.score(some)
            for text, values in zip(some, scored.values, strict=True):
                row = np.full(len(LABELS), np.nan)
                row[columns] = np.round(values[taken].astype(np.float64), 4)
                self._rows[role][text] = row
                if scored.sent is not None:
                    self._sent[role][text] = scored.sent > 0
