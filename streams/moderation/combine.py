"""Combines the scores of a completion's texts into those of its decision: per label the highest choice's. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from tidegate.streams.core.events import FaultReason
from tidegate.streams.moderation.scoring import ScoreRow


class CombinedScores(NamedTuple):
    """Scores by label, which choice gave each, and which of them the encoder gave (None: one model gives all)."""

    scores: dict[str, float]
    choice_of: dict[str, int]
    by_encoder: tuple[str, ...] | None


NO_SCORES = CombinedScores({}, {}, None)


def combine_scores(
    choices: Sequence[ScoreRow | FaultReason],
    prompt: ScoreRow | FaultReason | None,
    labels: Sequence[str],
    prompt_labels: Container[str],
    prompt_only: frozenset[str] = frozenset(),
) -> tuple[FaultReason | None, CombinedScores, CombinedScores]:
    """Returns the fault, if there is one, else the scores of the completion and those of its prompt.

    prompt_labels: the labels scored in the prompt. prompt_only: labels left out of the completion's scores.
    """
    of_choices = highest_scores(choices, labels)
    if isinstance(of_choices, FaultReason):
        return of_choices, NO_SCORES, NO_SCORES
    of_prompt = prompt_scores(prompt, labels, prompt_labels)
    if isinstance(of_prompt, FaultReason):
        return of_prompt, NO_SCORES, NO_SCORES
    return None, _without(prompt_only, of_choices) if prompt_only else of_choices, of_prompt


def highest_scores(choices: Sequence[ScoreRow | FaultReason], labels: Sequence[str]) -> CombinedScores | FaultReason:
    """Returns per label the highest score of the choices, of equal ones the first's. One fault makes it a fault."""
    rows: list[ScoreRow] = []
    for row in choices:
        if isinstance(row, FaultReason):
            return row
        rows.append(row)
    if not rows:
        return NO_SCORES
    if len(rows) == 1:
        return CombinedScores(dict(zip(labels, rows[0].scores, strict=True)), {}, _encoder_labels(rows[0], labels))
    best = [best_choice(rows, column) for column in range(len(labels))]
    at = list(enumerate(zip(labels, best, strict=True)))
    return CombinedScores(
        {label: rows[i].scores[column] for column, (label, i) in at},
        dict(zip(labels, best, strict=True)),
        None
        if rows[0].by_encoder is None
        else tuple([label for column, (label, i) in at if column in (rows[i].by_encoder or ())]),
    )


def prompt_scores(
    row: ScoreRow | FaultReason | None, labels: Sequence[str], prompt_labels: Container[str]
) -> CombinedScores | FaultReason:
    """Returns the prompt's scores of its labels; none where it was not scored."""
    if row is None:
        return NO_SCORES
    if isinstance(row, FaultReason):
        return row
    by = _encoder_labels(row, labels)
    return CombinedScores(
        {label: score for label, score in zip(labels, row.scores, strict=True) if label in prompt_labels},
        {},
        None if by is None else tuple([label for label in by if label in prompt_labels]),
    )


def best_choice(rows: Sequence[ScoreRow], column: int) -> int:
    """Returns the index of the row that is highest in a column; of equal ones the first."""
    return max(range(len(rows)), key=lambda i: rows[i].scores[column])


def _without(labels: frozenset[str], combined: CombinedScores) -> CombinedScores:
    return CombinedScores(
        {label: score for label, score in combined.scores.items() if label not in labels},
        {label: choice for label, choice in combined.choice_of.items() if label not in labels},
        None if combined.by_encoder is None else tuple([label for label in combined.by_encoder if label not in labels]),
    )


def _encoder_labels(row: ScoreRow, labels: Sequence[str]) -> tuple[str, ...] | None:
    return None if row.by_encoder is None else tuple([labels[column] for column in row.by_encoder])
