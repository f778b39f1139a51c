"""Answers inside something else: the last event of a stream, a line of a batch's results."""

from __future__ import annotations

from typing import Any

from tidegate.streams.wire.shapes import shape_of

# Events of a stream that end it, and hold the whole response.
_LAST = ("response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done")
# Where the results of a batch hold the answer (OpenAI's and Azure's, Anthropic's, Gemini's), and where Bedrock does.
_BATCH = (("response", "body"), ("result", "message"), ("response",), ("output",))
_EVENTS = (
    *("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta"),
    *("content_block_stop", "ping"),
)


def inside(found: dict[str, Any], at: str) -> tuple[dict[str, Any], str]:
    """The answer that `found` holds and its path with a dot, or `found` itself where it holds none."""
    kind = found.get("type")
    if isinstance(found.get("response"), dict) and kind in _LAST:
        return found["response"], at + "response."
    if shape_of(found) is not None or "call_type" in found or "completion" in found:
        return found, at
    for path in _BATCH:
        inner: Any = found
        for key in path:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and (shape_of(inner) is not None) and not is_chunk(inner):
            return inner, f"{at}{'.'.join(path)}."
    return found, at


def is_chunk(found: dict[str, Any]) -> bool:
    """Whether this is one event of a streamed answer, and not its last that holds the whole."""
    kind, type_ = found.get("object"), found.get("type")
    choices = found.get("choices")
    some = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    if any(isinstance(one.get("delta"), dict) and "message" not in one for one in some):
        return True
    if isinstance(kind, str) and kind.endswith(".chunk"):
        return True
    if found.get("done") is False and isinstance(found.get("message", found.get("response")), dict | str):
        return True  # Ollama's
    if not isinstance(type_, str) or "completion" in found:
        return False
    if type_ in _EVENTS:
        return True
    return type_.startswith("response.") and not (type_ in _LAST and isinstance(found.get("response"), dict))
