"""The answer shapes of the large APIs, recognised by their keys: where each has its texts and its other fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire.fields import Mapped, Paths, one_or_all, pick, strays
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.texts import LostTexts, choice_text, content_text, message_text, output_text, text_of_each

Texts = Callable[[dict[str, Any], str, LostTexts], list[str]]


class Shape(NamedTuple):
    """The answer shape of one API."""

    name: str
    text: str  # path of its texts, for messages
    texts: Texts  # the object, the prefix of its paths, what is lost -> a text a choice
    failed: Callable[[dict[str, Any]], bool]
    paths: Paths


def _metadata_paths(*user: str, conversation: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Returns paths of the fields in metadata, which producers add to a request or to its answer."""
    return {
        "tenant": ("metadata.tenant",),
        "route": ("metadata.route",),
        "locale": ("metadata.locale",),
        "user": ("metadata.user", *user),
        "conversation": ("metadata.conversation", *conversation),
    }


def _error(answer: dict[str, Any]) -> bool:
    error = answer.get("error")
    return isinstance(error, dict | str) and bool(error)


# --- OpenAI chat completions, and the older completions


def _chat_texts(answer: dict[str, Any], at: str, lost: LostTexts) -> list[str]:
    choices = answer.get("choices")
    if choices is None and _error(answer):
        return [""]
    return text_of_each(choices, at + "choices", lost, choice_text)


def _chat_failed(answer: dict[str, Any]) -> bool:
    """Whether the call ended in an error: of the answer, or (as routers write it) of a choice."""
    choices = answer.get("choices")
    return _error(answer) or any(
        _error(one) or one.get("finish_reason") == "error"
        for one in (choices if isinstance(choices, list) else ())
        if isinstance(one, dict)
    )


CHAT = Shape(
    "chat.completion",
    "choices",
    _chat_texts,
    _chat_failed,
    {"id": ("id",), "model": ("model",), **_metadata_paths("user"), "at_ms": ("created",)},
)

# --- OpenAI responses


def _response_texts(answer: dict[str, Any], at: str, lost: LostTexts) -> list[str]:
    text = output_text(answer.get("output"), at + "output", lost)
    output_only = answer.get("output_text")  # some clients write the full text here too, some only here
    if not text and isinstance(output_only, str):
        text = output_only
    if not text and answer.get("status") in ("queued", "in_progress"):
        raise Refused(DeadLetterReason.STREAM_CHUNK, at + "status", "a response that has ended")
    if answer.get("output") is None and output_only is None and not _response_failed(answer):
        raise Refused(DeadLetterReason.INVALID, at + "output", "a list of items")
    return [text]


def _response_failed(answer: dict[str, Any]) -> bool:
    return answer.get("status") in ("failed", "cancelled") or _error(answer)


RESPONSE = Shape(
    "response",
    "output",
    _response_texts,
    _response_failed,
    {
        "id": ("id",),
        "model": ("model",),
        **_metadata_paths("user", "safety_identifier", conversation=("conversation.id", "conversation")),
        "at_ms": ("created_at",),
    },
)

# --- Anthropic messages

ANTHROPIC = Shape(
    "message",
    "content",
    lambda answer, at, lost: [content_text(answer.get("content"), at + "content", lost)],
    _error,
    {"id": ("id",), "model": ("model",), **_metadata_paths("metadata.user_id")},
)

# --- Gemini generateContent, as REST writes it and as the Python SDK does


def _gemini_texts(answer: dict[str, Any], at: str, lost: LostTexts) -> list[str]:
    candidates = answer.get("candidates")
    return [""] if candidates is None else text_of_each(candidates, at + "candidates", lost, _candidate)


def _candidate(answer: Any, where: str, lost: LostTexts) -> str:
    if isinstance(answer, dict):
        inner, place = answer.get("content"), where + ".content"
        if isinstance(inner, dict):  # without parts where a filter, or the length limit, removed all of them
            inner, place = inner.get("parts"), place + ".parts"
        return content_text(inner, place, lost)
    return "" if answer is None else lost.add(where, "an object")


GEMINI = Shape(
    "generateContent",
    "candidates",
    _gemini_texts,
    _error,
    {
        "id": ("responseId", "response_id"),
        "model": ("modelVersion", "model_version"),
        **_metadata_paths(),
        "at_ms": ("createTime", "create_time"),
    },
)

# --- a bare message, as Ollama, Cohere and Bedrock answer


def _reply_texts(answer: dict[str, Any], at: str, lost: LostTexts) -> list[str]:
    message, response = answer.get("message"), answer.get("response")  # the latter of Ollama's other call
    if isinstance(message, dict):
        return [message_text(message, at + "message", lost)]
    return [response if isinstance(response, str) else ""]


def _is_reply(answer: dict[str, Any]) -> bool:
    message = answer.get("message")
    if isinstance(answer.get("done"), bool):
        return isinstance(message, dict) or isinstance(answer.get("response"), str)
    return isinstance(message, dict) and message.get("role") == "assistant" and "content" in message


REPLY = Shape(
    "message alone",
    "message",
    _reply_texts,
    _error,
    {"id": ("id",), "model": ("model",), **_metadata_paths(), "at_ms": ("created_at",)},
)

# The known values of `object`.
BY_OBJECT: Mapping[str, Shape] = {"chat.completion": CHAT, "text_completion": CHAT, "response": RESPONSE}


def declared_shape(answer: dict[str, Any]) -> Shape | None:
    """Returns the shape that `object` declares."""
    kind = answer.get("object")
    return BY_OBJECT.get(kind) if isinstance(kind, str) else None


def shape_of(answer: dict[str, Any]) -> Shape | None:
    """Returns the shape by name, else by its keys: gateways drop or change the name."""
    shape = declared_shape(answer)
    if shape is not None and shape.text in answer:
        return shape
    return _by_keys(answer) or shape


def _by_keys(answer: dict[str, Any]) -> Shape | None:
    if isinstance(answer.get("choices"), list):
        return CHAT
    if isinstance(answer.get("output"), list) or isinstance(answer.get("output_text"), str):
        return RESPONSE
    if isinstance(answer.get("candidates"), list) or any(
        isinstance(answer.get(key), dict) for key in ("promptFeedback", "prompt_feedback", "usageMetadata")
    ):
        return GEMINI
    if "candidates" in answer and "usage_metadata" in answer:  # as the Python SDK writes none
        return GEMINI
    if "content" in answer and (
        answer.get("type") == "message" or answer.get("role") in ("assistant", "model") or "stop_reason" in answer
    ):
        return ANTHROPIC
    return REPLY if _is_reply(answer) else None


def choice_texts(shape: Shape, answer: dict[str, Any], at: str, lost: LostTexts, failed: bool) -> list[str]:
    """Returns the text of each choice. A failed call needs none: what cannot be read is added to `lost`."""
    try:
        return shape.texts(answer, at, lost)
    except Refused as refused:
        if not failed:
            raise
        return [lost.add(refused.unreadable.where, refused.unreadable.expected)]


def completion(shape: Shape, answer: dict[str, Any], at: str) -> Mapped:
    """Maps every choice of the answer. Raises Refused where it has no text, and one could not be read."""
    fields, paths = pick(answer, shape.paths, at)
    lost, failed = LostTexts(), shape.failed(answer)
    fields["completion"] = one_or_all(lost.require_text(choice_texts(shape, answer, at, lost, failed), failed))
    fields["status"] = "failed" if failed else "ok"
    paths["completion"] = at + shape.text
    return Mapped(fields, paths, (*strays(answer, ("metadata",), at), *lost.places))
