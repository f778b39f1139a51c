"""The form that LiteLLM's loggers write: a `StandardLoggingPayload`."""

from __future__ import annotations

from typing import Any

from streams.core.events import DeadLetterReason
from streams.wire.fields import Mapped, Paths, pick, strays, texts
from streams.wire.record import Refused
from streams.wire.said import Lost, content
from streams.wire.shapes import shape_of
from streams.wire.wrapped import inside

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
_OBJECTS = ("metadata", "metadata.requester_metadata")

# What LiteLLM writes in a text's place under `turn_off_message_logging`.
REDACTED = "redacted-by-litellm"

_STATUS = {"success": "ok", "failure": "failed"}


def is_completion(found: dict[str, Any]) -> bool:
    return "call_type" in found and ("response" in found or found.get("status") in ("success", "failure"))


def completion(found: dict[str, Any], at: str) -> Mapped:
    """Every choice of the response, in whichever API's shape it is, and the last user message as prompt.

    Raises Refused where a successful call has no text for us to score: another kind of call, or redacted.
    """
    fields, paths = pick(found, PATHS, at)
    lost, aside = Lost(), Lost()
    status = found.get("status")
    fields["status"] = _STATUS.get(status, "ok") if isinstance(status, str) else "ok"
    if status not in ("success", "failure", None):
        aside.add(at + "status", "success or failure")
    where, failed = at + "response", fields["status"] == "failed"
    if (said := _texts(found.get("response"), where, lost)) is not None:
        said = [_kept(text, where, lost) for text in said]
        fields["completion"] = texts(said if failed else lost.unless_said(said))
    elif failed:
        fields["completion"] = ""
    else:
        raise Refused(DeadLetterReason.INVALID, where, "a string, or an object with `choices`, `output` or `content`")
    paths["completion"] = where
    prompt = _prompt(found.get("messages"), at + "messages", aside)
    if prompt and _redacted(prompt):
        prompt = None
    if prompt is not None:
        fields["prompt"] = prompt
    return Mapped(fields, paths, (*strays(found, _OBJECTS, at), *lost.places, *aside.places))


def _texts(response: Any, where: str, lost: Lost) -> list[str] | None:
    """The text of each choice; None where the response is of no shape that has any."""
    if isinstance(response, str):
        return [response]
    if isinstance(response, list) and response:
        return [content(response, where, lost)]
    if not isinstance(response, dict):
        return None
    found, at = inside(response, where + ".")
    if (shape := shape_of(found)) is not None:
        return shape.texts(found, at, lost)
    return next(([found[key]] for key in ("text", "completion") if isinstance(found.get(key), str)), None)


def _redacted(text: str) -> bool:
    return REDACTED in text and not text.replace(REDACTED, "").strip()


def _kept(text: str, where: str, lost: Lost) -> str:
    """The text, or an empty one in place of what LiteLLM took out."""
    return lost.add(where, "the text; LiteLLM's turn_off_message_logging took it out") if _redacted(text) else text


def _prompt(messages: Any, where: str, aside: Lost) -> str | None:
    """The last user message, or None where there is none. What cannot be read of it is named."""
    if isinstance(messages, str):
        return messages
    if isinstance(messages, list):
        for i in range(len(messages) - 1, -1, -1):
            message = messages[i]
            if isinstance(message, dict) and message.get("role") == "user":
                known = len(aside.places)
                text = content(message.get("content"), f"{where}[{i}].content", aside)
                return None if not text and len(aside.places) > known else text
    elif messages is not None and not isinstance(messages, dict):
        aside.add(where, "a list of messages")
    return None
