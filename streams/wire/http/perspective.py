"""Perspective's `comments:analyze`, `comments:suggestscore` and discovery document, with its messages of errors.

A score is the highest of the attribute's labels: our calibrated probability, not Perspective's scale, so thresholds
move. Attributes have no "flagged": the client compares. An attribute below its `scoreThreshold` is left out, and where
all are, `attributeScores` is absent, as Perspective does.

Each attribute has one span over the whole text. With `spanAnnotations`, and where the policy's `redact` found spans of
its label, it has those, each with the attribute's score: our spans have none of their own. UTF-16 units, end exclusive.

Languages are not detected: without `languages` the first supported one is assumed, and `detectedLanguages` is left out.
`LANGUAGE_DETECTION_FAILED` is never sent. Context is checked for its kind, and never scored.
Unverified: live bodies of `COMMENT_TOO_LONG`, and Google's statuses other than 400.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.streams.core.events import Completion
from tidegate.streams.wire.http.label_names import PERSPECTIVE
from tidegate.streams.wire.http.perspective_fields import (
    check_context,
    check_name,
    check_score_type,
    invalid,
    read_comment,
    read_languages,
    read_session,
    read_thresholds,
)
from tidegate.streams.wire.http.perspective_schemas import VERSION, component, components
from tidegate.streams.wire.http.perspective_schemas import discovery as discovery
from tidegate.streams.wire.http.refused import (
    ABSENT,
    Failure,
    FailureKind,
    FormRefused,
    optional_bool,
    optional_number,
    optional_text,
    read_list,
    read_object,
)
from tidegate.streams.wire.http.verdicts import Row, answer_headers, score_of, scored, spans_of, utf16_offsets

PATH = f"/{VERSION}/comments:analyze"
SUGGEST_PATH = f"/{VERSION}/comments:suggestscore"
DISCOVERY_PATH = "/$discovery/rest"
LANGUAGES = ("en",)
_ERROR_TYPE = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
_STATUSES: Mapping[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class AnalyzeRequest:
    """A request of `analyze`: one completion. thresholds: requested attribute -> its `scoreThreshold`, or None."""

    id: str
    completions: tuple[Completion, ...]
    thresholds: Mapping[str, float | None]
    languages: tuple[str, ...]
    spans: bool
    client_token: str | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A person's score of one attribute: from 0.5 on the text should be flagged (a complaint), below it should not."""

    attribute: str
    value: float
    kind: Literal["complaint", "mistaken"]


@dataclass(frozen=True, slots=True)
class SuggestRequest:
    """A request of `suggestscore`. text: to make its HMAC of, and to be forgotten. session: opaque, the caller's."""

    text: str
    suggestions: tuple[Suggestion, ...]
    languages: tuple[str, ...]
    session: str | None
    client_token: str | None


def parse(
    body: Any, id: str, *, labels: Collection[str] | None = None, languages: Sequence[str] = LANGUAGES
) -> AnalyzeRequest:
    """The request in a decoded body. Raises FormRefused, with Perspective's own message where it has one.

    labels: of the model in force; an attribute without one of them is unknown. None: all that the table names.
    languages: supported ones, the first assumed where the request has none.
    """
    body = read_object(body, "")
    text = read_comment(body)
    thresholds = read_thresholds(body.get("requestedAttributes"), labels)
    check_context(body.get("context"))
    requested = read_languages(body)
    unsupported = [one for one in requested if one.partition("-")[0].lower() not in languages]
    if unsupported:
        if not optional_bool(body, "dropUnsupportedAttributes"):
            raise _not_supported(next(iter(thresholds)), unsupported, requested)
        thresholds = {}  # every attribute has the same languages
    optional_bool(body, "doNotStore")  # true in effect, whatever it is
    optional_text(body, "communityId")
    effective = requested or tuple(languages[:1])
    fields = {"locale": effective[0] if len(effective) == 1 else None, "conversation": read_session(body)}
    given = {name: value for name, value in fields.items() if value is not None}
    completion = Completion.model_validate({"id": id, "completion": text, **given})
    spans, token = optional_bool(body, "spanAnnotations"), optional_text(body, "clientToken")
    return AnalyzeRequest(id, (completion,), thresholds, effective, spans, token)


def answer(request: AnalyzeRequest, results: Sequence[Row]) -> dict[str, Any]:
    """The body of `analyze`'s response. Raises Unscored."""
    (row,) = scored(results, 1)
    text = request.completions[0].choices[0]
    scores: dict[str, Any] = {}
    for name, threshold in request.thresholds.items():
        labels = [label for label in PERSPECTIVE[name] if label in row[0].scores]
        value = score_of(row[0], labels)
        if not labels or value < (threshold or 0.0):
            continue
        score = {"value": value, "type": "PROBABILITY"}
        spans = [(span.start, span.end) for span in spans_of(row) if span.label in labels] if request.spans else []
        spans = spans or [(0, len(text))]
        units = utf16_offsets(text, (offset for span in spans for offset in span))
        places = [{"begin": units[start], "end": units[end], "score": score} for start, end in spans]
        scores[name] = {"spanScores": places, "summaryScore": score}
    found: dict[str, Any] = {"attributeScores": scores} if scores else {}
    found["languages"] = list(request.languages)
    return found | _token(request.client_token)


