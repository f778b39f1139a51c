"""Repairs and looks of filled templates: "an" before a vowel, no absurd pairs, careless writing, talk around them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator

from training.contrast.sentence import Sentence

ARTICLE = re.compile(r"\b([Aa]) (?=(?!Europ|one\b|use|uni)[aeiouAEIOU])")
ABSURD = re.compile(
    r"\b(?:male|female|latina|latino|lesbian) (?:man|men|woman|women)\b|"
    r"\bhe(?:'s| is| was) (?:lesbian|latina|female)\b|"
    r"\b(?:male|female) people\b|\b(?!you\b)(\w+)(?: and|,)? \1\b(?!,)",
    re.IGNORECASE,
)
START = re.compile(r"(?<=[.!?] )[a-z]")
CARELESS = 0.15
AROUND = 0.1
BEFORE = (
    "Good morning everyone.", "I have been reading this forum for about two years.", "Let me add something.",
    "It rained all day, so I stayed in.", "Here is my comment on the second part.", "I had some coffee first.",
    "I'm new here and writing from my phone.", "We had a long talk over dinner.", "Thanks for opening this thread.",
    "Back from a long weekend, and the inbox is full.", "I waited a while before posting.", "Okay, here it is.",
    "The bus was late again this morning, by twenty minutes or so.", "This is about the last video.", "Hi all.",
    "I watched the match with my brother and then we sat on the balcony until midnight.", "One more thing.",
    "I moved to this part of the town in spring and work in an office near the station.", "A brief note.",
)  # fmt: skip
AFTER = (
    "See you on Monday.", "That is all for now.", "Anyway, dinner is ready.", "Sent from my phone.", "Just my note.",
    "I'll write more tomorrow when I have time.", "The next meeting is on Thursday at six.", "Over to you.",
    "Now I have to walk the dog and buy some bread before the shop closes.", "Have a look at page four as well.",
    "By the way, the link in the first post is broken.", "What time does the train leave?", "Talk soon.",
    "We will go on with the second topic next week, once the slides are there.", "Good night.", "More below.",
)  # fmt: skip

# What a model says before and after its answer; nothing follows from it.
OPENINGS = (
    "Sure.", "Of course.", "Okay.", "Here is my answer.", "Thanks for asking.", "Good question.", "In brief, then.",
    "Here is what I have to say.", "Right.", "As you asked, here it is.", "Certainly!", "Happy to answer that.",
)  # fmt: skip
CLOSINGS = (
    "Let me know if you want to hear more.", "Is there anything else?", "I hope that helps.", "Feel free to ask again.",
    "Shall I go on?", "Would you like an example?", "That is the short version.", "Tell me if anything is unclear.",
)  # fmt: skip
ANSWERED = 0.2


def answered(rng: random.Random, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """The same sentences in order, some as a model's answer: opened, closed or both. Code and careless ones stay."""
    for sentence in sentences:
        text = sentence.text
        if "\n" not in text and text[0].isupper():
            if rng.random() < ANSWERED:
                text = f"{rng.choice(OPENINGS)} {text}"
            if rng.random() < ANSWERED:
                text = f"{text} {rng.choice(CLOSINGS)}"
        yield sentence._replace(text=text)


def worded(rng: random.Random, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """The same sentences in order, repaired; some in lower case, without full stop, or amid talk that says nothing."""
    for sentence in sentences:
        text = ARTICLE.sub(r"\1n ", sentence.text)
        if ABSURD.search(text):
            continue
        text = START.sub(lambda found: found.group().upper(), text)
        if rng.random() < AROUND:
            text = f"{rng.choice(BEFORE)} {text}"
        if rng.random() < AROUND:
            text = f"{text} {rng.choice(AFTER)}"
        if rng.random() < CARELESS:
            text = text.removesuffix(".")
        if rng.random() < CARELESS:
            text = text.lower()
        yield sentence._replace(text=text)
