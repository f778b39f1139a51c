"""Teaches the screen what the encoder says: a window's target is the encoder's probability, beside its label's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit

from tidegate.classifiers.classifier import Classifier
from training.corpus import Part
from training.features import inverse_frequency, weighted, windows_of
from training.fit import NEVER
from training.reading import pieces_of, read_all
from training.recipe import Recipe
from training.screen import Screen

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LEAST = 0.02  # of a target, to count as a share of the label


class Heard(NamedTuple):
    """What the encoder said of W windows of training. text, window: which of its text each is, from 0."""

    text: Ints
    window: Ints
    said: Floats  # (W, L) probabilities


def read_by(training: Part, first: Screen, encoder: Classifier, recipe: Recipe, tell: Callable[[str], None]) -> Heard:
    """The encoder's word on windows of training, as many as the recipe allows, read here and now."""
    pieces, owner = pieces_of(training.texts, first.windower(recipe))
    rng = np.random.default_rng(recipe.seed)
    chosen = np.sort(rng.permutation(len(pieces))[: recipe.distil_windows])
    began = time.monotonic()
    said = read_all(encoder, [pieces[i] for i in chosen], recipe.threads)
    tell(f"encoder read {len(chosen)} of {len(pieces)} windows in {time.monotonic() - began:.0f} s")
    return Heard(owner[chosen], chosen - np.searchsorted(owner, owner[chosen]), said)


def distilled(training: Part, first: Screen, heard: Heard, recipe: Recipe, tell: Callable[[str], None]) -> Screen:
    """The first screen fitted on, to what the encoder said; which n-grams are rare is counted anew."""
    counts, owner = windows_of(first.tokenizer, training.texts, recipe)
    first = first._replace(idf=inverse_frequency(counts, recipe.min_df))
    tell(f"{counts.shape[0]} windows, {int((first.idf > 0).sum())} n-grams known")
    chosen = np.searchsorted(owner, heard.text) + heard.window
    if not np.array_equal(owner[np.minimum(chosen, len(owner) - 1)], heard.text):
        raise AssertionError("windows heard of are not those of these texts")
    target = targets(heard.said, training.y[heard.text], training.w[heard.text], recipe.distil_trust)
    # A long text counts as the root of its windows, not as so many texts.
    weight = 1 / np.sqrt(np.bincount(owner, minlength=len(training.texts))[heard.text])
    weights, bias = fit_soft(
        weighted(counts[chosen], first.idf), target, weight, (first.weights, first.bias), recipe, tell
    )
    return first._replace(weights=weights, bias=bias)


def targets(said: Floats, y: Floats, w: Floats, trust: float) -> Floats:
    """(W, L) what the screen is to give: `trust` parts the encoder's word and the rest the label, where there is one.

    said: the encoder's probability of a window; y, w: of the window's text. A window of a text with a label need not
    be the one that carries it, so a label of 1 counts only where the encoder sees at least something (0.2) there.
    """
    believed = (w > 0) & ((y == 0) | (said >= 0.2))
    return np.where(believed, trust * said + (1 - trust) * y, said).astype(np.float32)


def fit_soft(
    x: sp.csr_matrix,
    target: Floats,
    weight: Floats,
    start: tuple[Floats, Floats],
    recipe: Recipe,
    tell: Callable[[str], None],
) -> tuple[Floats, Floats]:
    """(weights (F, L), bias (L,)) of one logistic regression a label on targets in [0, 1], all fitted together.

    x: one row a window. weight: (W,) of each window. start: weights and bias to go on from. A label that no window
    has a share of is never said.
    """
    labels = target.shape[1]
    weighed = (recipe.c * weight)[:, None].astype(np.float32)
    back = x.T.tocsr()  # once: its product is asked for at every step

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        at = flat.reshape(x.shape[1] + 1, labels).astype(np.float32)
        logits = x @ at[:-1] + at[-1]
        gap = weighed * (expit(logits) - target)
        value = float((weighed * (np.logaddexp(0, logits) - target * logits)).sum(dtype=np.float64))
        gradient = np.vstack([back @ gap + at[:-1], gap.sum(axis=0, keepdims=True)])
        return value + 0.5 * float((at[:-1] ** 2).sum(dtype=np.float64)), gradient.astype(np.float64).ravel()

    found = minimize(
        loss,
        np.vstack(start).astype(np.float64).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": recipe.distil_steps, "maxcor": 12},
    )
    at = found.x.reshape(x.shape[1] + 1, labels).astype(np.float32)
    tell(f"screen distilled on {len(target)} windows in {found.nit} steps")
    weights, bias = at[:-1], at[-1]
    never = (target >= LEAST).sum(axis=0) == 0
    return np.where(never, 0, weights).astype(np.float32), np.where(never, NEVER, bias).astype(np.float32)
