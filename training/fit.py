"""One logistic regression a label over windows, each trained only where its label is known.

A text is positive when any of its windows is, so after the first round a positive text of several windows is
taught by the strongest of them; a negative text is taught by all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression

from training.label_map import LABELS
from training.recipe import Recipe

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NEVER = -6.0  # logit of a label that was never seen: a score of 0.0025


def fit(
    x: sp.csr_matrix, owner: Ints, y: Floats, w: Floats, recipe: Recipe, tell: Callable[[str], None]
) -> tuple[Floats, Floats]:
    """(weights (F, L), bias (L,)) over the windows x; y and w are by text, owner maps a window to its text."""
    windows_per_text = np.bincount(owner, minlength=len(y))
    columns = Parallel(n_jobs=recipe.threads)(
        delayed(_fit_label)(x, owner, y[:, j], w[:, j], windows_per_text, LABELS[j], recipe) for j in range(y.shape[1])
    )
    for j, label in enumerate(LABELS):
        known = w[:, j] > 0
        tell(f"first screen, {label}: {int(y[known, j].sum())} yes of {int(known.sum())}")
    return np.column_stack([column for column, _ in columns]), np.array([bias for _, bias in columns], np.float32)


def _fit_label(
    x: sp.csr_matrix, owner: Ints, y: Floats, w: Floats, windows_per_text: Ints, label: str, recipe: Recipe
) -> tuple[Floats, float]:
    known = np.flatnonzero(w[owner] > 0)
    xs, text = x[known], owner[known]
    ys, ws = y[text], w[text].astype(np.float64)
    if len(np.unique(ys)) < 2:  # a slice may hold no positive: nothing to learn, a score near 0
        return np.zeros(x.shape[1], np.float32), NEVER
    scaled = label in recipe.ratio_labels
    scale = ratio(xs, ys, ws) if scaled else np.ones(x.shape[1], np.float32)
    xs = (xs @ sp.diags(scale)).tocsr().astype(np.float32)
    share = np.where(ys == 1, 1 / windows_per_text[text], 1 / np.sqrt(windows_per_text[text]))
    model = LogisticRegression(C=recipe.ratio_c if scaled else recipe.c, max_iter=400, tol=2e-6, warm_start=True)
    use = np.ones(len(known), bool)
    for _ in range(recipe.rounds):
        model.fit(xs[use], ys[use], sample_weight=(ws * share)[use])
        use = (ys == 0) | strongest(xs @ model.coef_[0], text)
        share[ys == 1] = 1  # a positive text has one window from here on
    return (model.coef_[0] * scale).astype(np.float32), float(model.intercept_[0])


def strongest(logit: npt.NDArray[np.floating], text: Ints) -> npt.NDArray[np.bool_]:
    """True for the one window of each text with the highest logit (the first of equals)."""
    order = np.lexsort((np.arange(len(text)), -logit, text))
    first = np.ones(len(order), bool)
    first[1:] = text[order][1:] != text[order][:-1]
    chosen = np.zeros(len(text), bool)
    chosen[order[first]] = True
    return chosen


def ratio(x: sp.csr_matrix, y: Floats, w: npt.NDArray[np.float64]) -> Floats:
    """Absolute log ratio of a feature's mass in positives and negatives, in [0.1, 4]."""
    p = 1 + x.T @ (w * y)
    q = 1 + x.T @ (w * (1 - y))
    return np.clip(np.abs(np.log((p / p.sum()) / (q / q.sum()))), 0.1, 4).astype(np.float32)


def text_logits(x: sp.csr_matrix, owner: Ints, texts: int, weights: Floats, bias: Floats) -> Floats:
    """(N, L) strongest window logit of each text; -30 (a score of 0) for a text without tokens."""
    out = np.full((texts, weights.shape[1]), -30, np.float32)
    np.maximum.at(out, owner, (x @ weights + bias).astype(np.float32))
    return out
