"""Azure AI Content Safety's `POST /contentsafety/text:analyze`, which LiteLLM and Azure's SDKs call.

A severity is the policy's action, not a measure of our own: of the category's labels the strongest action, `allow` 0,
`flag` 2, `review` and `redact` 4, `block` 6. So it is one of 0, 2, 4, 6 under either `outputType`, and a threshold of
2, LiteLLM's default, stops what the policy flags. Labels outside the four categories (`obscene`, `illicit`) have no
place in the answer: the header `x-tidegate-action` has the strongest of all.
Blocklists are refused: we have none, and to ignore a named one would pass what it should stop.
Unverified: the codes in errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.events import Action, Completion
from tidegate.streams.wire.http import label_names
from tidegate.streams.wire.http.refused import (
    Failure,
    FailureKind,
    FormRefused,
    kind_of,
    optional_bool,
    read_list,
    read_object,
    read_text,
    text_of,
)
from tidegate.streams.wire.http.verdicts import Row, action_of, answer_headers, scored, scored_labels

PATH = "/contentsafety/text:analyze"
API_VERSIONS = ("2024-09-01", "2023-10-01")  # of the query's `api-version`; the answer is the same
MAX_TEXT = 10_000  # code points
SEVERITY: Mapping[Action, int] = {
    Action.ALLOW: 0,
    Action.FLAG: 2,
    Action.REVIEW: 4,
    Action.REDACT: 4,
    Action.BLOCK: 6,
}
_OUTPUT_TYPES = ("FourSeverityLevels", "EightSeverityLevels")
_CODES: Mapping[FailureKind, str] = {
    FailureKind.UNAUTHENTICATED: "401",
    FailureKind.BAD_KEY: "401",
    FailureKind.FORBIDDEN: "403",
    FailureKind.NOT_FOUND: "ResourceNotFound",
    FailureKind.TOO_MANY: "TooManyRequests",
    FailureKind.INTERNAL: "InternalError",
    FailureKind.UNAVAILABLE: "ServerBusy",
}


@dataclass(frozen=True, slots=True)
class AnalyzeTextRequest:
    """A request: one completion. categories: those that are asked for, in the order of their table."""

    id: str
    completions: tuple[Completion, ...]
    categories: tuple[str, ...]


def parse(body: Any, id: str) -> AnalyzeTextRequest:
    """The request in a decoded body. Raises FormRefused. Without `categories`, or with none, all four are meant."""
    body = read_object(body, "")
    text = read_text(body, "text", "text")
    if len(text) > MAX_TEXT:
        raise FormRefused("text", f"{len(text)} code points", f"at most {MAX_TEXT}")
    wanted = {_category(one, f"categories[{i}]") for i, one in enumerate(_list(body, "categories"))}
    if blocklists := _list(body, "blocklistNames"):
        raise FormRefused("blocklistNames", f"a list of {len(blocklists)}", "none: there are no blocklists here")
    optional_bool(body, "haltOnBlocklistHit")
    output = body.get("outputType")
    if output is not None and output not in _OUTPUT_TYPES:
        raise FormRefused("outputType", kind_of(output), " or ".join(_OUTPUT_TYPES))
    categories = tuple(name for name in label_names.AZURE if not wanted or name in wanted)
    return AnalyzeTextRequest(id, (Completion(id=id, completion=text),), categories)


def answer(request: AnalyzeTextRequest, results: Sequence[Row]) -> dict[str, Any]:
    """The response's body. Raises Unscored."""
    ((_, verdict),) = scored(results, 1)
    return {
        "blocklistsMatch": [],
        "categoriesAnalysis": [
            {"category": name, "severity": SEVERITY[action_of(verdict, label_names.AZURE[name])]}
            for name in request.categories
        ],
    }


def headers(results: Sequence[Row]) -> dict[str, str]:
    """Headers beside the body; `x-tidegate-unsupported` names categories for which the model has no label."""
    return answer_headers(results, label_names.unsupported(label_names.AZURE, scored_labels(results)))


def error(problem: FormRefused | Failure) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers."""
    if isinstance(problem, FormRefused):
        target = {"target": problem.field} if problem.field else {}
        return 400, {"error": {"code": "InvalidRequestBody", "message": problem.message, **target}}, {}
    code = _CODES.get(problem.kind, "InvalidRequestBody")
    return problem.kind.status, {"error": {"code": code, "message": problem.sentence}}, problem.headers()


def _list(body: Mapping[str, Any], key: str) -> list[Any]:
    value = body.get(key)
    return [] if value is None else read_list(value, key)


def _category(value: Any, field: str) -> str:
    if text_of(value, field) not in label_names.AZURE:
        raise FormRefused(field, "another category", ", ".join(label_names.AZURE))
    return str(value)


_STRING: dict[str, Any] = {"type": "string"}
REQUEST, RESPONSE, ERROR = "AzureAnalyzeTextRequest", "AzureAnalyzeTextResponse", "AzureError"
SCHEMAS: dict[str, dict[str, Any]] = {
    REQUEST: {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": MAX_TEXT},
            "categories": {"type": ["array", "null"], "items": {"enum": list(label_names.AZURE)}},
            "blocklistNames": {"type": ["array", "null"], "items": _STRING, "maxItems": 0},
            "haltOnBlocklistHit": {"type": ["boolean", "null"]},
            "outputType": {"enum": [*_OUTPUT_TYPES, None]},
        },
        "required": ["text"],
    },
    RESPONSE: {
        "type": "object",
        "properties": {
            "blocklistsMatch": {"type": "array", "maxItems": 0},
            "categoriesAnalysis": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "category": {"enum": list(label_names.AZURE)},
                        "severity": {"type": "integer", "minimum": 0, "maximum": 7},
                    },
                    "required": ["category", "severity"],
                },
            },
        },
        "required": ["blocklistsMatch", "categoriesAnalysis"],
    },
    ERROR: {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {"code": _STRING, "message": _STRING, "target": _STRING},
                "required": ["code", "message"],
            }
        },
        "required": ["error"],
    },
}
