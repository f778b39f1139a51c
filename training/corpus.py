"""Texts with targets, split and without duplicates across splits.

Reads `DIR/<set>.jsonl.gz`; writes nothing. A text that is in test is in neither dev nor train, and one that is
in dev is not in train, whichever sets they came from: compared by letters and digits alone.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.label_map import BENIGN, LABELS, SETS
from training.recipe import Recipe
from training.source import Text, file_of, key, read, rows_of

SPLITS = ("test", "dev", "train")  # the first to claim a text keeps it
HARMLESS_ANSWERS = "gptfuzz_responses"
# Answers of one prompt template open with a refusal and go on to insult the user; "not harmful" there means that the
# question went unanswered, so they are no measure of false positives.
INSULTING_PERSONA = "how I really feel"


class Part(NamedTuple):
    """One split as arrays: y is 0 or 1, w is 0 where the label is unknown; both (N, L) float32."""

    sets: npt.NDArray[np.str_]
    texts: list[str]
    y: npt.NDArray[np.float32]
    w: npt.NDArray[np.float32]


def load_parts(data: Path, recipe: Recipe, slice_rows: int | None) -> tuple[dict[str, Part], dict[str, Any]]:
    """Split name -> its texts, and what was counted on the way (rows a set, duplicates dropped).

    slice_rows: at most so many rows of a set and split, for a quick run; None reads all.
    Raises FileNotFoundError naming the sets that DIR does not hold.
    """
    missing = [name for name in SETS if name != "contrast" and not file_of(data, name).is_file()]
    if missing:
        raise FileNotFoundError(f"{data}: no {', '.join(missing)} (.jsonl.gz); nothing was trained")
    rng = random.Random(recipe.seed)
    rows: dict[str, list[Text]] = {split: [] for split in SPLITS}
    counts: dict[str, Any] = {}
    for name in SETS:
        by_split: dict[str, list[Text]] = {split: [] for split in SPLITS}
        for text in read(data, name, recipe.seed):
            if text.split in SPLITS:
                by_split[text.split].append(text)
        for split, texts in by_split.items():
            cap = recipe.caps.get(name) if split == "train" else recipe.heldout_cap
            limit = min(cap or len(texts), slice_rows or len(texts))
            rows[split] += texts if limit >= len(texts) else rng.sample(texts, limit)
    seen: dict[bytes, str] = {}
    parts = {}
    for split in SPLITS:
        kept = [row for row in rows[split] if seen.setdefault(key(row.text), split) == split]
        counts[split] = {
            "rows": len(kept),
            "dropped_duplicates_of_other_splits": len(rows[split]) - len(kept),
            "per_set": dict(Counter(row.set for row in kept)),
        }
        parts[split] = _arrays(kept, recipe)
    return parts, counts


def benign_texts(data: Path, split: str, limit: int | None = None) -> dict[str, list[str]]:
    """Set name -> texts of that split assumed harmless, of which any score above a threshold is a false positive.

    Beside the benign sets: the answers of language models that a person judged not harmful (mostly refusals of about
    860 characters).
    """
    pools: dict[str, list[str]] = {}
    for name in BENIGN:
        pools[name] = [t.text for t in read(data, name, 0) if t.split == split][:limit]
    answers = [
        row["text"]
        for row in rows_of(data, HARMLESS_ANSWERS)
        if row["split"] == split and row["labels"]["harmful_response"] == 0 and INSULTING_PERSONA not in row["text"]
    ]
    pools[HARMLESS_ANSWERS] = answers[: limit or 1000]
    return pools


def some_of_each(part: Part, rows: int, seed: int) -> Part:
    """At most so many texts of each set, drawn by the seed, in the part's own order."""
    kept: list[int] = []
    for name in sorted(set(part.sets.tolist())):
        here = np.flatnonzero(part.sets == name).tolist()
        kept += here if len(here) <= rows else random.Random(f"{seed} {name}").sample(here, rows)
    return picked(part, np.array(sorted(kept), np.int64))


def picked(part: Part, rows: npt.NDArray[np.int64]) -> Part:
    """These texts of it."""
    return Part(part.sets[rows], [part.texts[i] for i in rows], part.y[rows], part.w[rows])


def _arrays(rows: list[Text], recipe: Recipe) -> Part:
    y = np.zeros((len(rows), len(LABELS)), np.float32)
    w = np.zeros((len(rows), len(LABELS)), np.float32)
    for i, row in enumerate(rows):
        for label, (answer, weight) in row.known.items():
            j = LABELS.index(label)
            y[i, j], w[i, j] = answer, weight * recipe.weights.get(row.set, 1.0)
    return Part(np.array([row.set for row in rows]), [row.text for row in rows], y, w)
