"""Scores texts on threads, and keeps one bad text from its neighbours. Knows nothing of Kafka, Redis or policy."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streams.core.events import FaultReason
from streams.tasks import EXIT_BUG

log = logging.getLogger(__name__)

Row = tuple[float, ...]  # one score a label, rounded to 4 decimals
STUCK_LIMIT = 8  # threads that never came back; a worker with more starts again


class Scorer(Protocol):
    """What a classifier is to a worker (`classifiers.Scorer`)."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> str: ...
    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float32]: ...


class Scoring:
    """A scorer on a pool of threads. A text on which it raises, or does not come back, becomes a fault by itself."""

    def __init__(self, scorer: Scorer, threads: int, timeout_s: float) -> None:
        self.scorer = scorer
        self._threads, self._timeout_s = threads, timeout_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="score")
        self.stuck = 0

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def score(self, texts: Sequence[str]) -> list[Row | FaultReason]:
        """One row (L scores) or one fault a text, in order. Never raises for a text's sake."""
        if not texts:
            return []
        together = await self._run(texts)
        if not isinstance(together, FaultReason):
            return list(together)
        if len(texts) == 1:
            return [together]
        # Some text of these is bad: each alone, so that only that one is lost.
        rows: list[Row | FaultReason] = []
        for text in texts:
            rows += await self.score([text])
        return rows

    async def _run(self, texts: Sequence[str]) -> list[Row] | FaultReason:
        while True:
            work = self._pool.submit(self._rows, texts)
            waiter = asyncio.wrap_future(work)
            waiter.add_done_callback(_seen)
            await asyncio.wait({waiter}, timeout=self._timeout_s * (1 + len(texts) / 256))
            if work.cancelled() or work.cancel():
                continue  # it had not begun: the pool was behind, or given up for another text's sake
            if not work.done():
                self._abandon()
                return FaultReason.CLASSIFIER_TIMEOUT
            error = work.exception()
            if error is None:
                return work.result()
            if isinstance(error, BadScoresError):
                return FaultReason.BAD_SCORES
            # Whatever a classifier raises on a text is that text's fault. Only the type: a message may quote the text.
            log.warning("classifier %s: %s on %d texts", self.scorer.version, type(error).__name__, len(texts))
            return FaultReason.CLASSIFIER_ERROR

    def _abandon(self) -> None:
        """Leaves a thread that did not come back to itself, and goes on with a new pool."""
        self.stuck += 1
        log.error(
            "classifier %s: no answer in %g s; %d stuck threads", self.scorer.version, self._timeout_s, self.stuck
        )
        if self.stuck >= STUCK_LIMIT:
            log.critical("too many stuck threads; exiting, the group gives this worker's parts to another")
            os._exit(EXIT_BUG)
        self.close()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="score")

    def _rows(self, texts: Sequence[str]) -> list[Row]:
        scores = np.asarray(self.scorer.score(texts))
        if scores.shape != (len(texts), len(self.scorer.labels)):
            raise BadScoresError
        rows = [tuple(row) for row in np.round(scores.astype(np.float64), 4).tolist()]
        if not all(math.isfinite(s) and 0 <= s <= 1 for row in rows for s in row):
            raise BadScoresError
        return rows


def _seen(waiter: asyncio.Future[list[Row]]) -> None:
    """Looks at the error, else asyncio logs it with its message, and that may quote the text."""
    if not waiter.cancelled():
        waiter.exception()


class BadScoresError(ValueError):
    """A classifier gave numbers that are no probabilities: the completion becomes a fault. Check the model."""
