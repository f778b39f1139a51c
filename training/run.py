"""One run, from labelled text to a registered cascade, in the order it happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidegate.classifiers import golden
from tidegate.classifiers.classifier import Classifier
from tidegate.classifiers.loading import load
from training import report
from training.commit import commit_of
from training.corpus import Part, benign_texts, load_parts
from training.distil import distilled
from training.label_map import ENOUGH_REAL, LABELS, PROMPT_LABELS
from training.recipe import Recipe
from training.register import Register
from training.screen import calibrated, fit_screen
from training.settle import settle
from training.tokens import learn_tokenizer
from training.traffic import traffic_texts

GOLDEN_TEXTS, GOLDEN_TOLERANCE = 24, 0.05  # the encoder's int8 sums differ a little from processor to processor


def train(
    *,
    data: Path,
    out: Path,
    results: Path,
    recipe: Recipe,
    slice_rows: int | None,
    checkpoint: Path | None = None,
    encoder_from: Path | None = None,
    parts_from: Path | None = None,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """The run's account, as written to RESULTS/<name>.json; the models are in OUT/models/, registered.

    data: holds every set of the label map. slice_rows: None for all rows. checkpoint: an encoder's weights from an
    earlier run of this recipe that was cut short or done, taken instead of training one. encoder_from: a manifest
    whose encoder is taken as it is; then torch is not needed. parts_from: likewise, and its screen too: the bands, the
    golden texts and the figures are made anew. tell: gets one line a step.
    """
    commit = commit_of(Path(__file__).parent)  # now: the checkout may move on while this runs
    tell(f"{recipe.name}: reading {data}, commit {commit}")
    parts, counts = load_parts(data, recipe, slice_rows)
    training, dev, test = parts["train"], parts["dev"], parts["test"]
    tell(", ".join(f"{split} {counts[split]['rows']} texts" for split in parts))
    label_counts = {split: report.label_counts(part) for split, part in parts.items()}
    experimental = [name for name in LABELS if label_counts["train"][name]["yes_real"] < ENOUGH_REAL]
    tell(f"experimental, for fewer than {ENOUGH_REAL} real positives: {', '.join(experimental) or 'none'}")
    register = Register(out, recipe, counts["train"]["per_set"], experimental)

    if parts_from:
        for part in (recipe.screen, recipe.encoder.name):
            register.take(parts_from, part)
    else:
        _make_parts(training, dev, recipe, register, checkpoint, encoder_from, tell)
    traffic = traffic_texts(data, recipe.seed, slice_rows)
    settle(dev, traffic, recipe, register, tell)
    cascade = load(recipe.name, manifest=register.manifest, threads=recipe.threads)
    file = register.folder(recipe.name) / "golden.json"
    golden.write(file, cascade, report.spread(test, GOLDEN_TEXTS), GOLDEN_TOLERANCE)
    register.golden(file)

    benign = {split: benign_texts(data, split, slice_rows) for split in ("dev", "test")}
    models = {}
    for name in (recipe.screen, recipe.encoder.name, recipe.name):
        tell(f"measuring {name}")
        models[name] = report.measured(name, register, test, benign, recipe)
    account = {
        "name": recipe.name,
        "commit": commit,
        "recipe": recipe.model_dump(mode="json"),
        "slice_rows": slice_rows,
        "taken": {
            "screen and encoder": parts_from is not None,
            "encoder": encoder_from is not None,
            "checkpoint": checkpoint is not None,
        },
        "texts": counts,
        "label_counts": label_counts,
        "experimental": experimental,
        "prompt_labels": list(PROMPT_LABELS),
        "models": models,
    }
    results.mkdir(parents=True, exist_ok=True)
    account_file = results / f"{recipe.name}.json"
    account_file.write_text(json.dumps(account, indent=1) + "\n", "utf-8")
    for name, found in models.items():
        register.figures(name, account_file.name, found)
    load(recipe.name, manifest=register.manifest)
    for label, row in models[recipe.name]["labels"].items():
        tell(f"{label}: " + ", ".join(f"{key} {value}" for key, value in row.items()))
    tell(f"wrote {register.manifest}, {out / 'models'} and {account_file}")
    return account


def _make_parts(
    training: Part,
    dev: Part,
    recipe: Recipe,
    register: Register,
    checkpoint: Path | None,
    encoder_from: Path | None,
    tell: Callable[[str], None],
) -> None:
    """The encoder, and the screen that it teaches; both registered."""
    first = fit_screen(training, learn_tokenizer(training.texts, recipe.vocab_size), recipe, tell)
    if encoder_from:
        register.take(encoder_from, recipe.encoder.name)
    else:
        from training.encoder.made import made_encoder  # needs torch

        made_encoder(training, dev, first, recipe, register, checkpoint, tell)
    encoder = load(recipe.encoder.name, manifest=register.manifest)
    assert isinstance(encoder, Classifier)  # noqa: S101 - an entry without a kind
    tell(f"encoder exported as {encoder.version}")
    screen = distilled(training, first, encoder, recipe, tell)
    register.screen(calibrated(screen, dev, recipe))
    tell("screen distilled and calibrated on dev")
