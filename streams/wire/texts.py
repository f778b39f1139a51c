"""Texts of a model's answer, picked from messages, content parts and choices of the large APIs.

A null is an empty text in its place; a value of a wrong type is listed in `LostTexts`, and costs only itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire.record import Refused

# Types of content parts that are not shown to the user; every other part with a text is read.
SILENT = (
    *("thinking", "redacted_thinking", "reasoning", "reasoning_text", "summary_text", "tool_use", "tool_result"),
    *("server_tool_use", "function_call", "tool_call", "image_url", "input_image"),
)


class LostTexts:
    """Texts that could not be read: their paths, and what was expected there. Never a text."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def add(self, where: str, expected: str) -> str:
        """Lists a path, and returns an empty text in its place."""
        self.places.setdefault(where, expected)
        return ""

    def require_text(self, texts: list[str], failed: bool = False) -> list[str]:
        """Returns the texts; raises Refused where all are empty and one could not be read.

        failed: the call failed, so no text is needed.
        """
        if self.places and not any(texts) and not failed:
            where, expected = next(iter(self.places.items()))
            raise Refused(DeadLetterReason.INVALID, where, expected)
        return texts


def text_of_each(value: Any, where: str, lost: LostTexts, read: Callable[[Any, str, LostTexts], str]) -> list[str]:
    """Returns one text for each item of a list; of an empty list one empty text. Raises Refused: not a list."""
    if isinstance(value, dict):  # one, without its list
        return [read(value, where, lost)]
    if not isinstance(value, list):
        raise Refused(DeadLetterReason.INVALID, where, "a list, one a choice")
    return [read(one, f"{where}[{i}]", lost) for i, one in enumerate(value)] or [""]


def choice_text(value: Any, where: str, lost: LostTexts) -> str:
    """Returns the text of one of `choices`: its message, or `text` as in the older API. Empty where it was filtered."""
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, dict):
        return lost.add(where, "an object")
    text, message = value.get("text"), value.get("message")
    if text and (isinstance(text, str) or not isinstance(message, dict)):
        return content_text(text, where + ".text", lost)
    if message is None:
        if isinstance(delta := value.get("delta"), dict) and value.get("finish_reason") is not None:
            return message_text(delta, where + ".delta", lost)  # a stream that was joined, and kept its keys
        if "message" in value or "text" in value or value.get("finish_reason") is not None or "error" in value:
            return ""
        return lost.add(where + ".message", "an object")
    if isinstance(message, dict):
        return message_text(message, where + ".message", lost)
    return message if isinstance(message, str) else lost.add(where + ".message", "an object")


def message_text(value: dict[str, Any], where: str, lost: LostTexts) -> str:
    """Returns the text of a message: content, refusal, and the transcript of audio. Tool calls have none."""
    texts = [content_text(value.get("content"), where + ".content", lost)]
    audio = value.get("audio")
    for text, place in (
        (value.get("refusal"), ".refusal"),
        (audio.get("transcript") if isinstance(audio, dict) else None, ".audio.transcript"),
    ):
        texts.append(text if isinstance(text, str) else _empty_or_lost(text, where + place, lost, "a string or null"))
    return "\n".join(text for text in texts if text)


def content_text(value: Any, where: str, lost: LostTexts) -> str:
    """Returns a content as one text: a string, null (empty), one part, or a list of parts, joined as shown."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return "".join([content_part(one, f"{where}[{i}]", lost) for i, one in enumerate(value)])
    if isinstance(value, dict) and any(key in value for key in ("parts", "text", "refusal", "type")):
        return content_part(value, where, lost)
    return lost.add(where, "a string, null, or a list of parts")


def content_part(value: Any, where: str, lost: LostTexts) -> str:
    """Returns the text of one part of a content. Images, tools and reasoning have none."""
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, dict):
        return lost.add(where, "a part: an object")
    kind = value.get("type")
    if kind in SILENT or value.get("thought") is True:
        return ""
    if isinstance(value.get("parts"), list):  # Gemini's content is an object of parts
        return content_text(value["parts"], where + ".parts", lost)
    key = "refusal" if kind == "refusal" else "text"
    text = value.get(key)
    if isinstance(text, dict):  # OpenAI's assistants: {"value": …, "annotations": …}
        text = text.get("value")
    if text is None:  # of audio; or its type is missing or unknown
        keys = (
            "transcript",
            "refusal",
            "text",
            *(("content",) if kind in ("text", "output_text") or not isinstance(kind, str) else ()),
        )
        text = next((value[one] for one in keys if isinstance(value.get(one), str)), None)
    return text if isinstance(text, str) else _empty_or_lost(text, f"{where}.{key}", lost, "a string")


def _empty_or_lost(value: Any, where: str, lost: LostTexts, expected: str) -> str:
    return "" if value is None else lost.add(where, expected)


def output_text(value: Any, where: str, lost: LostTexts) -> str:
    """Returns the texts of a response's `output` items, each message on a line of its own."""
    items = [value] if isinstance(value, dict) else value
    if items is None or isinstance(items, str):
        return items or ""
    if not isinstance(items, list):
        return lost.add(where, "a list of items")
    texts = [_item_text(item, where if items is not value else f"{where}[{i}]", lost) for i, item in enumerate(items)]
    return "\n".join(text for text in texts if text)


def _item_text(value: Any, where: str, lost: LostTexts) -> str:
    """Returns the text of one item: a message, or a bare content part. Reasoning and tools have none."""
    if isinstance(value, dict):
        kind = value.get("type")
        if kind == "message" or (
            "content" in value and (not isinstance(kind, str) or value.get("role") == "assistant")
        ):
            return message_text(value, where, lost)
        if kind not in ("output_text", "text", "refusal", None):
            return ""
    return content_part(value, where, lost)
