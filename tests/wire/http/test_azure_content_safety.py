"""Azure's text:analyze: the policy's actions as severities."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.http.rows import document, row
from tidegate.streams.core.events import FaultReason
from tidegate.streams.wire.http import azure_content_safety as api
from tidegate.streams.wire.http.refused import Failure, FailureKind, FormRefused, Unscored


def severities(scores: dict[str, float], **more: Any) -> dict[str, int]:
    found = api.answer(api.parse({"text": "a", **more}, "http-1"), [row(scores, spans=((0, 1, "threat"),))])
    Draft202012Validator(document(api.SCHEMAS, api.RESPONSE)).validate(found)
    return {one["category"]: one["severity"] for one in found["categoriesAnalysis"]}


@pytest.mark.parametrize(("score", "severity"), [(0.4, 0), (0.5, 2), (0.7, 4), (0.8, 4), (0.9, 6)])
def test_a_severity_is_the_policys_action(score: float, severity: int) -> None:
    """allow 0, flag 2, review and redact 4, block 6."""
    expected = {"Hate": 0, "SelfHarm": 0, "Sexual": 0, "Violence": severity}
    assert severities({"threat": score}) == severities({"threat": score}, outputType="EightSeverityLevels") == expected


@pytest.mark.parametrize(
    ("label", "category"),
    [
        *(("toxicity", "Hate"), ("insult", "Hate"), ("identity_attack", "Hate"), ("stereotype", "Hate")),
        *(("self_harm", "SelfHarm"), ("sexual", "Sexual"), ("violence", "Violence"), ("threat", "Violence")),
    ],
)
def test_a_category_is_the_strongest_of_its_labels(label: str, category: str) -> None:
    assert {name for name, severity in severities({label: 0.95}).items() if severity} == {category}


def test_only_requested_categories_are_answered() -> None:
    assert severities({"threat": 0.95}, categories=["Violence", "Hate"]) == {"Hate": 0, "Violence": 6}
    assert len(severities({}, categories=[])) == 4


def test_a_label_without_a_category_is_in_the_header() -> None:
    assert set(severities({"obscene": 0.95}).values()) == {0}
    assert api.headers([row({"obscene": 0.95})])["x-tidegate-action"] == "block"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (1, ""),
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": "a" * 10_001}, "text"),
        ({"text": "a", "categories": ["Spam"]}, "categories[0]"),
        ({"text": "a", "categories": [{}]}, "categories[0]"),
        ({"text": "a", "blocklistNames": ["mine"]}, "blocklistNames"),  # never ignored
        ({"text": "a", "haltOnBlocklistHit": "no"}, "haltOnBlocklistHit"),
        ({"text": "a", "outputType": []}, "outputType"),
    ],
)
def test_other_bodies_are_refused(body: Any, field: str) -> None:
    with pytest.raises(FormRefused) as refused:
        api.parse(body, "http-1")
    status, found, _ = api.error(refused.value)
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(found)
    assert (refused.value.field, status, found["error"]["code"]) == (field, 400, "InvalidRequestBody")


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_is_in_their_error_form(kind: FailureKind) -> None:
    status, found, headers = api.error(Failure(kind))
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(found)
    assert status == kind.status
    assert ("retry-after" in headers) == (status in (429, 503))


def test_a_fault_has_no_answer() -> None:
    with pytest.raises(Unscored):
        api.answer(api.parse({"text": "a"}, "http-1"), [row(fault=FaultReason.CLASSIFIER_ERROR)])
