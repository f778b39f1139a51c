"""Unwraps answers: from the last event of a stream, or a line of a batch's results."""

from __future__ import annotations

from typing import Any

from tidegate.streams.wire.shapes import shape_of

# Events that end a stream, and hold the full response.
_LAST = ("response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done")
# Where the results of a batch hold the answer (OpenAI's and Azure's, Anthropic's, Gemini's), and where Bedrock does.
_BATCH = (("response", "body"), ("result", "message"), ("response",), ("output",))
_EVENTS = (
    *("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta"),
    *("content_block_stop", "ping"),
)


def inside(payload: dict[str, Any], at: str) -> tuple[dict[str, Any], str]:
    """Returns the answer that `payload` holds and its path with a dot, or `payload` itself where it holds none."""
    kind = payload.get("type")
    if isinstance(payload.get("response"), dict) and kind in _LAST:
        return payload["response"], at + "response."
    if shape_of(payload) is not None or "call_type" in payload or "completion" in payload:
        return payload, at
    for path in _BATCH:
        inner: Any = payload
        for key in path:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and (shape_of(inner) is not None) and not is_chunk(inner):
            return inner, f"{at}{'.'.join(path)}."
    return payload, at


def is_chunk(payload: dict[str, Any]) -> bool:
    """Whether this is one event of a streamed answer, other than the last, which holds the full answer."""
    kind, type_ = payload.get("object"), payload.get("type")
    choices = payload.get("choices")
    objects = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    if any(isinstance(one.get("delta"), dict) and "message" not in one for one in objects):
        return True
    if isinstance(kind, str) and kind.endswith(".chunk"):
        return True
    if payload.get("done") is False and isinstance(payload.get("message", payload.get("response")), dict | str):
        return True  # Ollama's
    if not isinstance(type_, str) or "completion" in payload:
        return False
    if type_ in _EVENTS:
        return True
    return type_.startswith("response.") and not (type_ in _LAST and isinstance(payload.get("response"), dict))
