"""What the screen settles and what it sends on: the bands, chosen on dev, and what they cost on the stated traffic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tidegate.classifiers import sample as sample_file
from tidegate.classifiers.bands import covering_bands, windows_to_encode
from tidegate.classifiers.classifier import Classifier
from tidegate.classifiers.entries import Band as EntryBand
from tidegate.classifiers.loading import load
from tidegate.classifiers.runs import shortened
from tidegate.classifiers.scores import Scores
from training.bands import Band, Budget, Windows, choose
from training.corpus import Part
from training.distil import Heard
from training.label_map import LABELS, PROMPT_LABELS
from training.reading import pieces_of, read_all
from training.recipe import Recipe
from training.register import Register


def settle(
    dev: Part,
    traffic: Sequence[str],
    recipe: Recipe,
    register: Register,
    tell: Callable[[str], None],
    heard: Heard | None = None,
) -> None:
    """Registers the cascade: bands by the recipe's budget, and the traffic they were measured on, as scores.

    heard: what the encoder says of the windows of dev, where that is known; else it is asked.

    Labels that are acted on share one budget, since a window sent for one is read for all. The others (experimental,
    or asked of prompts) are asked about only where a threshold names them, and have a band each for itself.
    """
    fast, slow = (load(name, manifest=register.manifest) for name in (recipe.screen, recipe.encoder.name))
    assert isinstance(fast, Classifier)  # noqa: S101
    assert isinstance(slow, Classifier)  # noqa: S101
    texts, mixed = ([shortened(text).text for text in some] for some in (dev.texts, traffic))  # as the cascade does
    owner, sure = fast.read(texts)
    pieces, of = pieces_of(texts, fast.windower)
    if not np.array_equal(owner, of):
        raise AssertionError(f"{len(owner)} windows read, {len(of)} cut; expected the same")
    read = read_all(slow, pieces, recipe.threads) if heard is None else _aligned(heard, owner, sure)
    seen = Windows(owner, sure, read)
    mix = Windows(*fast.read(mixed))
    budget = Budget(recipe.lost_recall, 0.01, recipe.lost_auroc)
    idle = {*register.experimental, *PROMPT_LABELS}
    acted_on = [j for j, label in enumerate(LABELS) if label not in idle]
    found: dict[int, Band] = choose(dev.y, dev.w, seen, mix, acted_on, budget) if acted_on else {}
    for j in set(range(len(LABELS))) - set(acted_on):
        found |= choose(dev.y, dev.w, seen, mix, [j], budget)
    bands = {label: EntryBand(low=found[j].low, high=found[j].high) for j, label in enumerate(LABELS)}
    for label, band in bands.items():
        tell(f"band {label}: [{band.low}, {band.high})")
    file = register.folder(recipe.name) / "traffic.npz"
    sample_file.write(file, mix.owner, mix.screen)
    sent = windows_to_encode(mix.owner, mix.screen, covering_bands(bands, idle, {}).values())
    shares = {"texts": len(np.unique(mix.owner[sent])) / len(traffic), "windows": float(sent.mean())}
    tell(f"the bands send {shares['texts']:.1%} of the traffic's texts, {shares['windows']:.1%} of its windows")
    register.cascade(bands, str(budget), file, shares)


def _aligned(heard: Heard, owner: npt.NDArray[np.int64], sure: Scores) -> Scores:
    """The encoder's word on windows as they are cut now: the screen's own for a text that is cut otherwise since.

    A text that repeats itself is shortened before it is scored, and was not when the lessons were written.
    """
    texts = int(max(owner.max(initial=-1), heard.text.max(initial=-1))) + 1
    now, then = np.bincount(owner, minlength=texts), np.bincount(heard.text, minlength=texts)
    found, same = sure.copy(), now == then
    found[same[owner]] = heard.said[same[heard.text]]
    return found
