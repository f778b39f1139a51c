"""Keeps the texts that were moderated, for evidence, on a topic of their own: only where an operator asked for it.

Nothing else of `tidegate serve` lets a text leave it. What is kept is what is counted: the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic_core import to_json

from tidegate.streams.core.events import ModeratedText
from tidegate.streams.core.fields import unchecked
from tidegate.streams.kafka.producer import Message
from tidegate.streams.moderation.moderator import Moderated
from tidegate.streams.serve.counting import CountMode
from tidegate.streams.serve.writing import Publish, RecordWriter
from tidegate.streams.topics import MODERATED_TEXTS

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
        self._mode, self._largest, self._unkept = mode, largest, unkept
        self._writer = RecordWriter(
            publish, "texts are not kept", kept, unkept, most=waiting_bytes, together=TOGETHER_BYTES, size=_size
        )

    def start(self) -> None:
        if self._mode == "best_effort":
            self._writer.start()

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
            await self._writer.write(fitting)
        else:
            self._writer.put(fitting)

    async def stop(self, within_s: float) -> None:
        """Writes what waits, for so long at the most; the rest is not kept."""
        await self._writer.stop(within_s)


def _size(message: Message) -> int:
    return len(message.key or b"") + len(message.value or b"")
