"""Perspective: its own messages of refusals, thresholds, spans in UTF-16 units, and its discovery document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.wire.http.rows import document, row
from tidegate.streams.core.events import FaultReason
from tidegate.streams.wire.http import perspective as api
from tidegate.streams.wire.http.perspective_schemas import MESSAGES
from tidegate.streams.wire.http.refused import Failure, FailureKind, FormRefused, Unscored

TOXICITY: dict[str, Any] = {"TOXICITY": {}}
BODY: dict[str, Any] = {"comment": {"text": "you fool"}, "requestedAttributes": TOXICITY}
SUGGESTED: dict[str, Any] = {"comment": {"text": "you fool"}, "attributeScores": {}}


def refused(body: Any, **more: Any) -> dict[str, Any]:
    """The error's body of a refused request."""
    with pytest.raises(FormRefused) as found:
        api.parse(body, "http-1", **more)
    status, answer, _ = api.error(found.value)
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(answer)
    assert status == 400
    error: dict[str, Any] = answer["error"]
    return error


def answer(body: Any, *args: Any, **more: Any) -> dict[str, Any]:
    found = api.answer(api.parse({**BODY, **body}, "http-1"), [row(*args, **more)])
    Draft202012Validator(document(api.SCHEMAS, api.RESPONSE)).validate(found)
    return found


def places(found: dict[str, Any], name: str) -> list[tuple[int, int]]:
    return [(span["begin"], span["end"]) for span in found["attributeScores"][name]["spanScores"]]


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({}, "COMMENT_EMPTY", "Comment must be non-empty."),
        ({"comment": {"text": ""}}, "COMMENT_EMPTY", "Comment must be non-empty."),
        # 20,480 bytes are taken; these are 20,481: 10,240 letters of two bytes, and one of one
        ({"comment": {"text": "é" * 10_240 + "a"}}, "COMMENT_TOO_LONG", "Comment text too long."),
        ({"comment": BODY["comment"]}, "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
        ({**BODY, "requestedAttributes": {}}, "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
        ({**BODY, "requestedAttributes": {"SPAM": {}}}, "INVALID_REQUEST", "Unknown requested attribute: SPAM"),
        (
            {**BODY, "requestedAttributes": {"hunter2 said": {}}},
            "INVALID_REQUEST",
            "Unknown requested attribute: (no name of an attribute)",
        ),
        (
            {**BODY, "requestedAttributes": {"THREAT": {"scoreType": "RAW"}}},
            "INVALID_REQUEST",
            "Requested score type RAW is not supported by attribute THREAT",
        ),
        ({**BODY, "comment": {"text": "a", "type": "MARKDOWN"}}, "INVALID_REQUEST", "Unknown text type"),
        (
            {**BODY, "comment": {"text": "a", "type": "HTML"}},
            "INVALID_REQUEST",
            "Currently, only 'PLAIN_TEXT' comments are supported",
        ),
        (
            {**BODY, "context": {"entries": [], "articleAndParentComment": {}}},
            "INVALID_REQUEST",
            "Context can have either entries or article_and_parent_comment, but both fields were populated.",
        ),
        (
            {**BODY, "languages": ["en", "ja"]},
            "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
            "Attribute TOXICITY does not support request languages: ja",
        ),
    ],
)
def test_a_refusal_has_their_message_and_type(body: Any, kind: str, message: str) -> None:
    error = refused(body)
    assert (error["details"][0]["errorType"], error["message"], error["status"]) == (kind, message, "INVALID_ARGUMENT")
    assert "hunter2" not in json.dumps(error)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"comment": "a"}, "comment"),
        ({"comment": {"text": 1}}, "comment.text"),
        ({"comment": {"text": "\udc00"}}, "comment.text"),
        ({"requestedAttributes": []}, "requestedAttributes"),
        ({"requestedAttributes": {"TOXICITY": 1}}, "requestedAttributes.TOXICITY"),
        ({"requestedAttributes": {"TOXICITY": {"scoreThreshold": 2}}}, "requestedAttributes.TOXICITY.scoreThreshold"),
        ({"languages": "en"}, "languages"),
        ({"languages": ["a text"]}, "languages[0]"),
        ({"spanAnnotations": 1}, "spanAnnotations"),
        ({"clientToken": 1}, "clientToken"),
        ({"context": {"entries": 1}}, "context.entries"),
    ],
)
def test_a_field_of_another_kind_is_refused(body: Any, field: str) -> None:
    assert refused({**BODY, **body})["message"].startswith(f"{field}: found ")


