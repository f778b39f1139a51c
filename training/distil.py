"""Teaches the screen what the encoder says: a window's target is the encoder's probability, beside its label's."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression

from tidegate.classifiers.classifier import Classifier
from training.corpus import Part
from training.features import weighted, windows_of
from training.fit import NEVER, ratio
from training.label_map import LABELS
from training.reading import pieces_of, read_all
from training.recipe import Recipe
from training.screen import Screen

Floats = npt.NDArray[np.float32]

LEAST = 0.02  # of a target, to be an example


def distilled(
    training: Part, first: Screen, encoder: Classifier, recipe: Recipe, tell: Callable[[str], None]
) -> Screen:
    """The first screen fitted anew, on what the encoder says of windows that the recipe bounds the number of."""
    pieces, owner = pieces_of(training.texts, first.windower(recipe))
    rng = np.random.default_rng(recipe.seed)
    chosen = np.sort(rng.permutation(len(pieces))[: recipe.distil_windows])
    began = time.monotonic()
    said = read_all(encoder, [pieces[i] for i in chosen], recipe.threads)
    tell(f"encoder read {len(chosen)} of {len(pieces)} windows in {time.monotonic() - began:.0f} s")
    counts, of = windows_of(first.tokenizer, training.texts, recipe)
    if not np.array_equal(of, owner):
        raise AssertionError(f"{len(of)} windows counted, {len(owner)} cut; expected the same")
    target = targets(said, training.y[owner[chosen]], training.w[owner[chosen]], recipe.distil_trust)
    # A long text counts as the root of its windows, not as so many texts.
    weight = 1 / np.sqrt(np.bincount(owner, minlength=len(training.texts))[owner[chosen]])
    weights, bias = fit_soft(weighted(counts[chosen], first.idf), target, weight, recipe, tell)
    return first._replace(weights=weights, bias=bias)


def targets(said: Floats, y: Floats, w: Floats, trust: float) -> Floats:
    """(W, L) what the screen is to give: `trust` parts the encoder's word and the rest the label, where there is one.

    said: the encoder's probability of a window; y, w: of the window's text. A window of a text with a label need not
    be the one that carries it, so a label of 1 counts only where the encoder sees at least something (0.2) there.
    """
    believed = (w > 0) & ((y == 0) | (said >= 0.2))
    return np.where(believed, trust * said + (1 - trust) * y, said).astype(np.float32)


def fit_soft(
    x: sp.csr_matrix, target: Floats, weight: Floats, recipe: Recipe, tell: Callable[[str], None]
) -> tuple[Floats, Floats]:
    """(weights (F, L), bias (L,)) of one logistic regression a label on targets in [0, 1].

    x: one row a window. weight: (W,) of each window. A target between is two examples, a yes and a no, that share the
    window's weight; shares under 1 in 50 are left out.
    """
    columns = Parallel(n_jobs=recipe.threads)(
        delayed(_fit_label)(x, target[:, j], weight, label, recipe) for j, label in enumerate(LABELS)
    )
    for j, label in enumerate(LABELS):
        tell(f"screen, {label}: {int((target[:, j] >= LEAST).sum())} windows of {len(target)} with a share of it")
    return np.column_stack([column for column, _ in columns]), np.array([bias for _, bias in columns], np.float32)


def _fit_label(x: sp.csr_matrix, p: Floats, weight: Floats, label: str, recipe: Recipe) -> tuple[Floats, float]:
    yes, no = np.flatnonzero(p >= LEAST), np.flatnonzero(p <= 1 - LEAST)
    if not len(yes) or not len(no):
        return np.zeros(x.shape[1], np.float32), NEVER
    rows = np.concatenate([yes, no])
    share = np.concatenate([p[yes], 1 - p[no]]) * weight[rows]
    answer = np.concatenate([np.ones(len(yes)), np.zeros(len(no))])
    xs = x[rows]
    scaled = label in recipe.ratio_labels
    scale = ratio(xs, answer, share) if scaled else np.ones(x.shape[1], np.float32)
    model = LogisticRegression(C=recipe.ratio_c if scaled else recipe.c, max_iter=300, tol=1e-5)
    model.fit((xs @ sp.diags(scale)).tocsr().astype(np.float32), answer, sample_weight=share)
    return (model.coef_[0] * scale).astype(np.float32), float(model.intercept_[0])
