"""One bad text is one fault; its neighbours' scores are their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support.scorers import LABELS, RELEASE, CascadeScorer, scripted
from tidegate.classifiers import Scored, Span
from tidegate.streams.core.events import FaultReason
from tidegate.streams.moderation.scoring import ScoreRow, Scoring


@pytest.fixture(autouse=True)
def _released() -> Iterator[None]:
    RELEASE.clear()
    yield
    RELEASE.set()


def row(toxicity: float, by_encoder: tuple[int, ...] | None = None) -> ScoreRow:
    return ScoreRow((toxicity, *[0.0] * (len(LABELS) - 1)), by_encoder)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("RAISE", FaultReason.CLASSIFIER_ERROR),
        ("HANG", FaultReason.CLASSIFIER_TIMEOUT),
        ("NAN", FaultReason.BAD_SCORES),
    ],
)
async def test_a_bad_text_is_a_fault_and_its_neighbours_are_scored(bad: str, fault: FaultReason) -> None:
    scoring = Scoring(threads=1, timeout_s=0.2)
    scored = await scoring.score(scripted(), ["toxicity=0.5", bad, "toxicity=0.7"])
    assert scored == [row(0.5), fault, row(0.7)]
    scoring.close()


async def test_texts_behind_a_hung_one_are_scored_and_not_blamed() -> None:
    scoring = Scoring(threads=1, timeout_s=0.2)
    hung, waiting = await asyncio.gather(
        scoring.score(scripted(), ["HANG"]), scoring.score(scripted(), ["toxicity=0.3"])
    )
    assert hung == [FaultReason.CLASSIFIER_TIMEOUT]
    assert waiting == [row(0.3)]
    scoring.close()


async def test_scores_are_rounded_before_anything_decides_on_them() -> None:
    scoring = Scoring(threads=1, timeout_s=5)
    assert await scoring.score(scripted(), ["toxicity=0.123456"]) == [row(0.1235)]
    scoring.close()


def gives(found: Any) -> Any:
    """A scorer that gives that back, whatever it is asked."""

    class Given:
        labels = LABELS
        version = "given@1"

        def score(self, texts: Sequence[str], *, explain: bool = False) -> Any:
            return found

    return Given()


ROW = np.zeros((1, len(LABELS)), np.float32)


@pytest.mark.parametrize(
    "found",
    [
        Scored(np.zeros((1, 2), np.float32)),
        Scored(ROW, np.zeros((1, 2), np.bool_)),
        Scored(ROW + 1.1),
        Scored(ROW - 0.1),
        ROW,  # an array, as a scorer might give that does not know `Scored`
        None,
    ],
)
async def test_scores_of_another_shape_are_a_fault(found: Any) -> None:
    scoring = Scoring(threads=1, timeout_s=5)
    assert await scoring.score(gives(found), ["a"]) == [FaultReason.BAD_SCORES]
    scoring.close()


# --- a cascade


async def test_a_row_has_the_columns_that_the_encoder_gave() -> None:
    """The number of texts that the encoder read is counted."""
    counted: list[tuple[int, int]] = []
    scoring = Scoring(threads=1, timeout_s=5, counted=lambda texts, sent: counted.append((texts, sent)))
    texts = ["toxicity=0.5!", "toxicity=0.1", "toxicity=0.5 insult=0!"]
    assert await scoring.score(CascadeScorer(), texts) == [row(0.5, (0,)), row(0.1, ()), row(0.5, (1,))]
    assert await scoring.score(scripted(), texts[:1]) == [row(0.5)]
    assert counted == [(3, 2), (1, 0)]
    scoring.close()


async def test_only_what_was_scored_is_counted() -> None:
    counted: list[tuple[int, int]] = []
    scoring = Scoring(threads=1, timeout_s=5, counted=lambda texts, sent: counted.append((texts, sent)))
    await scoring.score(CascadeScorer(), ["toxicity=0.5!", "RAISE"])
    assert counted == [(1, 1)]
    scoring.close()


# --- explaining


async def test_an_explanation_is_the_pieces_that_a_score_comes_from() -> None:
    scoring = Scoring(threads=1, timeout_s=5)
    assert await scoring.explain(scripted(), "well, toxicity=0.5") == [(6, 18, "toxicity", 0.5)]
    scoring.close()


@pytest.mark.parametrize("text", ["MUTE toxicity=0.9", "HANG"])
async def test_a_text_that_cannot_be_explained_affects_no_other(text: str) -> None:
    scoring = Scoring(threads=1, timeout_s=0.2)
    assert await scoring.explain(scripted(), text) is None
    assert await scoring.explain(scripted(), "toxicity=1") == [(0, 10, "toxicity", 1)]
    scoring.close()


async def test_missing_and_invalid_pieces_give_no_spans() -> None:
    scoring = Scoring(threads=1, timeout_s=5)
    assert await scoring.explain(gives(Scored(ROW)), "abc") is None
    strange = [Span(0, 4, "toxicity", 1), Span(2, 2, "toxicity", 1), Span(-1, 2, "insult", 1), Span(0, 3, "sarcasm", 1)]
    good = Span(0, 3, "toxicity", 1)
    assert await scoring.explain(gives(Scored(ROW, spans=[[*strange, good]])), "abc") == [good]
    scoring.close()
