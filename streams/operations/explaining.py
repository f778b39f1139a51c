"""What each score of a text comes from, for a person who asks: pieces without which it falls, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.classifiers import Cascade
from tidegate.streams.core.events import Decision
from tidegate.streams.moderation.scoring import Scoring, TextScorer, TextScores

EXPLAIN_S = 300.0  # an encoder explains by dozens of its runs for each window of a text


class ExplainedPiece(NamedTuple):
    """Code points `[start, end)` of a choice. added: what the label's score would be less without them."""

    choice: int
    start: int
    end: int
    label: str
    added: float
    text: str


class Explanation(NamedTuple):
    """The pieces of a completion's choices; and how many choices could not be explained: their scores stand."""

    pieces: list[ExplainedPiece]
    failed: int


class Explainer:
    """Explains on a thread of its own, one text at a time. Close it."""

    def __init__(self) -> None:
        self._scoring = Scoring(1, EXPLAIN_S)

    def close(self) -> None:
        self._scoring.close()

    async def explain(self, scorer: TextScorer, choices: Sequence[str], decision: Decision) -> Explanation:
        """Returns what each label's score comes from, in the choice that gave it."""
        pieces, failed = list[ExplainedPiece](), 0
        for choice, text in enumerate(choices):
            found = await self._scoring.explain(_ByEncoder(scorer), text)
            failed += found is None
            pieces += [
                ExplainedPiece(choice, start, end, label, added, text[start:end])
                for start, end, label, added in found or ()
                if label in decision.scores and decision.choice_of.get(label, 0) == choice
            ]
        return Explanation(pieces, failed)


class _ByEncoder:
    """A scorer that a person asks about one text: what a cascade's encoder read, the encoder explains."""

    def __init__(self, scorer: TextScorer) -> None:
        self._scorer, self.labels, self.version = scorer, scorer.labels, scorer.version

    def score(self, texts: Sequence[str], *, explain: bool = False) -> TextScores:
        if isinstance(self._scorer, Cascade):
            return self._scorer.score(texts, explain=explain, by_encoder=explain)
        return self._scorer.score(texts, explain=explain)
