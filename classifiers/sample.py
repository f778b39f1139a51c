"""A stated mix of traffic as the screen scored it: what a band would send to the encoder, without a text.

An .npz of two arrays: `owners`, (W,) uint32, the text of each window, ascending from 0; `scores`, (W, L) uint8, the
screen's scores times 255. About 1,000 texts are a few dozen kilobytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.classifiers.bands import windows_to_encode
from tidegate.classifiers.entries import Band
from tidegate.classifiers.errors import ModelFileError
from tidegate.classifiers.scores import Scores


class Traffic(NamedTuple):
    """Windows of texts: `owners` (W,), and `scores` (W, L) in [0, 1], to the nearest 1/255."""

    owners: npt.NDArray[np.int64]
    scores: Scores


class Share(NamedTuple):
    """Fractions of the stated traffic, in [0, 1]: texts of which the encoder reads something, and windows it reads."""

    texts: float
    windows: float


def share(traffic: Traffic, bands: Iterable[Band]) -> Share:
    """What these bands, one a column, would send. To about 0.2% of the score at the edges of a band."""
    sent = windows_to_encode(traffic.owners, traffic.scores, bands)
    texts = len(np.unique(traffic.owners))
    return Share(len(np.unique(traffic.owners[sent])) / texts, float(sent.mean()))


def write(path: Path, owners: npt.NDArray[np.int64], scores: Scores) -> None:
    """Writes the file. owners, scores: as `Classifier.read` gives them for all texts in one call."""
    with path.open("wb") as file:
        levels = np.round(scores.astype(np.float64) * 255).astype(np.uint8)
        np.savez_compressed(file, owners=owners.astype(np.uint32), scores=levels)


def read(path: Path, content: bytes, labels: int) -> Traffic:
    """The traffic in a file of that many labels. Raises ModelFileError where it is something else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            owners, levels = arrays["owners"], arrays["scores"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"{path}: not a traffic file ({type(error).__name__}); no model loaded") from error
    plain = owners.dtype == np.uint32 and levels.dtype == np.uint8 and owners.ndim == 1 and len(owners) > 0
    if not plain or levels.shape != (len(owners), labels) or (np.diff(owners.astype(np.int64)) < 0).any():
        raise ModelFileError(
            f"{path}: owners {owners.dtype}{owners.shape}, scores {levels.dtype}{levels.shape}; expected uint32 (W,) "
            f"ascending and uint8 (W, {labels}), at least one window; no model loaded"
        )
    return Traffic(owners.astype(np.int64), (levels / 255).astype(np.float32))
