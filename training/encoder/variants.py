"""Windows made of windows, that only a teacher has read: a small model needs more texts than anybody has labelled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]

JOINED = 0.5  # share that is the start of one window and the end of another; the rest is one window whole
CUT = (0.3, 0.7)  # where a window is cut, as a share of it
SWAPPED = 0.08  # share of tokens that any other of the corpus takes the place of


def varied(ids: Ids, length: Ints, rows: Ints, seed: int) -> tuple[Ids, Ints]:
    """(len(rows), T) ids and their lengths: a variation of each of these windows, always the same for a seed.

    ids: (N, T), padded on the right with 0, a mark at each end of a row; length: (N,), those two included.
    """
    rng = np.random.default_rng(seed)
    count, wide = len(rows), ids.shape[1] - 2
    first, second = ids[rows], ids[rng.permutation(rows)]
    inner_1, inner_2 = ((x != 0).sum(axis=1) - 2 for x in (first, second))
    joined = rng.random(count) < JOINED
    kept = np.where(joined, np.ceil(inner_1 * rng.uniform(*CUT, count)).astype(np.int64), inner_1)
    start = np.floor(inner_2 * rng.uniform(*CUT, count)).astype(np.int64)
    total = np.minimum(kept + np.where(joined, inner_2 - start, 0), wide)
    at = np.arange(wide)[None, :]
    from_second = np.clip(at - kept[:, None] + start[:, None] + 1, 0, wide + 1)
    content = np.where(at < kept[:, None], first[:, 1:-1], np.take_along_axis(second, from_second, axis=1))
    words = first[:, 1:-1][at < (inner_1[:, None])]
    other = rng.random((count, wide), np.float32) < SWAPPED
    content[other] = rng.choice(words, int(other.sum()))
    made = np.zeros((count, wide + 2), np.int32)
    made[:, 0] = first[:, 0]
    made[:, 1:-1] = np.where(at < total[:, None], content, 0)
    made[np.arange(count), total + 1] = first[np.arange(count), inner_1 + 1]
    return made, total + 2
