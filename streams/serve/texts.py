"""Keeps the texts that were moderated, for evidence, on a topic of their own: only where an operator asked for it.

Nothing else of `tidegate serve` lets a text leave it. What is kept is what is counted: the same ids.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from pydantic_core import to_json

from tidegate.streams.core.events import ModeratedText
from tidegate.streams.core.fields import unchecked
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.producer import Message
from tidegate.streams.moderation.moderator import Moderated
from tidegate.streams.serve.counting import CountMode, NotCounted, Publish
from tidegate.streams.tasks import Tasks
from tidegate.streams.topics import MODERATED_TEXTS

log = logging.getLogger(__name__)

WAITING_BYTES = 64 * 2**20  # of texts that wait for Kafka, at the most
TOGETHER_BYTES = 4 * 2**20  # of one write, but for a single text
OVERHEAD = 512  # bytes that Kafka adds to a record, generously


def text_message(row: Moderated) -> Message:
    """Returns the text of one moderation as a record: id, tenant, prompt and choices."""
    completion = row.completion
    fields = {
        "schema_version": 1,
        "id": completion.id,
        "tenant": completion.tenant,
        "prompt": completion.prompt,
        "choices": completion.choices,
    }
    return Message(MODERATED_TEXTS, completion.id.encode(), to_json(unchecked(ModeratedText, fields)))


class KeptTexts:
    """Writes the texts of one process. Call `start`, and `stop` at the end.

    largest: bytes of a record that Kafka takes. kept: called with how many texts were acknowledged; unkept: with why,
    and how many, were not.
    """

    def __init__(
        self,
        mode: CountMode,
        publish: Publish,
        largest: int,
        kept: Callable[[int], None] = lambda _: None,
        unkept: Callable[[str, int], None] = lambda _, __: None,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        self._mode, self._publish, self._largest = mode, publish, largest
        self._kept, self._unkept, self._most = kept, unkept, waiting_bytes
        self._waiting: deque[Message] = deque()
        self._bytes = 0  # of what waits, and of what is being written
        self._writing = 0  # texts
        self._more, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._tasks = Tasks()

    def start(self) -> None:
        if self._mode == "best_effort":
            self._tasks.spawn(self._write_waiting())

    async def keep(self, rows: Sequence[Moderated]) -> None:
        """Keeps the texts of one request. Raises NotCounted where Kafka must acknowledge them, and does not.

        A text that is larger than a record can be is never kept: another try would not help.
        """
        if self._mode == "off":
            return
        messages = [text_message(row) for row in rows]
        fitting = [message for message in messages if _size(message) + OVERHEAD <= self._largest]
        if len(fitting) < len(messages):
            self._unkept("too_large", len(messages) - len(fitting))
        if not fitting:
            return
        if self._mode == "required":
            try:
                await self._publish(fitting)
            except (BrokerUnavailable, asyncio.CancelledError) as error:  # cancelled: the request's time is over
                self._unkept("failed", len(fitting))
                if isinstance(error, asyncio.CancelledError):
                    raise
                raise NotCounted(str(error)) from error
            self._kept(len(fitting))
            return
        size = sum(map(_size, fitting))
        if self._bytes + size > self._most:
            self._unkept("full", len(fitting))
            return
        self._waiting += fitting
        self._bytes += size
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
                    self._kept(len(batch))
                except BrokerUnavailable as error:  # not sent again: some of them may be there
                    self._unkept("failed", len(batch))
                    log.warning("%d texts are not kept: %s", len(batch), error)
                finally:
                    self._writing = 0
                    self._bytes -= size
            self._more.clear()
            self._empty.set()

    def _next_batch(self) -> tuple[list[Message], int]:
        batch = [self._waiting.popleft()]
        size = _size(batch[0])
        while self._waiting and size + _size(self._waiting[0]) <= TOGETHER_BYTES:
            batch.append(self._waiting.popleft())
            size += _size(batch[-1])
        return batch, size

    async def stop(self, within_s: float) -> None:
        """Writes what waits, for so long at the most; the rest is not kept."""
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            left = len(self._waiting) + self._writing
            self._unkept("stopped", left)
            log.warning("%d texts are not kept: kafka did not take them within %g s", left, within_s)
        await self._tasks.finish(within_s=0)


def _size(message: Message) -> int:
    return len(message.key or b"") + len(message.value or b"")
