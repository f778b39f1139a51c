"""Sentences we wrote, as templates: pairs that differ in the one thing small models get wrong.

Neutral and hateful mentions of groups, negation, quotation, counter-speech, reclaimed words, targets that no law
protects, idioms with violent words, refusals that name a harm; animals, health, explained words, self-reproach, jargon,
dialects, history, names, runs, and offers of and requests for harm; stories, code, and emoji that carry the meaning.
None comes from a labelled set.
"""

from __future__ import annotations

import random

from training.contrast import (
    abuse,
    animals,
    banter,
    barnyard,
    blunders,
    care,
    despair,
    dialect,
    explained,
    fair,
    functions,
    harmful_requests,
    hate,
    health,
    history,
    illicit,
    jargon,
    lexicon,
    mentions,
    pictures,
    plain,
    prompts,
    proper_names,
    reproach,
    runs,
    self_harm,
    sexual,
    shell,
    sounding,
    tales,
    targets,
    violence,
)
from training.contrast.sentence import Sentence
from training.contrast.wording import answered

# By what they do, then by the kinds of harmless text that used to be taken for harm, each beside its harmful twin.
SOURCES = (
    hate, fair, targets, abuse, violence, self_harm, sexual, prompts, plain,
    animals, health, explained, reproach, jargon, dialect, history, proper_names, runs, care, illicit, harmful_requests,
    barnyard, blunders, lexicon, tales, shell, banter, mentions, functions, pictures, despair, sounding,
)  # fmt: skip
# Of these some open and close as a model's answer does.
ANSWERS = frozenset({animals, health, explained, jargon, history, illicit})


def contrast(seed: int) -> list[Sentence]:
    """Every sentence, in a fixed order for a seed; of two alike the first."""
    found: dict[str, Sentence] = {}
    for source in SOURCES:
        rng = random.Random(f"{seed} {source.__name__}")
        made = source.sentences(rng)
        for sentence in answered(rng, made) if source in ANSWERS else made:
            found.setdefault(sentence.text, sentence)
    return list(found.values())
