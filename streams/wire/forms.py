"""Which form a record's object is in, and so what maps it onto our fields."""

from __future__ import annotations

from typing import Any

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire import hints, litellm, native, shapes
from tidegate.streams.wire.fields import Mapped
from tidegate.streams.wire.record import Refused
from tidegate.streams.wire.wrapped import inside, is_chunk

# Where a batch's line, or whatever else holds an answer, has its id.
_LINE_IDS = ("custom_id", "key", "id")
FORMS = (
    "a native completion, a CloudEvent, a LiteLLM payload, or an answer of OpenAI's, Anthropic's, Gemini's, Bedrock's "
    "or Ollama's API"
)
# Keys under which others hold what they send.
_AROUND = ("payload", "value", "data", "body", "event", "record", "after", "message", "standard_logging_object")
# The keys beside `error` that say what a failed call's body is; another object with an error may be anything.
_ERROR = frozenset(
    {"error", "type", "request_id", "id", "object", "model", "created", "created_at", "status", "choices", "user_id"}
    | {"error_type", "message", "code", "param", "sequence_number"}
)


def completion(found: dict[str, Any], at: str) -> Mapped:
    """The object's fields as ours. Raises Refused: stream_chunk, unknown_form, or what the form itself refuses."""
    if (shape := shapes.named(found)) is not None and shape.text in found:
        return shapes.completion(shape, found, at)
    if native.says_so(found) and is_native(found):
        return native.completion(found, at)
    if litellm.is_completion(found):
        return litellm.completion(found, at)
    if is_chunk(found):
        raise Refused(DeadLetterReason.STREAM_CHUNK, at + _told_by(found), "the whole answer, not a chunk of it")
    answer, where = inside(found, at)
    if (shape := shapes.shape_of(answer)) is not None:
        mapped = shapes.completion(shape, answer, where)
        return mapped if answer is found or "id" in mapped.fields else _around(mapped, found, at)
    if native.is_completion(found):
        return native.completion(found, at)
    if (failed := _failed(found)) is not None:
        return Mapped(failed)
    hint = _elsewhere(found) or hints.of_object(found, native.COMPLETION_KEYS)
    raise Refused(DeadLetterReason.UNKNOWN_FORM, at[:-1] or "value", FORMS + hint)


def _elsewhere(found: dict[str, Any]) -> str:
    """Whether it is feedback, or something around a completion."""
    if found.keys() >= {"completion_id", "kind"}:
        return "; this looks like feedback: send it to the topic of feedback"
    around = next((key for key in _AROUND if isinstance(found.get(key), dict) and _is_any(found[key])), None)
    return f"; {around} holds one of these: send that alone" if around else ""


def _is_any(found: dict[str, Any]) -> bool:
    """Whether it looks like a completion of any form."""
    return is_native(found) or litellm.is_completion(found) or shapes.shape_of(inside(found, "")[0]) is not None


def is_native(found: dict[str, Any]) -> bool:
    """Whether it is read as a native completion. Others may have a `schema_version` of their own, or our `status`."""
    if "completion" in found:
        return (shape := shapes.named(found)) is None or shape.text not in found
    if litellm.is_completion(found) or shapes.shape_of(inside(found, "")[0]) is not None:
        return False
    return native.is_completion(found)


def feedback(found: dict[str, Any], at: str) -> Mapped:
    """The object's fields as ours. Raises Refused."""
    if native.is_feedback(found):
        return native.feedback(found, at)
    completion = "; this looks like a completion: send it to the topic of completions" if _is_any(found) else ""
    expected = "native feedback, alone or in a CloudEvent" + (
        completion or hints.of_object(found, native.FEEDBACK_KEYS)
    )
    raise Refused(DeadLetterReason.UNKNOWN_FORM, at[:-1] or "value", expected)


def _around(mapped: Mapped, found: dict[str, Any], at: str) -> Mapped:
    """An answer without an id of its own, under that of what holds it."""
    key = next((key for key in _LINE_IDS if found.get(key) not in (None, "")), None)
    if key is None:
        return mapped
    return mapped._replace(fields={**mapped.fields, "id": found[key]}, paths={**mapped.paths, "id": at + key})


def _told_by(found: dict[str, Any]) -> str:
    """The key that says that it is a chunk."""
    kind = found.get("object")
    if isinstance(kind, str) and kind.endswith(".chunk"):
        return "object"
    if found.get("done") is False:
        return "done"
    return "choices" if isinstance(found.get("choices"), list) else "type"


def _failed(found: dict[str, Any]) -> dict[str, Any] | None:
    """A call that failed before it said anything: the body of an API's error, or a batch's line of one."""
    response, result = found.get("response"), found.get("result")
    body = response.get("body") if isinstance(response, dict) else None
    error = any(isinstance(one, dict) and isinstance(one.get("error"), dict) for one in (found, response, result, body))
    line = next((key for key in ("custom_id", "key") if key in found), None)
    if line is not None and (
        error or (isinstance(result, dict) and result.get("type") in ("errored", "canceled", "expired"))
    ):
        return {"id": found[line], "completion": "", "status": "failed"}
    error = isinstance(found.get("error"), dict | str) and bool(found["error"])
    error = error or ("message" in found and "error" in (found.get("object"), found.get("type")))
    if error and found.keys() <= _ERROR:
        fields = {"id": found.get("id") or found.get("request_id"), "model": found.get("model")}
        return {"completion": "", "status": "failed", **{name: value for name, value in fields.items() if value}}
    return None
