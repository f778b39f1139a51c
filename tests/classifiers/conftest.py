"""A manifest to break, around the tiny export in fixtures/ (made by make_tiny_export.py)."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from classifiers import Classifier, load

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


@pytest.fixture(scope="session")
def real() -> Classifier:
    """The committed default model."""
    return load()


@pytest.fixture(scope="session")
def data() -> Path:
    """The labelled text, where this machine has it."""
    folder = Path(os.environ.get("LABELLED_TEXT") or ROOT.parent / "shared" / "data")
    if not (folder / "toxic_spans.jsonl.gz").is_file():
        pytest.skip("no labelled text: set LABELLED_TEXT to its directory")
    return folder
