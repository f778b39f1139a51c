"""The screen: one linear layer over hashed n-grams, fitted on labels, later on what the encoder says as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tidegate.classifiers.tokens import Windower
from training.calibrate import platt
from training.corpus import Part
from training.features import inverse_frequency, table_rows, weighted, windows_of
from training.figures import auroc
from training.fit import fit, text_logits
from training.label_map import LABELS
from training.recipe import Recipe

Floats = npt.NDArray[np.float32]
TOKENIZER, FIRST, DISTILLED = "screen-tokenizer.json", "screen-first.npz", "screen-distilled.npz"


class Screen(NamedTuple):
    """A fitted screen. weights: (rows of the table, L); idf: (rows of the table,)."""

    tokenizer: Tokenizer
    idf: Floats
    weights: Floats
    bias: Floats

    def windower(self, recipe: Recipe) -> Windower:
        """Cuts texts as the exported screen will."""
        tokenizer = Tokenizer.from_str(self.tokenizer.to_str())  # a windower turns settings of its own off
        return Windower(tokenizer, max_tokens=recipe.max_tokens, overlap=recipe.overlap, where="training")

    def window_logits(self, texts: Sequence[str], recipe: Recipe) -> tuple[Floats, npt.NDArray[np.int64]]:
        """((W, L) logits of every window, (W,) the text each is of)."""
        windows, owner = windows_of(self.tokenizer, texts, recipe)
        return weighted(windows, self.idf) @ self.weights + self.bias, owner

    def logits(self, texts: Sequence[str], recipe: Recipe) -> Floats:
        """(N, L) logits of each text's strongest window."""
        windows, owner = windows_of(self.tokenizer, texts, recipe)
        return text_logits(weighted(windows, self.idf), owner, len(texts), self.weights, self.bias)


def fit_screen(train: Part, tokenizer: Tokenizer, recipe: Recipe, tell: Callable[[str], None]) -> Screen:
    """A screen of what `train` says. Its logits are not calibrated."""
    windows, owner = windows_of(tokenizer, train.texts, recipe)
    idf = inverse_frequency(windows, recipe.min_df)
    tell(f"{windows.shape[0]} windows, {int((idf > 0).sum())} n-grams known")
    weights, bias = fit(weighted(windows, idf), owner, train.y, train.w, recipe, tell)
    return Screen(tokenizer, idf, weights, bias)


def blank_screen(tokenizer: Tokenizer, recipe: Recipe) -> Screen:
    """A screen that knows nothing, to be distilled into."""
    rows, labels = table_rows(recipe), len(LABELS)
    return Screen(
        tokenizer, np.zeros(rows, np.float32), np.zeros((rows, labels), np.float32), np.zeros(labels, np.float32)
    )


def keep(screen: Screen, folder: Path, name: str) -> None:
    """Writes the screen where `kept` finds it."""
    screen.tokenizer.save(str(folder / TOKENIZER), pretty=False)
    np.savez_compressed(folder / name, idf=screen.idf, weights=screen.weights.astype(np.float16), bias=screen.bias)


def kept(folder: Path, name: str) -> Screen:
    """A screen that was kept."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    with np.load(folder / name) as file:
        return Screen(tokenizer, file["idf"], file["weights"].astype(np.float32), file["bias"])


def better_of(first: Screen, second: Screen, dev: Part, recipe: Recipe, tell: Callable[[str], None]) -> Screen:
    """Label by label the one that ranks dev better, or the mean of both: answers teach some, the encoder others."""
    first, second = (calibrated(screen, dev, recipe) for screen in (first._replace(idf=second.idf), second))
    means = ((first.weights + second.weights) / 2, (first.bias + second.bias) / 2)
    ways = {"answers": first, "encoder": second, "both": second._replace(weights=means[0], bias=means[1])}
    logits = {name: screen.logits(dev.texts, recipe) for name, screen in ways.items()}
    weights, bias = second.weights.copy(), second.bias.copy()
    for j, label in enumerate(LABELS):
        known = dev.w[:, j] > 0
        areas = {name: auroc(dev.y[known, j], found[known, j]) for name, found in logits.items()}
        best = max(areas, key=areas.__getitem__)
        weights[:, j], bias[j] = ways[best].weights[:, j], ways[best].bias[j]
        tell(f"screen, {label}: taught by {best} (" + ", ".join(f"{n} {area:.3f}" for n, area in areas.items()) + ")")
    return second._replace(weights=weights, bias=bias)


def calibrated(screen: Screen, dev: Part, recipe: Recipe) -> Screen:
    """The same with its logits made log-odds on dev, label by label, where dev has both answers."""
    logits = screen.logits(dev.texts, recipe)
    weights, bias = screen.weights.copy(), screen.bias.copy()
    for j in range(len(LABELS)):
        known = dev.w[:, j] > 0
        slope, shift = platt(dev.y[known, j], logits[known, j], dev.w[known, j])
        weights[:, j] *= slope
        bias[j] = slope * bias[j] + shift
    return screen._replace(weights=weights, bias=bias)
