"""Finds the spans of a label in a completion's text, only for labels that reach a redact threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tidegate.streams.core.events import FaultReason, Span
from tidegate.streams.moderation.combine import best_choice
from tidegate.streams.moderation.scoring import ScoreRow, Scoring, TextScorer

# Spans of one choice, some 60 bytes each: more could make a decision larger than Kafka takes, and its partition
# would stall.
MAX_SPANS = 1000


def labels_to_redact(
    choices: Sequence[ScoreRow | FaultReason], labels: Sequence[str], redact_from: Mapping[str, float]
) -> dict[int, set[str]]:
    """Returns, per choice index, the labels whose score it gave and that reach a redact threshold. Of a fault none."""
    rows = [row for row in choices if isinstance(row, ScoreRow)]
    if not rows or len(rows) < len(choices):
        return {}
    labels_of: dict[int, set[str]] = {}
    for column, label in enumerate(labels):
        if label in redact_from:
            best = best_choice(rows, column)
            if rows[best].scores[column] >= redact_from[label]:
                labels_of.setdefault(best, set()).add(label)
    return labels_of


async def find_spans(
    scoring: Scoring,
    scorer: TextScorer,
    outcome: Callable[[str], None],
    texts: Sequence[str],
    labels_of: Mapping[int, set[str]],
) -> tuple[Span, ...]:
    """Returns the spans of those labels, choice by choice, in the order of the text.

    A text that the scorer cannot explain has none: it was scored, so it is no fault. A text with more than MAX_SPANS
    has none either: a person reviews it, since to redact only some of them would show the rest.
    """
    spans: list[Span] = []
    for choice, labels in sorted(labels_of.items()):
        explained = await scoring.explain(scorer, texts[choice])
        wanted = sorted({(start, end, label) for start, end, label, _ in explained or () if label in labels})
        if len(wanted) > MAX_SPANS:
            outcome("too_many")
            continue
        outcome("failed" if explained is None else "spans" if wanted else "none")
        spans += [Span(start=start, end=end, label=label) for start, end, label in wanted]
    return tuple(spans)
