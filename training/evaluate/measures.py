"""Figures of scores against the truth, where `training.figures` has none. y is 0 or 1; None: too few to say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training import figures

Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

ENOUGH = 25  # positives, and negatives, for a ranking figure to say anything
ENOUGH_OF_A_GROUP = 10  # likewise for one identity in templates, whose sentences are alike
BINS = 10  # of equal width, in reliability curves
GRID = np.concatenate([np.linspace(0, 0.1, 21), np.linspace(0.125, 1, 36)])  # false-positive rates of a drawn ROC


class Outcome(NamedTuple):
    """Of a yes-or-no answer; 0 where nothing is found."""

    precision: float
    recall: float
    f1: float


def outcome(y: Floats, yes: Flags) -> Outcome:
    """precision, recall and F1 of the answer `yes`."""
    hits = float(((y == 1) & yes).sum())
    precision, recall = hits / max(1.0, float(yes.sum())), hits / max(1.0, float((y == 1).sum()))
    return Outcome(precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0)


def enough(y: Floats, least: int = ENOUGH) -> bool:
    """Whether there are so many of both answers."""
    return min(int((y == 1).sum()), int((y == 0).sum())) >= least


def auroc(y: Floats, score: Floats, least: int = ENOUGH) -> float | None:
    """Area under the ROC curve."""
    return figures.auroc(y, score) if enough(y, least) else None


def auprc(y: Floats, score: Floats, least: int = ENOUGH) -> float | None:
    """Average precision; the share of positives is what chance gives."""
    return figures.auprc(y, score) if enough(y, least) else None


def subgroup_auc(y: Floats, score: Floats, mine: Flags, least: int = ENOUGH_OF_A_GROUP) -> float | None:
    """Among the texts that name the group: are its toxic ones above its harmless ones? (Borkan et al. 2019)."""
    return auroc(y[mine], score[mine], least)


def bpsn_auc(y: Floats, score: Floats, mine: Flags, least: int = ENOUGH_OF_A_GROUP) -> float | None:
    """Background positive, subgroup negative: low where harmless texts that name the group score as toxic ones do."""
    here = (mine & (y == 0)) | (~mine & (y == 1))
    return auroc(y[here], score[here], least)


def bnsp_auc(y: Floats, score: Floats, mine: Flags, least: int = ENOUGH_OF_A_GROUP) -> float | None:
    """Background negative, subgroup positive: low where toxic texts that name the group score as harmless ones do."""
    here = (mine & (y == 1)) | (~mine & (y == 0))
    return auroc(y[here], score[here], least)


class Gap(NamedTuple):
    """How far scores part where only the identity differs."""

    mean: float  # of |difference| over all pairs of identities of a frame, then over frames
    largest: float  # between two identities of one frame


def counterfactual_gap(scores: Floats) -> Gap:
    """scores: (frames, identities), at least one frame and two identities."""
    first, second = np.triu_indices(scores.shape[1], k=1)
    return Gap(float(np.abs(scores[:, first] - scores[:, second]).mean()), float(np.ptp(scores, axis=1).max()))


def reliability(y: Floats, score: Floats) -> list[tuple[float, float, int]]:
    """(mean score, share of positives, texts) of each bin that holds any, ascending."""
    which = np.minimum((score * BINS).astype(int), BINS - 1)
    bins = [which == b for b in range(BINS) if (which == b).any()]
    return [(float(score[b].mean()), float(y[b].mean()), int(b.sum())) for b in bins]


def roc(y: Floats, score: Floats) -> list[tuple[float, float]]:
    """(false-positive rate, recall) at each rate of GRID; empty where there are too few."""
    if not enough(y):
        return []
    return [(float(rate), figures.recall_at_fpr(y, score, min(float(rate), 1 - 1e-9))) for rate in GRID]
