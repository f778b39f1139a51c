"""Robustness: how much of what is found plainly is still found in disguise, and what no text may do."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.corpus import Part
from training.disguise import DISGUISES, disguised
from training.evaluate.board import Board
from training.evaluate.material import Material
from training.evaluate.names import PLAIN
from training.label_map import LABELS

SHARES = (0.3, 1.0)  # of the words of three letters and more
LABELS_TRIED = ("toxicity", "identity_attack")
SHORT = 300  # characters: disguised text is mostly short, and these are scored nineteen times
BENIGN = ("bold_wiki_benign", "dolly_benign_responses", "hh_rlhf_harmless")
HOSTILE = {
    "one letter, a megabyte": "a" * 1_000_000,
    "one emoji, a hundred thousand times": "\U0001f600" * 100_000,
    "white space alone": " \n\t" * 1000,
    "nothing": "",
    "null bytes and control characters": "\x00\x01\x02\x1b[31m\x7f" * 50,
    "lone surrogates": "\ud800 you \udfff idiot \ud83d",
    "Latin, Cyrillic, Greek, Arabic, Hebrew, Devanagari and Han mixed": "you идиот ηλίθιε أحمق טיפש मूर्ख 白痴 " * 20,
    "right-to-left overrides": "\u202eyou are\u202c \u2066an\u2069 idiot",
    "four hundred combining marks on one letter": "e" + "\u0301" * 400,
}  # fmt: skip


def _short(texts: Sequence[str], rows: int, seed: str) -> list[str]:
    found = [text for text in texts if len(text) < SHORT and any(len(word) >= 3 for word in text.split(" "))]
    return sorted(random.Random(seed).sample(found, min(rows, len(found))))


def _positive(part: Part, label: str, rows: int, seed: int) -> list[str]:
    j = LABELS.index(label)
    yes = np.flatnonzero((part.w[:, j] > 0) & (part.y[:, j] == 1))
    return _short([part.texts[i] for i in yes], rows, f"{seed} {label}")


def in_disguise(
    board: Board, roles: Sequence[str], material: Material, thresholds: Mapping[str, float], rows: int, seed: int
) -> dict[str, Any]:
    """Role -> disguise -> share of words -> label -> recall of its positives, and false positives on harmless text.

    rows: texts of each kind. The disguise PLAIN is the same texts as they were.
    """
    kinds = {label: _positive(material.test, label, rows, seed) for label in LABELS_TRIED}
    harmless = _short([text for name in BENIGN for text in material.benign[name]], rows, f"{seed} harmless")
    table: dict[str, Any] = {"texts": {label: len(texts) for label, texts in kinds.items()} | {"benign": len(harmless)}}
    for role in roles:
        found: dict[str, Any] = {}
        for name in (PLAIN, *DISGUISES):
            for share in SHARES[: 1 if name == PLAIN else None]:
                found.setdefault(name, {})[str(share)] = {
                    label: {
                        "recall": _share_above(board, role, _worn(kinds[label], name, share, seed), label, thresholds),
                        "fpr": _share_above(board, role, _worn(harmless, name, share, seed), label, thresholds),
                    }
                    for label in LABELS_TRIED
                }
        table[role] = found
    return table


def _worn(texts: Sequence[str], name: str, share: float, seed: int) -> list[str]:
    if name == PLAIN:
        return list(texts)
    rng = random.Random(f"{seed} {name} {share}")
    return [disguised(text, DISGUISES[name], share, rng) for text in texts]


def _share_above(
    board: Board, role: str, texts: Sequence[str], label: str, thresholds: Mapping[str, float]
) -> float | None:
    if not texts:
        return None
    return float((board.scores(role, texts)[:, LABELS.index(label)] >= thresholds[label]).mean())


def hostile(board: Board, role: str) -> dict[str, bool]:
    """Name of a text that might break something -> whether every score of it is a probability."""
    found = {}
    for name, text in HOSTILE.items():
        row = board.scores(role, [text])[0]
        given = row[~np.isnan(row)]
        found[name] = bool(len(given) == len(board.scorers[role].labels) and ((given >= 0) & (given <= 1)).all())
    return found