def test_what_a_language_error_is_about() -> None:
    detail = refused({**BODY, "languages": ["ja"]})["details"][0]["languageNotSupportedByAttributeError"]
    assert detail == {"detectedLanguages": [], "requestedLanguages": ["ja"], "attribute": "TOXICITY"}


def test_unsupported_attributes_can_be_dropped_instead() -> None:
    body = {"languages": ["ja"], "dropUnsupportedAttributes": True}
    assert answer(body, {"toxicity": 0.9}) == {"languages": ["ja"]}


def test_an_attribute_whose_label_the_model_lacks_is_unknown() -> None:
    assert refused(BODY, labels=("insult",))["message"] == "Unknown requested attribute: TOXICITY"


def test_languages_and_session_become_our_fields() -> None:
    (completion,) = api.parse({**BODY, "languages": ["en-GB"], "sessionId": "s-1"}, "http-1").completions
    assert (completion.locale, completion.conversation, completion.id) == ("en-GB", "s-1", "http-1")


def test_the_answer_to_a_plain_request() -> None:
    found = answer({"clientToken": "t"}, {"toxicity": 0.25})
    score = {"value": 0.25, "type": "PROBABILITY"}
    assert found == {
        "attributeScores": {
            "TOXICITY": {"summaryScore": score, "spanScores": [{"begin": 0, "end": 8, "score": score}]}
        },
        "languages": ["en"],
        "clientToken": "t",
    }


@pytest.mark.parametrize(
    ("attribute", "label"),
    [
        *(("TOXICITY", "toxicity"), ("SEVERE_TOXICITY", "severe_toxicity"), ("IDENTITY_ATTACK", "identity_attack")),
        *(("INSULT", "insult"), ("PROFANITY", "obscene"), ("THREAT", "threat"), ("SEXUALLY_EXPLICIT", "sexual")),
    ],
)
def test_an_attribute_has_its_labels_score(attribute: str, label: str) -> None:
    found = answer({"requestedAttributes": {attribute: None}}, {label: 0.7})
    assert found["attributeScores"][attribute]["summaryScore"]["value"] == 0.7


def test_a_score_below_its_threshold_is_left_out() -> None:
    """Where all are, `attributeScores` is absent: clients know it so."""
    wanted = {"TOXICITY": {"scoreThreshold": 0.5}, "INSULT": {"scoreThreshold": 0.5}}
    assert list(answer({"requestedAttributes": wanted}, {"toxicity": 0.5})["attributeScores"]) == ["TOXICITY"]
    assert answer({"requestedAttributes": wanted}) == {"languages": ["en"]}


def test_spans_count_utf16_units() -> None:
    """An emoji is one code point of ours and two of theirs."""
    #       code points: 0 12   6         UTF-16: 0 23   7
    body = {"comment": {"text": "😀 you fool"}, "requestedAttributes": {"INSULT": {}}, "spanAnnotations": True}
    found = answer(body, {"insult": 0.85}, spans=((2, 5, "insult"), (6, 10, "insult")))
    assert places(found, "INSULT") == [(3, 6), (7, 11)]
    text = "😀 you fool".encode("utf-16-le")
    assert [text[2 * begin : 2 * end].decode("utf-16-le") for begin, end in places(found, "INSULT")] == ["you", "fool"]


def test_without_spans_of_ours_the_span_is_the_whole_text() -> None:
    body = {"comment": {"text": "😀 you fool"}}
    spans = ((2, 5, "insult"),)
    assert places(answer(body, {"insult": 0.85}, spans=spans), "TOXICITY") == [(0, 11)]
    assert places(answer({**body, "spanAnnotations": True}, {"insult": 0.85}, spans=spans), "TOXICITY") == [(0, 11)]


