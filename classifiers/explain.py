"""Which words of a text a score comes from, by taking them out one at a time and asking again.

For each label that scores EXPLAIN_FROM or more, in each window that gives at least half of the score: the words
without which the window scores less are taken, the one that adds most first, until the window without them scores
under half. Where no word alone lowers the score, the whole window is the answer. Words that only white space or
punctuation separates are one span.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tidegate.classifiers.bands import MOST_WINDOWS
from tidegate.classifiers.offsets import Ids, TokenOffsets
from tidegate.classifiers.scores import Flags, Scores, Span
from tidegate.classifiers.tokens import Windower

EXPLAIN_FROM = 0.2  # a score: below it no policy acts, and what adds to it is noise
MOST_WORDS = 12  # a window and label: a redaction that needs more says nothing about words

Words = dict[tuple[int, int], float]  # code points [start, end) of a word -> what it adds to the score


class Reader(Protocol):
    """What is asked here of a `Classifier`."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def windower(self) -> Windower: ...

    def probabilities(self, windows: Sequence[Ids]) -> Scores: ...


def explain_screen(
    reader: Reader, texts: Sequence[str], owners: npt.NDArray[np.int64], rows: Scores, values: Scores
) -> list[list[Span]]:
    """The spans of each text, by taking words out of the reader's own windows.

    owners, rows: of the reader's windows, as `Classifier.read` gives them; rows may be another's scores of the same
    windows: they only choose what is explained. values: (N, L) of the texts.
    """
    found = []
    for i, text in enumerate(texts):
        first, last = np.searchsorted(owners, [i, i + 1])
        wanted = explained(rows[first:last], values[i])
        found.append(as_spans(text, reader.labels, adding(reader, text, wanted)))
    return found


def explained(rows: Scores, values: Scores) -> Flags:
    """(W, L) which of a text's windows are explained for a label; the strongest MOST_WINDOWS at most, for each."""
    wanted: Flags = rows >= np.maximum(values / 2, EXPLAIN_FROM)
    if len(rows) > MOST_WINDOWS:
        rank = np.argsort(np.argsort(-rows, axis=0, kind="stable"), axis=0)
        wanted &= rank < MOST_WINDOWS
    return wanted


def adding(reader: Reader, text: str, wanted: Flags) -> dict[int, Words]:
    """Column -> the words that add to it, in the reader's windows of the text that are wanted: (W, L)."""
    found: dict[int, Words] = {}
    if not wanted.any():
        return found
    located = reader.windower.token_offsets(text)
    for (start, end), labels in zip(reader.windower.spans(len(located.ids)), wanted, strict=True):
        if labels.any():
            for label, words in _in_window(reader, located, start, end, np.flatnonzero(labels).tolist()):
                known = found.setdefault(label, {})
                for word, added in words.items():
                    known[word] = max(added, known.get(word, 0.0))
    return found


def as_spans(text: str, labels: Sequence[str], found: Mapping[int, Words]) -> list[Span]:
    """The spans of a text by position: for each label sorted, apart, not empty and within the text."""
    spans: list[Span] = []
    for column, words in found.items():
        merged: list[Span] = []
        for (start, end), added in sorted(words.items()):
            last = merged[-1] if merged else None
            if last and not any(map(str.isalnum, text[last.end : start])):
                merged[-1] = Span(last.start, max(last.end, end), last.label, min(1.0, last.added + added))
            else:
                merged.append(Span(start, end, labels[column], added))
        spans += merged
    return sorted(spans)


def _in_window(
    reader: Reader, located: TokenOffsets, start: int, end: int, labels: Sequence[int]
) -> Iterator[tuple[int, Words]]:
    window, words = located.ids[start:end], located.words_in(start, end)

    def without(*gone: int) -> Ids:
        kept = np.ones(len(window), np.bool_)
        for k in gone:
            low, high = words[k]
            kept[low - start : high - start] = False
        return window[kept]

    whole, *rest = _scores(reader, [window, *(without(k) for k in range(len(words)))])
    drops = whole - np.stack(rest)
    for label in labels:
        order = [k for k in np.argsort(-drops[:, label], kind="stable")[:MOST_WORDS].tolist() if drops[k, label] > 0]
        if not order:
            yield label, {located.span(start, end): float(whole[label])}
            continue
        left = _scores(reader, [without(*order[:n]) for n in range(1, len(order) + 1)])[:, label]
        enough = next((n for n, score in enumerate(left, 1) if score < whole[label] / 2), len(order))
        yield label, {located.word(*words[k]): float(drops[k, label]) for k in order[:enough]}


def _scores(reader: Reader, windows: Sequence[Ids]) -> Scores:
    """(W, L) of windows of text tokens; 0 for an empty one, as for a text without tokens."""
    rows = np.zeros((len(windows), len(reader.labels)), np.float32)
    full = [i for i, window in enumerate(windows) if len(window)]
    rows[full] = reader.probabilities([reader.windower.framed(windows[i]) for i in full])
    return rows
