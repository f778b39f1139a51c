"""Where the labelled text is, on a machine that has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of labelled sets: LABELLED_TEXT, or shared/data beside the checkout."""
    folder = Path(os.environ.get("LABELLED_TEXT") or ROOT.parent / "shared" / "data")
    if not (folder / "toxic_spans.jsonl.gz").is_file():
        pytest.skip("no labelled text: set LABELLED_TEXT to its directory")
    return folder
