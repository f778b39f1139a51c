"""LiteLLM's proxy as a process, with made-up models: what a user of the gateway gets."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environments
from tests.clients.conftest import EXAMPLES, HERE
from tests.clients.serving import ALLOWED, BLOCKED, client_environment, serving
from tests.real.needed import missing

CLIENTS = (("litellm", "litellm", "`litellm[proxy]`: the same three guardrails, `pre_call` and `post_call`, streams"),)
STREAMS = ("generic-post", "generic-rewriting")
RUDE = "You are a worthless idiot."
MASTER = f"sk-{secrets.token_hex(16)}"
START_S = 120  # it imports for ten seconds on an idle machine

Ask = Callable[..., tuple[int, Any]]


class Echo(BaseHTTPRequestHandler):
    """A model that answers with the last message it was sent: so a test sees what reached the model."""

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": sent["messages"][-1]["content"]}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        body = {"id": "c", "object": "chat.completion", "created": 1, "model": "echo", "choices": [choice]}
        answer = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@contextmanager
def proxy(config: Path, log: Path, **environment: str) -> Iterator[Ask]:
    """A proxy on a free port; yields a call of it: status, and the body, or the text of a stream."""
    try:
        python = environments.program_of("litellm")
    except environments.CannotInstall as error:
        missing(str(error))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python.parent / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    env = {**client_environment(), "LITELLM_MASTER_KEY": MASTER, **environment}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*map(str, command), "--telemetry", "False"], env=env, stdout=out, stderr=subprocess.STDOUT
        )

    def ask(model: str, prompt: str, *guardrails: str, stream: bool = False) -> tuple[int, Any]:
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            json.dumps({**body, "guardrails": guardrails} if guardrails else body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {MASTER}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
                said = answer.read().decode()
                return answer.status, said if stream else json.loads(said)["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["error"]

    try:
        until = time.monotonic() + START_S
        while not _is_alive(port):
            assert process.poll() is None, f"the proxy ended:\n{log.read_text('utf-8')[-4000:]}"
            assert time.monotonic() < until, f"the proxy is not there:\n{log.read_text('utf-8')[-4000:]}"
            time.sleep(0.2)
        assert "Skipping guardrail" not in log.read_text("utf-8")  # it starts without one that it cannot read
        yield ask
    finally:
        process.terminate()
        process.wait(60)


def _is_alive(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def ask(url: str, nobody: str, echo: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A proxy with each guardrail by name. FAULTY: a server whose classifier raises on RAISE."""
    folder = tmp_path_factory.mktemp("litellm")
    addresses = {"TIDEGATE_URL": url, "TIDEGATE_V1": f"{url}/v1", "ECHO_URL": echo, "NOBODY": nobody}
    with (
        serving(folder / "faulty", TIDEGATE_CLASSIFIER="tests.support.scorers:scripted") as faulty,
        proxy(HERE / "litellm_config.yaml", folder / "log", FAULTY=faulty, **addresses) as ask,
    ):
        yield ask


@pytest.mark.parametrize("guardrail", ["generic", "openai", "azure"])
def test_what_is_allowed_passes(ask: Ask, guardrail: str) -> None:
    assert ask("kind", "Hello.", f"{guardrail}-pre") == (200, ALLOWED)
    assert ask("kind", "Hello.", f"{guardrail}-post") == (200, ALLOWED)


@pytest.mark.parametrize(
    ("guardrail", "says"),
    [
        ("generic", "Blocked for threat by policy file-"),
        ("openai", "Violated OpenAI moderation policy"),
        ("azure", "Azure Content Safety Guardrail: "),
    ],
)
def test_what_is_blocked_is_a_400(ask: Ask, guardrail: str, says: str) -> None:
    for status, error in (
        ask("kind", BLOCKED, f"{guardrail}-pre"),
        ask("threat", "Hello.", f"{guardrail}-post"),
    ):
        assert status == 400
        assert error["message"].startswith(says)


def test_an_answer_is_redacted(ask: Ask, decided: Any) -> None:
    assert ask("rude", "Hello.", "generic-post") == (200, decided(RUDE)["redacted"])


def test_a_prompt_is_redacted_before_the_model(ask: Ask, decided: Any) -> None:
    assert ask("echo", RUDE, "generic-pre") == (200, decided(RUDE)["redacted"])
    assert ask("echo", "Hello.", "generic-pre") == (200, "Hello.")


def frames_of(said: str) -> list[Any]:
    return [json.loads(line.removeprefix("data: ")) for line in said.splitlines() if line.startswith("data: {")]


def shown_in(frames: list[Any]) -> str:
    choices = (choice for frame in frames for choice in frame.get("choices", ()))
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def test_a_blocked_stream_ends_with_an_error(ask: Ask) -> None:
    """What was shown before the block stays shown: LiteLLM asks at every fifth chunk."""
    status, said = ask("threat", "Hello.", "generic-post", stream=True)
    *frames, last = frames_of(said)
    assert status == 200
    assert last["error"]["code"] == "400"
    assert last["error"]["message"].startswith("Blocked for threat by policy")
    assert BLOCKED.startswith(shown_in(frames))
    assert 0 < len(shown_in(frames)) < len(BLOCKED)


def test_a_buffered_stream_shows_nothing_blocked(ask: Ask) -> None:
    status, error = ask("threat", "Hello.", "generic-buffered", stream=True)
    assert status == 400
    assert error["message"].startswith("Blocked for threat by policy")
    status, said = ask("kind", "Hello.", "generic-buffered", stream=True)
    assert (status, shown_in(frames_of(said))) == (200, ALLOWED)


def test_a_stream_is_redacted_only_where_it_may_be(ask: Ask, decided: Any) -> None:
    """LiteLLM drops a rewrite of a stream, unless `streaming_transform_mode` is `incremental_diff`."""
    shown = {name: shown_in(frames_of(ask("rude", "Hello.", name, stream=True)[1])) for name in STREAMS}
    assert shown == {"generic-post": RUDE, "generic-rewriting": decided(RUDE)["redacted"]}


def test_where_nobody_answers_its_own_fallback_decides(ask: Ask) -> None:
    assert ask("kind", "Hello.", "away-open") == (200, ALLOWED)
    status, error = ask("kind", "Hello.", "away-closed")
    assert status == 500
    assert "Generic Guardrail API failed" in error["message"]


def test_a_fault_of_ours_is_no_answer(ask: Ask) -> None:
    """503, so the same fallback decides: a text that was not scored is not "not flagged"."""
    assert ask("kind", "Hello.", "faulty-closed") == (200, ALLOWED)
    assert ask("kind", "RAISE", "faulty-open") == (200, ALLOWED)
    status, error = ask("kind", "RAISE", "faulty-closed")
    assert status == 500
    assert "503" in error["message"]


def test_the_example_runs(url: str, decided: Any, tmp_path: Path) -> None:
    with proxy(EXAMPLES / "litellm_config.yaml", tmp_path / "log", TIDEGATE_URL=url) as ask:
        assert ask("kind", "Hello.") == (200, ALLOWED)
        assert ask("rude", "Hello.") == (200, decided(RUDE)["redacted"])
        status, error = ask("kind", BLOCKED)
        assert status == 400
        assert error["message"].startswith("Blocked for threat by policy")
