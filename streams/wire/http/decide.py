"""Our own `POST /v1/decide`: a completion in any form that the stream reads, and the verdict on it.

The body and the headers are read as a record's value and headers are: native, CloudEvents (structured, or binary with
HTTP's `ce-` headers), LiteLLM's payload, or an answer of OpenAI's, Anthropic's, Gemini's, Bedrock's or Ollama's API.
`tidegate-tenant` and the other headers of ours win over the body. Fields that decide nothing and cannot be read are
listed in `dropped`.

A fault is an answer too: `fault` is not null, and `action` is what the policy's `faults` ask for.
`redacted` is there where the action is `redact`, `fallback` where it is `block`; both are null elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.events import Action, Completion, FaultReason
from tidegate.streams.core.policy.wording import MASK
from tidegate.streams.wire.decode import decode_completion, position
from tidegate.streams.wire.headers import ATTRIBUTES
from tidegate.streams.wire.http import own
from tidegate.streams.wire.http.refused import FormRefused
from tidegate.streams.wire.http.verdicts import Row, redact, spans_of
from tidegate.streams.wire.record import Unreadable

PATH = "/v1/decide"
error = own.error
_BINARY = {f"ce-{name}": f"ce_{name}" for name in ATTRIBUTES}  # CloudEvents over HTTP, and over Kafka


@dataclass(frozen=True, slots=True)
class DecideRequest:
    """A request. request_id: the id that the caller gave its completion, None where it gave none."""

    id: str
    request_id: str | None
    completions: tuple[Completion, ...]  # one


@dataclass(frozen=True, slots=True)
class _Posted:
    """A body and its headers, as a record."""

    value: bytes
    headers: Sequence[tuple[str, bytes]]
    topic: str
    partition: int = 0
    offset: int = 0
    timestamp: int = -1
    key: None = None


def parse(body: bytes, headers: Sequence[tuple[str, str]], id: str) -> DecideRequest:
    """The request in a body's bytes. id: ours, under which it is moderated. Raises FormRefused.

    headers: of the HTTP request, all of them; those that are not for us are ignored. A value that is not ASCII is UTF-8
    that the server decoded with `surrogateescape`, as aiohttp does.
    """
    posted = _Posted(body, [(_BINARY.get(name.lower(), name), _bytes(value)) for name, value in headers], topic=id)
    completion = decode_completion(posted)
    if isinstance(completion, Unreadable):
        field = "" if completion.where == "value" else completion.where
        reason = completion.reason.value
        raise FormRefused(field, reason, completion.expected, reason=reason, message=str(completion))
    request_id = None if completion.id == position(posted) else completion.id
    return DecideRequest(id, request_id, (completion.model_copy(update={"id": id}),))


def answer(
    request: DecideRequest, results: Sequence[Row], *, mask: str = MASK, fallback: str | None = None
) -> dict[str, Any]:
    """The response's body. mask: in place of what `redact` hides. fallback: what to show instead where it is blocked.

    Spans are code points `[start, end)` of the choice that they name.
    """
    ((judged, verdict),) = results
    (completion,) = request.completions
    redacted: str | list[str] | None = None
    if verdict.action is Action.REDACT:
        texts = [redact(text, spans_of(results[0], i), mask) for i, text in enumerate(completion.choices)]
        redacted = texts[0] if isinstance(completion.completion, str) else texts
    spans = [
        {"start": span.start, "end": span.end, "label": span.label, "choice": judged.choice_of.get(span.label, 0)}
        for span in verdict.spans
    ]
    return {
        "id": request.id,
        "request_id": request.request_id,
        "action": verdict.action.value,
        "reasons": own.reasons_json(verdict.reasons),
        "scores": dict(judged.scores),
        "prompt_scores": dict(judged.prompt_scores),
        "spans": spans,
        "redacted": redacted,
        "fallback": fallback if verdict.action is Action.BLOCK else None,
        "fault": None if judged.fault is None else judged.fault.value,
        "status": completion.status,
        "dropped": list(completion.dropped),
        **own.versions_json(verdict),
    }


def _bytes(value: str) -> bytes:
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair that no byte stands for
        return b"\xff"  # no UTF-8: the field is dropped, as of a record


_NUMBERS = {"type": "integer", "minimum": 0}
REQUEST, RESPONSE, ERROR = "DecideRequest", "DecideResponse", own.ERROR
SCHEMAS: dict[str, dict[str, Any]] = {
    **own.SCHEMAS,
    REQUEST: {
        "type": "object",
        "description": "A completion in any input form: docs/reference/input-forms.md. Here the native form's fields.",
        "properties": {
            "id": own.STRING,
            "completion": {"anyOf": [own.STRING, {"type": "array", "items": own.STRING, "minItems": 1}]},
            "prompt": own.NULLABLE,
            "status": {"enum": ["ok", "failed"]},
            **{name: own.NULLABLE for name in ("tenant", "model", "route", "locale", "user", "conversation")},
        },
    },
    RESPONSE: {
        "type": "object",
        "properties": {
            "id": own.STRING,
            "request_id": own.NULLABLE,
            "action": own.ACTIONS,
            "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
            "scores": own.SCORES,
            "prompt_scores": own.SCORES,
            "spans": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"start": _NUMBERS, "end": _NUMBERS, "label": own.STRING, "choice": _NUMBERS},
                    "required": ["start", "end", "label", "choice"],
                },
            },
            "redacted": {"anyOf": [own.NULLABLE, {"type": "array", "items": own.STRING}]},
            "fallback": own.NULLABLE,
            "fault": {"enum": [*(fault.value for fault in FaultReason), None]},
            "status": {"enum": ["ok", "failed"]},
            "dropped": {"type": "array", "items": own.STRING},
            "policy_version": own.STRING,
            "model_version": own.STRING,
        },
        "required": [
            *("id", "request_id", "action", "reasons", "scores", "prompt_scores", "spans", "redacted", "fallback"),
            *("fault", "status", "dropped", "policy_version", "model_version"),
        ],
    },
}
