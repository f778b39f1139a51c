"""Recognises the form of a record's object, and maps it onto our fields."""

from __future__ import annotations

from typing import Any

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire import hints, litellm, native, shapes
from tidegate.streams.wire.fields import Mapped
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.wrapped import inside, is_chunk

# Where a batch's line, or another object that holds an answer, has its id.
_LINE_IDS = ("custom_id", "key", "id")
FORMS = (
    "a native completion, a CloudEvent, a LiteLLM payload, or an answer of OpenAI's, Anthropic's, Gemini's, Bedrock's "
    "or Ollama's API"
)
# Keys under which other systems wrap what they send.
_AROUND = ("payload", "value", "data", "body", "event", "record", "after", "message", "standard_logging_object")
# The keys beside `error` in a failed call's body; another object with an error may be anything.
_ERROR = frozenset(
    {"error", "type", "request_id", "id", "object", "model", "created", "created_at", "status", "choices", "user_id"}
    | {"error_type", "message", "code", "param", "sequence_number"}
)


def completion(payload: dict[str, Any], at: str) -> Mapped:
    """Maps a completion of any form. Raises Refused: stream_chunk, unknown_form, or what the form itself refuses."""
    if (shape := shapes.declared_shape(payload)) is not None and shape.text in payload:
        return shapes.completion(shape, payload, at)
    if native.has_native_key(payload) and is_native(payload):
        return native.completion(payload, at)
    if litellm.is_completion(payload):
        return litellm.completion(payload, at)
    if is_chunk(payload):
        raise Refused(DeadLetterReason.STREAM_CHUNK, at + _chunk_key(payload), "the whole answer, not a chunk of it")
    answer, where = inside(payload, at)
    if (shape := shapes.shape_of(answer)) is not None:
        mapped = shapes.completion(shape, answer, where)
        return mapped if answer is payload or "id" in mapped.fields else _with_outer_id(mapped, payload, at)
    if native.is_completion(payload):
        return native.completion(payload, at)
    if (failed := _failed_call(payload)) is not None:
        return Mapped(failed)
    hint = _misplaced_hint(payload) or hints.of_object(payload, native.COMPLETION_KEYS)
    raise Refused(DeadLetterReason.UNKNOWN_FORM, at[:-1] or "value", FORMS + hint)


def _misplaced_hint(payload: dict[str, Any]) -> str:
    """Returns a hint where it is feedback, or an object around a completion; else an empty string."""
    if payload.keys() >= {"completion_id", "kind"}:
        return "; this looks like feedback: send it to the topic of feedback"
    around = next((key for key in _AROUND if isinstance(payload.get(key), dict) and _is_completion(payload[key])), None)
    return f"; {around} holds one of these: send that alone" if around else ""


def _is_completion(payload: dict[str, Any]) -> bool:
    """Whether it looks like a completion of any form."""
    return is_native(payload) or litellm.is_completion(payload) or shapes.shape_of(inside(payload, "")[0]) is not None


def is_native(payload: dict[str, Any]) -> bool:
    """Whether it is read as a native completion. Other forms may have a `schema_version` too, or our `status`."""
    if "completion" in payload:
        return (shape := shapes.declared_shape(payload)) is None or shape.text not in payload
    if litellm.is_completion(payload) or shapes.shape_of(inside(payload, "")[0]) is not None:
        return False
    return native.is_completion(payload)


def feedback(payload: dict[str, Any], at: str) -> Mapped:
    """Maps native feedback. Raises Refused."""
    if native.is_feedback(payload):
        return native.feedback(payload, at)
    completion = (
        "; this looks like a completion: send it to the topic of completions" if _is_completion(payload) else ""
    )
    expected = "native feedback, alone or in a CloudEvent" + (
        completion or hints.of_object(payload, native.FEEDBACK_KEYS)
    )
    raise Refused(DeadLetterReason.UNKNOWN_FORM, at[:-1] or "value", expected)


def _with_outer_id(mapped: Mapped, payload: dict[str, Any], at: str) -> Mapped:
    """Gives an answer without an id the id of the object around it."""
    key = next((key for key in _LINE_IDS if payload.get(key) not in (None, "")), None)
    if key is None:
        return mapped
    return mapped._replace(fields={**mapped.fields, "id": payload[key]}, paths={**mapped.paths, "id": at + key})


def _chunk_key(payload: dict[str, Any]) -> str:
    """Returns the key that marks it as a chunk."""
    kind = payload.get("object")
    if isinstance(kind, str) and kind.endswith(".chunk"):
        return "object"
    if payload.get("done") is False:
        return "done"
    return "choices" if isinstance(payload.get("choices"), list) else "type"


def _failed_call(payload: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the fields of a call that failed without a text: an API's error body, or a batch's line of one."""
    response, result = payload.get("response"), payload.get("result")
    body = response.get("body") if isinstance(response, dict) else None
    error = any(
        isinstance(value, dict) and isinstance(value.get("error"), dict) for value in (payload, response, result, body)
    )
    line = next((key for key in ("custom_id", "key") if key in payload), None)
    if line is not None and (
        error or (isinstance(result, dict) and result.get("type") in ("errored", "canceled", "expired"))
    ):
        return {"id": payload[line], "completion": "", "status": "failed"}
    error = isinstance(payload.get("error"), dict | str) and bool(payload["error"])
    error = error or ("message" in payload and "error" in (payload.get("object"), payload.get("type")))
    if error and payload.keys() <= _ERROR:
        fields = {"id": payload.get("id") or payload.get("request_id"), "model": payload.get("model")}
        return {"completion": "", "status": "failed", **{name: value for name, value in fields.items() if value}}
    return None
