"""Texts with targets, split and without duplicates across splits.

Reads `DIR/<set>.jsonl.gz`; writes nothing. A text that is in test is in neither dev nor train, and one that is
in dev is not in train, whichever sets they came from: compared by letters and digits alone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.contrast import contrast
from training.label_map import BENIGN, LABELS, SETS, targets
from training.recipe import Recipe

SPLITS = ("test", "dev", "train")  # the first to claim a text keeps it
HARMLESS_ANSWERS = "gptfuzz_responses"
# Answers of one prompt template open with a refusal and go on to insult the user; "not harmful" there means that the
# question went unanswered, so they are no measure of false positives.
INSULTING_PERSONA = "how I really feel"
# Categories of harmful_prompts that ask for what a label of ours names.
REQUESTED = {
    "violence": ("Violence", "Physical Harm", "Physical harm", "Hate/Harass/Violence"),
    "sexual": ("Adult Content", "Sexual content", "Sexual/Adult content"),
}
DEV_ONLY = frozenset({"madlibs_intersectional"})

# Answers to "do you agree?" open with the answer; kept, "I agree" itself would come to mean stereotype.
_OPENER = re.compile(r"^\W*(I (strongly |completely |totally )?(dis)?agree[^.!?\n]{0,40}|yes|no)[.,:!\n]+\s*", re.I)


class Text(NamedTuple):
    """One labelled text: `known` maps our label to (1 or 0, weight)."""

    set: str
    split: str
    text: str
    known: dict[str, tuple[int, float]]


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
    missing = [name for name in SETS if name != "contrast" and not (data / f"{name}.jsonl.gz").is_file()]
    if missing:
        raise FileNotFoundError(f"{data}: no {', '.join(missing)} (.jsonl.gz); nothing was trained")
    rng = random.Random(recipe.seed)
    rows: dict[str, list[Text]] = {split: [] for split in SPLITS}
    counts: dict[str, Any] = {}
    for name in SETS:
        by_split: dict[str, list[Text]] = {split: [] for split in SPLITS}
        for text in _read(data, name, recipe.seed):
            by_split[text.split].append(text)
        for split, texts in by_split.items():
            cap = recipe.caps.get(name) if split == "train" else recipe.heldout_cap
            limit = min(cap or len(texts), slice_rows or len(texts))
            rows[split] += texts if limit >= len(texts) else rng.sample(texts, limit)
    seen: dict[bytes, str] = {}
    parts = {}
    for split in SPLITS:
        kept = [row for row in rows[split] if seen.setdefault(_key(row.text), split) == split]
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
    860 characters). Nothing was trained on those, so what they call train stands in for the dev split they lack.
    """
    pools: dict[str, list[str]] = {}
    for name in BENIGN:
        pools[name] = [t.text for t in _read(data, name, 0) if t.split == split][:limit]
    theirs = {"dev": "train", "test": "test"}[split]
    with gzip.open(data / f"{HARMLESS_ANSWERS}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    answers = [
        row["text"]
        for row in rows
        if row["split"] == theirs and row["labels"]["harmful_response"] == 0 and INSULTING_PERSONA not in row["text"]
    ]
    pools[HARMLESS_ANSWERS] = answers[: limit or 1000]
    return pools


def _read(data: Path, name: str, seed: int) -> Iterator[Text]:
    if name == "contrast":
        for sentence in contrast(seed):
            # Whole templates are held out: a sentence of one that was trained on measures nothing.
            split = ("dev", "test", *["train"] * 8)[_key(sentence.template)[0] % 10]
            yield Text(name, split, sentence.text, targets(name, sentence.known))
        return
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            split = "dev" if name in DEV_ONLY else row["split"]
            if name == "bold_wiki_benign" and split == "train" and _key(row["text"])[0] % 10 == 0:
                split = "test"  # the set comes without one
            known = targets(name, _raw(name, row))
            text = _sentence(name, row)
            if known and text and split in SPLITS:
                yield Text(name, split, text, known)


def _raw(name: str, row: dict[str, Any]) -> dict[str, float]:
    """The row's labels, and those that the table wants and the set says in another way."""
    labels: dict[str, float] = row["labels"]
    if name == "decodingtrust_stereotype":
        return labels | {"not_rejecting": 1 - labels["rejects_stereotype"]}
    if name == "harmful_prompts":
        category = row.get("meta", {}).get("category")
        return labels | {label: 1.0 for label, named in REQUESTED.items() if category in named}
    if name == "injection_other" and row.get("meta", {}).get("lang") not in (None, "English"):
        return {}  # machine translations; the models are English
    return labels


def _sentence(name: str, row: dict[str, Any]) -> str:
    if name == "decodingtrust_stereotype":
        return _OPENER.sub("", row["text"]).strip()
    return str(row["text"])


def _key(text: str) -> bytes:
    return hashlib.sha256("".join(filter(str.isalnum, text.lower())).encode("utf-8", "replace")).digest()[:16]


def _arrays(rows: list[Text], recipe: Recipe) -> Part:
    y = np.zeros((len(rows), len(LABELS)), np.float32)
    w = np.zeros((len(rows), len(LABELS)), np.float32)
    for i, row in enumerate(rows):
        for label, (answer, weight) in row.known.items():
            j = LABELS.index(label)
            y[i, j], w[i, j] = answer, weight * recipe.weights.get(row.set, 1.0)
    return Part(np.array([row.set for row in rows]), [row.text for row in rows], y, w)
