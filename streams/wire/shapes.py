"""The shapes in which the large APIs answer, told by their keys: where each has its texts and its other fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire.fields import Mapped, Paths, pick, strays, texts
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.said import Lost, choice, content, each, message_said, output

Texts = Callable[[dict[str, Any], str, Lost], list[str]]


class Shape(NamedTuple):
    """How one API answers."""

    name: str
    text: str  # where its texts stand, for messages
    texts: Texts  # the object, the prefix of its paths, what is lost -> a text a choice
    failed: Callable[[dict[str, Any]], bool]
    paths: Paths


def _whose(*user: str, conversation: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Fields that producers add to a request's metadata, which comes back with the answer or is put there by them."""
    return {
        "tenant": ("metadata.tenant",),
        "route": ("metadata.route",),
        "locale": ("metadata.locale",),
        "user": ("metadata.user", *user),
        "conversation": ("metadata.conversation", *conversation),
    }


def _error(found: dict[str, Any]) -> bool:
    error = found.get("error")
    return isinstance(error, dict | str) and bool(error)


# --- OpenAI chat completions, and the older completions


def _chat_texts(found: dict[str, Any], at: str, lost: Lost) -> list[str]:
    choices = found.get("choices")
    if choices is None and _error(found):
        return [""]
    return each(choices, at + "choices", lost, choice)


def _chat_failed(found: dict[str, Any]) -> bool:
    """Whether the call ended in an error: of the whole, or (as routers say it) of a choice."""
    choices = found.get("choices")
    return _error(found) or any(
        _error(one) or one.get("finish_reason") == "error"
        for one in (choices if isinstance(choices, list) else ())
        if isinstance(one, dict)
    )


CHAT = Shape(
    "chat.completion",
    "choices",
    _chat_texts,
    _chat_failed,
    {"id": ("id",), "model": ("model",), **_whose("user"), "at_ms": ("created",)},
)

# --- OpenAI responses


def _response_texts(found: dict[str, Any], at: str, lost: Lost) -> list[str]:
    text = output(found.get("output"), at + "output", lost)
    alone = found.get("output_text")  # some clients write the whole text here too, some only here
    if not text and isinstance(alone, str):
        text = alone
    if not text and found.get("status") in ("queued", "in_progress"):
        raise Refused(DeadLetterReason.STREAM_CHUNK, at + "status", "a response that has ended")
    if found.get("output") is None and alone is None and not _response_failed(found):
        raise Refused(DeadLetterReason.INVALID, at + "output", "a list of items")
    return [text]


def _response_failed(found: dict[str, Any]) -> bool:
    return found.get("status") in ("failed", "cancelled") or _error(found)


RESPONSE = Shape(
    "response",
    "output",
    _response_texts,
    _response_failed,
    {
        "id": ("id",),
        "model": ("model",),
        **_whose("user", "safety_identifier", conversation=("conversation.id", "conversation")),
        "at_ms": ("created_at",),
    },
)

# --- Anthropic messages

ANTHROPIC = Shape(
    "message",
    "content",
    lambda found, at, lost: [content(found.get("content"), at + "content", lost)],
    _error,
    {"id": ("id",), "model": ("model",), **_whose("metadata.user_id")},
)

# --- Gemini generateContent, as REST writes it and as the Python SDK does


def _gemini_texts(found: dict[str, Any], at: str, lost: Lost) -> list[str]:
    candidates = found.get("candidates")
    return [""] if candidates is None else each(candidates, at + "candidates", lost, _candidate)


def _candidate(found: Any, where: str, lost: Lost) -> str:
    if isinstance(found, dict):
        inner, place = found.get("content"), where + ".content"
        if isinstance(inner, dict):  # without parts where a filter, or the limit of tokens, took all of them
            inner, place = inner.get("parts"), place + ".parts"
        return content(inner, place, lost)
    return "" if found is None else lost.add(where, "an object")


GEMINI = Shape(
    "generateContent",
    "candidates",
    _gemini_texts,
    _error,
    {
        "id": ("responseId", "response_id"),
        "model": ("modelVersion", "model_version"),
        **_whose(),
        "at_ms": ("createTime", "create_time"),
    },
)

# --- one message alone, as Ollama, Cohere and Bedrock answer


def _reply_texts(found: dict[str, Any], at: str, lost: Lost) -> list[str]:
    message, alone = found.get("message"), found.get("response")  # the latter of Ollama's other call
    if isinstance(message, dict):
        return [message_said(message, at + "message", lost)]
    return [alone if isinstance(alone, str) else ""]


def _is_reply(found: dict[str, Any]) -> bool:
    message = found.get("message")
    if isinstance(found.get("done"), bool):
        return isinstance(message, dict) or isinstance(found.get("response"), str)
    return isinstance(message, dict) and message.get("role") == "assistant" and "content" in message


REPLY = Shape(
    "message alone",
    "message",
    _reply_texts,
    _error,
    {"id": ("id",), "model": ("model",), **_whose(), "at_ms": ("created_at",)},
)

# What `object` says, where it says something that we know.
BY_OBJECT: Mapping[str, Shape] = {"chat.completion": CHAT, "text_completion": CHAT, "response": RESPONSE}


def named(found: dict[str, Any]) -> Shape | None:
    """The shape that the object says it has."""
    kind = found.get("object")
    return BY_OBJECT.get(kind) if isinstance(kind, str) else None


def shape_of(found: dict[str, Any]) -> Shape | None:
    """The shape by name, else by its keys: gateways drop or change the name."""
    shape = named(found)
    if shape is not None and shape.text in found:
        return shape
    return _by_keys(found) or shape


def _by_keys(found: dict[str, Any]) -> Shape | None:
    if isinstance(found.get("choices"), list):
        return CHAT
    if isinstance(found.get("output"), list) or isinstance(found.get("output_text"), str):
        return RESPONSE
    if isinstance(found.get("candidates"), list) or any(
        isinstance(found.get(key), dict) for key in ("promptFeedback", "prompt_feedback", "usageMetadata")
    ):
        return GEMINI
    if "candidates" in found and "usage_metadata" in found:  # as the Python SDK writes none
        return GEMINI
    if "content" in found and (
        found.get("type") == "message" or found.get("role") in ("assistant", "model") or "stop_reason" in found
    ):
        return ANTHROPIC
    return REPLY if _is_reply(found) else None


def said(shape: Shape, found: dict[str, Any], at: str, lost: Lost, failed: bool) -> list[str]:
    """The text of each choice. A call that failed needs none: what of it cannot be read is named in `lost`."""
    try:
        return shape.texts(found, at, lost)
    except Refused as refused:
        if not failed:
            raise
        return [lost.add(refused.unreadable.where, refused.unreadable.expected)]


def completion(shape: Shape, found: dict[str, Any], at: str) -> Mapped:
    """Every choice of the answer. Raises Refused where it has no text, and something that may have been one is odd."""
    fields, paths = pick(found, shape.paths, at)
    lost, failed = Lost(), shape.failed(found)
    fields["completion"] = texts(lost.unless_said(said(shape, found, at, lost, failed), failed))
    fields["status"] = "failed" if failed else "ok"
    paths["completion"] = at + shape.text
    return Mapped(fields, paths, (*strays(found, ("metadata",), at), *lost.places))
