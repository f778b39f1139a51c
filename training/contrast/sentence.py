"""One written sentence: what it says of each label it settles, and the template it was made from."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from training.label_map import OUTPUT_LABELS

NOTHING = dict.fromkeys(OUTPUT_LABELS, 0.0)  # what a harmless sentence says: no label of outputs holds

BEFORE_PLACE = re.compile(r"\b([Aa]) \{(\w+)\}")
VOWEL = re.compile(r"(?!Europ|one\b|use|uni)[aeiou]", re.IGNORECASE)


class Sentence(NamedTuple):
    """`known` maps our label to 1 or 0; what the sentence leaves open is absent. Splits are by `template`."""

    text: str
    template: str
    family: str
    known: Mapping[str, float]


Source = Callable[[random.Random], Iterator[Sentence]]


def filled(
    rng: random.Random,
    family: str,
    templates: Sequence[str],
    known: Mapping[str, float],
    most: int,
    **slots: Sequence[str],
) -> Iterator[Sentence]:
    """At most `most` sentences of each template, each with its `{slot}`s drawn anew; no two alike."""
    for template in templates:
        names = [name for name in slots if "{" + name + "}" in template]
        seen = set()
        for _ in range(most if names else 1):
            drawn = {name: rng.choice(slots[name]) for name in names}
            text = _articles(template, drawn).format(**drawn)
            text = text[0].upper() + text[1:]
            if text not in seen:
                seen.add(text)
                yield Sentence(text, template, family, known)


def _articles(template: str, drawn: Mapping[str, str]) -> str:
    """The template with "an" where what fills the next place wants it."""
    return BEFORE_PLACE.sub(
        lambda found: f"{found[1]}{'n' * bool(VOWEL.match(drawn[found[2]]))} {{{found[2]}}}", template
    )


def as_written(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """The same sentences, begun in lower case where their template is: code, shouts and careless prompts."""
    for sentence in sentences:
        first = sentence.template[0]
        yield sentence if first == "{" else sentence._replace(text=first + sentence.text[1:])
