"""openai-python and npm's openai: one base URL changed, the same results, the same exceptions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.clients.serving import ALLOWED, BLOCKED, KEY, REDACTED

CLIENTS = (("light", "openai", "`POST /v1/moderations`"), ("npm", "openai", "`POST /v1/moderations`"))
TEXTS = (ALLOWED, REDACTED, BLOCKED)
PROGRAMS = (("light", "openai_python.py"), ("npm", "openai_node.mjs"))


@pytest.fixture(scope="module", params=PROGRAMS, ids=["python", "node"])
def seen(request: pytest.FixtureRequest, program: Run, url: str, narrow_url: str) -> Any:
    environment, file = request.param
    return program(environment, file, url, narrow_url, json.dumps(TEXTS), KEY)


def test_each_text_has_the_scores_of_decide(seen: Any, decided: Any) -> None:
    results = seen["list"]["results"]
    assert [one["flagged"] for one in results] == [False, True, True]
    for text, result in zip(TEXTS, results, strict=True):
        scores = decided(text)["scores"]
        assert result["category_scores"]["sexual"] == scores["sexual"]
        assert result["category_scores"]["harassment/threatening"] == scores["threat"]
        assert result["category_scores"]["harassment"] == max(scores["toxicity"], scores["insult"])
        assert len(result["categories"]) == 13
    assert results[2]["categories"]["harassment/threatening"] is True


def test_one_text_parts_and_async_are_read(seen: Any) -> None:
    (one,), results = seen["one"], seen["list"]["results"]
    assert one == results[1]
    assert seen["async"] == results
    (parts,) = seen["parts"]  # a list of parts is one text
    assert parts["flagged"] is True
    (empty,) = seen["empty"]
    assert empty["flagged"] is False


def test_ids_are_ours_or_the_callers(seen: Any) -> None:
    assert seen["list"]["id"].startswith("modr-")
    assert re.fullmatch(r"[0-9a-f-]{36}", seen["list"]["request_id"])
    assert seen["own_id"] == "mine-1"


def test_a_bad_request_is_their_exception(seen: Any) -> None:
    for name in ("image", "no_input"):
        refused = seen[name]
        assert refused["class"] == "BadRequestError"
        assert (refused["status_code"], refused["param"]) == (400, "input")
        assert refused["type"] == "invalid_request_error"
        assert refused["request_id"]
    assert "images cannot be scored here" in seen["image"]["message"]
    assert seen["no_path"]["class"] == "NotFoundError"
    assert "no such path" in seen["no_path"]["message"]


def test_a_full_queue_is_waited_for(seen: Any) -> None:
    """Eight calls at once where one is taken: 429 at once where the client may not retry, else all are answered."""
    refused = [one for one in seen["full"] if one[0] != "ok"]
    assert 1 <= len(refused) <= 7
    assert {tuple(one) for one in refused} == {("rate_limit_exceeded", "requests", "500", True)}
    assert [one[0] for one in seen["retried"]] == ["ok"] * 8
    assert max(one[1] for one in seen["retried"]) >= 1


@pytest.mark.parametrize(("environment", "file"), [("light", "openai_python.py"), ("npm", "openai_node.mjs")])
def test_the_example_runs(example: Run, url: str, environment: str, file: str) -> None:
    said = example(environment, file, url).splitlines()
    assert said == ["Have a nice day.: passes", "You are a worthless idiot.: flagged for harassment"]
