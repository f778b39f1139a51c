"""API keys, as each client sends them: a good one, a wrong one, one that sends more than it may."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environments
from tests.clients.conftest import EXAMPLES, Run, run_file
from tests.clients.serving import ALLOWED, BLOCKED, REDACTED, serving

CLIENTS = ()  # those of the other files
WRONG = "tg_no_such_key"


def added(file: Path, name: str, *options: str) -> str:
    """The secret of a new key."""
    command = [sys.executable, "-m", "tidegate", "keys", "add", name, "--tenant", "acme", "--json", *options]
    env = {**os.environ, "TIDEGATE_SERVE_KEYS_FILE": str(file)}
    ran = subprocess.run(command, cwd=environments.ROOT, env=env, capture_output=True, text=True, check=True)
    return str(json.loads(ran.stdout)["secret"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URL, and the secrets of four keys: `good` may moderate, `slow` once a second, `feedback` may suggest."""
    folder = tmp_path_factory.mktemp("keys")
    options = {
        "good": (),
        "slow": ("--requests-per-s", "1"),
        "feedback": ("--right", "moderate", "--right", "feedback"),
    }
    secrets = {name: added(folder / "keys", name, *more) for name, more in options.items()}
    with serving(folder / "log", TIDEGATE_SERVE_KEYS_FILE=str(folder / "keys")) as url:
        yield {"url": url, **secrets}
    log = (folder / "log").read_text("utf-8")
    assert [secret for secret in (*secrets.values(), WRONG) if secret in log] == []


@pytest.fixture(scope="module")
def seen(program: Run, served: dict[str, str]) -> Any:
    return program("light", "keys_python.py", *(served[name] for name in ("url", "good", "slow", "feedback")))


def test_a_wrong_key_is_each_clients_own_exception(seen: Any) -> None:
    invalid = "API key not valid. Please pass a valid API key."  # as Google answers
    assert {name: seen[name] for name in ("openai", "google", "perspective", "azure")} == {
        "openai": {"good": "ok", "wrong": ["AuthenticationError", 401, "invalid_api_key"]},
        "google": {"good": "ok", "wrong": ["HttpError", 400, invalid]},
        "perspective": {"good": "ok", "wrong": ["HTTPError", 400, invalid]},
        "azure": {"good": "ok", "wrong": ["ClientAuthenticationError", 401, "401"]},
    }


def test_a_key_over_its_rate_is_waited_for(seen: Any) -> None:
    assert seen["over_rate"][0] == "ok"
    assert ["RateLimitError", 429, "rate_limit_exceeded"] in seen["over_rate"][1:]
    assert seen["waited"] == [False, False, False]


def test_a_suggestion_needs_its_right_and_kafka(seen: Any) -> None:
    assert seen["suggested"]["moderate"][1] == 403
    kind, status, reason = seen["suggested"]["feedback"]
    assert (kind, status) == ("HttpError", 501)
    assert "feedback needs Kafka" in reason


def test_litellms_guardrails_send_the_key(program: Run, served: dict[str, str]) -> None:
    """All three: `x-api-key`, a bearer, Azure's header. Without a valid one nothing passes."""
    texts = json.dumps((ALLOWED, REDACTED, BLOCKED))
    addresses = (served["url"], served["url"])
    passed = program("litellm", "litellm_guardrails.py", *addresses, texts, served["good"])
    refused = program("litellm", "litellm_guardrails.py", *addresses, texts, WRONG)
    for name in ("generic", "openai", "azure"):
        assert passed[f"{name} response"][0] == [ALLOWED]
        assert ["401" in one["failed"] for one in refused[f"{name} response"]] == [True] * 3
    assert "the credential is not valid" in refused["moderation"]["failed"]


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ("light", "openai_python.py"),
        ("npm", "openai_node.mjs"),
        ("light", "perspective_google.py"),
        ("light", "perspective_package.py"),
        ("light", "azure_content_safety.py"),
        ("langchain", "langchain_moderation.py"),
    ],
)
def test_an_example_takes_a_key(served: dict[str, str], environment: str, file: str) -> None:
    assert run_file(environment, EXAMPLES / file, served["url"], TIDEGATE_API_KEY=served["good"])
