"""Groups named in family, town, work and argument; against them contempt in the same frames."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.hate import ATTACK, NO_THREAT
from training.contrast.people import ADJECTIVES, GROUPS, NASTY, NICE
from training.contrast.sentence import NOTHING, Sentence, filled
from training.contrast.wording import worded

NAMED = (
    "My {rel} is {a}, my {rel2} is not, and dinner is loud either way.",
    "The {a} society of {town} meets on the first Monday of the month.",
    "{g} in {town} wait longer for a flat than others, the report says.",
    "A {a} teacher and a {b} nurse run the choir in {town}.",
    "As a {a} {rel} I am often asked the same three questions. {dry}",
    "The film shows a {a} family in {town} over forty years. {dry}",
    "Is there a {a} bakery in {town}? My {rel} would like to bring something {k}.",
    "Some {g} vote left, some vote right, and some do not vote. {dry}",
    "The quota for {g} is the subject of the debate tonight in {town}.",
    "The clinic in {town} offers advice to {g} on Thursdays.",
    "Police in {town} are looking for a {a} man who witnessed the accident.",
    "The novel's narrator is {a}, and her best friend is {b}. {dry}",
    "Many {g} served in the war and got no pension. {dry}",
    "My {a} {rel} hates cooking, loves football and is late for everything.",
    "What is the polite word for {g}? Ask the person in front of you. {dry}",
    "Old, young, {a}, {b}: everybody is welcome on the allotment.",
    "The survey asked {g} in {town} how safe they feel at night.",
    "{g} are {n}, he wrote. I am one of them, she answered, and you are wrong.",
    "He said that {g} steal. She asked him for one example, and he had none.",
    '"{g} are {n}", the poster read. Volunteers from {town} painted over it.',
    "A petition against {g} failed in {town}; the mayor called it shameful.",
    "The court in {town} fined a man who had said that {g} are {n}.",
    "If a guest says that {g} are {n}, we ask him to leave. {dry}",
    "The lie that {g} are {n} is older than the newspaper that printed it.",
    "My {rel} used to think that {g} are {n}. Then she met some. {dry}",
    "Why do people believe that {g} are {n}? Because they hear it often. {dry}",
    "I was told that {g} are {n}; nothing in my life has borne that out.",
    "A bot asked whether {g} are {n}. No group of people is.",
    "No, {g} aren't {n}. {dry}",
    "Not all {g} are {k}, not all are {n}; they are people. {dry}",
    "To say that {g} are {n} is to say nothing about them and much about oneself.",
    "It makes me sad when people treat {g} as if they were {n}.",
    "Jokes about {g} stop being funny when you are the only one in the room. {dry}",
    "We need to stop calling {g} {n}.",
    "She writes about disgust: who was thought {n}, and why it was so often {g}.",
    "The {a} player was booed in {town}, and both teams walked off.",
    "My {rel} came out as {a} last year. We had cake. {dry}",
    "I am {a}, I am from {town}, and I like my coffee black.",
    "{g} and {h} share the hall in {town} and quarrel about the heating.",
    "Blind, deaf, {a} or tired: the lift in {town} station is out for everyone.",
)
HATED = (
    "My {rel} is {a}, and that's why nobody in {town} should trust her.",
    "The {a} society of {town} is a nest of {n} people.",
    "{g} in {town} wait for a flat? Let them sleep in the gutter.",
    "A {a} teacher is the last thing our children need.",
    "As a normal person I can't bear the {n} {g} of {town}.",
    "There is a {a} bakery in {town}. Don't go, they are all {n}.",
    "{g} are {n}, he wrote, and he's right, they are.",
    "He said that {g} steal. Of course they do, all of them.",
    '"{g} are {n}", the poster read. At last somebody in {town} says it.',
    "The court fined a man for the truth: {g} are {n}.",
    "If a guest is one of the {g}, we ask him to leave. They are {n}.",
    "It's no lie that {g} are {n}. I have eyes.",
    "My {rel} used to like {g}. Then she saw how {n} they are, every one of them.",
    "Why do people believe that {g} are {n}? Because they are.",
    "Nobody needs to tell me that {g} are {n}, I live in {town}.",
    "Yes, {g} are {n}, and whoever denies it is a coward.",
    "All {g} are {n}, not some, all.",
    "It makes me happy when people treat {g} like the {n} lot they are.",
    "Jokes about {g} are funny because {g} are a joke.",
    "We need to start calling {g} what they are: {n}.",
    "The {a} player was booed in {town}, as he should be. Get out, {n} lot.",
    "My {rel} came out as {a} last year. She is dead to us, the {n} creature.",
    "I don't mind {h}, but {g} are {n} and ought to stay out of {town}.",
    "{g} ruined {town}, and they will ruin your street next.",
    "Take one look at {g} in {town} and you know who is {n}.",
)
SLOTS = {
    "g": GROUPS,
    "h": GROUPS[::-1],
    "a": ADJECTIVES,
    "b": ADJECTIVES[::-1],
    "n": NASTY,
    "k": NICE,
    "rel": ("aunt", "cousin", "mother", "flatmate", "boss", "sister"),
    "rel2": ("uncle", "brother", "husband", "neighbour"),
    "town": ("Cardiff", "Memphis", "Lille", "Utrecht", "Malmö", "Calgary", "Perth"),
    "dry": (
        "Nobody found it strange.", "That was all.", "The rest is in the archive.", "I leave it at that.",
        "It is a long story.", "You can read it in the library.",
    ),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,000 sentences, two fifths of them hateful."""
    for family, templates, known, most in (
        ("fair_named", NAMED, NOTHING, 17), ("hate_named", HATED, NO_THREAT | ATTACK, 16),
    ):  # fmt: skip
        yield from worded(rng, filled(rng, family, templates, known, most, **SLOTS))
