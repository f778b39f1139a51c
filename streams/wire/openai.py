"""The form that OpenAI's chat API, and all that imitate it, answer with: a `chat.completion` object."""

from __future__ import annotations

from typing import Any

from streams.core.events import DeadLetterReason
from streams.wire.fields import Mapped, Paths, pick, texts
from streams.wire.record import Refused

KIND = "chat.completion"
CHUNK = "chat.completion.chunk"

PATHS: Paths = {
    "id": ("id",),
    "model": ("model",),
    "tenant": ("metadata.tenant",),
    "route": ("metadata.route",),
    "locale": ("metadata.locale",),
    "user": ("metadata.user", "user"),
    "conversation": ("metadata.conversation",),
    "at_ms": ("created",),
}


def completion(found: dict[str, Any], at: str) -> Mapped:
    """Every choice of the object. Raises Refused where it has none, or where a choice is not one."""
    fields, paths = pick(found, PATHS, at)
    fields["completion"] = texts(choices(found.get("choices"), at + "choices"))
    paths["completion"] = at + "choices"
    return Mapped(fields, paths)


def choices(found: Any, where: str) -> list[str]:
    """The text of each choice, in the order of the list: a decision's reason names the place in it, from 0."""
    if not isinstance(found, list) or not found:
        raise Refused(DeadLetterReason.INVALID, where, "a list of at least one choice")
    return [_choice(choice, f"{where}[{i}]") for i, choice in enumerate(found)]


def _choice(found: Any, where: str) -> str:
    if not isinstance(found, dict):
        raise Refused(DeadLetterReason.INVALID, where, "an object")
    if isinstance(found.get("text"), str):  # the older `text_completion`, which LiteLLM still logs
        return str(found["text"])
    message = found.get("message")
    if not isinstance(message, dict):
        raise Refused(DeadLetterReason.INVALID, where + ".message", "an object")
    return _said(message, where + ".message")


def _said(message: dict[str, Any], where: str) -> str:
    """All that a message says to a person: content, refusal, and the transcript of audio. Tool calls say nothing."""
    said = [content(message.get("content"), where + ".content")]
    audio = message.get("audio")
    for text, place in (
        (message.get("refusal"), ".refusal"),
        (audio.get("transcript") if isinstance(audio, dict) else None, ".audio.transcript"),
    ):
        if text is not None and not isinstance(text, str):
            raise Refused(DeadLetterReason.INVALID, where + place, "a string or null")
        said.append(text or "")
    return "\n".join(text for text in said if text)


def content(found: Any, where: str) -> str:
    """A message's content as one text: a string, null (empty), or a list of parts, joined as they are shown."""
    if found is None:
        return ""
    if isinstance(found, str):
        return found
    if not isinstance(found, list):
        raise Refused(DeadLetterReason.INVALID, where, "a string, null, or a list of parts")
    return "".join(_part(part, f"{where}[{i}]") for i, part in enumerate(found))


def _part(found: Any, where: str) -> str:
    if isinstance(found, str):
        return found
    if not isinstance(found, dict):
        raise Refused(DeadLetterReason.INVALID, where, "a part: an object")
    key = "refusal" if found.get("type") == "refusal" else "text"
    text = found.get(key)
    if text is None and found.get("type") not in ("text", "refusal"):
        return ""  # an image, a file: nothing to read
    if not isinstance(text, str):
        raise Refused(DeadLetterReason.INVALID, f"{where}.{key}", "a string")
    return text
