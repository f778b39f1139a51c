"""Runs: a text that repeats itself is read as if it did so three times. The rule of every model, before any window.

Models give out, and people send, one token, emoji or sentence a thousand times over. No model was taught such texts, so
a score of them means nothing, and where the encoder stops reading (classifiers/bands.py) it jumps. Shortened, unit x n
scores the same for every n that counts as a run.

A run is a stretch of code points that equals itself shifted by `period`, the shortest such shift: REPEATS periods at
least, LEAST code points at least, LONGEST a period at most. So "no no no", "!!!", a ruler of 80 dashes, indentation and
0000 stay as they are. Of a run of length l = q * period + r, KEPT * period + r code points stay: its first KEPT - 1
periods and its end. What then stands side by side stood so before, so that no emoji and no accent comes apart.

Shorter periods first: "aaa…ab" over and over is first shortened inside. What is shortened holds no run any more, nor
does any part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.classifiers.scores import Span

REPEATS = 8  # periods: fewer are a chorus, a table's blank rows, a cheer
LEAST = 128  # code points: less is a ruler, a table's separator, an id of zeros
LONGEST = 1024  # code points of a period: some sentences
KEPT = 3  # periods: the first, one between two like it, the last; over 1, so that shortening makes no new run

# What a score depends on here; part of every model's fingerprint. Another rule, or another reading of it, is another.
RULE = f"runs 1: {REPEATS} {LEAST} {LONGEST} {KEPT}"

# Every run holds a multiple of STRIDE in its first STRIDE code points, and from there on equals itself, shifted by its
# period, for at least max(LEAST, REPEATS * period) - period - STRIDE + 1 >= GRAM code points.
STRIDE = 64
GRAM = 32
TRIES = 8  # a stride, on average: a text with more chances than that is looked at in full, which takes no longer

# Places of a run at which it is tried first, evenly: by chance few stretches equal themselves at so many.
SAMPLES = 16

Codes = npt.NDArray[np.unsignedinteger]
Positions = npt.NDArray[np.int64]


class Shortened(NamedTuple):
    """A text as models read it, and where in the original that stands. Positions are code points."""

    text: str
    kept: Positions | None = None  # of each code point of `text`, its place in the original; None: nothing was cut
    runs: Sequence[tuple[int, int]] = ()  # what was shortened: [start, end) of the original, white space around it not

    def original(self, start: int, end: int) -> tuple[int, int]:
        """What [start, end) of `text` comes from. Needs start < end. A run that it touches is in it whole: what is
        said of three repeats holds of all of them."""
        if self.kept is None:
            return start, end
        low, high = int(self.kept[start]), int(self.kept[end - 1]) + 1
        touched = [run for run in self.runs if run[0] < high and low < run[1]]
        return min([low, *(first for first, _ in touched)]), max([high, *(last for _, last in touched)])

    def of_original(self, spans: Sequence[Span]) -> list[Span]:
        """Spans of `text` as spans of the original: sorted, and for each label apart. Spans of one run are one."""
        if self.kept is None:
            return list(spans)
        found: dict[str, list[Span]] = {}
        for span in sorted(spans):
            start, end = self.original(span.start, span.end)
            mine = found.setdefault(span.label, [])
            if mine and start < mine[-1].end:
                last = mine.pop()
                start, end = min(start, last.start), max(end, last.end)
                span = span._replace(added=min(1.0, last.added + span.added))
            mine.append(span._replace(start=start, end=end))
        return sorted(span for mine in found.values() for span in mine)


def shortened(text: str) -> Shortened:
    """The text with every run shortened. Linear in its length, whatever it holds; a text without a run is itself."""
    if not may_repeat(text):
        return Shortened(text)
    coding, unit = ("ascii", np.uint8) if text.isascii() else ("utf-32-le", np.uint32)
    codes: Codes = np.frombuffer(text.encode(coding, "surrogatepass"), unit)
    kept = np.arange(len(codes))
    runs: list[tuple[int, int]] = []
    period = 0
    while (period := period + 1) <= min(LONGEST, len(codes) // REPEATS):
        found = runs_of(codes, period)
        if not found:
            continue
        stays = np.ones(len(codes), np.bool_)
        for start, end in found:
            cut = start + (KEPT - 1) * period
            stays[cut : cut + ((end - start) // period - KEPT) * period] = False
            runs.append((int(kept[start]), int(kept[end - 1]) + 1))
        codes, kept = codes[stays], kept[stays]
    if not runs:
        return Shortened(text)
    return Shortened(codes.tobytes().decode(coding, "surrogatepass"), kept, [_bare(text, *run) for run in runs])


def given(texts: Sequence[Shortened], spans: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """The spans of each text, of the texts as they were given."""
    return [text.of_original(found) for text, found in zip(texts, spans, strict=True)]


def may_repeat(text: str) -> bool:
    """False only where the text holds no run: some microseconds for an ordinary one of 700 characters."""
    size = len(text)
    if size < LEAST:
        return False
    reach, tries = min(LONGEST, size // REPEATS), 0
    for here in range(0, size - GRAM, STRIDE):
        gram = text[here : here + GRAM]
        there = text.find(gram, here + 1, here + GRAM + reach)
        while there >= 0:
            period = there - here
            equal = max(LEAST, REPEATS * period) - period - STRIDE + 1
            tries += 1
            if tries > TRIES * (size // STRIDE):
                return True
            if there + equal <= size and text[here : here + equal] == text[there : there + equal]:
                return True
            there = text.find(gram, there + 1, here + GRAM + reach)
    return False


def runs_of(codes: Codes, period: int) -> list[tuple[int, int]]:
    """The runs of that period, or of a divisor of it, as [start, end), each as long as it can be."""
    equal = max(LEAST, REPEATS * period) - period  # so many code points in a row equal those a period later
    if len(codes) < equal + period:
        return []
    step = equal // SAMPLES
    if not _stretches(codes[:-period:step] == codes[period::step], equal // step):
        return []
    return [(start, end + period) for start, end in _stretches(codes[:-period] == codes[period:], equal)]


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """[start, end) without the white space around what it holds; as it is where it holds nothing else."""
    held = text[start:end]
    return (end - len(held.lstrip()), start + len(held.rstrip())) if held.strip() else (start, end)


def _stretches(flags: npt.NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    """Where so many flags in a row are set, as [start, end), each as long as it can be."""
    edges = np.concatenate([[-1], np.flatnonzero(~flags), [len(flags)]])
    long = np.flatnonzero(np.diff(edges) > least)
    return [(int(edges[i]) + 1, int(edges[i + 1])) for i in long]
