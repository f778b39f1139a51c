"""Scores texts on threads, and keeps one bad text from its neighbours. Knows nothing of Kafka, Redis or policy."""

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
Explained = tuple[int, int, str, float]  # start, end, label, how much of its score falls without that piece
# A text is explained by scoring it some dozens of times, with one word or another left out: it may take this many times
# as long, and is mostly much faster.
EXPLAIN_TIMES = 6
STUCK_LIMIT = 8  # threads that never came back; a worker with more starts again


class Row(NamedTuple):
    """One text's scores."""

    scores: tuple[float, ...]  # one a label, rounded to 4 decimals
    by_encoder: tuple[int, ...] | None = None  # places of those the encoder gave; None where one model gives all


class Scored(Protocol):
    """What a classifier gives back (`classifiers.Scored`)."""

    @property
    def values(self) -> npt.NDArray[np.float32]: ...
    @property
    def by_encoder(self) -> npt.NDArray[np.bool_] | None: ...
    @property
    def spans(self) -> Sequence[Sequence[Explained]] | None: ...
    @property
    def sent(self) -> int | None: ...


class Scorer(Protocol):
    """What a classifier is to a worker (`classifiers.Scorer`)."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> str: ...
    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored: ...


def _uncounted(_texts: int, _sent: int) -> None:
    """Where nobody counts."""


class Scoring:
    """A pool of threads that scorers run on. A text on which one raises, or does not come back, is a fault by itself.

    counted: told how many texts were scored, and how many of these the encoder read something of.
    """

    def __init__(self, threads: int, timeout_s: float, counted: Callable[[int, int], None] = _uncounted) -> None:
        self._threads, self._timeout_s, self._counted = threads, timeout_s, counted
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="score")
        self.stuck = 0

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def score(self, scorer: Scorer, texts: Sequence[str]) -> list[Row | FaultReason]:
        """One row (L scores) or one fault a text, in order. Never raises for a text's sake."""
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
        # Some text of these is bad: each alone, so that only that one is lost.
        alone: list[Row | FaultReason] = []
        for text in texts:
            alone += await self.score(scorer, [text])
        return alone

    async def explain(self, scorer: Scorer, text: str) -> Sequence[Explained] | None:
        """Where in the text its scores come from; None where the scorer raises or hangs on that, or cannot say."""
        found = await self._run(scorer, lambda: _explained(scorer, text), 1, self._timeout_s * EXPLAIN_TIMES)
        return None if isinstance(found, FaultReason) else found

    async def _run(self, scorer: Scorer, call: Callable[[], T], texts: int, timeout_s: float) -> T | FaultReason:
        while True:
            work = self._pool.submit(call)
            waiter = asyncio.wrap_future(work)
            waiter.add_done_callback(_seen)
            await asyncio.wait({waiter}, timeout=timeout_s)
            if work.cancelled() or work.cancel():
                continue  # it had not begun: the pool was behind, or given up for another text's sake
            if not work.done():
                self._abandon(scorer, timeout_s)
                return FaultReason.CLASSIFIER_TIMEOUT
            error = work.exception()
            if error is None:
                return work.result()
            if isinstance(error, BadScoresError):
                return FaultReason.BAD_SCORES
            # Whatever a classifier raises on a text is that text's fault. Only the type: a message may quote the text.
            log.warning("classifier %s: %s on %d texts", scorer.version, type(error).__name__, texts)
            return FaultReason.CLASSIFIER_ERROR

    def _abandon(self, scorer: Scorer, timeout_s: float) -> None:
        """Leaves a thread that did not come back to itself, and goes on with a new pool."""
        self.stuck += 1
        log.error("classifier %s: no answer in %g s; %d stuck threads", scorer.version, timeout_s, self.stuck)
        if self.stuck >= STUCK_LIMIT:
            log.critical("too many stuck threads; exiting, the group gives this worker's partitions to another")
            os._exit(EXIT_BUG)
        self.close()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="score")


def _rows(scorer: Scorer, texts: Sequence[str]) -> tuple[list[Row], int]:
    """A row a text, and of how many of them the encoder read something. Raises BadScoresError."""
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
        return [Row(tuple(row)) for row in values.tolist()], 0
    rows = [
        Row(tuple(row), tuple([i for i, flag in enumerate(by) if flag]) if True in by else ())
        for row, by in zip(values.tolist(), flags.tolist(), strict=True)
    ]
    return rows, scored.sent or 0


def _explained(scorer: Scorer, text: str) -> Sequence[Explained] | None:
    """The pieces of the text, without those that are none: a span must lie in the text, and be of a label."""
    spans = scorer.score([text], explain=True).spans
    if spans is None:
        return None
    return [span for span in spans[0] if 0 <= span[0] < span[1] <= len(text) and span[2] in scorer.labels]


def _seen(waiter: asyncio.Future[T]) -> None:
    """Looks at the error, else asyncio logs it with its message, and that may quote the text."""
    if not waiter.cancelled():
        waiter.exception()


class BadScoresError(ValueError):
    """A classifier gave no `Scored`, or numbers that are no probabilities: the completion becomes a fault.

    Check the model."""
