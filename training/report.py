"""What a finished model is worth: figures a label on held-out texts, scored through `classifiers` as in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tidegate.classifiers import Scorer, Scores
from tidegate.classifiers.loading import load
from training import figures
from training.corpus import Part
from training.label_map import LABELS
from training.recipe import Recipe
from training.register import Register

CANDIDATES = (0.3, 0.5, 0.7, 0.9)  # thresholds that the benign table is given at, beside the chosen ones
ENOUGH = 25  # positives, and negatives, of a set in a part, for its own AUROC to say anything


def score_all(scorer: Scorer, texts: Sequence[str], batch: int = 64, threads: int = 1) -> Scores:
    """(N, L) scores, in batches as a worker would ask for them, so many batches side by side."""
    batches = [texts[i : i + batch] for i in range(0, len(texts), batch)]
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda some: scorer.score(some).values, batches))
    return np.concatenate(parts) if parts else np.zeros((0, len(scorer.labels)), np.float32)


def measured(
    name: str,
    register: Register,
    test: Part,
    benign: Mapping[str, Mapping[str, Sequence[str]]],
    recipe: Recipe,
) -> dict[str, Any]:
    """What a registered model scores on test and benign texts (split -> set -> texts), as figures."""
    model = load(name, manifest=register.manifest)

    def scored(texts: Sequence[str]) -> Scores:
        return score_all(model, texts, threads=recipe.threads)

    test_scores = scored(test.texts)
    harmless = {split: {key: scored(texts) for key, texts in sets.items()} for split, sets in benign.items()}
    chosen = thresholds(harmless["dev"], recipe.target_fpr)
    return {
        "version": model.version,
        "thresholds": chosen,
        "labels": by_label(test, test_scores, harmless["test"], chosen),
        "auroc_by_set": by_set(test, test_scores),
        "benign_test": benign_table(harmless["test"], chosen),
    }


def label_counts(part: Part) -> dict[str, dict[str, int]]:
    """Label -> texts known to carry it and not to; of the former, those that come from a labelled set."""
    known, real = part.w > 0, part.sets != "contrast"
    return {
        label: {
            "yes": int(part.y[known[:, j], j].sum()),
            "yes_real": int(part.y[known[:, j] & real, j].sum()),
            "no": int((1 - part.y[known[:, j], j]).sum()),
        }
        for j, label in enumerate(LABELS)
    }


def spread(part: Part, count: int) -> list[str]:
    """So many of the sentences that we wrote, evenly over the part."""
    ours = [text for text, name in zip(part.texts, part.sets, strict=True) if name == "contrast"]
    return ours[:: max(1, len(ours) // count)][:count]


def thresholds(benign: Mapping[str, Scores], fpr: float) -> dict[str, float]:
    """Label -> lowest threshold with at most `fpr` of benign texts at or above it, to 3 decimals, from 0.5 up.

    Each benign set counts alike, whatever its size: the mean over sets of its own false-positive rate.
    """
    chosen = {}
    for j, label in enumerate(LABELS):
        steps = (step / 1000 for step in range(500, 1000))
        passing = (t for t in steps if np.mean([(s[:, j] >= t).mean() for s in benign.values() if len(s)]) <= fpr)
        chosen[label] = next(passing, 1.0)
    return chosen


def by_label(test: Part, scores: Scores, benign: Mapping[str, Scores], chosen: Mapping[str, float]) -> dict[str, Any]:
    """Label -> the fields of the manifest's LabelFigures, rounded to 4 decimals."""
    everything = np.concatenate(list(benign.values()))
    found = {}
    for j, label in enumerate(LABELS):
        known = test.w[:, j] > 0
        y, s, at = test.y[known, j], scores[known, j], chosen[label]
        found[label] = {
            "positives": int(y.sum()),
            "negatives": int((1 - y).sum()),
            "auroc": round(figures.auroc(y, s), 4),
            "auprc": round(figures.auprc(y, s), 4),
            "recall_at_1pct_fpr": round(figures.recall_at_fpr(y, s, 0.01), 4),
            "threshold": at,
            "recall_at_threshold": round(figures.recall(y, s, at), 4),
            "benign_fpr": round(float((everything[:, j] >= at).mean()), 4),
            "calibration_error": round(figures.calibration_error(y, s), 4),
        }
    return found


def by_set(part: Part, scores: Scores) -> dict[str, dict[str, float]]:
    """Label -> set -> AUROC, where the set has enough of both answers in this part."""
    found: dict[str, dict[str, float]] = {}
    for j, label in enumerate(LABELS):
        for name in np.unique(part.sets):
            here = (part.sets == name) & (part.w[:, j] > 0)
            y = part.y[here, j]
            if min(y.sum(), (1 - y).sum()) >= ENOUGH:
                found.setdefault(label, {})[str(name)] = round(figures.auroc(y, scores[here, j]), 4)
    return found


def benign_table(benign: Mapping[str, Scores], chosen: Mapping[str, float]) -> dict[str, Any]:
    """Set -> texts, and label -> share of them at or above each candidate threshold and the chosen one."""
    table: dict[str, Any] = {}
    for name, scores in benign.items():
        if not len(scores):
            continue
        table[name] = {"texts": len(scores)}
        for j, label in enumerate(LABELS):
            at = {str(t): round(float((scores[:, j] >= t).mean()), 4) for t in CANDIDATES}
            at["chosen"] = round(float((scores[:, j] >= chosen[label]).mean()), 4)
            table[name][label] = at
    return table
