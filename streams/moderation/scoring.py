"""Scores texts on threads, and isolates a bad text from its batch. Knows nothing of Kafka, Redis or policy."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from tidegate.streams.core.events import FaultReason
from tidegate.streams.tasks import EXIT_BUG

log = logging.getLogger(__name__)

T = TypeVar("T")
Explained = tuple[int, int, str, float]  # start, end, label, how far its score falls without that piece
# A text is explained by scoring it some dozens of times, with one word or another left out: it may take this many times
# as long, and is mostly much faster.
EXPLAIN_TIMES = 6
STUCK_LIMIT = 8  # threads that never returned; a worker with more exits and is restarted


class ScoreRow(NamedTuple):
    """One text's scores."""

    scores: tuple[float, ...]  # one a label, rounded to 4 decimals
    by_encoder: tuple[int, ...] | None = None  # columns of those the encoder gave; None where one model gives all


class TextScores(Protocol):
    """What a scorer returns (`classifiers.Scored`)."""

    @property
    def values(self) -> npt.NDArray[np.float32]: ...
    @property
    def by_encoder(self) -> npt.NDArray[np.bool_] | None: ...
    @property
    def spans(self) -> Sequence[Sequence[Explained]] | None: ...
    @property
    def sent(self) -> int | None: ...


class TextScorer(Protocol):
    """What a worker needs of a classifier (`classifiers.Scorer`)."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> str: ...
    def score(self, texts: Sequence[str], *, explain: bool = False) -> TextScores: ...


def _no_count(_texts: int, _sent: int) -> None:
    """Counts nothing."""


class Scoring:
    """A pool of threads that scorers run on. Only the text on which a scorer raises or hangs becomes a fault.

    counted: called with how many texts were scored, and of how many of these the encoder read something.
    """

    def __init__(self, threads: int, timeout_s: float, counted: Callable[[int, int], None] = _no_count) -> None:
        self._threads, self._timeout_s, self._counted = threads, timeout_s, counted
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="score")
        self.stuck = 0

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def score(self, scorer: TextScorer, texts: Sequence[str]) -> list[ScoreRow | FaultReason]:
        """Returns one row (L scores) or one fault a text, in order. No text raises."""
        if not texts:
            return []
        timeout_s = self._timeout_s * (1 + len(texts) / 256)
        together = await self._run(scorer, lambda: _rows(scorer, texts), len(texts), timeout_s)
        if not isinstance(together, FaultReason):
            rows, sent = together
            self._counted(len(rows), sent)
            return list(rows)
        if len(texts) == 1:
            return [together]
        # Some text of these is bad: score each on its own, so that only that one is lost.
        one_by_one: list[ScoreRow | FaultReason] = []
        for text in texts:
            one_by_one += await self.score(scorer, [text])
        return one_by_one

    async def explain(self, scorer: TextScorer, text: str) -> Sequence[Explained] | None:
        """Returns the pieces that the text's scores come from; None if the scorer raises, hangs or cannot."""
        explained = await self._run(scorer, lambda: _explained(scorer, text), 1, self._timeout_s * EXPLAIN_TIMES)
        return None if isinstance(explained, FaultReason) else explained

    async def _run(self, scorer: TextScorer, call: Callable[[], T], texts: int, timeout_s: float) -> T | FaultReason:
        while True:
            work = self._pool.submit(call)
            waiter = asyncio.wrap_future(work)
            waiter.add_done_callback(_retrieve_error)
            await asyncio.wait({waiter}, timeout=timeout_s)
            if work.cancelled() or work.cancel():
                continue  # it had not begun: the pool was busy, or abandoned for another text
            if not work.done():
                self._abandon(scorer, timeout_s)
                return FaultReason.CLASSIFIER_TIMEOUT
            error = work.exception()
            if error is None:
                return work.result()
            if isinstance(error, BadScoresError):
                return FaultReason.BAD_SCORES
            # Whatever a classifier raises on a text becomes its fault. Log the type only: a message may quote the text.
            log.warning("classifier %s: %s on %d texts", scorer.version, type(error).__name__, texts)
            return FaultReason.CLASSIFIER_ERROR

    def _abandon(self, scorer: TextScorer, timeout_s: float) -> None:
        """Abandons a thread that did not return, and goes on with a new pool."""
        self.stuck += 1
        log.error("classifier %s: no answer in %g s; %d stuck threads", scorer.version, timeout_s, self.stuck)
        if self.stuck >= STUCK_LIMIT:
            log.critical("too many stuck threads; exiting, the group gives this worker's partitions to another")
            os._exit(EXIT_BUG)
        self.close()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="score")


def _rows(scorer: TextScorer, texts: Sequence[str]) -> tuple[list[ScoreRow], int]:
    """Returns a row a text, and of how many of them the encoder read something. Raises BadScoresError."""
    scored, shape = scorer.score(texts), (len(texts), len(scorer.labels))
    if not hasattr(scored, "values") or scored.values.shape != shape:
        raise BadScoresError
    flags = scored.by_encoder
    if flags is not None and flags.shape != shape:
        raise BadScoresError
    values = np.round(scored.values.astype(np.float64), 4)
    if not ((values >= 0) & (values <= 1)).all():  # also false for NaN
        raise BadScoresError
    if flags is None:
        return [ScoreRow(tuple(row)) for row in values.tolist()], 0
    rows = [
        ScoreRow(tuple(row), tuple([i for i, flag in enumerate(by) if flag]) if True in by else ())
        for row, by in zip(values.tolist(), flags.tolist(), strict=True)
    ]
    return rows, scored.sent or 0


def _explained(scorer: TextScorer, text: str) -> Sequence[Explained] | None:
    """Returns the pieces of the text, without invalid ones: each must lie in the text and name a label."""
    spans = scorer.score([text], explain=True).spans
    if spans is None:
        return None
    return [span for span in spans[0] if 0 <= span[0] < span[1] <= len(text) and span[2] in scorer.labels]


def _retrieve_error(waiter: asyncio.Future[T]) -> None:
    """Retrieves the error: otherwise asyncio logs it with its message, and that may quote the text."""
    if not waiter.cancelled():
        waiter.exception()


class BadScoresError(ValueError):
    """A classifier returned no `Scored`, or numbers that are no probabilities: the completion becomes a fault.

    Check the model."""
