"""Ways in which people hide words from filters. Each keeps the text readable to a person."""

from __future__ import annotations

import random
from collections.abc import Callable

LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
# Cyrillic and Greek letters that look like Latin ones.
LOOKALIKES = str.maketrans("aceiopxyABEHKMOPTX", "асеіорхуАВЕНКМОРТХ")
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060")
MARKS = tuple(chr(code) for code in (*range(0x0300, 0x0316), *range(0x0323, 0x0334)))
STARS = str.maketrans("aeiou", "*****")


def leet(word: str, rng: random.Random) -> str:
    """`idiot` as `1d10t`."""
    return word.translate(LEET)


def spaced(word: str, rng: random.Random) -> str:
    """`idiot` as `i d i o t`, or with dots or dashes."""
    return rng.choice((" ", " ", ".", "-")).join(word)


def starred(word: str, rng: random.Random) -> str:
    """`idiot` as `*d**t`, its first letter kept where it is a vowel."""
    return word[0] + word[1:].translate(STARS)


def stretched(word: str, rng: random.Random) -> str:
    """`idiot` as `idiiiot`: one letter three to five times."""
    at = rng.randrange(len(word))
    return word[:at] + word[at] * rng.randint(3, 5) + word[at + 1 :]


def swapped(word: str, rng: random.Random) -> str:
    """`idiot` as `idoit`: two neighbours inside the word change places."""
    at = rng.randrange(1, len(word) - 2) if len(word) > 3 else 0
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def homoglyphs(word: str, rng: random.Random) -> str:
    """Latin letters as Cyrillic ones that look alike."""
    return word.translate(LOOKALIKES)


def zero_width(word: str, rng: random.Random) -> str:
    """An invisible character between every two letters."""
    return rng.choice(ZERO_WIDTH).join(word)


def zalgo(word: str, rng: random.Random) -> str:
    """Every letter under one to three combining marks."""
    return "".join(letter + "".join(rng.choices(MARKS, k=rng.randint(1, 3))) for letter in word)


def upper(word: str, rng: random.Random) -> str:
    """`idiot` as `IDIOT`."""
    return word.upper()


Disguise = Callable[[str, random.Random], str]
DISGUISES: dict[str, Disguise] = {
    "leetspeak": leet,
    "spaced letters": spaced,
    "starred vowels": starred,
    "stretched letters": stretched,
    "swapped letters": swapped,
    "homoglyphs": homoglyphs,
    "zero-width": zero_width,
    "zalgo": zalgo,
    "upper case": upper,
}


def disguised(text: str, disguise: Disguise, share: float, rng: random.Random) -> str:
    """The text with about so large a share of its words of three letters and more disguised, at least one of them."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 3]
    for i in rng.sample(long, min(len(long), max(1, round(share * len(long))))):
        words[i] = disguise(words[i], rng)
    return " ".join(words)
