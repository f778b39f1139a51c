"""A stated mix of what language models say, from held-out parts of the sets: what shares and bands are measured on."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

# Set -> (split, texts of it in the mix). Answers to jailbreaks, opinions on stereotypes, chat, instructions followed.
MIX = {
    "gptfuzz_responses": ("test", 550),
    "decodingtrust_stereotype": ("dev", 250),
    "hh_rlhf_harmless": ("dev", 150),
    "dolly_benign_responses": ("dev", 50),
}


def traffic_texts(data: Path, seed: int, slice_rows: int | None = None) -> list[str]:
    """About 1,000 outputs of language models, whoever they were harmful to; median near 700 characters."""
    rng = random.Random(seed)
    texts: list[str] = []
    for name, (split, count) in MIX.items():
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [row["text"] for row in map(json.loads, lines) if row["split"] == split]
        texts += rng.sample(rows, min(len(rows), count, slice_rows or count))
    rng.shuffle(texts)
    return texts
