"""What a decision takes of the rows that a completion's texts scored: per label the strongest choice's. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from tidegate.streams.core.events import FaultReason
from tidegate.streams.moderation.scoring import Row


class CombinedScores(NamedTuple):
    """Scores by label, which choice gave each, and which of them the encoder gave (None where one model gives all)."""

    scores: dict[str, float]
    choice_of: dict[str, int]
    by_encoder: tuple[str, ...] | None


NOTHING = CombinedScores({}, {}, None)


def fault_or_scores(
    choices: Sequence[Row | FaultReason],
    prompt: Row | FaultReason | None,
    labels: Sequence[str],
    asked: Container[str],
    prompts_alone: frozenset[str] = frozenset(),
) -> tuple[FaultReason | None, CombinedScores, CombinedScores]:
    """The fault, if there is one, else the scores of the completion and of its prompt (the labels asked of it).

    prompts_alone: labels that nobody asks of a completion, left out of its scores.
    """
    of_choices = strongest(choices, labels)
    if isinstance(of_choices, FaultReason):
        return of_choices, NOTHING, NOTHING
    prompted = of_prompt(prompt, labels, asked)
    if isinstance(prompted, FaultReason):
        return prompted, NOTHING, NOTHING
    return None, _without(prompts_alone, of_choices) if prompts_alone else of_choices, prompted


def strongest(choices: Sequence[Row | FaultReason], labels: Sequence[str]) -> CombinedScores | FaultReason:
    """Per label the highest score of the choices, of equal ones the first's. One fault makes the whole a fault."""
    rows: list[Row] = []
    for row in choices:
        if isinstance(row, FaultReason):
            return row
        rows.append(row)
    if not rows:
        return NOTHING
    if len(rows) == 1:
        return CombinedScores(dict(zip(labels, rows[0].scores, strict=True)), {}, _named(rows[0], labels))
    best = [best_choice(rows, column) for column in range(len(labels))]
    at = list(enumerate(zip(labels, best, strict=True)))
    return CombinedScores(
        {label: rows[i].scores[column] for column, (label, i) in at},
        dict(zip(labels, best, strict=True)),
        None
        if rows[0].by_encoder is None
        else tuple([label for column, (label, i) in at if column in (rows[i].by_encoder or ())]),
    )


def of_prompt(
    row: Row | FaultReason | None, labels: Sequence[str], asked: Container[str]
) -> CombinedScores | FaultReason:
    """The prompt's scores of the labels asked of it; nothing where it was not scored."""
    if row is None:
        return NOTHING
    if isinstance(row, FaultReason):
        return row
    by = _named(row, labels)
    return CombinedScores(
        {label: score for label, score in zip(labels, row.scores, strict=True) if label in asked},
        {},
        None if by is None else tuple([label for label in by if label in asked]),
    )


def best_choice(rows: Sequence[Row], column: int) -> int:
    """The index of the row that is highest in a column; of equal ones the first."""
    return max(range(len(rows)), key=lambda i: rows[i].scores[column])


def _without(labels: frozenset[str], found: CombinedScores) -> CombinedScores:
    return CombinedScores(
        {label: score for label, score in found.scores.items() if label not in labels},
        {label: choice for label, choice in found.choice_of.items() if label not in labels},
        None if found.by_encoder is None else tuple([label for label in found.by_encoder if label not in labels]),
    )


def _named(row: Row, labels: Sequence[str]) -> tuple[str, ...] | None:
    return None if row.by_encoder is None else tuple([labels[column] for column in row.by_encoder])
