"""Manifests in a folder of a test's own, around the committed model: as it is, changed, broken, or as a cascade."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from tidegate.classifiers import DEFAULT_MANIFEST, read_manifest

NAME = "screen-en"
LABELS = read_manifest().models[NAME].labels


def entry(**changes: Any) -> dict[str, Any]:
    """The committed model's entry, with keys changed; None removes one. Its files are where they are."""
    found: dict[str, Any] = tomllib.loads(DEFAULT_MANIFEST.read_text("utf-8"))["models"][NAME]
    for key in ("file", "tokenizer"):
        found[key] = str(DEFAULT_MANIFEST.parent / found[key])
    found.pop("figures", None)
    return {key: value for key, value in {**found, **changes}.items() if value is not None}


def write(folder: Path, text: str) -> Path:
    """models.toml with that text, as docs/how-to/upgrade.md asks for it: beside it first, then renamed."""
    manifest, beside = folder / "models.toml", folder / "models.toml.new"
    beside.write_text(text, "utf-8")
    os.replace(beside, manifest)
    return manifest


def write_models(folder: Path, default: str = NAME, **models: dict[str, Any]) -> Path:
    """models.toml of these entries."""
    return write(folder, tomlkit.dumps({"default": default, "models": models}))


def write_one(folder: Path, **changes: Any) -> Path:
    """models.toml of the committed model alone, with keys of its entry changed."""
    return write_models(folder, **{NAME: entry(**changes)})


def golden(folder: Path, score: float) -> dict[str, str]:
    """Keys of an entry: golden texts that must score `score` on toxicity."""
    text = {"text": "Have a nice day.", "scores": {"toxicity": score}}
    file = folder / "golden.json"
    file.write_text(json.dumps({"tolerance": 0.05, "texts": [text]}), "utf-8")
    return {"golden": file.name, "golden_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def write_cascade(folder: Path, bands: dict[str, tuple[float, float]], *, traffic: list[float] | None = None) -> Path:
    """models.toml whose default is a cascade of the committed model and itself; other labels' bands are empty.

    traffic: the screen's scores of toxicity, a text each.
    """
    every = {label: bands.get(label, (0.5, 0.5)) for label in LABELS}
    more: dict[str, Any] = {}
    if traffic is not None:
        file = folder / "traffic.npz"
        scores = np.zeros((len(traffic), len(LABELS)), np.uint8)
        scores[:, LABELS.index("toxicity")] = np.round(np.array(traffic) * 255)
        np.savez_compressed(file, owners=np.arange(len(traffic), dtype=np.uint32), scores=scores)
        more = {"traffic": file.name, "traffic_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    cascade = {
        "kind": "cascade",
        "screen": NAME,
        "encoder": "again",
        "bands": {label: {"low": low, "high": high} for label, (low, high) in every.items()},
        "budget": "a test",
        "labels": list(LABELS),
        "licence": "Apache-2.0",
        "summary": "A test.",
        "intended_use": "None.",
        **more,
    }
    return write_models(folder, "both", **{NAME: entry(), "again": entry(), "both": cascade})
