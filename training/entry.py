"""The manifest entry of a finished model, put into a models.toml that may hold others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from training.label_map import LABELS
from training.licences import LICENCES
from training.recipe import Recipe

OPENING = """\
# The models Tidegate can load; paths are relative to this file. classifiers/manifest.py says what each key means.
# Entries are written by `python -m training`. Any Hugging Face sequence-classification export with a tokenizer.json
# works by an entry written by hand: file, tokenizer, their sha256, labels in output order, activation, max_tokens.
"""


def write_entry(
    manifest: Path,
    recipe: Recipe,
    model: Path,
    tokenizer: Path,
    sets: Mapping[str, int],
    figures: Mapping[str, Any] | None,
) -> None:
    """Puts the entry in place, whole; keeps other models, and the default where there is one.

    sets: name -> rows trained on; those with none are left out.
    """
    document = tomlkit.parse(manifest.read_text("utf-8")) if manifest.is_file() else tomlkit.parse(OPENING)
    document.setdefault("default", recipe.name)
    models = document.setdefault("models", tomlkit.table(is_super_table=True))
    entry = tomlkit.table()
    here = manifest.parent
    entry.update(
        {
            "summary": recipe.summary,
            "intended_use": recipe.intended_use,
            "licence": "Apache-2.0",
            "file": model.relative_to(here).as_posix(),
            "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
            "tokenizer": tokenizer.relative_to(here).as_posix(),
            "tokenizer_sha256": hashlib.sha256(tokenizer.read_bytes()).hexdigest(),
            "labels": list(LABELS),
            "experimental": list(recipe.experimental),
            "activation": "sigmoid",
            "max_tokens": recipe.max_tokens,
            "overlap": recipe.overlap,
            "batching": "padded",
        }
    )
    trained = tomlkit.array()
    for name in sorted(sets):
        if sets[name]:
            row = tomlkit.inline_table()
            row.update({"name": name, "licence": LICENCES[name]})
            trained.add_line(row)
    trained.add_line(indent="")
    entry["training_sets"] = trained
    if figures is not None:
        entry["figures"] = figures
    models[recipe.name] = entry
    manifest.write_text(tomlkit.dumps(document), "utf-8")
