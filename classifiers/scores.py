"""What a scorer gives back: a probability a text and label, who gave it, and where in the text it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


class Span(NamedTuple):
    """Unicode code points `[start, end)` of the original text, and how much of the label's score falls without them."""

    start: int
    end: int
    label: str
    added: float


@dataclass(frozen=True, slots=True)
class Scored:
    """Row i belongs to text i; columns are the scorer's labels."""

    values: Scores  # (N, L), in [0, 1]
    by_encoder: Flags | None = None  # (N, L): the encoder gave the score, else the screen did; None for a single model
    spans: Sequence[Sequence[Span]] | None = None  # a text's, by position; None where no explanation was asked for
    sent: int | None = None  # texts of this call of which the encoder read something; None for a single model


class Scorer(Protocol):
    """Anything that scores texts: a `Classifier`, a `Cascade`, or a twin in a test."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One name a column of the scores."""

    @property
    def version(self) -> str:
        """What a decision records: the same version gives the same scores."""

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        """Scores of N texts, in their order; with `spans` where asked to explain. May be called from several threads
        at once."""
