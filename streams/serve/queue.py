"""A bounded queue before the moderator: requests that come within 2 ms are scored in one batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tidegate.streams.core.events import Completion
from tidegate.streams.moderation.moderator import Moderated

GATHER_S = 0.002  # that a request waits for others: a hundredth of what a batch takes
BATCH_TEXTS = 64  # of one batch, but for a single request with more: all of a batch wait for its last text
BATCH_CHARS = 64_000  # likewise

Moderate = Callable[[Sequence[Completion]], Awaitable[list[Moderated]]]


@dataclass(frozen=True, slots=True)
class QueueBounds:
    """What may wait or be scored at once. batches: that are scored side by side."""

    requests: int = 256
    chars: int = 1_000_000
    batches: int = 2


class QueueFull(Exception):
    """The request would be beyond the bounds: refuse it, and say when to try again."""


class RequestTooLong(Exception):
    """The request alone is beyond the bounds: trying again does not help."""


@dataclass(slots=True)
class _Waiting:
    completions: Sequence[Completion]
    texts: int
    chars: int
    done: asyncio.Future[list[Moderated]]


def texts_of(completions: Sequence[Completion]) -> list[str]:
    """Returns every text that is scored, prompts included."""
    return [text for one in completions for text in (*one.choices, one.prompt or "")]


class ModerationQueue:
    """One queue of a process. A request that is accepted is answered, unless its caller gives up.

    batched: called with the number of texts of each batch.
    """

    def __init__(
        self, moderate: Moderate, bounds: QueueBounds, batched: Callable[[int], None] = lambda _: None
    ) -> None:
        self._moderate, self._bounds, self._batched = moderate, bounds, batched
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.requests = 0  # accepted, and not answered
        self.chars = 0  # theirs

    @property
    def full(self) -> bool:
        """Whether one request more is beyond the bounds, however short it is."""
        return self.requests >= self._bounds.requests or self.chars >= self._bounds.chars

    async def moderate(self, completions: Sequence[Completion]) -> list[Moderated]:
        """Returns a row a completion, in order. Raises QueueFull, RequestTooLong."""
        texts = texts_of(completions)
        chars = sum(map(len, texts))
        if chars > self._bounds.chars:
            raise RequestTooLong
        if self.full or self.chars + chars > self._bounds.chars:
            raise QueueFull
        waiting = _Waiting(completions, len(texts), chars, asyncio.get_running_loop().create_future())
        self.requests += 1
        self.chars += chars
        self._waiting.append(waiting)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._start_batches)
        return await waiting.done

    def _start_batches(self) -> None:
        """Starts as many batches as may run side by side; the rest waits for one of them to end, and grows."""
        self._timer = None
        while self._waiting and len(self._running) < self._bounds.batches:
            batch = self._next_batch()
            if batch:
                task = asyncio.create_task(self._run(batch))
                self._running.add(task)
                task.add_done_callback(self._ended)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        texts = chars = 0
        while self._waiting:
            first = self._waiting[0]
            if batch and (texts + first.texts > BATCH_TEXTS or chars + first.chars > BATCH_CHARS):
                break
            self._waiting.popleft()
            if first.done.done():
                self._release(first)  # its caller gave up
                continue
            batch.append(first)
            texts, chars = texts + first.texts, chars + first.chars
        return batch

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        self._batched(sum(one.texts for one in batch))
        try:
            rows = await self._moderate([completion for one in batch for completion in one.completions])
        except Exception as error:  # noqa: BLE001 - a bug, not a text: each caller gets it, and the queue goes on
            for one in batch:
                if not one.done.done():
                    one.done.set_exception(error)
        else:
            at = 0
            for one in batch:
                if not one.done.done():
                    one.done.set_result(rows[at : at + len(one.completions)])
                at += len(one.completions)
        finally:
            for one in batch:
                self._release(one)

    def _release(self, one: _Waiting) -> None:
        self.requests -= 1
        self.chars -= one.chars

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting and self._timer is None:
            self._start_batches()
