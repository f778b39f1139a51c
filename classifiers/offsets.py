"""Where in a text its tokens stand: from token intervals back to code points."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]

# Tokens by which a word that a window cuts is followed out of it: no longer word is a word.
WORD_TOKENS = 20
# Characters to white space by which a stretch of text is widened to whole words.
WORD_CHARACTERS = 20

# Marks that hang on the character before them, and invisible ones: a span that ends before one would leave it behind.
HANGING = {"Mn", "Me", "Cf"}


@dataclass(frozen=True, slots=True)
class TokenOffsets:
    """A text's tokens, and where in it they stand. Positions are code points of the text as it was given."""

    text: str
    ids: Ids
    offsets: list[tuple[int, int]]  # of each token: [start, end); a tokenizer may give empty ones
    words: list[int | None]  # of each token: the word it is part of, as the tokenizer splits words

    def span(self, start: int, end: int) -> tuple[int, int]:
        """What tokens [start, end) come from, without white space around it; never empty. Needs start < end."""
        here = self.offsets[start:end]
        low, high = min(first for first, _ in here), max(last for _, last in here)
        while high < len(self.text) and unicodedata.category(self.text[high]) in HANGING:
            high += 1
        while low < high - 1 and self.text[low].isspace():
            low += 1
        while low < high - 1 and self.text[high - 1].isspace():
            high -= 1
        low = min(low, len(self.text) - 1)
        return low, max(high, low + 1)

    def words_in(self, start: int, end: int) -> list[tuple[int, int]]:
        """Tokens [start, end) as words: neighbouring intervals; a word that the window cuts only as far as in it."""
        edges = [i for i in range(start + 1, end) if self.words[i] is None or self.words[i] != self.words[i - 1]]
        return list(pairwise([start, *edges, end]))

    def word(self, start: int, end: int) -> tuple[int, int]:
        """What the word comes from that tokens [start, end) are part of."""
        first, last = start, end
        while first > 0 and start - first < WORD_TOKENS and self._joined(first):
            first -= 1
        while last < len(self.ids) and last - end < WORD_TOKENS and self._joined(last):
            last += 1
        return self.span(first, last)

    def _joined(self, token: int) -> bool:
        return self.words[token] is not None and self.words[token] == self.words[token - 1]


def widened(text: str, start: int, end: int) -> tuple[int, int]:
    """[start, end) grown to white space on both sides, by WORD_CHARACTERS at most on each."""
    least, most = max(0, start - WORD_CHARACTERS), min(len(text), end + WORD_CHARACTERS)
    while start > least and not text[start - 1].isspace():
        start -= 1
    while end < most and not text[end].isspace():
        end += 1
    return start, end
