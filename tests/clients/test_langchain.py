"""LangChain's moderation: the chain, and the middleware of an agent whose model is made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.clients.serving import ALLOWED, BLOCKED, KEY, REDACTED

CLIENTS = (
    ("langchain", "langchain-classic", "`POST /v1/moderations`: `OpenAIModerationChain`"),
    ("langchain", "langchain-openai", "`POST /v1/moderations`: `OpenAIModerationMiddleware`"),
)
VIOLATES = "Text was found that violates OpenAI's content policy."
REFUSED = "I'm sorry, but I can't comply with that request. It was flagged for harassment"


@pytest.fixture(scope="module")
def seen(program: Run, url: str) -> Any:
    return program("langchain", "langchain_moderation.py", url, json.dumps((ALLOWED, REDACTED, BLOCKED)), KEY)


def test_the_chain_replaces_what_is_flagged(seen: Any) -> None:
    assert seen["chain"] == [ALLOWED, VIOLATES, VIOLATES]
    assert seen["chain_error"] == VIOLATES


def test_the_agent_refuses_prompts_and_answers(seen: Any, decided: Any) -> None:
    assert seen["prompts"][0] == "Hello there."
    assert seen["answers"][0] == ALLOWED
    for said in (*seen["prompts"][1:], *seen["answers"][1:]):
        assert said.startswith(REFUSED)
    assert seen["agent_error"] == ["output", decided(BLOCKED)["scores"]["threat"]]


def test_the_example_runs(example: Run, url: str) -> None:
    said = example("langchain", "langchain_moderation.py", url).splitlines()
    assert said == [f"Have a nice day. -> {ALLOWED}", f"You are a worthless idiot. -> {VIOLATES}"]
