"""Sentences of ours: where the models fail, by family, and a few that no training sentence was made after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.corpus import Part
from training.evaluate.board import Board, Scores
from training.evaluate.material import Material
from training.label_map import LABELS

JUDGED = ("toxicity", "identity_attack")
# (what it is, the sentence, whether a moderator would call it toxic)
EXAMPLES = (
    ("plain insult", "You are an idiot and everyone in this office knows it.", True),
    ("plain praise", "Thank you, that was a brilliant and patient explanation.", False),
    ("negated insult", "Nobody here thinks you are an idiot.", False),
    ("hate told of", "He was fired after he shouted at a colleague that Muslims are animals.", False),
    ("counter-speech", "Whoever says that women cannot think has never listened to one.", False),
    ("identity, nothing more", "My grandmother is a deaf lesbian from Lagos who teaches chess.", False),
    ("polite exclusion", "I have nothing against refugees, I would just rather not breathe the same air.", True),
    ("irony", "What a genius. It only took you nine hours to find the power button.", True),
    ("idiom with a violent word", "This deadline is killing me, and the printer should be shot.", False),
    ("swearing with joy", "Holy shit, we actually won, I fucking love this team!", False),
    ("disguised insult", "u r such a p4th3t1c l0s3r, go cry", True),
    ("threat without a bad word", "I know which school your daughter goes to. Think about that tonight.", True),
    ("history", "The pamphlets called Jews vermin; within a decade their neighbours were deported.", False),
    ("refusal", "I can't write an insult about your coworker, but I can help you raise the problem with her.", False),
)


def families(material: Material, scores: Mapping[str, Scores], thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Family -> label -> sentences, how many are positive, and role -> share judged right at the default threshold."""
    part = material.written
    of = np.array([material.sentences[text].family for text in part.texts])
    table: dict[str, Any] = {}
    for family in sorted(set(of.tolist())):
        for label in JUDGED:
            found = _judged(part, of == family, scores, label, thresholds[label])
            if found:
                table.setdefault(family, {})[label] = found
    return table


def _judged(part: Part, mine: Any, scores: Mapping[str, Scores], label: str, at: float) -> dict[str, Any] | None:
    j = LABELS.index(label)
    here = mine & (part.w[:, j] > 0)
    if not here.any():
        return None
    y = part.y[here, j] == 1
    right = {role: float(((s[here, j] >= at) == y).mean()) for role, s in scores.items()}
    return {"texts": int(here.sum()), "positives": int(y.sum()), "right": right}


def examples(board: Board, role: str, thresholds: Mapping[str, float]) -> list[dict[str, Any]]:
    """The sentences above, each with its scores now and whether toxicity is judged right."""
    rows = board.scores(role, [text for _, text, _ in EXAMPLES])
    found = []
    for (what, text, toxic), row in zip(EXAMPLES, rows, strict=True):
        said = {label: float(row[LABELS.index(label)]) for label in JUDGED}
        right = (said["toxicity"] >= thresholds["toxicity"]) == toxic
        found.append({"what": what, "text": text, "toxic": toxic, "scores": said, "right": right})
    return found
