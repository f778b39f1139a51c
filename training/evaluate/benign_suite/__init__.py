"""Harmless sentences of ours, by kind, that nothing is ever trained on: what is acted on here is a false alarm.

They share no template and no run of words with training/contrast, and training may not import them; both are tested.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.sentence import NOTHING, as_written, filled
from training.evaluate.benign_suite import bodies, creatures, daily, machines, past, people, selves, words
from training.evaluate.benign_suite.kind import Kind

SEED = 1  # the texts, and so the figures, hold for it
KINDS: tuple[Kind, ...] = tuple(
    kind for module in (creatures, bodies, words, selves, machines, past, daily, people) for kind in module.KINDS
)
PROMPTS = frozenset({people.REQUESTS.name})  # the kinds that are asked of a model rather than said by one


def suite() -> Iterator[tuple[str, str]]:
    """(kind, text) of every sentence, always the same ones in the same order, no two alike."""
    seen = set()
    for kind in KINDS:
        rng = random.Random(f"{SEED} {kind.name}")
        for made in as_written(filled(rng, kind.name, kind.templates, NOTHING, kind.most, **kind.slots)):
            if made.text not in seen:
                seen.add(made.text)
                yield kind.name, made.text
