"""OpenAI's `POST /v1/moderations`, which their SDKs, LiteLLM, OGX and LangChain call.

A category is true where the verdict asks for `flag` or more because of one of the category's labels, so the thresholds
are the policy's; a score is the highest of those labels. `flagged` is true where any label asks for `flag` or more,
also one that OpenAI has no category for (`obscene`, `stereotype`): a client that reads `flagged` alone must not
pass what the policy blocks. `extra` adds these labels as categories; then `flagged` is true just where one category is.
Images cannot be scored: they are refused. An empty text is not flagged, and its scores are 0.0.
Unverified: what OpenAI answers to an empty text or list, and its limits on both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.events import Completion
from tidegate.streams.wire.http import label_names
from tidegate.streams.wire.http.refused import (
    ABSENT,
    Failure,
    FailureKind,
    FormRefused,
    kind_of,
    optional_text,
    read_list,
    read_object,
    read_text,
    text_of,
)
from tidegate.streams.wire.http.verdicts import (
    Row,
    action_of,
    answer_headers,
    is_flagged,
    score_of,
    scored,
    scored_labels,
    strongest,
)
from tidegate.streams.wire.repair import name_of

PATH = "/v1/moderations"
MODEL = "omni-moderation-latest"  # what a request without one means
_INPUT = "a string, a list of strings, or a list of text parts"
# Of failures that have another type than `invalid_request_error`, or a code. 401's and 429's are unverified.
_TYPES: Mapping[FailureKind, tuple[str, str | None]] = {
    FailureKind.UNAUTHENTICATED: ("invalid_request_error", "invalid_api_key"),
    FailureKind.BAD_KEY: ("invalid_request_error", "invalid_api_key"),
    FailureKind.TOO_MANY: ("requests", "rate_limit_exceeded"),
    FailureKind.INTERNAL: ("server_error", None),
    FailureKind.UNAVAILABLE: ("server_error", None),
}


@dataclass(frozen=True, slots=True)
class ModerationsRequest:
    """A request: one completion a result."""

    id: str
    model: str
    completions: tuple[Completion, ...]


def parse(body: Any, id: str) -> ModerationsRequest:
    """The request in a decoded body. id: the request's, of which each completion's is made. Raises FormRefused.

    A string is one text; each of a list of strings is one; a list of parts is one, its texts joined by a newline.
    `model` is that of the moderation, not of the text's author: it is echoed. Unknown fields are ignored.
    """
    body = read_object(body, "")
    if body.get("input") is None:
        raise FormRefused("input", ABSENT if "input" not in body else "null", _INPUT)
    model = optional_text(body, "model")
    texts = _texts(body["input"])
    ids = (id,) if len(texts) == 1 else tuple(f"{id}-{i}" for i in range(len(texts)))
    completions = tuple(Completion(id=one, completion=text) for one, text in zip(ids, texts, strict=True))
    return ModerationsRequest(id, name_of(model) or MODEL, completions)


def answer(request: ModerationsRequest, results: Sequence[Row], *, extra: bool = False) -> dict[str, Any]:
    """The response's body. extra: with categories of our own. Raises Unscored."""
    names = {**label_names.OPENAI, **label_names.OPENAI_EXTRA} if extra else label_names.OPENAI
    rows = zip(request.completions, scored(results, len(request.completions)), strict=True)
    return {
        "id": "modr-" + request.id.removeprefix("http-"),
        "model": request.model,
        "results": [_result(bool(completion.completion), row, names) for completion, row in rows],
    }


def headers(results: Sequence[Row]) -> dict[str, str]:
    """Headers beside the body; `x-tidegate-unsupported` names the categories that have no label."""
    return answer_headers(results, label_names.unsupported(label_names.OPENAI, scored_labels(results)))


