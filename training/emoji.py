"""Emoji as words of the encoder's vocabulary: which there are, and the English words that each starts from."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

# Blocks that hold emoji and pictures like them; what joins or colours them is folded away before (tokens.py).
BLOCKS = ((0x1F1E6, 0x1F1FF), (0x1F300, 0x1F6FF), (0x1F7E0, 0x1F7EB), (0x1F90C, 0x1F9FF), (0x1FA70, 0x1FAFF))
PLAIN = ((0x2600, 0x27BF), (0x2B05, 0x2B07), (0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55))
SPLIT = (
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001f6ff\U0001f7e0-\U0001f7eb\U0001f90c-\U0001faff\u2600-\u27bf\u2b05-\u2b55]"
)
SKINS = {
    "🏻": "light skin",
    "🏼": "medium light skin",
    "🏽": "medium skin",
    "🏾": "medium dark skin",
    "🏿": "dark skin",
}


def emoji() -> dict[str, str]:
    """Emoji -> its name in lower case, such as "pile of poo", in the order of their code points."""
    return {letter: name for letter in _letters() if (name := _name(letter))}


def _letters() -> Iterator[str]:
    for first, last in (*PLAIN, *BLOCKS):
        yield from map(chr, range(first, last + 1))


def _name(letter: str) -> str:
    if letter in SKINS:
        return SKINS[letter]
    if unicodedata.normalize("NFKD", letter) != letter:
        return ""  # folded into something plainer before it is read
    name = unicodedata.name(letter, "").lower()
    for noise in ("regional indicator symbol ", " symbol", " sign", "black ", "white ", "heavy "):
        name = name.replace(noise, "")
    return name.replace("-", " ").strip()
