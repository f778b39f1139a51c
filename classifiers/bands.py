"""Which windows the encoder is asked about: the screen's scores against a band a label. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from tidegate.classifiers.entries import Band
from tidegate.classifiers.scores import Flags, Scores

# Probability on either side of a live threshold that the band must hold. A text whose screen score lies so near a
# threshold could fall on either side of it, and a text is acted on by the encoder's score only if the encoder was
# asked. Less, and texts at the threshold are decided by the screen alone; more costs encoder runs.
MARGIN = 0.05

# Windows of one text that the encoder reads at most, about 9,000 characters: one huge text must not hold up the
# others. The rest keep the screen's score.
MOST_WINDOWS = 32

Bands = Mapping[str, Band]


def covering_bands(bands: Bands, idle: Collection[str], thresholds: Mapping[str, Iterable[float]]) -> dict[str, Band]:
    """The bands, widened so that each threshold (label -> those in force, in [0, 1]) lies MARGIN inside.

    An empty band (low = high) stays empty: the encoder was found to be no better there. A label of `idle`
    (experimental, or asked of prompts alone) that no threshold names gets an empty band: nothing acts on it. Labels
    that have no band are ignored.
    """
    found = {}
    for label, band in bands.items():
        near = list(thresholds.get(label, ()))
        if label in idle and not near:
            found[label] = Band(low=band.low, high=band.low)
        elif near and band.low < band.high:
            low, high = min(band.low, min(near) - MARGIN), max(band.high, max(near) + MARGIN)
            found[label] = Band(low=max(0.0, round(low, 4)), high=min(1.0, round(high, 4)))
        else:
            found[label] = band
    return found


def windows_to_encode(owners: npt.NDArray[np.int64], scores: Scores, bands: Iterable[Band]) -> Flags:
    """(W,) whether the encoder reads the window.

    owners: the text of each window, ascending. scores: (W, L) of the screen. bands: one a column.
    It does where a label's score lies in its band and no window of the text lies above the band: there the text is
    settled for that label. Of a text with more such windows than MOST_WINDOWS the most suspicious are read: those
    with the highest score that lies in its band, the earlier of equals.
    """
    if not len(owners):
        return np.zeros(0, np.bool_)
    each = list(bands)
    low = np.array([band.low for band in each])
    # A screen may give 1.0: a band that ends there holds it.
    high = np.array([np.inf if band.low < band.high == 1 else band.high for band in each])
    rounded = np.round(scores.astype(np.float64), 4)  # as decisions see them: the last bits may differ by the batch
    strongest = np.zeros((owners[-1] + 1, len(each)))
    np.maximum.at(strongest, owners, rounded)
    uncertain = (low <= rounded) & (strongest < high)[owners]
    sent: Flags = np.any(uncertain, axis=1)
    for text in np.flatnonzero(np.bincount(owners[sent]) > MOST_WINDOWS):
        mine = np.flatnonzero(sent & (owners == text))
        suspicion = np.where(uncertain[mine], rounded[mine], 0).max(axis=1)
        sent[mine[np.argsort(-suspicion, kind="stable")[MOST_WINDOWS:]]] = False
    return sent