def headers(results: Sequence[Row]) -> dict[str, str]:
    """Headers beside the body: the policy's action, and versions."""
    return answer_headers(results)


def parse_suggestion(body: Any, *, labels: Collection[str] | None = None) -> SuggestRequest:
    """The request of `suggestscore` in a decoded body. Raises FormRefused. labels: as in `parse`."""
    body = read_object(body, "")
    text = read_comment(body)
    given = body.get("attributeScores")
    if given is None or given == {}:
        raise invalid("attributeScores", ABSENT, "a score of an attribute", "Missing attribute_scores")
    length = utf16_offsets(text, (len(text),))[len(text)]
    suggestions = []
    for name, scores in read_object(given, "attributeScores").items():
        check_name(name, labels)
        value = _suggested(scores, f"attributeScores.{name}", length)
        suggestions.append(Suggestion(name, value, "complaint" if value >= 0.5 else "mistaken"))
    check_context(body.get("context"))
    optional_text(body, "communityId")
    return SuggestRequest(
        text, tuple(suggestions), read_languages(body), read_session(body), optional_text(body, "clientToken")
    )


def answer_suggestion(request: SuggestRequest) -> dict[str, Any]:
    """The body of `suggestscore`'s response."""
    languages = {"requestedLanguages": list(request.languages)} if request.languages else {}
    return languages | _token(request.client_token)


def error(problem: FormRefused | Failure) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers in Google's form; of a refused body with Perspective's details."""
    if isinstance(problem, FormRefused):
        detail = {"@type": _ERROR_TYPE, "errorType": problem.reason or "INVALID_REQUEST", **problem.detail}
        return 400, _error(400, problem.message, "INVALID_ARGUMENT", [detail]), {}
    if problem.kind is FailureKind.BAD_KEY:  # Google's answer to one is a 400
        message = "API key not valid. Please pass a valid API key."
        return 400, _error(400, message, "INVALID_ARGUMENT", []), {}
    status = problem.kind.status
    return status, _error(status, problem.sentence, _STATUSES.get(status, "INVALID_ARGUMENT"), []), problem.headers()


def _suggested(value: Any, field: str, length: int) -> float:
    """The score of a suggested attribute: its summary's, else the highest of its spans'. length: UTF-16 units."""
    scores = read_object(value, field)
    spans = read_list(scores.get("spanScores") or [], f"{field}.spanScores")
    of_spans = [_span_score(span, f"{field}.spanScores[{i}]", length) for i, span in enumerate(spans)]
    if scores.get("summaryScore") is not None:
        return _score(scores["summaryScore"], f"{field}.summaryScore")
    if not of_spans:
        raise FormRefused(field, ABSENT, "summaryScore or spanScores")
    return max(of_spans)


def _span_score(value: Any, field: str, length: int) -> float:
    span = read_object(value, field)
    begin, end = span.get("begin"), span.get("end")
    if type(begin) is not int or type(end) is not int or not 0 <= begin < end <= length:
        raise FormRefused(field, "another span", "begin and end, in UTF-16 units of the comment")
    return _score(span.get("score"), f"{field}.score")


def _score(value: Any, field: str) -> float:
    score = read_object(value, field)
    check_score_type(score.get("type"), f"{field}.type", field.split(".")[1])
    found = optional_number(score, "value", f"{field}.value")
    if found is None:
        raise FormRefused(f"{field}.value", ABSENT, "a number in [0, 1]")
    return found


def _not_supported(attribute: str, unsupported: Sequence[str], requested: Sequence[str]) -> FormRefused:
    message = f"Attribute {attribute} does not support request languages: {', '.join(unsupported)}"
    detail = {"detectedLanguages": [], "requestedLanguages": list(requested), "attribute": attribute}
    reason = "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"
    detail_of = {"languageNotSupportedByAttributeError": detail}
    return FormRefused(
        "languages", "another language", "a supported one", reason=reason, message=message, detail=detail_of
    )


def _token(token: str | None) -> dict[str, str]:
    return {} if token is None else {"clientToken": token}


def _error(code: int, message: str, status: str, details: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"code": code, "message": message, "status": status}
    return {"error": found | ({"details": details} if details else {})}


REQUEST, RESPONSE, ERROR = component("AnalyzeCommentRequest"), component("AnalyzeCommentResponse"), component("Error")
SUGGEST_REQUEST, SUGGEST_RESPONSE = component("SuggestCommentScoreRequest"), component("SuggestCommentScoreResponse")
DISCOVERY = component("Discovery")
SCHEMAS: dict[str, dict[str, Any]] = {
    **components(),
    DISCOVERY: {"type": "object", "properties": {"kind": {"const": "discovery#restDescription"}}, "required": ["kind"]},
    ERROR: {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": {"type": "integer"},
                    "message": {"type": "string"},
                    "status": {"type": "string"},
                    "details": {"type": "array", "items": {"type": "object"}},
                },
                "required": ["code", "message", "status"],
            }
        },
        "required": ["error"],
    },
}