def test_a_fault_has_no_answer() -> None:
    with pytest.raises(Unscored):
        answer({}, fault=FaultReason.BAD_SCORES)


@pytest.mark.parametrize(("value", "kind"), [(0, "mistaken"), (0.49, "mistaken"), (0.5, "complaint"), (1, "complaint")])
def test_a_suggested_score_is_a_persons_feedback(value: float, kind: str) -> None:
    body = {**SUGGESTED, "attributeScores": {"INSULT": {"summaryScore": {"value": value}}}, "clientToken": "t"}
    request = api.parse_suggestion(body)
    assert [(one.attribute, one.kind) for one in request.suggestions] == [("INSULT", kind)]
    found = api.answer_suggestion(request)
    Draft202012Validator(document(api.SCHEMAS, api.SUGGEST_RESPONSE)).validate(found)
    assert found == {"clientToken": "t"}


def test_without_a_summary_the_highest_span_is_suggested() -> None:
    spans = [{"begin": i, "end": i + 1, "score": {"value": i / 4}} for i in range(4)]
    request = api.parse_suggestion({**SUGGESTED, "attributeScores": {"THREAT": {"spanScores": spans}}})
    assert request.suggestions == (api.Suggestion("THREAT", 0.75, "complaint"),)


@pytest.mark.parametrize(
    "scores",
    [
        {},
        None,
        {"SPAM": {"summaryScore": {"value": 1}}},
        {"INSULT": {}},
        {"INSULT": {"summaryScore": {}}},
        {"INSULT": {"summaryScore": {"value": 1, "type": "RAW"}}},
        {"INSULT": {"spanScores": [{"score": {"value": 1}}]}},  # begin and end are required here
        {"INSULT": {"spanScores": [{"begin": 0, "end": 9, "score": {"value": 1}}]}},  # beyond the text
    ],
)
def test_other_suggestions_are_refused(scores: Any) -> None:
    with pytest.raises(FormRefused):
        api.parse_suggestion({**SUGGESTED, "attributeScores": scores})


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FailureKind.UNAUTHENTICATED, "UNAUTHENTICATED", 401),
        (FailureKind.BAD_KEY, "INVALID_ARGUMENT", 400),
        (FailureKind.FORBIDDEN, "PERMISSION_DENIED", 403),
        (FailureKind.NOT_FOUND, "NOT_FOUND", 404),
        (FailureKind.WRONG_METHOD, "INVALID_ARGUMENT", 405),
        (FailureKind.TOO_LARGE, "INVALID_ARGUMENT", 413),
        (FailureKind.WRONG_TYPE, "INVALID_ARGUMENT", 415),
        (FailureKind.INVALID, "INVALID_ARGUMENT", 422),
        (FailureKind.TOO_MANY, "RESOURCE_EXHAUSTED", 429),
        (FailureKind.INTERNAL, "INTERNAL", 500),
        (FailureKind.UNAVAILABLE, "UNAVAILABLE", 503),
    ],
)
def test_a_failure_is_in_googles_error_form(kind: FailureKind, status: str, code: int) -> None:
    got, body, headers = api.error(Failure(kind))
    Draft202012Validator(document(api.SCHEMAS, api.ERROR)).validate(body)
    assert (got, body["error"]["code"], body["error"]["status"]) == (code, code, status)
    assert ("retry-after" in headers) == (code in (429, 503))


@pytest.mark.parametrize("root", ["https://m.example/p", "https://m.example/p/"])
def test_the_discovery_document_names_our_address(root: str) -> None:
    found = api.discovery(root)
    assert found["rootUrl"] == "https://m.example/p/"
    methods = found["resources"]["comments"]["methods"]
    assert [method["path"] for method in methods.values()] == [api.PATH[1:], api.SUGGEST_PATH[1:]]
    named = {method[way]["$ref"] for method in methods.values() for way in ("request", "response")}
    assert named <= set(found["schemas"]) == set(MESSAGES)
    Draft202012Validator(document(api.SCHEMAS, api.DISCOVERY)).validate(found)
