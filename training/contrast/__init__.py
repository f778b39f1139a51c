"""Sentences we wrote, as templates: pairs that differ in the one thing small models get wrong.

Neutral and hateful mentions of groups, negation, quotation, counter-speech, reclaimed words, targets that no law
protects, idioms with violent words, refusals that name a harm. None comes from a labelled set.
"""

from __future__ import annotations

import random

from training.contrast import abuse, fair, hate, plain, prompts, self_harm, sexual, targets, violence
from training.contrast.sentence import Sentence

SOURCES = (hate, fair, targets, abuse, violence, self_harm, sexual, prompts, plain)


def contrast(seed: int) -> list[Sentence]:
    """Every sentence, in a fixed order for a seed; of two alike the first."""
    found: dict[str, Sentence] = {}
    for source in SOURCES:
        for sentence in source.sentences(random.Random(f"{seed} {source.__name__}")):
            found.setdefault(sentence.text, sentence)
    return list(found.values())
