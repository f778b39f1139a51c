"""A screen that settles what is plainly fine or plainly not, and an encoder that reads the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from classifiers.scored import Scorer


def holding(scorer: Scorer, thresholds: Mapping[str, Iterable[float]]) -> Scorer:
    """A scorer whose encoder is asked near each threshold (label -> those in force); a single model is itself."""
    return scorer
