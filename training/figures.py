"""Figures of a set of scores against the truth. Scores are (N,), truth is 0 or 1; higher means more likely."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

Floats = npt.NDArray[np.floating]


def auroc(y: Floats, score: Floats) -> float:
    """Area under the ROC curve; 0.5 where only one class is there."""
    return float(roc_auc_score(y, score)) if 0 < y.mean() < 1 else 0.5


def auprc(y: Floats, score: Floats) -> float:
    """Average precision; 0.0 where there are no positives."""
    return float(average_precision_score(y, score)) if y.sum() else 0.0


def threshold_at_fpr(negatives: Floats, fpr: float) -> float:
    """Lowest threshold t, to 3 decimals, with at most `fpr` of the negatives at or above t; at least 0.001."""
    ordered = np.sort(negatives)[::-1]
    allowed = int(fpr * len(ordered))
    bound = float(ordered[allowed]) if len(ordered) else 0.0
    return min(1.0, max(0.001, np.floor(bound * 1000 + 1) / 1000))


def recall(y: Floats, score: Floats, threshold: float) -> float:
    """Share of positives at or above the threshold."""
    return float((score[y == 1] >= threshold).mean()) if (y == 1).any() else 0.0


def recall_at_fpr(y: Floats, score: Floats, fpr: float) -> float:
    """Share of positives above all but `fpr` of the negatives of these very texts."""
    ordered = np.sort(score[y == 0])[::-1]
    if not len(ordered) or not (y == 1).any():
        return 0.0
    return float((score[y == 1] > ordered[int(fpr * len(ordered))]).mean())


def calibration_error(y: Floats, score: Floats, bins: int = 15) -> float:
    """Expected calibration error: mean gap of score and truth over bins of equal width, weighted by size."""
    which = np.minimum((score * bins).astype(int), bins - 1)
    gaps = [abs(score[which == b].mean() - y[which == b].mean()) * (which == b).mean() for b in np.unique(which)]
    return float(np.sum(gaps))
