"""One text has one verdict by every path of one `tidegate serve`, by `Moderator`, and by `tidegate score`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import tidegate
from tests.clients.serving import serving
from tests.test_one_verdict import POLICY, texts
from tidegate.streams.cli import app
from tidegate.streams.core.events import Action, Completion
from tidegate.streams.moderation.moderator import Moderated, Moderator
from tidegate.streams.wire.http import label_names
from tidegate.streams.wire.http.azure_content_safety import SEVERITY

CLASSIFIER = "tests.support.scorers:scripted"
GUARDRAIL = {Action.BLOCK: "BLOCKED", Action.REDACT: "GUARDRAIL_INTERVENED"}


class Answer(NamedTuple):
    status: int
    body: Any
    action: str | None  # of the policy, in a header


@pytest.fixture(scope="module")
def policy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("policy") / "policy.toml"
    file.write_text(POLICY)
    return file


@pytest.fixture(scope="module")
def url(policy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("serve") / "log"
    with serving(log, TIDEGATE_CLASSIFIER=CLASSIFIER, TIDEGATE_POLICY_FILE=str(policy_file)) as url:
        yield url


@pytest.fixture(scope="module")
def moderator(policy_file: Path) -> Iterator[Moderator]:
    with tidegate.load_moderator(policy_file, classifier=CLASSIFIER) as moderator:
        yield moderator


def post(url: str, path: str, body: Any) -> Answer:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return Answer(answer.status, json.loads(answer.read()), answer.headers["x-tidegate-action"])
    except urllib.error.HTTPError as error:
        return Answer(error.code, json.loads(error.read()), None)


def requests_of(text: str) -> dict[str, tuple[str, Any]]:
    guardrail, comment = "/beta/litellm_basic_guardrail_api", {"text": text}
    return {
        "decide": ("/v1/decide", {"completion": text}),
        "decide prompt": ("/v1/decide", {"completion": text, "prompt": text}),
        "guard": ("/v1/guard", {"prompt": text}),
        "openai": ("/v1/moderations", {"input": text}),
        "openai parts": ("/v1/moderations", {"input": [{"type": "text", "text": text}]}),
        "perspective": (
            "/v1alpha1/comments:analyze",
            {"comment": comment, "requestedAttributes": {name: {} for name in label_names.PERSPECTIVE}},
        ),
        "response": (guardrail, {"input_type": "response", "texts": [text]}),
        "request": (guardrail, {"input_type": "request", "texts": [text]}),
        "fms": ("/api/v1/text/contents", {"contents": [text]}),
        "fms all": ("/api/v1/text/contents", {"contents": [text], "detector_params": {"threshold": 0}}),
        "azure": ("/contentsafety/text:analyze", {"text": text}),
    }


def highest(scores: Any, labels: tuple[str, ...]) -> float:
    return max((scores.get(label, 0.0) for label in labels), default=0.0)


def check_scores(text: str, said: dict[str, Answer], alone: Moderated, with_prompt: Moderated) -> None:
    scores, verdict = alone.judged.scores, alone.verdict
    asked = {reason.label: reason.action for reason in reversed(verdict.reasons)}  # the strongest stands first
    for name in ("openai", "openai parts"):
        (result,) = said[name].body["results"]
        assert result["category_scores"] == {n: highest(scores, of) for n, of in label_names.OPENAI.items()}
        assert result["flagged"] is (verdict.action is not Action.ALLOW)
    if text:
        found = said["perspective"].body["attributeScores"]
        assert {name: one["summaryScore"]["value"] for name, one in found.items()} == {
            name: scores[label] for name, (label,) in label_names.PERSPECTIVE.items()
        }
        (contents,) = said["fms all"].body
        assert {one["detection"]: one["score"] for one in contents} == scores
    (contents,) = said["fms"].body
    assert {one["detection"] for one in contents} == set(asked)
    strongest = {
        name: max((asked.get(label, Action.ALLOW) for label in of), key=lambda action: action.strength)
        for name, of in label_names.AZURE.items()
    }
    severities = {one["category"]: one["severity"] for one in said["azure"].body["categoriesAnalysis"]}
    assert severities == {name: SEVERITY[action] for name, action in strongest.items()}
    assert said["decide"].body["scores"] == scores
    assert said["decide prompt"].body["prompt_scores"] == with_prompt.judged.prompt_scores
    assert said["guard"].body["scores"] == with_prompt.judged.prompt_scores


def check_actions(text: str, said: dict[str, Answer], alone: Moderated, with_prompt: Moderated) -> None:
    action, of_both = alone.verdict.action, with_prompt.verdict.action
    headers = {name: one.action for name, one in said.items() if one.action is not None}
    in_header = {"openai", "openai parts", "response", "request", "fms", "fms all", "azure"}
    assert set(headers) == in_header | ({"perspective"} if text else set())
    assert headers == {name: (of_both if name == "request" else action).value for name in headers}
    assert (said["decide"].body["action"], said["decide prompt"].body["action"]) == (action.value, of_both.value)
    for name, one in (("response", action), ("request", of_both)):
        assert said[name].body["action"] == GUARDRAIL.get(one, "NONE")
    assert said["response"].body.get("texts", [None]) == [said["decide"].body["redacted"]]
    prompts = [reason.action for reason in with_prompt.verdict.reasons if reason.of == "prompt"]
    asked = max(prompts, key=lambda action: action.strength, default=Action.ALLOW)
    assert said["guard"].body["verdict"] == asked.value


@settings(max_examples=25, deadline=None)
@given(given_=st.lists(texts, min_size=1, max_size=4))
def test_every_path_gives_the_same_verdict(
    url: str, policy_file: Path, moderator: Moderator, given_: list[str]
) -> None:
    """All calls at once, so that texts of many paths are scored in one batch."""
    calls = [(i, name, *call) for i, text in enumerate(given_) for name, call in requests_of(text).items()]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda call: post(url, *call[2:]), calls))
    rows = moderator.moderate_now(
        [
            Completion(id=f"c{i}", completion=text, prompt=prompt)
            for i, text in enumerate(given_)
            for prompt in (None, text)
        ]
    )
    for i, text in enumerate(given_):
        said = {name: answer for (j, name, *_), answer in zip(calls, answers, strict=True) if i == j}
        alone, with_prompt = rows[2 * i], rows[2 * i + 1]
        if alone.judged.fault is None:
            assert {name for name, one in said.items() if one.status != 200} == (set() if text else {"perspective"})
            check_scores(text, said, alone, with_prompt)
            check_actions(text, said, alone, with_prompt)
        else:
            ours = {"decide", "decide prompt", "guard"}  # those with a field for it
            assert {name: said[name].body["fault"] for name in ours} == dict.fromkeys(ours, alone.judged.fault.value)
            assert {name: one.status for name, one in said.items() if name not in ours} == dict.fromkeys(
                said.keys() - ours, 503
            )
        assert said["decide"].body["policy_version"] == alone.verdict.policy_version

    environment = {"TIDEGATE_CLASSIFIER": CLASSIFIER, "TIDEGATE_POLICY_FILE": str(policy_file)}
    lines = "\n".join(json.dumps({"id": f"c{i}", "completion": text}) for i, text in enumerate(given_))
    printed = [
        json.loads(line) for line in CliRunner().invoke(app, ["score", "-"], lines, environment).stdout.splitlines()
    ]
    assert [(one["action"], one["scores"], one["policy"]) for one in printed] == [
        (row.verdict.action.value, row.judged.scores, row.verdict.policy_version) for row in rows[::2]
    ]
