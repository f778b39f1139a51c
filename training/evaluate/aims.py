"""What we aimed at and what we reach, on test parts of public sets: each aim names the sets it is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import precision_recall_curve

from training.corpus import Part
from training.evaluate.benign_suite import suite
from training.evaluate.board import Board, Scores
from training.evaluate.by_label import known
from training.evaluate.measures import Floats, auroc, enough
from training.label_map import LABELS

WIKIPEDIA = ("ak_wiki_toxic_binary", "jigsaw_multi_small", "khanhhk_jigsaw_binary", "robtest_jigsaw_train")

PROMPT_SETS = ("benign_prompts", "harmful_prompts", "jade_prompts", "sgbench_prompts", "xsafety_prompts")


class Aim(NamedTuple):
    """A figure of one label over the test texts of some sets, at least as high as stated."""

    kind: str
    label: str
    sets: tuple[str, ...]
    figure: str  # auroc or best_f1
    least: float


AIMS = (
    Aim("Wikipedia comments", "toxicity", WIKIPEDIA, "auroc", 0.968),
    Aim("emoji (written to fool a classifier)", "toxicity", ("hatemoji_build",), "auroc", 0.80),
    Aim("three annotators", "toxicity", ("hatexplain",), "auroc", 0.83),
    Aim("social bias", "toxicity", ("sbic",), "auroc", 0.82),
    Aim("abuse in context", "toxicity", ("cad",), "auroc", 0.775),
    Aim("adversarial hate", "toxicity", ("dynahate",), "auroc", 0.79),
    Aim("harmful answers", "illicit", ("gptfuzz_responses",), "auroc", 0.87),
    Aim("harmful answers", "illicit", ("gptfuzz_responses",), "best_f1", 0.62),
    Aim("suicidal posts", "self_harm", ("suicidal_intent_tweets",), "auroc", 0.97),
    Aim("harmful prompts", "harmful_request", PROMPT_SETS, "auroc", 0.88),
)  # fmt: skip
# (what, the benign set, at most so large a share with any label at its default threshold)
QUIET = (
    ("encyclopedia", "bold_wiki_benign", 0.005),
    ("medical answers", "medquad_answers", 0.005),
    ("technical text", "tldr_technical", 0.005),
    ("trivia", "trivia_history", 0.005),
)
SOUNDING, SOUNDING_MOST = "prompts that sound harmful", 0.10  # a kind of the benign suite
SETS = frozenset(name for aim in AIMS for name in aim.sets)


def reached(board: Board, role: str, part: Part, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Every figure of AIMS on the test texts of its sets, and what is acted on of prompts that only sound harmful."""
    scores = board.scores(role, part.texts)
    rows = []
    for aim in AIMS:
        here = np.isin(part.sets, aim.sets)
        one = Part(part.sets[here], [], part.y[here], part.w[here])
        y, score = known(one, scores[here], aim.label)
        value = None
        if enough(y):
            value = auroc(y, score) if aim.figure == "auroc" else best_f1(y, score)
        rows.append(aim._asdict() | {"texts": len(y), "positives": int(y.sum()), "value": value})
    return {"figures": rows, "prompts": _sounding(board, role, thresholds)}


def _sounding(board: Board, role: str, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Harmless prompts that sound harmful: how many are at or above the threshold of `harmful_request`."""
    label = "harmful_request"
    texts = [text for kind, text in suite() if kind == SOUNDING]
    at = board.scores(role, texts)[:, LABELS.index(label)] >= thresholds.get(label, 2.0)
    return {"texts": len(texts), "acted_on": int(at.sum()), "threshold": thresholds.get(label)}


def best_f1(y: Floats, score: Floats) -> float:
    """F1 at the threshold that is best for these very texts."""
    precision, recall, _ = precision_recall_curve(y, score)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-9)).max())


def against(part: Part, scores: Scores, name: str, label: str, threshold: float) -> dict[str, Any]:
    """Accuracy, F1 and AUROC of one label on one set at a threshold."""
    here = part.sets == name
    y, score = known(Part(part.sets[here], [], part.y[here], part.w[here]), scores[here], label)
    yes = score >= threshold
    hits = float((yes & (y == 1)).sum())
    return {
        "texts": len(y),
        "accuracy": float((yes == (y == 1)).mean()) if len(y) else None,
        "f1": 2 * hits / max(1.0, float(yes.sum() + y.sum())),
        "auroc": auroc(y, score),
    }
