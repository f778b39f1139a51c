"""One run, from labelled text to a registered model, in the order it happens."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers import load
from training import report
from training.calibrate import platt
from training.corpus import Part, benign_texts, load_parts
from training.entry import write_entry
from training.features import inverse_frequency, weighted, windows_of
from training.fit import fit, text_logits
from training.graph import Layer, build
from training.label_map import LABELS
from training.recipe import Recipe
from training.tokens import learn_tokenizer

Floats = npt.NDArray[np.float32]

MOST_DRIFT = 0.02  # of a score, from rounding weights to int16


def train(
    *, data: Path, out: Path, results: Path, recipe: Recipe, slice_rows: int | None, tell: Callable[[str], None]
) -> dict[str, Any]:
    """The run's account, as written to RESULTS/<name>.json; the model is in OUT/models/<name>/, registered.

    data: holds every set of the label map. slice_rows: None for all rows. tell: gets one line a step.
    """
    commit = _commit()  # now: the checkout may move on while this runs
    tell(f"{recipe.name}: reading {data}, commit {commit}")
    parts, counts = load_parts(data, recipe, slice_rows)
    training, dev, test = parts["train"], parts["dev"], parts["test"]
    tell(", ".join(f"{split} {counts[split]['rows']} texts" for split in parts))

    tokenizer = learn_tokenizer(training.texts, recipe.vocab_size)
    windows, owner = windows_of(tokenizer, training.texts, recipe)
    idf = inverse_frequency(windows, recipe.min_df)
    tell(f"{windows.shape[0]} windows, {int((idf > 0).sum())} n-grams known")
    weights, bias = fit(weighted(windows, idf), owner, training.y, training.w, recipe, tell)

    dev_windows, dev_owner = windows_of(tokenizer, dev.texts, recipe)
    logits = text_logits(weighted(dev_windows, idf), dev_owner, len(dev.texts), weights, bias)
    for j in range(len(LABELS)):
        known = dev.w[:, j] > 0
        slope, shift = platt(dev.y[known, j], logits[known, j], dev.w[known, j])
        weights[:, j] *= slope
        bias[j] = slope * bias[j] + shift
    tell("calibrated on dev")

    folder = out / "models" / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    model, vocabulary, manifest = folder / "model.onnx", folder / "tokenizer.json", out / "models.toml"
    model.write_bytes(build(Layer(weights * idf[:, None], idf**2, bias), recipe))
    tokenizer.save(str(vocabulary), pretty=False)
    sets = counts["train"]["per_set"]
    write_entry(manifest, recipe, model, vocabulary, sets, None)
    classifier = load(recipe.name, manifest=manifest)
    tell(f"exported as {classifier.version}: {model.stat().st_size + vocabulary.stat().st_size} bytes")

    dev_scores = report.score_all(classifier, dev.texts)
    _same_as_fitted(dev_scores, text_logits(weighted(dev_windows, idf), dev_owner, len(dev.texts), weights, bias))
    test_scores = report.score_all(classifier, test.texts)
    benign = {
        split: {
            name: report.score_all(classifier, texts) for name, texts in benign_texts(data, split, slice_rows).items()
        }
        for split in ("dev", "test")
    }
    chosen = report.thresholds(benign["dev"], recipe.target_fpr)
    labels = report.by_label(test, test_scores, benign["test"], chosen)
    account = {
        "name": recipe.name,
        "version": classifier.version,
        "commit": commit,
        "recipe": recipe.model_dump(mode="json"),
        "slice_rows": slice_rows,
        "texts": counts,
        "label_counts": {split: _label_counts(part) for split, part in parts.items()},
        "windows": windows.shape[0],
        "bytes": {"model": model.stat().st_size, "tokenizer": vocabulary.stat().st_size},
        "thresholds": chosen,
        "labels": labels,
        "auroc_by_set": {"dev": report.by_set(dev, dev_scores), "test": report.by_set(test, test_scores)},
        "benign_test": report.benign_table(benign["test"], chosen),
    }
    results.mkdir(parents=True, exist_ok=True)
    account_file = results / f"{recipe.name}.json"
    account_file.write_text(json.dumps(account, indent=1) + "\n", "utf-8")
    figures = {"run": account_file.name, "target_fpr": recipe.target_fpr, "thresholds": chosen, "labels": labels}
    write_entry(manifest, recipe, model, vocabulary, sets, figures)
    load(recipe.name, manifest=manifest)
    for label, row in labels.items():
        tell(f"{label}: " + ", ".join(f"{key} {value}" for key, value in row.items()))
    tell(f"wrote {manifest}, {folder} and {account_file}")
    return account


def _same_as_fitted(scores: Floats, logits: Floats) -> None:
    """Nothing where the exported model gives what was fitted. Raises AssertionError: the graph is wrong then."""
    fitted = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -60, 60)))
    worst = float(np.abs(scores - fitted).max())
    if worst > MOST_DRIFT:
        raise AssertionError(f"exported scores differ from the fitted ones by {worst:.4f}, expected {MOST_DRIFT}")


def _label_counts(part: Part) -> dict[str, dict[str, int]]:
    known = part.w > 0
    return {
        label: {"yes": int(part.y[known[:, j], j].sum()), "no": int((1 - part.y[known[:, j], j]).sum())}
        for j, label in enumerate(LABELS)
    }


def _commit() -> str:
    """The checkout's commit, with "+" where files differ from it; "unknown" outside a checkout."""
    try:
        head, changed = _git("rev-parse", "--short=12", "HEAD"), _git("status", "--porcelain", "--", "*.py", "*.toml")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(*words: str) -> str:
    here = Path(__file__).parent
    told = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return told.stdout.strip()
