"""`tidegate serve` as a process of its own: started with nothing, stopped under load, refused where it must be."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tidegate.streams.operations.api_keys import add_key

ENVIRONMENT = {"TIDEGATE_SERVE_PROBE_PORT": "0", "TIDEGATE_SERVE_PORT": "0"}


def run(root: Path, **environment: str) -> subprocess.Popen[str]:
    env = {**os.environ, **ENVIRONMENT, **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "tidegate", "serve"], cwd=root, env=env, stderr=subprocess.PIPE, text=True
    )


def address(process: subprocess.Popen[str]) -> str:
    """Where it serves, once its log says so."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"serving (http://\S+?)/v1/", line):
            return found[1]
    raise AssertionError("it ended before it served")


def test_sigterm_under_load_answers_what_was_accepted(root: Path) -> None:
    """The account: every answer that the process made reached a client; nobody was left without a whole one."""
    process = run(root, TIDEGATE_CLASSIFIER="tests.serve.slow:scorer")
    url = address(process)
    outcomes: Counter[str] = Counter()

    async def client(session: aiohttp.ClientSession) -> None:
        while True:
            try:
                async with session.post(f"{url}/v1/moderations", json={"input": "toxicity=0.9"}) as answer:
                    body = await answer.json()
                    outcomes[str(answer.status)] += 1
                    assert ("results" in body) is (answer.status == 200)
            except aiohttp.ClientConnectionError:  # the address is closed
                outcomes["closed"] += 1
                return

    async def load() -> None:
        async with aiohttp.ClientSession() as session, asyncio.timeout(60):
            clients = [asyncio.create_task(client(session)) for _ in range(20)]
            while outcomes["200"] < 60:
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            await asyncio.gather(*clients)

    asyncio.run(load())
    assert process.stderr is not None
    with process.stderr:
        log = process.stderr.read()
    assert process.wait(30) == 0
    (answered,) = re.findall(r"(\d+) requests answered since the start", log)
    assert outcomes["200"] + outcomes["503"] == int(answered)
    assert outcomes["200"] >= 60


def test_it_runs_with_nothing(root: Path) -> None:
    """The model and the policy that come with Tidegate; no Kafka, no Redis, no key."""
    process = run(root)
    url = address(process)

    async def ask() -> bool:
        body = {"input": "You are a worthless idiot."}
        async with aiohttp.ClientSession() as client, client.post(f"{url}/v1/moderations", json=body) as answer:
            return bool((await answer.json())["results"][0]["flagged"])

    assert asyncio.run(ask()) is True
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    with process.stderr:
        assert "everybody on this machine may call" in process.stderr.read()
    assert process.wait(30) == 0


def test_a_key_works_until_it_is_revoked(root: Path, tmp_path: Path) -> None:
    """In a process that runs, by the commands; no log has a secret."""
    file = tmp_path / "keys.json"
    add_key(file, "first", "acme", 1)
    where = {"TIDEGATE_SERVE_KEYS_FILE": str(file)}
    process = run(root, TIDEGATE_CLASSIFIER="tests.serve.slow:scorer", **where)
    url = address(process)

    def keys(*args: str) -> str:
        command = [sys.executable, "-m", "tidegate", "keys", *args]
        return subprocess.run(
            command, cwd=root, env={**os.environ, **where}, capture_output=True, text=True, check=True
        ).stdout.strip()

    async def until(status: int, secret: str) -> None:
        async with aiohttp.ClientSession(headers={"api-key": secret}) as client, asyncio.timeout(30):
            while True:
                async with client.post(f"{url}/v1/moderations?key={secret}", json={"input": "fine"}) as answer:
                    if answer.status == status:
                        return
                await asyncio.sleep(0.1)

    secret = keys("add", "second", "--tenant", "acme")
    asyncio.run(until(200, secret))
    keys("revoke", "second", "--yes")
    asyncio.run(until(401, secret))
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    with process.stderr:
        log = process.stderr.read()
    assert process.wait(30) == 0
    assert "2 API keys are in force" in log
    assert "tdg_" not in log


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"TIDEGATE_SERVE_HOST": "0.0.0.0"}, "TIDEGATE_SERVE_KEYS_FILE: not set, but TIDEGATE_SERVE_HOST is 0.0.0.0"),  # noqa: S104
        ({"TIDEGATE_SERVE_KEYS_FILE": "/no/keys"}, "TIDEGATE_SERVE_KEYS_FILE: /no/keys: No such file"),
        ({"TIDEGATE_POLICY_FILE": "/no/such.toml"}, "/no/such.toml"),
        ({"TIDEGATE_SERVE_PORT": "-1"}, "TIDEGATE_SERVE_PORT"),
    ],
)
def test_a_wrong_setting_ends_it_with_a_message(root: Path, environment: dict[str, str], says: str) -> None:
    process = run(root, **environment)
    assert process.stderr is not None
    with process.stderr:
        log = process.stderr.read()
    assert process.wait(30) == 2
    assert says in log
    assert "Traceback" not in log
