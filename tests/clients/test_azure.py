"""azure-ai-contentsafety, over plain HTTP on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.clients.serving import ALLOWED, BLOCKED, KEY, REDACTED

CLIENTS = (("light", "azure-ai-contentsafety", "`text:analyze`"),)
NONE = {"Hate": 0, "SelfHarm": 0, "Sexual": 0, "Violence": 0}


@pytest.fixture(scope="module")
def seen(program: Run, url: str, narrow_url: str) -> Any:
    texts = json.dumps((ALLOWED, REDACTED, BLOCKED))
    return program("light", "azure_content_safety.py", url, narrow_url, texts, KEY)


def test_severities_are_the_policys_actions(seen: Any) -> None:
    """flag 2, redact 4, block 6."""
    assert seen["texts"] == [NONE, {**NONE, "Hate": 4}, {**NONE, "Hate": 2, "Violence": 6}]
    assert seen["some"] == {"Hate": 2, "Violence": 6}


def test_a_bad_request_is_their_exception(seen: Any) -> None:
    targets = {"long": "text", "blocklist": "blocklistNames", "category": "categories[0]"}
    for name, target in targets.items():
        refused = seen[name]
        assert (refused["status"], refused["code"], refused["target"]) == (400, "InvalidRequestBody", target)
        assert refused["request_id"]
    assert "at most 10000" in seen["long"]["message"]


def test_a_full_queue_is_waited_for(seen: Any) -> None:
    refused = [one for one in seen["full"] if one != "ok"]
    assert 1 <= len(refused) <= 7
    assert {tuple(one) for one in refused} == {(429, "TooManyRequests")}
    assert seen["retried"] == ["ok"] * 8


def test_the_example_runs(example: Run, url: str) -> None:
    assert example("light", "azure_content_safety.py", url).splitlines() == [
        "Hate 4",
        "SelfHarm 0",
        "Sexual 0",
        "Violence 0",
    ]
