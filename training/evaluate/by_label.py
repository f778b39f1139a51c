"""Per label: ranking, the default threshold, calibration; overall, a set, and on harmless text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from training import figures
from training.corpus import Part
from training.evaluate.board import Scores
from training.evaluate.measures import Floats, auprc, auroc, enough, outcome, reliability
from training.label_map import LABELS, OUTPUT_LABELS


def known(part: Part, scores: Scores, label: str) -> tuple[Floats, Floats]:
    """(truth, scores) of the texts of which the label is known; both empty where the model does not give it."""
    j = LABELS.index(label)
    here = (part.w[:, j] > 0) & ~np.isnan(scores[:, j])
    return part.y[here, j], scores[here, j]


def label_figures(y: Floats, score: Floats, threshold: float) -> dict[str, Any]:
    """One row of a table; None where there are too few of either answer."""
    at = outcome(y, score >= threshold)
    told = enough(y)
    return {
        "texts": len(y),
        "positives": int(y.sum()),
        "auroc": auroc(y, score),
        "auprc": auprc(y, score),
        "threshold": threshold,
        "precision": at.precision if told else None,
        "recall": at.recall if told else None,
        "f1": at.f1 if told else None,
        "recall_at_1pct_fpr": figures.recall_at_fpr(y, score, 0.01) if told else None,
        "recall_at_5pct_fpr": figures.recall_at_fpr(y, score, 0.05) if told else None,
        "calibration_error": figures.calibration_error(y, score) if told else None,
    }


def overall(part: Part, scores: Scores, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Label -> its row over all sets of the part."""
    return {label: label_figures(*known(part, scores, label), at) for label, at in thresholds.items()}


def by_set(part: Part, scores: Scores, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Label -> set -> its row; sets without a positive of the label are left out."""
    found: dict[str, Any] = {}
    for label, at in thresholds.items():
        for name in sorted(set(part.sets.tolist())):
            here = part.sets == name
            one = Part(part.sets[here], [], part.y[here], part.w[here])
            y, score = known(one, scores[here], label)
            if y.sum():
                found.setdefault(label, {})[name] = label_figures(y, score, at)
    return found


def curves(part: Part, scores: Scores, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Label -> its reliability curve; labels with too few answers are left out."""
    found = {}
    for label in thresholds:
        y, score = known(part, scores, label)
        if enough(y):
            found[label] = reliability(y, score)
    return found


def false_positives(
    benign: Mapping[str, Scores], thresholds: Mapping[str, float], experimental: Collection[str]
) -> dict[str, Any]:
    """Set -> texts; share at or above the threshold of each label, of any, and of any that is not experimental.

    "any" counts the labels of outputs alone: those of prompts are asked of prompts.
    """
    table: dict[str, Any] = {}
    for name, scores in benign.items():
        if not len(scores):
            continue
        hits = {label: scores[:, LABELS.index(label)] >= at for label, at in thresholds.items()}
        outputs = [label for label in hits if label in OUTPUT_LABELS]
        steady = [label for label in outputs if label not in experimental]
        table[name] = {
            "texts": len(scores),
            "labels": {label: float(hit.mean()) for label, hit in hits.items()},
            "any": float(np.any([hits[label] for label in outputs], axis=0).mean()),
            "any_not_experimental": float(np.any([hits[label] for label in steady], axis=0).mean()),
        }
    return table
