"""What an operator's policy does with texts that harm nobody: how many it acts on, by kind and by label."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.evaluate.benign_suite import PROMPTS, suite
from training.evaluate.board import Scores
from training.label_map import LABELS

ACTIONS = ("flag", "review", "redact", "block")  # whatever is not allow
ALL = "all"


class Bars(NamedTuple):
    """Label -> the lowest score that a policy acts on, of completions and of prompts."""

    completions: Mapping[str, float]
    prompts: Mapping[str, float]


def lowest_bars(policy: Path) -> Bars:
    """The bars of a policy file for whoever is in no scope of it."""
    tables = tomllib.loads(policy.read_text("utf-8"))
    found = {}
    for key in ("labels", "prompt_labels"):
        given = {label: [float(t[a]) for a in ACTIONS if a in t] for label, t in tables.get(key, {}).items()}
        found[key] = {label: min(bars) for label, bars in given.items() if bars}
    return Bars(found["labels"], found["prompt_labels"])


def reasons(kind: str, row: Sequence[float], bars: Bars) -> list[str]:
    """The labels that a text is acted on for. row: scores in the order of LABELS, NaN where a model gives none.

    A kind of prompts is held against the bars of both, since a model may also say such a thing.
    """
    asked = [bars.completions, bars.prompts] if kind in PROMPTS else [bars.completions]
    return [label for label, score in zip(LABELS, row, strict=True) if any(score >= b.get(label, 2.0) for b in asked)]


def by_kind(texts: Sequence[tuple[str, str]], score: Callable[[list[str]], Scores], bars: Bars) -> dict[str, Any]:
    """Kind -> texts, how many are acted on, and for which label how often; and the same of "all" of them.

    texts: (kind, text), as `suite` gives them.
    """
    found: dict[str, Any] = {ALL: {"texts": 0, "acted_on": 0, "labels": {}}}
    for (kind, _), row in zip(texts, score([text for _, text in texts]), strict=True):
        why = reasons(kind, [float(value) for value in row], bars)
        for name in (kind, ALL):
            counted = found.setdefault(name, {"texts": 0, "acted_on": 0, "labels": {}})
            counted["texts"] += 1
            counted["acted_on"] += bool(why)
            for label in why:
                counted["labels"][label] = counted["labels"].get(label, 0) + 1
    return found


def benign_suite(score: Callable[[list[str]], Scores], policy: Path, rows: int) -> dict[str, Any]:
    """Of the suite, at most so many texts of each kind."""
    taken: Counter[str] = Counter()
    texts = []
    for kind, text in suite():
        taken[kind] += 1
        if taken[kind] <= rows:
            texts.append((kind, text))
    return by_kind(texts, score, lowest_bars(policy))
