"""The manifest entries of finished models, put into a models.toml that may hold others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from training.label_map import LABELS, PROMPT_LABELS
from training.licences import LICENCES

OPENING = """\
# The models Tidegate can load; paths are relative to this file. classifiers/entries.py says what each key means.
# Entries are written by `python -m training`. Any Hugging Face sequence-classification export with a tokenizer.json
# works by an entry written by hand: file, tokenizer, their sha256, labels in output order, activation, max_tokens.
"""


def write_entry(manifest: Path, name: str, fields: Mapping[str, Any], *, default: bool = False) -> None:
    """Puts the entry in place, whole; keeps other models, and the default where there is one and this is none."""
    document = tomlkit.parse(manifest.read_text("utf-8")) if manifest.is_file() else tomlkit.parse(OPENING)
    if default or "default" not in document:
        document["default"] = name
    models = document.setdefault("models", tomlkit.table(is_super_table=True))
    entry = tomlkit.table()
    entry.update(fields)
    models[name] = entry
    manifest.write_text(tomlkit.dumps(document), "utf-8")


def about(summary: str, intended_use: str, sets: Mapping[str, int], experimental: list[str]) -> dict[str, Any]:
    """What every entry says. sets: name -> rows trained on; those with none are left out."""
    trained = tomlkit.array()
    for name in sorted(sets):
        if sets[name]:
            row = tomlkit.inline_table()
            row.update({"name": name, "licence": LICENCES[name].said, "licence_class": LICENCES[name].of})
            trained.add_line(row)
    trained.add_line(indent="")
    return {
        "summary": summary,
        "intended_use": intended_use,
        "licence": "Apache-2.0",
        "labels": list(LABELS),
        "prompt_labels": list(PROMPT_LABELS),
        "experimental": experimental,
        "training_sets": trained,
    }


def file_fields(manifest: Path, key: str, file: Path) -> dict[str, str]:
    """`key` with the path from the manifest, and `key_sha256` (`sha256` for the model's own file)."""
    sha = "sha256" if key == "file" else f"{key}_sha256"
    return {
        key: file.relative_to(manifest.parent).as_posix(),
        sha: hashlib.sha256(file.read_bytes()).hexdigest(),
    }
