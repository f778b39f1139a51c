"""OpenAI's moderations: which inputs make which completions, and the answer by their published schema."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.http.rows import LABELS, document, row
from tidegate.streams.core.events import FaultReason
from tidegate.streams.wire.http import openai_moderations as api
from tidegate.streams.wire.http.refused import MAX_TEXTS, Failure, FailureKind, FormRefused, Unscored

# Their specification's, by hand: all names, and which of them may have been seen in an image.
NAMES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm"),
    *("self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic"),
)
PUBLISHED = {
    "type": "object",
    "required": ["id", "model", "results"],
    "properties": {
        "id": {"type": "string", "pattern": "^modr-"},
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["flagged", "categories", "category_scores", "category_applied_input_types"],
                "properties": {
                    "flagged": {"type": "boolean"},
                    "categories": {
                        "required": [*NAMES],
                        "properties": {name: {"type": "boolean"} for name in NAMES},
                        "additionalProperties": False,
                    },
                    "category_scores": {
                        "required": [*NAMES],
                        "properties": {name: {"type": "number"} for name in NAMES},
                        "additionalProperties": False,
                    },
                    "category_applied_input_types": {
                        "required": [*NAMES],
                        "properties": {name: {"type": "array", "items": {"enum": ["text", "image"]}} for name in NAMES},
                        "additionalProperties": False,
                    },
                },
            },
        },
    },
}
TEXT = {"type": "text", "text": "a"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


def texts(value: Any) -> list[Any]:
    return [one.completion for one in api.parse({"input": value}, "http-1").completions]


def result(scores: dict[str, float], text: str = "a", **more: Any) -> dict[str, Any]:
    request = api.parse({"input": text}, "http-1")
    answer: dict[str, Any] = api.answer(request, [row(scores)], **more)["results"][0]
    return answer


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", ["a"]),
        ("", [""]),
        (["a", "", "b"], ["a", "", "b"]),  # one each, in order
        ([TEXT, {"type": "text", "text": "b", "more": 1}], ["a\nb"]),  # parts: one for the whole list
    ],
)
def test_input_makes_one_completion_a_result(value: Any, expected: list[str]) -> None:
    assert texts(value) == expected


@pytest.mark.parametrize(
    ("body", "field", "found"),
    [
        ({}, "input", "nothing"),
        ({"input": None}, "input", "null"),
        ({"input": 1}, "input", "a number"),
        ({"input": []}, "input", "an empty list"),
        ({"input": ["a"] * (MAX_TEXTS + 1)}, "input", f"a list of {MAX_TEXTS + 1}"),
        ({"input": ["a", TEXT]}, "input[1]", "an object"),
        ({"input": [TEXT, "a"]}, "input[1]", "a string"),
        ({"input": [TEXT, IMAGE]}, "input[1].image_url", "an image"),
        ({"input": [{"type": "text"}]}, "input[0].text", "nothing"),
        ({"input": [{"text": "a"}]}, "input[0].type", "nothing"),
        ({"input": [{"type": "audio"}]}, "input[0].type", "a string"),
        ({"input": "\ud83d"}, "input", "a string with half of a surrogate pair"),
        ({"input": "a", "model": 1}, "model", "a number"),
        ([], "", "a list"),
    ],
)
def test_other_bodies_are_refused(body: Any, field: str, found: str) -> None:
    with pytest.raises(FormRefused) as refused:
        api.parse(body, "http-1")
    assert (refused.value.field, refused.value.found) == (field, found)
    status, answer, _ = api.error(refused.value)
    assert status == 400
    assert answer["error"]["param"] == (field.partition("[")[0] or None)
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(answer)


def test_an_answer_has_13_categories_in_all_three_maps() -> None:
    """By the published schema and by our own document's."""
    request = api.parse({"input": ["a", "b"], "model": "text-moderation-stable"}, "http-1")
    answer = api.answer(request, [row({"toxicity": 0.95}), row()])
    Draft202012Validator(PUBLISHED).validate(answer)
    Draft202012Validator(document(api.SCHEMAS, api.RESPONSE)).validate(answer)
    assert (answer["id"], answer["model"]) == ("modr-1", "text-moderation-stable")
    assert [one["flagged"] for one in answer["results"]] == [True, False]


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("toxicity", "harassment"),
        ("severe_toxicity", "harassment"),
        ("insult", "harassment"),
        ("threat", "harassment/threatening"),
        ("identity_attack", "hate"),
        ("self_harm", "self-harm"),
        ("sexual", "sexual"),
        ("violence", "violence"),
        ("illicit", "illicit"),
    ],
)
def test_a_category_is_true_from_its_flag_threshold_on(label: str, category: str) -> None:
    below, at = result({label: 0.49}), result({label: 0.5})
    assert (below["flagged"], below["categories"][category]) == (False, False)
    assert (at["flagged"], [name for name, hit in at["categories"].items() if hit]) == (True, [category])
    assert at["category_scores"][category] == 0.5


