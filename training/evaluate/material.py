"""What the models are tried on: held-out texts, at most so many a set, drawn by a seed."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.contrast import contrast
from training.contrast.sentence import Sentence
from training.corpus import HARMLESS_ANSWERS, Part, benign_texts, load_parts, picked, some_of_each
from training.evaluate.aims import SETS
from training.evaluate.names import OURS
from training.label_map import LABELS, OUTPUT_LABELS
from training.recipe import Recipe

MADLIBS = "madlibs_intersectional"
LLM_ANSWERS = (HARMLESS_ANSWERS, "hh_rlhf_harmless")  # the benign sets that language models wrote
ANY_HARM = 60  # training rows of the TF-IDF for each row of a test set: 36,000 at the default
MORE = 4  # times as many rows of templates: what is measured there is measured an identity


class AnyHarm(NamedTuple):
    """Training texts for a plain two-class model; y is 1 where any label of outputs holds, (N,)."""

    texts: list[str]
    y: npt.NDArray[np.float32]


class Material(NamedTuple):
    """Everything that is scored."""

    test: Part  # the labelled sets, real ones only
    aims: Part  # more texts of the sets that aims and published figures are of
    written: Part  # held-out sentences of ours
    sentences: dict[str, Sentence]  # text -> what we know of it, for `written`
    dev: list[str]  # a mix of all real sets
    benign: dict[str, list[str]]  # set -> texts assumed harmless
    madlibs: tuple[list[str], npt.NDArray[np.float32]]  # texts, toxic or not
    positives: dict[str, dict[str, int]]  # label -> training set -> positives
    any_harm: AnyHarm


def gather(data: Path, recipe: Recipe, rows: int) -> Material:
    """At most `rows` texts of each set. Raises FileNotFoundError naming the sets that DIR does not hold."""
    parts, _ = load_parts(data, recipe, None)
    ours = parts["test"].sets == OURS
    known = {sentence.text: sentence for sentence in contrast(recipe.seed)}
    written = some_of_each(picked(parts["test"], np.flatnonzero(ours)), MORE * rows, recipe.seed)
    dev = parts["dev"]
    real_dev = picked(dev, np.flatnonzero(~np.isin(dev.sets, (OURS, MADLIBS))))
    return Material(
        test=some_of_each(picked(parts["test"], np.flatnonzero(~ours)), rows, recipe.seed),
        aims=some_of_each(
            picked(parts["test"], np.flatnonzero(np.isin(parts["test"].sets, list(SETS)))), MORE * rows, recipe.seed
        ),
        written=written,
        sentences={text: known[text] for text in written.texts},
        dev=some_of_each(real_dev, max(1, rows // 6), recipe.seed).texts,
        benign={name: _few(texts, rows, f"{recipe.seed} {name}") for name, texts in benign_texts(data, "test").items()},
        madlibs=_madlibs(data, set(dev.texts), MORE * rows, recipe.seed),
        positives=_positives(parts["train"]),
        any_harm=_any_harm(parts["train"], ANY_HARM * rows, recipe.seed),
    )


def _few(texts: list[str], rows: int, seed: str) -> list[str]:
    return texts if len(texts) <= rows else random.Random(seed).sample(texts, rows)


def _madlibs(data: Path, seen: set[str], rows: int, seed: int) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Sentences made of templates by others, of which none was trained on; those used for calibration are left out."""
    with gzip.open(data / f"{MADLIBS}.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = {row["text"]: int(row["labels"]["toxic"]) for row in map(json.loads, lines)}
    texts = _few([text for text in found if text not in seen], rows, f"{seed} {MADLIBS}")
    return texts, np.array([found[text] for text in texts], np.float32)


def _positives(train: Part) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for j, label in enumerate(LABELS):
        yes = train.sets[(train.w[:, j] > 0) & (train.y[:, j] == 1)]
        names, counts = np.unique(yes, return_counts=True)
        found[label] = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    return found


def _any_harm(train: Part, rows: int, seed: int) -> AnyHarm:
    columns = [LABELS.index(label) for label in OUTPUT_LABELS]
    known = train.w[:, columns] > 0
    y = ((train.y[:, columns] == 1) & known).any(axis=1)
    kept = _few([str(i) for i in np.flatnonzero(known.any(axis=1))], rows, f"{seed} any harm")
    order = [int(i) for i in kept]
    return AnyHarm([train.texts[i] for i in order], y[order].astype(np.float32))
