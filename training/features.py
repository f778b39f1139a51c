"""Rows of the embedding table for a window of token ids, as the exported graph finds them.

The table is [vocabulary | bigram buckets | trigram buckets]; a pair or triple that touches padding has no row.
`graph.py` says the same in ONNX; a test holds the two together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from tokenizers import Tokenizer

from tidegate.classifiers.windows import spans
from training.recipe import Recipe

PAIR, TRIPLE = 1_000_003, 998_244_353  # odd primes far above any vocabulary


def rows(ids: npt.NDArray[np.int64], recipe: Recipe) -> npt.NDArray[np.int64]:
    """Table rows of one window of n ids: n words, n-1 pairs, n-2 triples, in this order."""
    pair = ids[:-1] * PAIR + ids[1:]
    triple = (pair[:-1] % recipe.bigram_rows) * TRIPLE + ids[2:]
    return np.concatenate(
        [
            ids,
            recipe.vocab_size + pair % recipe.bigram_rows,
            recipe.vocab_size + recipe.bigram_rows + triple % recipe.trigram_rows,
        ]
    )


def table_rows(recipe: Recipe) -> int:
    """Rows of the whole table."""
    return recipe.vocab_size + recipe.bigram_rows + recipe.trigram_rows


def windows_of(
    tokenizer: Tokenizer, texts: Sequence[str], recipe: Recipe
) -> tuple[sp.csr_matrix, npt.NDArray[np.int64]]:
    """(counts: one CSR row a window, owner: the text each window is of); a text without tokens has none."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    indices, lengths, owner = [], [], []
    for start in range(0, len(texts), 1024):
        for i, encoding in enumerate(tokenizer.encode_batch_fast(list(texts[start : start + 1024]))):
            ids = np.array(encoding.ids, np.int64)
            for low, high in spans(len(ids), recipe.max_tokens, recipe.overlap):
                found = rows(ids[low:high], recipe)
                indices.append(found)
                lengths.append(len(found))
                owner.append(start + i)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.concatenate(indices) if indices else np.zeros(0, np.int64)
    counts = sp.csr_matrix((np.ones(len(flat), np.float32), flat, indptr), shape=(len(lengths), table_rows(recipe)))
    counts.sum_duplicates()
    return counts, np.array(owner, np.int64)


def inverse_frequency(counts: sp.csr_matrix, min_df: int) -> npt.NDArray[np.float32]:
    """Inverse document frequency a row, 0 where fewer than min_df windows have it."""
    df = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + df)) + 1
    return np.where(df >= min_df, idf, 0).astype(np.float32)


def weighted(counts: sp.csr_matrix, idf: npt.NDArray[np.float32]) -> sp.csr_matrix:
    """Counts times idf, each window divided by the root of its summed squared idf (repeats counted)."""
    norm = np.sqrt(np.maximum(counts @ (idf.astype(np.float64) ** 2), 1e-6))
    return (sp.diags(1 / norm) @ counts @ sp.diags(idf)).astype(np.float32).tocsr()
