"""What a model said to a person: texts picked out of messages, parts and choices of the large APIs.

What is null says nothing and is empty at its place; what is of a wrong type is named in `Lost`, and costs only itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire.record import Refused

# Types of parts that are not for the person who asked; whatever else has a text is read.
SILENT = (
    *("thinking", "redacted_thinking", "reasoning", "reasoning_text", "summary_text", "tool_use", "tool_result"),
    *("server_tool_use", "function_call", "tool_call", "image_url", "input_image"),
)


class Lost:
    """What could not be read: where it stood, and what was expected there. The text is never in it."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def add(self, where: str, expected: str) -> str:
        """An empty text, in place of what could not be read."""
        self.places.setdefault(where, expected)
        return ""

    def unless_said(self, texts: list[str], failed: bool = False) -> list[str]:
        """The texts; raises Refused where there is none, and something could not be read that may have been one.

        failed: the call has; then none is needed.
        """
        if self.places and not any(texts) and not failed:
            where, expected = next(iter(self.places.items()))
            raise Refused(DeadLetterReason.INVALID, where, expected)
        return texts


def each(found: Any, where: str, lost: Lost, read: Callable[[Any, str, Lost], str]) -> list[str]:
    """One text for each of a list, in its place; of an empty list one that is empty. Raises Refused: not a list."""
    if isinstance(found, dict):  # one, without its list
        return [read(found, where, lost)]
    if not isinstance(found, list):
        raise Refused(DeadLetterReason.INVALID, where, "a list, one a choice")
    return [read(one, f"{where}[{i}]", lost) for i, one in enumerate(found)] or [""]


def choice(found: Any, where: str, lost: Lost) -> str:
    """One of `choices`: its message, or its text as the older API writes it. Empty where a filter took it out."""
    if found is None or isinstance(found, str):
        return found or ""
    if not isinstance(found, dict):
        return lost.add(where, "an object")
    text, message = found.get("text"), found.get("message")
    if text and (isinstance(text, str) or not isinstance(message, dict)):
        return content(text, where + ".text", lost)
    if message is None:
        if isinstance(delta := found.get("delta"), dict) and found.get("finish_reason") is not None:
            return message_said(delta, where + ".delta", lost)  # a stream that was put together, and kept its names
        if "message" in found or "text" in found or found.get("finish_reason") is not None or "error" in found:
            return ""
        return lost.add(where + ".message", "an object")
    if isinstance(message, dict):
        return message_said(message, where + ".message", lost)
    return message if isinstance(message, str) else lost.add(where + ".message", "an object")


def message_said(found: dict[str, Any], where: str, lost: Lost) -> str:
    """All that a message says: content, refusal, and the transcript of audio. Tool calls say nothing."""
    said = [content(found.get("content"), where + ".content", lost)]
    audio = found.get("audio")
    for text, place in (
        (found.get("refusal"), ".refusal"),
        (audio.get("transcript") if isinstance(audio, dict) else None, ".audio.transcript"),
    ):
        said.append(text if isinstance(text, str) else _nothing(text, where + place, lost, "a string or null"))
    return "\n".join(text for text in said if text)


def content(found: Any, where: str, lost: Lost) -> str:
    """A content as one text: a string, null (empty), one part, or a list of parts, joined as they are shown."""
    if found is None or isinstance(found, str):
        return found or ""
    if isinstance(found, list):
        return "".join([part(one, f"{where}[{i}]", lost) for i, one in enumerate(found)])
    if isinstance(found, dict) and any(key in found for key in ("parts", "text", "refusal", "type")):
        return part(found, where, lost)
    return lost.add(where, "a string, null, or a list of parts")


def part(found: Any, where: str, lost: Lost) -> str:
    """One part of a content. Images, tools, and what the model only thought say nothing."""
    if found is None or isinstance(found, str):
        return found or ""
    if not isinstance(found, dict):
        return lost.add(where, "a part: an object")
    kind = found.get("type")
    if kind in SILENT or found.get("thought") is True:
        return ""
    if isinstance(found.get("parts"), list):  # Gemini's content is an object of parts
        return content(found["parts"], where + ".parts", lost)
    key = "refusal" if kind == "refusal" else "text"
    text = found.get(key)
    if isinstance(text, dict):  # OpenAI's assistants: {"value": …, "annotations": …}
        text = text.get("value")
    if text is None:  # of audio; or its type is missing, or another's
        keys = (
            "transcript",
            "refusal",
            "text",
            *(("content",) if kind in ("text", "output_text") or not isinstance(kind, str) else ()),
        )
        text = next((found[one] for one in keys if isinstance(found.get(one), str)), None)
    return text if isinstance(text, str) else _nothing(text, f"{where}.{key}", lost, "a string")


def _nothing(found: Any, where: str, lost: Lost, expected: str) -> str:
    return "" if found is None else lost.add(where, expected)


def output(found: Any, where: str, lost: Lost) -> str:
    """What the items of a response's `output` say, each message on a line of its own."""
    items = [found] if isinstance(found, dict) else found
    if items is None or isinstance(items, str):
        return items or ""
    if not isinstance(items, list):
        return lost.add(where, "a list of items")
    said = [_item(item, where if items is not found else f"{where}[{i}]", lost) for i, item in enumerate(items)]
    return "\n".join(text for text in said if text)


def _item(found: Any, where: str, lost: Lost) -> str:
    """One item: a message, or a part that stands there alone. Reasoning and tools say nothing."""
    if isinstance(found, dict):
        kind = found.get("type")
        if kind == "message" or (
            "content" in found and (not isinstance(kind, str) or found.get("role") == "assistant")
        ):
            return message_said(found, where, lost)
        if kind not in ("output_text", "text", "refusal", None):
            return ""
    return part(found, where, lost)
