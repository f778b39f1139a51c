"""NeMo Guardrails with `engine: fms`: its backend alone, and rails before and after a model that is made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.clients.serving import ALLOWED, BLOCKED, REDACTED

CLIENTS = (("nemo", "nemoguardrails", "`POST /api/v1/text/contents`: `FMSBackend`, rails with `engine: fms`"),)
TEXTS = (ALLOWED, REDACTED, BLOCKED)
REFUSED = "I'm sorry, I can't respond to that."


@pytest.fixture(scope="module")
def seen(program: Run, url: str, narrow_url: str, nobody: str) -> Any:
    return program("nemo", "nemo_guardrails.py", url, narrow_url, nobody, json.dumps(TEXTS))


def test_the_backend_reads_our_labels(seen: Any, decided: Any) -> None:
    for text, found in zip(TEXTS, seen["classified"], strict=True):
        scores = decided(text)["scores"]
        assert {one["label"]: one["score"] for one in found} == {
            label: score for label, score in scores.items() if score >= 0.7
        }


def test_rails_refuse_prompts_and_answers(seen: Any) -> None:
    assert seen["prompts"] == ["Hello there.", REFUSED, REFUSED]
    assert seen["answers"] == [ALLOWED, REFUSED, REFUSED]


def test_a_full_queue_is_an_exception(seen: Any) -> None:
    """NeMo does not wait for a 429."""
    refused = [one for one in seen["full"] if one != "ok"]
    assert 1 <= len(refused) <= 7
    assert [one for one in refused if "returned 429" not in one] == []


def test_where_nobody_answers_no_text_passes(seen: Any) -> None:
    assert seen["nobody"] == "I'm sorry, an internal error has occurred."


def test_a_bad_request_is_named(seen: Any) -> None:
    assert "returned 422" in seen["refused"]
    assert "detector_params.threshold: found a number outside [0, 1]" in seen["refused"]


def test_the_example_runs(example: Run, url: str) -> None:
    said = example("nemo", "nemo_guardrails.py", url).splitlines()
    assert said == [f"Have a nice day. -> {ALLOWED}", f"You are a worthless idiot. -> {REFUSED}"]
