"""The models side by side: a label, a length, and what the cascade sends to its encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from training.corpus import Part
from training.evaluate.board import Board, Scores
from training.evaluate.by_label import known
from training.evaluate.measures import Floats, auroc, enough, outcome, roc
from training.figures import recall_at_fpr
from training.label_map import LABELS

LENGTHS = (0, 100, 400, 1000, 10**9)  # characters; [start, end) of each row
BY_LENGTH = ("toxicity", "identity_attack")
SHARES = tuple(i / 10 for i in range(11))


def labels(part: Part, scores: Mapping[str, Scores], thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Label -> role -> AUROC, recall at 1% FPR and F1 at the default threshold."""
    table: dict[str, Any] = {}
    for label, at in thresholds.items():
        for role, mine in scores.items():
            y, score = known(part, mine, label)
            if enough(y):
                table.setdefault(label, {})[role] = {
                    "auroc": auroc(y, score),
                    "recall_at_1pct_fpr": recall_at_fpr(y, score, 0.01),
                    "f1": outcome(y, score >= at).f1,
                }
    return table


def lengths(part: Part, scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Label -> "[start, end)" in characters -> texts, positives, and role -> AUROC."""
    size = np.array([len(text) for text in part.texts])
    table: dict[str, Any] = {}
    for label in BY_LENGTH:
        for start, end in pairwise(LENGTHS):
            here = (start <= size) & (size < end)
            one = Part(part.sets[here], [], part.y[here], part.w[here])
            found = {role: known(one, mine[here], label) for role, mine in scores.items()}
            y = next(iter(found.values()))[0]
            table.setdefault(label, {})[_range(start, end)] = {
                "texts": len(y),
                "positives": int(y.sum()),
                "auroc": {role: auroc(truth, score) for role, (truth, score) in found.items()},
            }
    return table


def _range(start: int, end: int) -> str:
    return f"{start} or more" if end == LENGTHS[-1] else f"{start} to {end - 1}"


def sent(board: Board, pools: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Pool -> texts, and the share of which the cascade's encoder reads something; empty without a cascade."""
    if "cascade" not in board.scorers:
        return {}
    return {name: {"texts": len(texts), "share": board.sent("cascade", texts)} for name, texts in pools.items()}


def trade_off(part: Part, screen: Scores, encoder: Scores, threshold: float) -> list[tuple[float, float]]:
    """(share of texts the encoder reads, AUROC of toxicity): those whose screen score is nearest to the threshold."""
    y, by_screen = known(part, screen, "toxicity")
    _, by_encoder = known(part, encoder, "toxicity")
    if not enough(y):
        return []
    order = np.argsort(np.abs(_log_odds(by_screen) - _log_odds(np.array([threshold]))), kind="stable")
    found = []
    for share in SHARES:
        mixed = by_screen.copy()
        mixed[order[: round(share * len(order))]] = by_encoder[order[: round(share * len(order))]]
        found.append((share, float(auroc(y, mixed) or 0.5)))
    return found


def _log_odds(p: Floats) -> Floats:
    q = np.clip(p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(q / (1 - q)))


def rocs(part: Part, scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Role -> the ROC curve of toxicity."""
    return {role: roc(*known(part, mine, LABELS[0])) for role, mine in scores.items()}
