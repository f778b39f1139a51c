"""A stated mix of what language models say, from held-out parts of the sets: what shares and bands are measured on."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Kind(NamedTuple):
    """So many texts of a set's split, those with this raw label at this value; all where no label is named."""

    set: str
    split: str
    texts: int
    label: str = ""
    value: float = 0.0


# Mostly answers that harm nobody, refusals and rejected stereotypes among them; one in twenty does harm.
MIX = (
    Kind("gptfuzz_responses", "test", 650, "harmful_response", 0),
    Kind("gptfuzz_responses", "test", 40, "harmful_response", 1),
    Kind("decodingtrust_stereotype", "dev", 200, "rejects_stereotype", 1),
    Kind("decodingtrust_stereotype", "dev", 10, "agrees_with_stereotype", 1),
    Kind("hh_rlhf_harmless", "dev", 50, "dispreferred_weak", 0),
    Kind("dolly_benign_responses", "dev", 50),
)
LEAST = 200  # characters: a mix of whole answers, not of one-liners


def traffic_texts(data: Path, seed: int, slice_rows: int | None = None) -> list[str]:
    """Up to 1,000 outputs of language models, of 200 characters and more, in random order."""
    rng = random.Random(seed)
    texts: list[str] = []
    for kind in MIX:
        with gzip.open(data / f"{kind.set}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [row["text"] for row in map(json.loads, lines) if _is(row, kind) and len(row["text"]) >= LEAST]
        texts += rng.sample(rows, min(len(rows), kind.texts, slice_rows or kind.texts))
    rng.shuffle(texts)
    return texts


def _is(row: Mapping[str, object], kind: Kind) -> bool:
    labels = row["labels"]
    assert isinstance(labels, dict)  # noqa: S101
    return row["split"] == kind.split and (not kind.label or labels.get(kind.label) == kind.value)
