"""Where in a completion's text a label stands: asked of the scorer only where a redact threshold is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tidegate.streams.core.events import FaultReason, Span
from tidegate.streams.moderation.combine import best_choice
from tidegate.streams.moderation.scoring import Row, Scorer, Scoring

# Of one choice, some 60 bytes each: a text made of little else would make a decision larger than Kafka takes, and
# its partition would stand still.
MOST = 1000


def reached(
    choices: Sequence[Row | FaultReason], labels: Sequence[str], redact_from: Mapping[str, float]
) -> dict[int, set[str]]:
    """Per choice, by index: the labels whose score it gave and that reach a redact threshold. Of a fault none."""
    rows = [row for row in choices if isinstance(row, Row)]
    if not rows or len(rows) < len(choices):
        return {}
    found: dict[int, set[str]] = {}
    for column, label in enumerate(labels):
        if label in redact_from:
            best = best_choice(rows, column)
            if rows[best].scores[column] >= redact_from[label]:
                found.setdefault(best, set()).add(label)
    return found


async def find_spans(
    scoring: Scoring,
    scorer: Scorer,
    outcome: Callable[[str], None],
    texts: Sequence[str],
    wanted: Mapping[int, set[str]],
) -> tuple[Span, ...]:
    """The spans of the labels wanted, choice by choice, in the order they stand in the text.

    A text on which the scorer cannot say where its scores come from has none: it was scored, so it is no fault. Nor
    has one with more than MOST: a person reviews it, since some of them alone would leave the rest to be seen.
    """
    spans: list[Span] = []
    for choice, labels in sorted(wanted.items()):
        explained = await scoring.explain(scorer, texts[choice])
        mine = sorted({(start, end, label) for start, end, label, _ in explained or () if label in labels})
        if len(mine) > MOST:
            outcome("too_many")
            continue
        outcome("failed" if explained is None else "spans" if mine else "none")
        spans += [Span(start=start, end=end, label=label) for start, end, label in mine]
    return tuple(spans)
