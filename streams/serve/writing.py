"""Writes records to Kafka beside the answers: acknowledged before one is given, or after it, within a bound."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.producer import Message
from tidegate.streams.tasks import Tasks

log = logging.getLogger(__name__)

Publish = Callable[[Sequence[Message]], Awaitable[None]]


class NotCounted(Exception):
    """Kafka did not acknowledge what had to be counted: the request is not answered."""


class RecordWriter:
    """The records of one kind that a process writes. Call `start` where some wait, and `stop` at the end.

    lost: what becomes of a record that is not written, for the log: "moderations are not counted".
    written: called with how many records were acknowledged; unwritten: with why, and how many, were not.
    most, together: of what waits and is being written, and of one write but for a single record, by `size`.
    """

    def __init__(
        self,
        publish: Publish,
        lost: str,
        written: Callable[[int], None],
        unwritten: Callable[[str, int], None],
        most: int,
        together: int,
        size: Callable[[Message], int] = lambda _: 1,
    ) -> None:
        self._publish, self._lost, self._written, self._unwritten = publish, lost, written, unwritten
        self._most, self._together, self._size = most, together, size
        self._waiting: deque[Message] = deque()
        self._writing = 0
        self._held = 0  # of what waits and is being written, by size
        self._more, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._tasks = Tasks()

    def start(self) -> None:
        self._tasks.spawn(self._write_waiting())

    async def write(self, messages: Sequence[Message]) -> None:
        """Returns once they are acknowledged. Raises NotCounted."""
        try:
            await self._publish(messages)
        except (BrokerUnavailable, asyncio.CancelledError) as error:  # cancelled: the request's time is over
            self._unwritten("failed", len(messages))
            if isinstance(error, asyncio.CancelledError):
                raise
            raise NotCounted(str(error)) from error
        self._written(len(messages))

    def put(self, messages: Sequence[Message], *, bounded: bool = True) -> None:
        """Writes them after the answer, in the order of the calls; what is beyond the bound is not written."""
        if not messages:
            return
        size = sum(map(self._size, messages))
        if bounded and self._held + size > self._most:
            self._unwritten("full", len(messages))
            return
        self._waiting += messages
        self._held += size
        self._empty.clear()
        self._more.set()

    async def _write_waiting(self) -> None:
        while True:
            await self._more.wait()
            while self._waiting:
                batch, size = self._next_batch()
                self._writing = len(batch)
                try:
                    await self._publish(batch)
                    self._written(len(batch))
                except BrokerUnavailable as error:  # not sent again: some of them may be there
                    self._unwritten("failed", len(batch))
                    log.warning("%d %s: %s", len(batch), self._lost, error)
                finally:
                    self._writing = 0
                    self._held -= size
            self._more.clear()
            self._empty.set()

    def _next_batch(self) -> tuple[list[Message], int]:
        batch = [self._waiting.popleft()]
        size = self._size(batch[0])
        while self._waiting and size + self._size(self._waiting[0]) <= self._together:
            batch.append(self._waiting.popleft())
            size += self._size(batch[-1])
        return batch, size

    async def stop(self, within_s: float) -> None:
        """Writes what waits, for so long at the most; the rest is not written."""
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            left = len(self._waiting) + self._writing
            self._unwritten("stopped", left)
            log.warning("%d %s: kafka did not take them within %g s", left, self._lost, within_s)
        await self._tasks.finish(within_s=0)
