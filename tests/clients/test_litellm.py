"""LiteLLM's guardrail classes, without its proxy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.clients.serving import ALLOWED, BLOCKED, KEY, REDACTED

CLIENTS = (("litellm", "litellm", "LiteLLM's generic guardrail, `POST /v1/moderations`, Azure's `text:analyze`"),)
BOTH = pytest.mark.parametrize("kind", ["request", "response"])


@pytest.fixture(scope="module")
def seen(program: Run, url: str, narrow_url: str) -> Any:
    return program("litellm", "litellm_guardrails.py", url, narrow_url, json.dumps((ALLOWED, REDACTED, BLOCKED)), KEY)


@BOTH
def test_generic_allows_redacts_and_blocks(seen: Any, decided: Any, kind: str) -> None:
    allowed, redacted, blocked = seen[f"generic {kind}"]
    assert allowed == [ALLOWED]
    assert redacted == [decided(REDACTED)["redacted"]]
    assert redacted != [REDACTED]
    assert blocked == {"blocked": f"Blocked for threat by policy {decided(BLOCKED)['policy_version']}"}


@BOTH
def test_openai_moderation_allows_and_blocks(seen: Any, decided: Any, kind: str) -> None:
    allowed, *flagged = seen[f"openai {kind}"]
    assert allowed == [ALLOWED]
    assert [one["status"] for one in flagged] == [400, 400]
    found = flagged[1]["blocked"]["moderation_result"]
    assert found["violated_categories"] == ["harassment", "harassment/threatening"]
    assert found["category_scores"]["harassment/threatening"] == decided(BLOCKED)["scores"]["threat"]


@BOTH
def test_azure_allows_and_blocks(seen: Any, kind: str) -> None:
    allowed, *flagged = seen[f"azure {kind}"]
    assert allowed == [ALLOWED]
    assert "Hate crossed severity 2, Got severity: 4" in flagged[0]["blocked"]["error"]
    assert [one["status"] for one in flagged] == [400, 400]


def test_a_text_is_rewritten_in_its_place(seen: Any, decided: Any) -> None:
    assert seen["many"] == [ALLOWED, decided(REDACTED)["redacted"]]


def test_an_image_is_a_failure_never_a_pass(seen: Any) -> None:
    assert "400 Bad Request" in seen["image"]["failed"]


def test_a_full_queue_is_a_failure_or_a_pass(seen: Any) -> None:
    """429 is nothing that LiteLLM waits for: the call fails, or with `fail_on_error: false` the text passes unseen."""
    failed = [one["failed"] for one in seen["full"] if one is not True]
    assert 1 <= len(failed) <= 7
    assert [text for text in failed if "429 Too Many Requests" not in text] == []
    assert seen["full passes"] == [True] * 8


def test_moderation_has_the_scores(seen: Any, decided: Any) -> None:
    flagged, scores = seen["moderation"]
    assert flagged is True
    assert scores["violence"] == decided(REDACTED)["scores"]["violence"]
