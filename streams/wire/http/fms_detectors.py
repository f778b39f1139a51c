"""The FMS detector API's `POST /api/v1/text/contents`, which TrustyAI, the FMS orchestrator and NeMo Guardrails call.

A detection is a label: at or above `detector_params.threshold` where the request has one, else where the verdict asks
for `flag` or more because of it. `detection_type` and `detection` are both our label: NeMo matches its `blocked_labels`
on the first. Each span of the label is a detection; a label without spans has one over the whole content. Offsets are
code points, end exclusive, as ours are. Neither `evidence` nor `evidences` is sent: clients do not agree on the name.
`detector-id` is optional, since NeMo sends none. The orchestrator asks `GET /health` before it calls a detector, and
takes 404 for "unknown".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.events import Completion
from tidegate.streams.wire.http.refused import (
    ABSENT,
    Failure,
    FailureKind,
    FormRefused,
    optional_number,
    read_list,
    read_object,
    text_of,
)
from tidegate.streams.wire.http.verdicts import Row, answer_headers, labels_of, scored, spans_of

PATH = "/api/v1/text/contents"
HEALTH_PATH = "/health"
HEALTHY = {"health_status": "READY"}  # older orchestrators read another key, and take any 200 that has none for healthy
DETECTOR_HEADER = "detector-id"
MOST = 1024  # contents: a detection repeats its text, so an answer may be ten times the request


@dataclass(frozen=True, slots=True)
class ContentsRequest:
    """A request: one completion a content. threshold: None for the policy's own."""

    id: str
    completions: tuple[Completion, ...]
    threshold: float | None


def parse(body: Any, id: str) -> ContentsRequest:
    """The request in a decoded body. Raises FormRefused. Other `detector_params` are ignored."""
    body = read_object(body, "")
    if "contents" not in body:
        raise FormRefused("contents", ABSENT, "a list")
    texts = [text_of(text, f"contents[{i}]") for i, text in enumerate(read_list(body["contents"], "contents", MOST))]
    given = body.get("detector_params")
    parameters = {} if given is None else read_object(given, "detector_params")
    threshold = optional_number(parameters, "threshold", "detector_params.threshold")
    ids = (id,) if len(texts) == 1 else tuple(f"{id}-{i}" for i in range(len(texts)))
    completions = tuple(Completion(id=one, completion=text) for one, text in zip(ids, texts, strict=True))
    return ContentsRequest(id, completions, threshold)


def unknown_detector(detector_id: str | None, known: Collection[str]) -> Failure | None:
    """Returns the failure of a `detector-id` that is not one of ours; None where it is, or where none is sent.

    known: the configured names; empty: any name is ours. The orchestrator sends the name of its own configuration.
    """
    if not detector_id or not known or detector_id in known:
        return None
    return Failure(FailureKind.NOT_FOUND, f"Unknown detector; known are {', '.join(sorted(known))}")


def answer(request: ContentsRequest, results: Sequence[Row]) -> list[list[dict[str, Any]]]:
    """The response's body: per content its detections, the highest score first; clean: none. Raises Unscored."""
    rows = zip(request.completions, scored(results, len(request.completions)), strict=True)
    return [_detections(completion.choices[0], row, request.threshold) for completion, row in rows]


def headers(results: Sequence[Row]) -> dict[str, str]:
    """Headers beside the body: the policy's action, and versions."""
    return answer_headers(results)


def error(problem: FormRefused | Failure) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers; 422 of a refused request."""
    if isinstance(problem, FormRefused):
        return 422, {"code": 422, "message": problem.message}, {}
    return problem.kind.status, {"code": problem.kind.status, "message": problem.sentence}, problem.headers()


def _detections(text: str, row: Row, threshold: float | None) -> list[dict[str, Any]]:
    if not text:
        return []
    judged, verdict = row
    flagged = set(labels_of(verdict))
    reached = [
        (score, label)
        for label, score in judged.scores.items()
        if (label in flagged if threshold is None else score >= threshold)
    ]
    found = []
    for score, label in sorted(reached, key=lambda pair: (-pair[0], pair[1])):
        places = [(span.start, min(span.end, len(text))) for span in spans_of(row) if span.label == label]
        for start, end in places or [(0, len(text))]:
            found.append(
                {
                    "start": start,
                    "end": end,
                    "text": text[start:end],
                    "detection": label,
                    "detection_type": label,
                    "score": score,
                }
            )
    return found


_STRING: dict[str, Any] = {"type": "string"}
_PLACE: dict[str, Any] = {"type": "integer", "minimum": 0}
REQUEST, RESPONSE, ERROR, HEALTH = "FMSContentsRequest", "FMSContentsResponse", "FMSError", "FMSHealth"
SCHEMAS: dict[str, dict[str, Any]] = {
    REQUEST: {
        "type": "object",
        "properties": {
            "contents": {"type": "array", "items": _STRING},
            "detector_params": {
                "type": ["object", "null"],
                "properties": {"threshold": {"type": ["number", "null"], "minimum": 0, "maximum": 1}},
            },
        },
        "required": ["contents"],
    },
    "FMSDetection": {
        "type": "object",
        "properties": {
            "start": _PLACE,
            "end": _PLACE,
            "text": _STRING,
            "detection": _STRING,
            "detection_type": _STRING,
            "score": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["start", "end", "text", "detection", "detection_type", "score"],
    },
    RESPONSE: {
        "type": "array",
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/FMSDetection"}},
    },
    HEALTH: {
        "type": "object",
        "properties": {"health_status": {"enum": list(HEALTHY.values())}},
        "required": ["health_status"],
    },
    ERROR: {
        "type": "object",
        "properties": {"code": {"type": "integer"}, "message": _STRING},
        "required": ["code", "message"],
    },
}
