"""What the encoder is taught: texts cut to one window, in batches of like length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from training.corpus import Part
from training.disguise import DISGUISES, disguised

Floats = npt.NDArray[np.float32]


class Batch(NamedTuple):
    """input_ids, attention_mask (N, T) int64; y, w (N, L) float32: target, and weight or 0 where unknown."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    y: torch.Tensor
    w: torch.Tensor


def label_factors(part: Part) -> Floats:
    """(L,) weight of a label's loss: rare ones more, by the root of how rare, in [0.5, 2.5]."""
    known = np.maximum((part.w > 0).sum(axis=0), 1)
    return np.clip(np.sqrt(np.median(known) / known), 0.5, 2.5).astype(np.float32)


def some_disguised(texts: Sequence[str], share: float, rng: random.Random) -> list[str]:
    """The texts, about `share` of them disguised in one way each."""
    ways = list(DISGUISES.values())
    return [disguised(t, rng.choice(ways), rng.choice((0.3, 1.0)), rng) if rng.random() < share else t for t in texts]


def encoded(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
    """Token ids of each text, cut to max_tokens; special tokens included."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return [
        e.ids for start in range(0, len(texts), 1024) for e in tokenizer.encode_batch_fast(texts[start : start + 1024])
    ]


def batches(ids: Sequence[Sequence[int]], y: Floats, w: Floats, budget: int, rng: random.Random) -> Iterator[Batch]:
    """Every row once, in random order; rows of a batch are of like length, count times longest at most `budget`."""
    order = list(range(len(ids)))
    rng.shuffle(order)
    groups: list[list[int]] = []
    for start in range(0, len(order), 4096):  # lengths meet within so many, so that batches stay mixed
        group: list[int] = []
        for i in sorted(order[start : start + 4096], key=lambda i: len(ids[i])):
            if group and (len(group) + 1) * len(ids[i]) > budget:
                groups.append(group)
                group = []
            group.append(i)
        groups.append(group)
    rng.shuffle(groups)
    for group in groups:
        yield batch_of([ids[i] for i in group], y[group], w[group])


def batch_of(ids: Sequence[Sequence[int]], y: Floats, w: Floats) -> Batch:
    """Rows padded on the right to the longest."""
    longest = max(map(len, ids))
    tokens = torch.zeros((len(ids), longest), dtype=torch.int64)
    mask = torch.zeros_like(tokens)
    for row, found in enumerate(ids):
        tokens[row, : len(found)] = torch.tensor(found)
        mask[row, : len(found)] = 1
    return Batch(tokens, mask, torch.from_numpy(y), torch.from_numpy(w))
