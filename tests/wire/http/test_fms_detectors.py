"""FMS detectors: one inner list a content, spans in code points, and NeMo's threshold."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.http.rows import LABELS, document, row
from tidegate.streams.core.events import FaultReason
from tidegate.streams.wire.http import fms_detectors as api
from tidegate.streams.wire.http.refused import Failure, FailureKind, FormRefused, Unscored
from tidegate.streams.wire.http.verdicts import Row


def answer(contents: list[str], *rows: Row, threshold: float | None = None) -> list[list[dict[str, Any]]]:
    parameters = None if threshold is None else {"threshold": threshold}
    request = api.parse({"contents": contents, "detector_params": parameters}, "http-1")
    found = api.answer(request, rows)
    Draft202012Validator(document(api.SCHEMAS, api.RESPONSE)).validate(found)
    return found


def test_each_content_has_its_list_and_a_clean_one_none() -> None:
    found = answer(["you fool", "fine", ""], row({"insult": 0.6}), row(), row({"toxicity": 0.99}))
    assert found == [
        [
            {
                "start": 0,
                "end": 8,
                "text": "you fool",
                "detection": "insult",
                "detection_type": "insult",
                "score": 0.6,
            }
        ],
        [],
        [],
    ]


def test_spans_are_code_points() -> None:
    """The orchestrator slices by them: an emoji counts one."""
    spans = ((2, 5, "insult"), (6, 10, "insult"))
    (found,) = answer(["😀 you fool"], row({"insult": 0.85, "toxicity": 0.5}, spans=spans))
    assert [(one["detection_type"], one["start"], one["end"], one["text"]) for one in found] == [
        ("insult", 2, 5, "you"),
        ("insult", 6, 10, "fool"),
        ("toxicity", 0, 10, "😀 you fool"),
    ]


@pytest.mark.parametrize(
    ("threshold", "labels"),
    [
        (None, ["threat", "insult"]),  # the policy's flag threshold: 0.5
        (0.9, ["threat"]),
        (0.3, ["threat", "insult", "sexual"]),
        (0, ["threat", "insult", "sexual", *sorted(set(LABELS) - {"threat", "insult", "sexual"})]),
    ],
)
def test_a_threshold_of_the_request_replaces_the_policys(threshold: float | None, labels: list[str]) -> None:
    (found,) = answer(["a"], row({"threat": 0.95, "insult": 0.5, "sexual": 0.3}), threshold=threshold)
    assert [one["detection_type"] for one in found] == labels


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ({}, "contents"),
        ({"contents": "a"}, "contents"),
        ({"contents": [1]}, "contents[0]"),
        ({"contents": [], "detector_params": []}, "detector_params"),
        ({"contents": [], "detector_params": {"threshold": "0.5"}}, "detector_params.threshold"),
        ({"contents": [], "detector_params": {"threshold": float("nan")}}, "detector_params.threshold"),
        ({"contents": ["a"] * (api.MOST + 1)}, "contents"),
    ],
)
def test_other_bodies_are_a_422(body: Any, field: str) -> None:
    with pytest.raises(FormRefused) as refused:
        api.parse(body, "http-1")
    status, found, _ = api.error(refused.value)
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(found)
    assert (refused.value.field, status, found["code"]) == (field, 422, 422)


def test_an_unknown_detector_is_a_404() -> None:
    assert api.unknown_detector(None, ("tidegate",)) is None  # NeMo sends none
    assert api.unknown_detector("any", ()) is None
    failure = api.unknown_detector("hunter2", ("tidegate",))
    assert failure is not None
    assert api.error(failure) == (404, {"code": 404, "message": "Unknown detector; known are tidegate"}, {})


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_is_in_their_error_form(kind: FailureKind) -> None:
    status, found, _ = api.error(Failure(kind))
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(found)
    assert status == found["code"] == kind.status


def test_a_fault_has_no_answer() -> None:
    with pytest.raises(Unscored):
        answer(["a"], row(fault=FaultReason.CLASSIFIER_ERROR))
