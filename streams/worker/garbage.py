"""Tunes the garbage collector for a process that keeps its objects and drops each batch."""

from __future__ import annotations

import gc

# Young objects between two garbage collections: a few batches' worth, most of which are freed by then.
YOUNG = 20_000


def tune_garbage_collection() -> None:
    """Call it once everything is built: the objects of the start live as long as the process."""
    gc.collect()
    gc.freeze()  # no later collection needs to walk them
    gc.set_threshold(YOUNG, 10, 10)
