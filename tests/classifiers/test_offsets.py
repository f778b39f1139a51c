"""From tokens back to the text, where a tokenizer's offsets are not what one would wish."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.classifiers.offsets import WORD_TOKENS, TokenOffsets, widened


def located(text, *tokens):
    """tokens: (start, end, word) each."""
    offsets, words = [(start, end) for start, end, _ in tokens], [word for *_, word in tokens]
    return TokenOffsets(text, np.arange(len(tokens)), offsets, words)


@pytest.mark.parametrize(
    ("text", "offsets", "expected"),
    [
        ("a word", (1, 6), "word"),  # a byte-level token takes the space before it along
        ("a word ", (1, 7), "word"),
        ("e\u0301\u0301\u200b x", (0, 1), "e\u0301\u0301\u200b"),  # marks that were folded away hang on
        ("e\u0301 \u0301", (0, 1), "e\u0301"),  # up to the next that is none
        ("abc", (1, 1), "b"),  # an empty token still stands somewhere
        ("abc", (3, 3), "c"),  # if at the end, then there
        ("  ", (0, 2), " "),  # nothing but white space is still something
    ],
)
def test_span_of_a_token_is_what_a_reader_would_mark(text, offsets, expected):
    start, end = located(text, (*offsets, 0)).span(0, 1)
    assert text[start:end] == expected


def test_words_are_runs_of_tokens_of_one_word():
    """A token of no word stands on its own."""
    #  token    0  1  2     3     4     5
    #  word     0  0  1     none  none  2
    tokens = [(0, 1, 0), (1, 2, 0), (3, 4, 1), (4, 5, None), (5, 6, None), (6, 7, 2)]
    assert located("ab cdef", *tokens).words_in(0, 6) == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    assert located("ab cdef", *tokens).words_in(1, 3) == [(1, 2), (2, 3)]  # the window cuts the first


def test_word_is_followed_out_of_its_window_but_not_far():
    text = "x" * 200
    whole = located(text, *((i, i + 1, 0 if i < 10 else 1) for i in range(200)))
    assert whole.word(12, 14) == (10, 14 + WORD_TOKENS)  # its start is near, its end is not
    assert whole.word(100, 101) == (100 - WORD_TOKENS, 101 + WORD_TOKENS)
    assert whole.word(9, 10) == (0, 10)
    assert located("ab", (0, 1, None), (1, 2, None)).word(1, 2) == (1, 2)


@pytest.mark.parametrize(
    ("text", "inside", "expected"),
    [
        ("one two three", "wo", "two"),
        ("one two three", "two", "two"),
        ("one", "n", "one"),
        ("one\u2003two\nthree", "w", "two"),
        ("x" * 30 + "M" + "y" * 30, "M", "x" * 20 + "M" + "y" * 20),
    ],
)
def test_stretch_widens_to_words_by_at_most_twenty_characters(text, inside, expected):
    at = text.index(inside)
    start, end = widened(text, at, at + len(inside))
    assert text[start:end] == expected