@pytest.mark.parametrize(("label", "name"), [("obscene", "profanity"), ("stereotype", "bias/stereotype")])
def test_a_label_without_a_category_flags_all_the_same(label: str, name: str) -> None:
    """A client that reads `flagged` alone must not pass what the policy blocks; a setting shows the name."""
    plain, extra = result({label: 0.95}), result({label: 0.95}, extra=True)
    assert (plain["flagged"], set(plain["categories"].values()), name in plain["categories"]) == (True, {False}, False)
    assert (extra["flagged"], [key for key, hit in extra["categories"].items() if hit]) == (True, [name])


def test_what_has_no_label_is_said() -> None:
    headers = api.headers([row()])
    said = headers["x-tidegate-unsupported"].split(", ")
    assert said == [
        *("hate/threatening", "illicit", "illicit/violent", "self-harm/intent", "self-harm/instructions"),
        *("sexual/minors", "violence/graphic"),
    ]
    types = result({})["category_applied_input_types"]
    assert {name for name, kinds in types.items() if not kinds} == set(said)


def test_a_model_with_illicit_has_one_gap_less() -> None:
    with_illicit = row(labels=(*LABELS, "illicit"))
    assert "illicit," not in api.headers([with_illicit])["x-tidegate-unsupported"]


def test_an_empty_text_is_never_flagged() -> None:
    answer = result({"toxicity": 0.99}, "")
    assert (answer["flagged"], set(answer["categories"].values())) == (False, {False})
    assert set(answer["category_scores"].values()) == {0.0}


def test_a_fault_has_no_answer() -> None:
    """Not even under `faults.fail = open`: this form has no field for it, and "not flagged" would be a lie."""
    request = api.parse({"input": ["a", "b"]}, "http-1")
    with pytest.raises(Unscored):
        api.answer(request, [row(), row(fault=FaultReason.CLASSIFIER_ERROR)])


@pytest.mark.parametrize(
    ("kind", "type_", "code"),
    [
        (FailureKind.UNREADABLE, "invalid_request_error", None),
        (FailureKind.UNAUTHENTICATED, "invalid_request_error", "invalid_api_key"),
        (FailureKind.FORBIDDEN, "invalid_request_error", None),
        (FailureKind.NOT_FOUND, "invalid_request_error", None),
        (FailureKind.WRONG_METHOD, "invalid_request_error", None),
        (FailureKind.TOO_LARGE, "invalid_request_error", None),
        (FailureKind.WRONG_TYPE, "invalid_request_error", None),
        (FailureKind.INVALID, "invalid_request_error", None),
        (FailureKind.TOO_MANY, "requests", "rate_limit_exceeded"),
        (FailureKind.INTERNAL, "server_error", None),
        (FailureKind.UNAVAILABLE, "server_error", None),
    ],
)
def test_a_failure_is_in_their_error_form(kind: FailureKind, type_: str, code: str | None) -> None:
    status, body, _ = api.error(Failure(kind))
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(body)
    assert (status, body["error"]["type"], body["error"]["code"]) == (kind.status, type_, code)


def test_a_full_queue_says_when_to_come_back() -> None:
    _, _, headers = api.error(Failure(FailureKind.TOO_MANY, retry_ms=250))
    assert headers == {"retry-after": "1", "retry-after-ms": "250"}
    assert api.error(Failure(FailureKind.WRONG_METHOD))[2] == {"allow": "POST"}