def error(problem: FormRefused | Failure) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers, as the SDKs turn them into an exception."""
    if isinstance(problem, FormRefused):
        # The first name of the path, as OpenAI's `param`: `input` of `input[2].text`.
        param = problem.field.partition("[")[0].partition(".")[0] or None
        return 400, _error(problem.message, "invalid_request_error", param, None), {}
    type_, code = _TYPES.get(problem.kind, ("invalid_request_error", None))
    return problem.kind.status, _error(problem.sentence, type_, None, code), problem.headers()


def _texts(value: Any) -> list[str]:
    if type(value) is str:
        return [text_of(value, "input")]
    if type(value) is not list:
        raise FormRefused("input", kind_of(value), _INPUT)
    items = read_list(value, "input")
    if not items:
        raise FormRefused("input", "an empty list", _INPUT)
    if type(items[0]) is not dict:
        return [text_of(item, f"input[{i}]") for i, item in enumerate(items)]
    return ["\n".join([_part(item, f"input[{i}]") for i, item in enumerate(items)])]


def _part(value: Any, field: str) -> str:
    kind = read_object(value, field).get("type")
    if kind == "image_url":
        raise FormRefused(f"{field}.image_url", "an image", "text: images cannot be scored here")
    if kind != "text":
        raise FormRefused(f"{field}.type", kind_of(kind) if "type" in value else ABSENT, "text")
    return read_text(value, "text", f"{field}.text")


def _result(not_empty: bool, row: Row, names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    judged, verdict = row
    no_label = frozenset(label_names.unsupported(names, scored_labels([row])))
    return {
        "flagged": not_empty and is_flagged(strongest([row])),
        "categories": {name: not_empty and is_flagged(action_of(verdict, ours)) for name, ours in names.items()},
        "category_scores": {name: score_of(judged, ours) if not_empty else 0.0 for name, ours in names.items()},
        "category_applied_input_types": {name: [] if name in no_label else ["text"] for name in names},
    }


def _error(message: str, type_: str, param: str | None, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def _per_category(schema: Mapping[str, Any], *, nullable: Sequence[str] = ()) -> dict[str, Any]:
    properties = {
        name: {"anyOf": [schema, {"type": "null"}]} if name in nullable else schema for name in label_names.OPENAI
    }
    return {"type": "object", "properties": properties, "required": list(label_names.OPENAI)}


def _input_types() -> dict[str, Any]:
    with_images = ("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic")
    by_name = {name: ["text", "image"] if name in with_images else ["text"] for name in label_names.OPENAI}
    properties = {name: {"type": "array", "items": {"enum": kinds}} for name, kinds in by_name.items()}
    return {"type": "object", "properties": properties, "required": list(label_names.OPENAI)}


_STRING = {"type": "string"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "OpenAIModerationPart": {
        "type": "object",
        "properties": {"type": {"const": "text"}, "text": _STRING},
        "required": ["type", "text"],
    },
    "OpenAIModerationRequest": {
        "type": "object",
        "properties": {
            "input": {
                "anyOf": [
                    _STRING,
                    {"type": "array", "items": _STRING, "minItems": 1},
                    {"type": "array", "items": {"$ref": "#/components/schemas/OpenAIModerationPart"}, "minItems": 1},
                ]
            },
            "model": {"type": ["string", "null"], "default": MODEL},
        },
        "required": ["input"],
    },
    "OpenAIModerationResult": {
        "type": "object",
        "properties": {
            "flagged": {"type": "boolean"},
            "categories": _per_category({"type": "boolean"}, nullable=("illicit", "illicit/violent")),
            "category_scores": _per_category({"type": "number", "minimum": 0, "maximum": 1}),
            "category_applied_input_types": _input_types(),
        },
        "required": ["flagged", "categories", "category_scores", "category_applied_input_types"],
    },
    "OpenAIModerationResponse": {
        "type": "object",
        "properties": {
            "id": _STRING,
            "model": _STRING,
            "results": {"type": "array", "items": {"$ref": "#/components/schemas/OpenAIModerationResult"}},
        },
        "required": ["id", "model", "results"],
    },
    "OpenAIError": {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": _STRING,
                    "type": _STRING,
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
                "required": ["message", "type", "param", "code"],
            }
        },
        "required": ["error"],
    },
}
REQUEST, RESPONSE, ERROR = "OpenAIModerationRequest", "OpenAIModerationResponse", "OpenAIError"
