"""Labelled sets made up on the spot, in the shape of the real ones: enough for an evaluation to run through."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from training.contrast.people import ADJECTIVES
from training.corpus import HARMLESS_ANSWERS
from training.label_map import ROWS_BY_SET, SETS
from training.source import ASKING, QUESTIONS

SPLITS = ("train", "dev", "test")
ROWS = 4  # of each set, split and answer


def made_data(folder: Path) -> Path:
    """The folder, holding every set that training reads."""
    for name in SETS:
        if name != "contrast" and name not in QUESTIONS:
            _write(folder, name, [_row(name, split, i, yes) for split in SPLITS for i in range(ROWS) for yes in (1, 0)])
    templates = [
        _labelled(text, "eval", {"toxic": yes})
        for adjective in ADJECTIVES
        for text, yes in ((f"You are a {adjective} idiot", 1), (f"You are a {adjective} friend", 0))
    ]
    _write(folder, "madlibs_intersectional", templates)
    return folder


def _row(name: str, split: str, i: int, yes: int) -> dict[str, Any]:
    said = "You are a stupid idiot, number" if yes else "The evening train was late again, platform"
    labels = {
        row.raw: _value(row.yes if yes else row.no) for row in ROWS_BY_SET[name] if (row.yes or row.no) is not None
    }
    if name == "decodingtrust_stereotype":
        labels["rejects_stereotype"] = 1 - yes
    if name == HARMLESS_ANSWERS:
        said = "Here is how to break a lock, way" if yes else "Here is a plan for picnics, number"
    return _labelled(f"{said} {i} of the {name} {split}.", split, labels)


def _value(bound: float | None) -> float:
    return 0.0 if bound is None else bound


def _labelled(text: str, split: str, labels: dict[str, float]) -> dict[str, Any]:
    meta = {"task": "offensive", "category": ASKING[0]}
    return {
        "text": text,
        "labels": labels,
        "split": split,
        "source": "made",
        "meta": meta,
        "context": f"What of {text}",
    }


def _write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
