"""The form that LiteLLM's loggers write: a `StandardLoggingPayload`."""

from __future__ import annotations

from typing import Any, NamedTuple

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire.fields import Mapped, Paths, one_or_all, pick, strays
from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.shapes import choice_texts, shape_of
from tidegate.streams.wire.texts import LostTexts, content_text
from tidegate.streams.wire.wrapped import inside

PATHS: Paths = {
    "id": ("id",),
    "model": ("model",),
    # The gateway's own fields come before the caller's.
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

_EXPECTED = "a string, or an object with `choices`, `output` or `content`"
# In names of calls that make no text for a person.
_TEXTLESS = ("embedding", "image", "speech", "rerank", "moderation", "vector_store", "file", "batch")

_STATUS = {"success": "ok", "failure": "failed"}


def is_completion(payload: dict[str, Any]) -> bool:
    return "call_type" in payload and ("response" in payload or payload.get("status") in ("success", "failure"))


def completion(payload: dict[str, Any], at: str) -> Mapped:
    """Maps every choice of the response, in any API's shape, and the last user message as prompt.

    Raises Refused where a successful call has no text for us to score: another kind of call, or redacted.
    """
    fields, paths = pick(payload, PATHS, at)
    lost, aside = LostTexts(), LostTexts()
    status = payload.get("status")
    fields["status"] = _STATUS.get(status, "ok") if isinstance(status, str) else "ok"
    if status not in ("success", "failure", None):
        aside.add(at + "status", "success or failure")
    where, failed = at + "response", fields["status"] == "failed"
    answer = _answer(payload.get("response"), where, lost, failed)
    failed = failed or answer.failed
    fields["status"] = "failed" if failed else "ok"
    if answer.texts is not None:
        fields["completion"] = one_or_all(
            lost.require_text([_unless_redacted(text, where, lost) for text in answer.texts], failed)
        )
    elif failed:
        fields["completion"] = ""
    else:
        raise Refused(DeadLetterReason.INVALID, where, _EXPECTED + _no_text(payload["call_type"]))
    paths["completion"] = where
    prompt = _prompt(payload.get("messages"), at + "messages", aside)
    if prompt and _redacted(prompt):
        prompt = None
    if prompt is not None:
        fields["prompt"] = prompt
    return Mapped(fields, paths, (*strays(payload, _OBJECTS, at), *lost.places, *aside.places))


class _Answer(NamedTuple):
    """The texts of a response."""

    texts: list[str] | None  # a text a choice; None where the response has no shape with texts
    failed: bool = False  # the answer itself says that the call failed


def _answer(response: Any, where: str, lost: LostTexts, failed: bool) -> _Answer:
    """failed: by LiteLLM's status; then no text is needed, and what cannot be read is added to `lost`."""
    if isinstance(response, str):
        return _Answer([response])
    if isinstance(response, list) and response:
        return _answer_of_list(response, where, lost, failed)
    if not isinstance(response, dict):
        return _Answer(None)
    payload, at = inside(response, where + ".")
    if (shape := shape_of(payload)) is not None:
        failed = failed or shape.failed(payload)
        return _Answer(choice_texts(shape, payload, at, lost, failed), failed)
    if isinstance(body := payload.get("response"), str):  # of a pass-through endpoint: as it was sent
        return _passed_through(body, where + ".response", lost, failed)
    return _Answer(next(([payload[key]] for key in ("text", "completion") if isinstance(payload.get(key), str)), None))


def _answer_of_list(items: list[Any], where: str, lost: LostTexts, failed: bool) -> _Answer:
    """Reads a list of answers, each with its choices; or the content parts of one."""
    if not any(isinstance(item, dict) and shape_of(item) is not None for item in items):
        return _Answer([content_text(items, where, lost)])
    answers = [_answer(item, f"{where}[{i}]", lost, failed) for i, item in enumerate(items)]
    return _Answer(
        [text for answer in answers for text in answer.texts or [""]], any(answer.failed for answer in answers)
    )


def _passed_through(body: str, where: str, lost: LostTexts, failed: bool) -> _Answer:
    """Reads an answer that is JSON in a string; other text is scored as it is."""
    try:
        payload = json_object(body.encode(), where)
    except Refused:
        return _Answer([body])
    if shape_of(inside(payload, "")[0]) is None:
        return _Answer([body])
    return _answer(payload, where, lost, failed)


def _no_text(call_type: Any) -> str:
    """Returns a hint where the call makes no text."""
    if isinstance(call_type, str) and any(kind in call_type.lower() for kind in _TEXTLESS):
        return "; by its call_type this call makes no text for a person: do not send those"
    return ""


def _redacted(text: str) -> bool:
    return REDACTED in text and not text.replace(REDACTED, "").strip()


def _unless_redacted(text: str, where: str, lost: LostTexts) -> str:
    """Returns the text, or an empty one in place of a text that LiteLLM redacted."""
    return lost.add(where, "the text; LiteLLM's turn_off_message_logging took it out") if _redacted(text) else text


def _prompt(messages: Any, where: str, aside: LostTexts) -> str | None:
    """Returns the last user message, or None where there is none. What cannot be read of it is added to `aside`."""
    if isinstance(messages, str):
        return messages
    if isinstance(messages, dict):  # one message; or the body of a pass-through request
        for key in ("messages", "input", "contents", "prompt"):
            if key in messages:
                return _prompt(messages[key], f"{where}.{key}", aside)
        return _message_prompt(messages, where, aside) if messages.get("role") == "user" else None
    if isinstance(messages, list):
        for i in range(len(messages) - 1, -1, -1):
            message = messages[i]
            if isinstance(message, dict) and message.get("role") == "user":
                return _message_prompt(message, f"{where}[{i}]", aside)
    elif messages is not None:
        aside.add(where, "a list of messages")
    return None


def _message_prompt(message: dict[str, Any], where: str, aside: LostTexts) -> str | None:
    """Returns the text of a message; None where it cannot be read."""
    key = "parts" if "content" not in message and "parts" in message else "content"  # the former is Gemini's
    lost_before = len(aside.places)
    text = content_text(message.get(key), f"{where}.{key}", aside)
    return None if not text and len(aside.places) > lost_before else text
