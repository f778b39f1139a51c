"""Which set teaches which label: the whole table, and the targets it gives."""

from __future__ import annotations

from collections.abc import Mapping

from training import label_table, label_table_second
from training.label_rows import ENOUGH_REAL, GROUPS, LABELS, NOT_TOXIC, OUTPUT_LABELS, PROMPT_LABELS, Row

__all__ = ["ENOUGH_REAL", "GROUPS", "LABELS", "NOT_TOXIC", "OUTPUT_LABELS", "PROMPT_LABELS", "Row", "targets"]

TABLE: tuple[Row, ...] = (*label_table.TABLE, *label_table_second.TABLE)
SETS = tuple(dict.fromkeys(row.set for row in TABLE))
# Texts that nobody should act on, for false positives.
BENIGN = (
    "dolly_benign_responses",
    "bold_wiki_benign",
    "benign_prompts",
    "hh_rlhf_harmless",
    "medquad_answers",
    "tldr_technical",
    "trivia_history",
)


def targets(set_name: str, raw: Mapping[str, float]) -> dict[str, tuple[int, float]]:
    """Our label -> (1 yes or 0 no, weight) for one text; a label that is absent is unknown.

    Of several rows on one label a yes wins over a no, then the earlier row over the later.
    """
    found: dict[str, tuple[int, float]] = {}
    for row in ROWS_BY_SET[set_name]:
        value = raw.get(row.raw)
        if value is None:
            continue
        if row.yes is not None and value >= row.yes:
            answer = 1
        elif row.no is not None and value <= row.no:
            answer = 0
        else:
            continue
        for label in _meant(row.label):
            known = found.get(label)
            if known is None or (answer == 1 and known[0] == 0):
                found[label] = (answer, row.weight)
    return found


def _meant(label: str) -> tuple[str, ...]:
    return GROUPS.get(label, (label,))


ROWS_BY_SET = {name: tuple(row for row in TABLE if row.set == name) for name in SETS}
