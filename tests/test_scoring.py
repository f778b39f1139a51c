"""One bad text is one fault; its neighbours' scores are their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from streams.core.events import FaultReason
from streams.scoring import Scoring
from tests.scorers import LABELS, RELEASE, obedient


@pytest.fixture(autouse=True)
def _released() -> Iterator[None]:
    RELEASE.clear()
    yield
    RELEASE.set()


def row(toxicity: float) -> tuple[float, ...]:
    return (toxicity, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("RAISE", FaultReason.CLASSIFIER_ERROR),
        ("HANG", FaultReason.CLASSIFIER_TIMEOUT),
        ("NAN", FaultReason.BAD_SCORES),
    ],
)
async def test_a_bad_text_is_a_fault_and_its_neighbours_are_scored(bad: str, fault: FaultReason) -> None:
    scoring = Scoring(obedient(), threads=1, timeout_s=0.2)
    scored = await scoring.score(["toxicity=0.5", bad, "toxicity=0.7"])
    assert scored == [row(0.5), fault, row(0.7)]
    scoring.close()


async def test_texts_behind_a_hung_one_are_scored_and_not_blamed() -> None:
    scoring = Scoring(obedient(), threads=1, timeout_s=0.2)
    hung, waiting = await asyncio.gather(scoring.score(["HANG"]), scoring.score(["toxicity=0.3"]))
    assert hung == [FaultReason.CLASSIFIER_TIMEOUT]
    assert waiting == [row(0.3)]
    scoring.close()


async def test_scores_are_rounded_before_anything_decides_on_them() -> None:
    scoring = Scoring(obedient(), threads=1, timeout_s=5)
    assert await scoring.score(["toxicity=0.123456"]) == [row(0.1235)]
    scoring.close()


async def test_a_matrix_of_the_wrong_shape_is_a_fault() -> None:
    class Short:
        labels = LABELS
        version = "short@1"

        def score(self, texts: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            return np.zeros((len(texts), 2), np.float32)

    scoring = Scoring(Short(), threads=1, timeout_s=5)
    assert await scoring.score(["a"]) == [FaultReason.BAD_SCORES]
    scoring.close()
