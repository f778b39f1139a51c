"""Perspective's clients: Google's, made from our discovery document, and the package `perspective`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.clients.serving import ALLOWED, BLOCKED, KEY, REDACTED

CLIENTS = (
    ("light", "google-api-python-client", "`$discovery/rest`, `comments:analyze`"),
    ("light", "perspective", "`comments:analyze`"),
)
TEXTS = (ALLOWED, REDACTED, BLOCKED)
ATTRIBUTES = {
    "TOXICITY": "toxicity",
    "SEVERE_TOXICITY": "severe_toxicity",
    "IDENTITY_ATTACK": "identity_attack",
    "INSULT": "insult",
    "PROFANITY": "obscene",
    "THREAT": "threat",
}
ERROR = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"


@pytest.fixture(scope="module")
def google(program: Run, url: str, narrow_url: str) -> Any:
    return program("light", "perspective_google.py", url, narrow_url, json.dumps(TEXTS), KEY)


@pytest.fixture(scope="module")
def package(program: Run, url: str) -> Any:
    return program("light", "perspective_package.py", url, json.dumps(TEXTS), KEY)


def test_each_attribute_has_the_score_of_its_label(google: Any, package: Any, decided: Any) -> None:
    for text, analyzed, scored in zip(TEXTS, google["scores"], package["scores"], strict=True):
        scores = decided(text)["scores"]
        got = {name: found["summaryScore"]["value"] for name, found in analyzed["attributeScores"].items()}
        assert got == {name: scores[label] for name, label in ATTRIBUTES.items()}
        assert scored == {name: got[name] for name in ("TOXICITY", "INSULT", "THREAT")}
        assert analyzed["languages"] == ["en"]


def test_spans_are_utf16_units(google: Any, package: Any) -> None:
    """The emoji before the span is two units: Google's users slice so in JavaScript and Java."""
    units = REDACTED.encode("utf-16-le")
    for found, token in ((google["spans"], "t-1"), (package["analyzed"], "t-2")):
        spans = found["attributeScores"]["INSULT"]["spanScores"]
        words = [units[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le") for span in spans]
        assert any("idiot" in word for word in words)
        assert found["clientToken"] == token


def test_what_is_under_its_threshold_is_left_out(google: Any) -> None:
    assert list(google["threshold"]["attributeScores"]) == ["INSULT"]
    assert "attributeScores" not in google["under"]


def test_errors_are_perspectives(google: Any, package: Any) -> None:
    reasons = {
        "unknown": ("INVALID_REQUEST", "Unknown requested attribute: FLIRTATION"),
        "empty": ("COMMENT_EMPTY", "Comment must be non-empty."),
        "long": ("COMMENT_TOO_LONG", "Comment text too long."),
        "language": (
            "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
            "Attribute TOXICITY does not support request languages: ja",
        ),
        "nothing": ("NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
    }
    for name, (kind, message) in reasons.items():
        refused = google[name]
        assert refused["status"] == 400
        assert refused["reason"] == message
        assert refused["request_id"]
        (detail,) = refused["details"]
        assert (detail["@type"], detail["errorType"]) == (ERROR, kind)
    status, body = package["unknown"]
    assert (status, body["error"]["message"]) == (400, "Unknown requested attribute: LIKELY_TO_REJECT")


def test_a_full_queue_is_waited_for(google: Any) -> None:
    refused = [one for one in google["full"] if one != "ok"]
    assert 1 <= len(refused) <= 7
    assert {one[0] for one in refused} == {429}
    assert {one[2] for one in refused} == {"500"}
    assert google["retried"] == ["ok"] * 8


@pytest.mark.parametrize("file", ["perspective_google.py", "perspective_package.py"])
def test_the_example_runs(example: Run, url: str, decided: Any, file: str) -> None:
    scores = decided("You are a worthless idiot.")["scores"]
    assert example("light", file, url).splitlines() == [
        f"TOXICITY {scores['toxicity']:.2f}",
        f"INSULT {scores['insult']:.2f}",
    ]
