"""One evaluation, in the order it happens: everything measured, as plain data that JSON can hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tidegate.classifiers import CascadeEntry
from training.evaluate import acted_on, aims, bias, by_label, by_model, others, published, robust, written
from training.evaluate.board import FP32, Board, Models, Scores
from training.evaluate.material import LLM_ANSWERS, Material
from training.evaluate.names import OURS, TFIDF
from training.label_map import ENOUGH_REAL, LABELS
from training.recipe import Recipe

DECIMALS = 4
POLICY = Path(__file__).parents[2] / "policy.toml"  # the default one


def evaluate(
    material: Material, recipe: Recipe, models: Models, rows: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Everything that the card says, rounded. tell: gets one line a step.

    rows: most texts of one set, as `material` was gathered with. The encoder in float32 reads the test sets alone.
    """
    tell(f"{len(material.test.texts)} test texts, {len(material.written.texts)} written ones")
    board = Board(models.scorers)
    # A label is judged where the default model gives it and has a threshold for it.
    thresholds = {label: models.thresholds[label] for label in LABELS if label in models.thresholds}
    experimental = set(models.entry.experimental)
    roles = [role for role in board.scorers if role != FP32]
    test = {}
    for role in board.scorers:
        test[role] = board.scores(role, material.test.texts)
        tell(f"{role}: scored the test sets")
    ours = {role: board.scores(role, material.written.texts) for role in roles}
    tell("scored the written sentences")
    best = models.headline
    benign = {role: {n: board.scores(role, t) for n, t in material.benign.items()} for role in roles}
    tell("scored harmless texts")
    side, classic = others.side_by_side(
        material.test, test, material.any_harm, thresholds["toxicity"], rows // 2, recipe.seed
    )
    tell("asked the others")
    found = {
        "settings": {
            "rows": rows,
            "recipe": recipe.name,
            "seed": recipe.seed,
            "disguised": recipe.encoder.disguised,
            "target_fpr": models.entry.figures.target_fpr if models.entry.figures else None,
        },
        "models": {
            role: {"name": models.names[role], "version": scorer.version} for role, scorer in models.scorers.items()
        },
        "headline": best,
        "card": _from_manifest(models),
        "experimental": _experimental(material, models),
        "positives": {label: material.positives[label] for label in thresholds},
        "overall": by_label.overall(material.test, test[best], thresholds),
        "written_overall": by_label.overall(material.written, ours[best], thresholds),
        "by_set": by_label.by_set(material.test, test[best], thresholds),
        "reliability": by_label.curves(material.test, test[best], thresholds),
        "benign": {role: by_label.false_positives(benign[role], thresholds, experimental) for role in roles},
        "benign_suite": acted_on.benign_suite(lambda texts: board.scores(best, texts), POLICY, rows),
        "bias": {role: _bias(board, role, material, scores) for role, scores in ours.items()},
        "lengths": by_model.lengths(material.test, test),
        "by_model": by_model.labels(material.test, test, thresholds),
        "sent": by_model.sent(board, _pools(material)),
        "trade_off": _trade_off(material, test, thresholds["toxicity"]),
        "roc": by_model.rocs(material.test, test | {TFIDF: others.roc_scores(material.test, classic)}),
        "aims": aims.reached(board, best, material.aims, thresholds),
        "published": published.beside(material.aims, board.scores(best, material.aims.texts), thresholds),
        "others": side,
        "families": written.families(material, ours, thresholds),
        "examples": written.examples(board, best, thresholds),
    }
    tell("bias, lengths and families")
    tried = list(dict.fromkeys(("screen", best)))
    found["disguises"] = robust.in_disguise(board, tried, material, thresholds, max(1, rows // 3), recipe.seed)
    found["hostile"] = {role: robust.hostile(board, role) for role in roles}
    tell("disguises and hostile texts")
    rounded_all: dict[str, Any] = json.loads(json.dumps(rounded(found)))  # tuples become lists, as they are read back
    return rounded_all


def _from_manifest(models: Models) -> dict[str, Any]:
    """What the card repeats of the default model's entry."""
    entry = models.entry
    cascade = entry if isinstance(entry, CascadeEntry) else None
    return {
        "intended_use": entry.intended_use,
        "sets": {t.name: [t.licence_class or "", t.licence] for t in entry.training_sets},
        "bands": {label: [band.low, band.high] for label, band in cascade.bands.items()} if cascade else {},
        "budget": cascade.budget if cascade else None,
    }


def _experimental(material: Material, models: Models) -> dict[str, Any]:
    """Label -> positives in training that others labelled, those that we wrote, and whether that is why."""
    table = {}
    for label in models.entry.experimental:
        counts = material.positives.get(label, {})
        real = sum(count for name, count in counts.items() if name != OURS)
        table[label] = {"real": real, "ours": counts.get(OURS, 0), "too_few": real < ENOUGH_REAL}
    return table


def _bias(board: Board, role: str, material: Material, ours: Scores) -> dict[str, Any]:
    texts, y = material.madlibs
    part, j = material.written, bias.TOXICITY
    about = [
        i
        for i, text in enumerate(part.texts)
        if part.w[i, j] > 0 and material.sentences[text].family.startswith(bias.ABOUT_PEOPLE)
    ]
    sentences = list(material.sentences.values())
    return {
        "madlibs": bias.by_identity(texts, y, board.scores(role, texts)[:, j]),
        "written": bias.by_identity([part.texts[i] for i in about], part.y[about, j], ours[about, j]),
        "counterfactual": bias.counterfactual(board, role, sentences),
    }


def _pools(material: Material) -> dict[str, list[str]]:
    answers = [text for name in LLM_ANSWERS for text in material.benign[name]]
    return {"development mix": material.dev, "harmless answers of language models": answers}


def _trade_off(material: Material, test: Mapping[str, Any], threshold: float) -> list[tuple[float, float]]:
    if "encoder" not in test:
        return []
    return by_model.trade_off(material.test, test["screen"], test["encoder"], threshold)


def rounded(value: Any) -> Any:
    """The same with every float to DECIMALS."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return value
