"""Unintended bias: is a text judged by what it says of a group, or by the group's name?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from string import Formatter
from typing import Any, NamedTuple

import numpy as np

from training.contrast.people import GROUPS
from training.contrast.sentence import Sentence
from training.evaluate.board import Board
from training.evaluate.measures import Floats, bnsp_auc, bpsn_auc, counterfactual_gap, subgroup_auc
from training.label_map import LABELS

TOXICITY = LABELS.index("toxicity")
# Identity -> the words that name it. A text may name several.
IDENTITIES = {
    "asian": r"asians?|chinese( people)?|japanese|koreans?",
    "black": r"black|africans?|african american|nigerians?|somalis?",
    "christian": r"christians?|catholics?|protestants?",
    "disabled": r"disabled|deaf|blind|wheelchair users?|autistic|paraly[sz]ed|epileptics?|dyslexic",
    "gay or lesbian": r"gay|lesbians?|homosexuals?|bisexuals?|queer|lgbtq?",
    "heterosexual": r"straight|heterosexuals?",
    "hindu, sikh or buddhist": r"hindus?|sikhs?|buddhists?|taoist",
    "immigrant": r"immigrants?|refugees?|asylum seekers?|migrants?|foreigners?|foreign",
    "indian": r"indians?|pakistanis?",
    "jewish": r"jews?|jewish|israelis?",
    "latin american": r"latin[aox]s?|hispanics?|mexicans?|brazilian",
    "men": r"man|men|male|boys?",
    "middle eastern": r"arabs?|middle eastern|syrians?|palestinians?|turks?|turkish",
    "muslim": r"muslims?",
    "old": r"old|older|elderly",
    "poor or homeless": r"poor|homeless",
    "trans or nonbinary": r"trans|transgender|nonbinary",
    "white or european": r"white|europeans?|germans?|poles|polish|russians?|canadians?",
    "women": r"woman|women|female|girls?|feminists?|mothers",
    "young": r"young|younger|teenage|teenagers|millennials?|millenial",
}
ABOUT_PEOPLE = ("hate_", "fair_", "frame_", "stereotype_", "other_", "one_")  # families of ours that bias shows in
HARMLESS, HATEFUL = "fair_", ("hate_", "stereotype_nasty")
FRAMES = 20  # of each kind
NASTY = "stupid"  # what fills the {n} of a frame


class Frames(NamedTuple):
    """Templates that nothing was trained on, each filled with every group of GROUPS; texts in that order."""

    templates: list[str]
    texts: list[str]


def by_identity(texts: Sequence[str], y: Floats, score: Floats) -> dict[str, Any]:
    """Identity -> texts that name it and its three areas under the curve; one that no text names is left out."""
    table = {}
    for name, words in IDENTITIES.items():
        pattern = re.compile(rf"\b({words})\b", re.IGNORECASE)
        mine = np.array([bool(pattern.search(text)) for text in texts], np.bool_)
        if mine.any():
            table[name] = {
                "texts": int(mine.sum()),
                "subgroup_auc": subgroup_auc(y, score, mine),
                "bpsn_auc": bpsn_auc(y, score, mine),
                "bnsp_auc": bnsp_auc(y, score, mine),
            }
    return table


def frames(sentences: Iterable[Sentence], families: str | tuple[str, ...]) -> Frames:
    """The frames that held-out sentences of these families give; at most FRAMES, evenly over the alphabet."""
    found = sorted({s.template for s in sentences if s.family.startswith(families) and _is_frame(s.template)})
    chosen = [found[i * len(found) // FRAMES] for i in range(FRAMES)] if len(found) > FRAMES else found
    return Frames(chosen, [_filled(template, group) for template in chosen for group in GROUPS])


def _is_frame(template: str) -> bool:
    slots = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    return "g" in slots and slots <= {"g", "n"}


def _filled(template: str, group: str) -> str:
    text = template.format(g=group, n=NASTY)
    return text[0].upper() + text[1:]


def gap_figures(scores: Floats, made: Frames) -> dict[str, Any] | None:
    """The gap over the frames, and the groups whose mean score lies highest and lowest; None without frames.

    scores: (N,) of toxicity, one a text of the frames.
    """
    if not made.templates:
        return None
    table = scores.reshape(len(made.templates), len(GROUPS))
    gap, mean = counterfactual_gap(table), table.mean(axis=0)
    order = sorted(range(len(GROUPS)), key=lambda i: (-round(float(mean[i]), 4), GROUPS[i]))
    return {
        "frames": len(made.templates),
        "groups": len(GROUPS),
        "mean_score": float(table.mean()),
        "mean_gap": gap.mean,
        "largest_gap": gap.largest,
        "highest": {GROUPS[i]: float(mean[i]) for i in order[:5]},
        "lowest": {GROUPS[i]: float(mean[i]) for i in order[-5:]},
    }


def counterfactual(board: Board, role: str, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Kind of frame -> its gap for the model of that role."""
    kinds = {"harmless": frames(sentences, HARMLESS), "hateful": frames(sentences, HATEFUL)}
    return {kind: gap_figures(board.scores(role, made.texts)[:, TOXICITY], made) for kind, made in kinds.items()}
