"""The form that LiteLLM's loggers write: a `StandardLoggingPayload`."""

from __future__ import annotations

from typing import Any

from streams.core.events import DeadLetterReason
from streams.wire import openai
from streams.wire.fields import Mapped, Paths, pick, texts
from streams.wire.record import Refused

PATHS: Paths = {
    "id": ("id",),
    "model": ("model",),
    # The gateway's own word comes before the caller's.
    "tenant": ("metadata.user_api_key_team_id", "metadata.user_api_key_org_id", "metadata.requester_metadata.tenant"),
    "route": ("metadata.requester_metadata.route",),
    "locale": ("metadata.requester_metadata.locale",),
    "user": ("end_user", "metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id"),
    "conversation": ("metadata.requester_metadata.conversation", "trace_id"),
    "at_ms": ("endTime", "startTime"),
}

# What LiteLLM writes in a text's place under `turn_off_message_logging`.
REDACTED = "redacted-by-litellm"

_STATUS = {"success": "ok", "failure": "failed"}


def is_completion(found: dict[str, Any]) -> bool:
    return "call_type" in found and "response" in found


def completion(found: dict[str, Any], at: str) -> Mapped:
    """Every choice of the response, and the last user message as prompt.

    Raises Refused where a successful call has no text for us to score: another kind of call, or redacted.
    """
    fields, paths = pick(found, PATHS, at)
    status = found.get("status")
    if not isinstance(status, str) or status not in _STATUS:
        raise Refused(DeadLetterReason.INVALID, at + "status", "success or failure")
    fields["status"] = _STATUS[status]
    fields["completion"] = texts(_texts(found["response"], at + "response")) if status == "success" else ""
    paths["completion"] = at + "response.choices"
    prompt = _prompt(found.get("messages"), at + "messages")
    if prompt is not None and prompt != REDACTED:
        fields["prompt"] = prompt
    return Mapped(fields, paths)


def _texts(response: Any, where: str) -> list[str]:
    if isinstance(response, str):
        found = [response]
    elif isinstance(response, dict) and isinstance(response.get("text"), str):
        found = [response["text"]]
    elif isinstance(response, dict) and "choices" in response:
        found = openai.choices(response["choices"], where + ".choices")
    else:
        raise Refused(DeadLetterReason.INVALID, where, "a string, or an object with `choices`")
    if REDACTED in found:
        raise Refused(DeadLetterReason.INVALID, where, "the text; LiteLLM's turn_off_message_logging took it out")
    return found


def _prompt(messages: Any, where: str) -> str | None:
    """The last user message, or None where there is none."""
    if isinstance(messages, str):
        return messages
    if isinstance(messages, list):
        for i in range(len(messages) - 1, -1, -1):
            message = messages[i]
            if isinstance(message, dict) and message.get("role") == "user":
                return openai.content(message.get("content"), f"{where}[{i}].content")
    return None
