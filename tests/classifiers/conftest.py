"""Manifests to break, around the tiny export in fixtures/ (made by make_tiny_export.py)."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.classifiers import DEFAULT_MANIFEST, Cascade, Classifier, load, read_manifest

TINY = Path(__file__).parent / "fixtures" / "tiny"
ROOT = Path(__file__).parents[2]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def write_manifest(tmp_path: Path) -> Callable[..., Path]:
    """write_manifest(key="TOML value", ...) -> a manifest of one model, `tiny`, with these keys changed or added."""

    def write(**changes: str) -> Path:
        shutil.copytree(TINY, tmp_path / "tiny", dirs_exist_ok=True)
        keys = {
            "file": '"tiny/model.onnx"',
            "sha256": f'"{sha256(TINY / "model.onnx")}"',
            "tokenizer": '"tiny/tokenizer.json"',
            "tokenizer_sha256": f'"{sha256(TINY / "tokenizer.json")}"',
            "labels": '["rudeness", "menace"]',
            "activation": '"sigmoid"',
            "max_tokens": "8",
            "overlap": "2",
            "batching": '"padded"',
            "licence": '"Apache-2.0"',
            "summary": '"A test."',
            "intended_use": '"None."',
        } | changes
        lines = [f"{key} = {value}" for key, value in keys.items() if value]
        manifest = tmp_path / "models.toml"
        manifest.write_text('default = "tiny"\n[models.tiny]\n' + "\n".join(lines) + "\n", "utf-8")
        return manifest

    return write


@pytest.fixture
def tiny(write_manifest: Callable[..., Path]) -> Classifier:
    """The tiny export: `rude` is +6 on rudeness, `scary` is +6 on menace, -3 for a window as such."""
    return load("tiny", manifest=write_manifest())


MANIFEST = """\
default = "both"

[models.quick]
{quick}
activation = "sigmoid"
max_tokens = 8
overlap = 2
batching = "padded"

[models.slow]
{quick}
activation = "softmax"
max_tokens = 16
overlap = 4

[models.both]
kind = "cascade"
screen = "quick"
encoder = "slow"
labels = ["rudeness", "menace"]
budget = "None: a test."
licence = "Apache-2.0"
summary = "A test."
intended_use = "None."
{changes}
[models.both.bands]
{bands}
"""


@pytest.fixture
def write_cascade(tmp_path: Path) -> Callable[..., Path]:
    """write_cascade(rudeness=(low, high), menace=..., key="TOML value") -> a manifest of quick, slow and their `both`.

    quick is the tiny export; slow is it too, but through a softmax: whatever word stands in a text, the two differ.
    """

    def write(rudeness=(0.9, 0.99), menace=(0.0, 0.0), **changes: str) -> Path:
        shutil.copytree(TINY, tmp_path / "tiny", dirs_exist_ok=True)
        keys = {
            "file": '"tiny/model.onnx"',
            "sha256": f'"{sha256(TINY / "model.onnx")}"',
            "tokenizer": '"tiny/tokenizer.json"',
            "tokenizer_sha256": f'"{sha256(TINY / "tokenizer.json")}"',
            "labels": '["rudeness", "menace"]',
            "licence": '"Apache-2.0"',
            "summary": '"A test."',
            "intended_use": '"None."',
        }
        bands = {"rudeness": rudeness, "menace": menace}
        manifest = tmp_path / "cascade.toml"
        text = MANIFEST.format(
            quick="\n".join(f"{key} = {value}" for key, value in keys.items()),
            changes="\n".join(f"{key} = {value}" for key, value in changes.items()),
            bands="\n".join(f"{label} = {{low = {low}, high = {high}}}" for label, (low, high) in bands.items()),
        )
        manifest.write_text(text, "utf-8")
        return manifest

    return write


@pytest.fixture(scope="session")
def real() -> Classifier:
    """The committed screen."""
    return load("screen-en")


@pytest.fixture(scope="session", params=[1, 3], ids=["inline", "pool"])
def real_cascade(request, tmp_path_factory) -> Cascade:
    """The committed screen, asked again in shorter windows, one a run: scores of real texts that differ."""
    entry = read_manifest().models["screen-en"]
    told = {"licence": "Apache-2.0", "summary": "A test.", "intended_use": "None.", "labels": entry.labels}
    files = {key: str(DEFAULT_MANIFEST.parent / getattr(entry, key)) for key in ("file", "tokenizer")}
    hashes = {"sha256": entry.sha256, "tokenizer_sha256": entry.tokenizer_sha256, "activation": entry.activation}
    models = {
        "one": told | files | hashes | {"max_tokens": 64, "overlap": 16, "batching": "padded"},
        "two": told | files | hashes | {"max_tokens": 24, "overlap": 8, "batching": "alone"},
        "both": told | {"kind": "cascade", "screen": "one", "encoder": "two", "budget": "None: a test."},
    }
    lines = ['default = "both"']
    for name, keys in models.items():
        lines += [f"[models.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    lines += ["[models.both.bands]", *(f"{label} = {{low = 0.05, high = 0.9}}" for label in entry.labels)]
    manifest = tmp_path_factory.mktemp("cascade") / "models.toml"
    manifest.write_text("\n".join(lines), "utf-8")
    return load(manifest=manifest, threads=request.param)


@pytest.fixture(scope="session")
def default() -> Cascade:
    """The committed default."""
    loaded = load()
    assert isinstance(loaded, Cascade)
    return loaded
