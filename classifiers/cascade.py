"""A screen that settles what is plainly fine or plainly not, and an encoder that reads the rest.

Window by window: the screen reads every window of a text; those whose score lies in a label's band are read again, as
text, by the encoder, whose scores then stand for the window on every label. The strongest window counts. So the score
of a text depends on the text and the bands alone, never on its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from tidegate.classifiers.bands import MOST_WINDOWS, covering_bands, windows_to_encode
from tidegate.classifiers.classifier import Classifier, Owners, strongest
from tidegate.classifiers.entries import Band, CascadeEntry
from tidegate.classifiers.explain import Words, adding, as_spans, explain_screen, explained
from tidegate.classifiers.offsets import WORD_CHARACTERS, widened
from tidegate.classifiers.runs import given, shortened
from tidegate.classifiers.sample import Share, Traffic, share
from tidegate.classifiers.scores import Flags, Scored, Scorer, Scores, Span

MOST_VIEWS = 16  # bands in force that are remembered: a worker needs the live policy's, the next one's, a few shadows'


class Piece(NamedTuple):
    """A window as the encoder reads it: code points [start, end) of a text."""

    owner: int
    window: int
    start: int
    end: int


class Cascade:
    """Two classifiers as one. Made by `load`; `covering` gives views of it with other bands."""

    def __init__(
        self,
        name: str,
        entry: CascadeEntry,
        screen: Classifier,
        encoder: Classifier,
        *,
        traffic: Traffic | None = None,
        threads: int = 1,
    ) -> None:
        """threads: encoder runs side by side, shared by all callers and views; with 1 they run on the caller's."""
        self.name = name
        self.entry = entry
        self.screen, self.encoder = screen, encoder
        self.labels: tuple[str, ...] = entry.labels
        self.prompt_labels: tuple[str, ...] = entry.prompt_labels
        self._traffic = traffic
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name) if threads > 1 else None
        self._views: dict[tuple[Band, ...], Cascade] = {}
        self._use(covering_bands(entry.bands, entry.idle, {}))

    def _use(self, bands: Mapping[str, Band]) -> None:
        self.bands = {label: bands[label] for label in self.labels}  # in force, in the order of the columns
        said = [f"{label} {band.low:.4f} {band.high:.4f}" for label, band in self.bands.items()]
        parts = [self.screen.fingerprint, self.encoder.fingerprint, f"{MOST_WINDOWS} {WORD_CHARACTERS}", *said]
        fingerprint = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self.version = f"{self.name}@{fingerprint[:8]}"

    def covering(self, thresholds: Mapping[str, Iterable[float]]) -> Cascade:
        """A view whose bands hold each threshold (label -> those in force): `covering_bands` says how. Cheap.

        Widened from the manifest's bands, whichever view is asked. The same bands give the same view, mostly.
        """
        bands = covering_bands(self.entry.bands, self.entry.idle, thresholds)
        key = tuple(bands[label] for label in self.labels)
        view = self._views.get(key)
        if view is None:
            view = object.__new__(Cascade)
            view.__dict__.update(self.__dict__)
            view._use(bands)
            while len(self._views) >= MOST_VIEWS:
                self._views.pop(next(iter(self._views)), None)
            self._views[key] = view
        return view

    def share_sent(self) -> Share | None:
        """What these bands would send to the encoder of the stated traffic; None where the manifest names none."""
        return share(self._traffic, self.bands.values()) if self._traffic else None

    def score(self, texts: Sequence[str], *, explain: bool = False, by_encoder: bool = False) -> Scored:
        """Scores as `Classifier.score` gives them, and who gave each: `by_encoder` (ties are the encoder's), `sent`.

        The encoder reads at most MOST_WINDOWS windows a text. Thread safe.
        explain: gives `spans`, found by taking words out of what the screen read: cheap, and the screen's view of a
        score that may be the encoder's. by_encoder: what the encoder read is explained by the encoder, some dozens of
        its runs a window; for a person who asks about one text.
        Raises ScoreError where a part gives something that is no probability.
        """
        short = [shortened(text) for text in texts]
        texts = [each.text for each in short]
        owners, rows = self.screen.read(texts)
        sent = windows_to_encode(owners, rows, self.bands.values())
        pieces = self._pieces(texts, owners, np.flatnonzero(sent).tolist())
        rows[sent] = self._read([texts[piece.owner][piece.start : piece.end] for piece in pieces])
        values = strongest(owners, rows, len(texts))
        by = np.zeros(values.shape, np.bool_)
        np.logical_or.at(by, owners, sent[:, None] & (rows == values[owners]))
        spans = None
        if explain and by_encoder:
            spans = self._explain(texts, owners, rows, values, pieces)
        elif explain:
            spans = explain_screen(self.screen, texts, owners, rows, values)
        spans = given(short, spans) if spans is not None else None
        return Scored(values, by_encoder=by, spans=spans, sent=len({piece.owner for piece in pieces}))

    def _pieces(self, texts: Sequence[str], owners: Owners, windows: Sequence[int]) -> list[Piece]:
        """Where in its text each of these windows of the screen stands, widened to whole words."""
        pieces: list[Piece] = []
        located, of = None, -1
        for window in windows:
            owner = int(owners[window])
            if located is None or owner != of:
                located, of = self.screen.windower.token_offsets(texts[owner]), owner
                tokens = self.screen.windower.spans(len(located.ids))
                first = int(np.searchsorted(owners, owner))
            span = located.span(*tokens[window - first])
            pieces.append(Piece(owner, window, *widened(texts[owner], *span)))
        return pieces

    def _read(self, texts: Sequence[str]) -> Scores:
        """(N, L) of the encoder; each different text is read once, in a run of its own."""
        different = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        scored = map(self._read_one, different) if self._pool is None else self._pool.map(self._read_one, different)
        rows = [*scored]
        return np.array([rows[different[text]] for text in texts], np.float32).reshape(len(texts), len(self.labels))

    def _read_one(self, text: str) -> Scores:
        row: Scores = self.encoder.score([text]).values[0]
        return row

    def _explain(
        self, texts: Sequence[str], owners: Owners, rows: Scores, values: Scores, pieces: Sequence[Piece]
    ) -> list[list[Span]]:
        """The spans of each text, by the encoder in the windows it read and by the screen in the others."""
        found = []
        for i, text in enumerate(texts):
            first, last = np.searchsorted(owners, [i, i + 1])
            wanted = explained(rows[first:last], values[i])
            mine = [piece for piece in pieces if piece.owner == i]
            words: dict[int, Words] = {}
            for piece in mine:
                _add(words, self._in_piece(text, piece, wanted[piece.window - first]))
            wanted[[piece.window - first for piece in mine]] = False
            _add(words, adding(self.screen, text, wanted))
            found.append(as_spans(text, self.labels, words))
        return found

    def _in_piece(self, text: str, piece: Piece, wanted: Flags) -> dict[int, Words]:
        read = text[piece.start : piece.end]
        _, rows = self.encoder.read([read])
        found = adding(self.encoder, read, explained(rows, rows.max(axis=0, initial=0)) & wanted)
        return {
            label: {(piece.start + low, piece.start + high): added for (low, high), added in words.items()}
            for label, words in found.items()
        }


def covering(scorer: Scorer, thresholds: Mapping[str, Iterable[float]]) -> Scorer:
    """A scorer whose encoder is asked near each threshold (label -> those in force); a single model is itself."""
    return scorer.covering(thresholds) if isinstance(scorer, Cascade) else scorer


def _add(words: dict[int, Words], more: Mapping[int, Words]) -> None:
    for label, found in more.items():
        known = words.setdefault(label, {})
        for word, added in found.items():
            known[word] = max(added, known.get(word, 0.0))
