"""What the screen settles and what it sends on: the bands, chosen on dev, and what they cost on the stated traffic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from classifiers import traffic as traffic_file
from classifiers.bands import asked, holding_bands
from classifiers.classifier import Classifier
from classifiers.entries import Band as EntryBand
from classifiers.loading import load
from training.bands import Band, Budget, Windows, choose
from training.corpus import Part
from training.label_map import LABELS, PROMPT_LABELS
from training.reading import pieces_of, read_all
from training.recipe import Recipe
from training.register import Register
from training.screen import Screen


def settle(
    dev: Part, screen: Screen, traffic: Sequence[str], recipe: Recipe, register: Register, tell: Callable[[str], None]
) -> None:
    """Registers the cascade: bands by the recipe's budget, and the traffic they were measured on, as scores."""
    fast, slow = (load(name, manifest=register.manifest) for name in (recipe.screen, recipe.encoder.name))
    assert isinstance(fast, Classifier)  # noqa: S101
    assert isinstance(slow, Classifier)  # noqa: S101
    owner, sure = fast.read(dev.texts)
    pieces, of = pieces_of(dev.texts, screen, recipe)
    if not np.array_equal(owner, of):
        raise AssertionError(f"{len(owner)} windows read, {len(of)} cut; expected the same")
    seen = Windows(owner, sure, read_all(slow, pieces, recipe.threads))
    mix = Windows(*fast.read(traffic))
    budget = Budget(recipe.lost_recall, 0.01, recipe.lost_auroc)
    bands: dict[str, Band] = {}
    for j, label in enumerate(LABELS):
        bands[label] = choose(dev.y, dev.w, seen, mix, j, budget)
        tell(f"band {label}: [{bands[label].low}, {bands[label].high}), {bands[label].sent:.1%} of the traffic")
    file = register.folder(recipe.name) / "traffic.npz"
    traffic_file.write(file, mix.owner, mix.screen)
    entries = {label: EntryBand(low=band.low, high=band.high) for label, band in bands.items()}
    in_force = holding_bands(entries, {*register.experimental, *PROMPT_LABELS}, {})
    sent = asked(mix.owner, mix.screen, in_force.values())
    shares = {"texts": len(np.unique(mix.owner[sent])) / len(traffic), "windows": float(sent.mean())}
    tell(f"the bands send {shares['texts']:.1%} of the traffic's texts, {shares['windows']:.1%} of its windows")
    register.cascade(bands, str(budget), file, shares)
