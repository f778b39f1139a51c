"""A real `tidegate serve` with the model that comes with Tidegate; other people's clients as processes beside it."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environments
from tests.clients.serving import client_environment, serving
from tests.real.needed import missing

HERE = Path(__file__).parent
EXAMPLES = environments.ROOT / "examples"
PROGRAM_S = 120  # the largest client takes ten seconds to import

Run = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("client")


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def narrow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that takes one request at a time: others that come meanwhile are answered 429."""
    with serving(tmp_path_factory.mktemp("narrow") / "log", TIDEGATE_SERVE_INFLIGHT_REQUESTS="1") as url:
        yield url


@pytest.fixture(scope="session")
def nobody() -> Iterator[str]:
    """An address that refuses connections: bound, and not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(scope="session")
def program() -> Run:
    """Runs a program in an environment: `program("light", "openai_python.py", url)`; the JSON that it prints last."""

    def run(environment: str, file: str, *arguments: str) -> Any:
        return json.loads(run_file(environment, HERE / "programs" / file, *arguments).splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def example() -> Run:
    """Runs an example in an environment: `example("light", "openai_python.py", url)`; what it prints."""

    def run(environment: str, file: str, *arguments: str) -> str:
        return run_file(environment, EXAMPLES / file, *arguments)

    return run


def run_file(environment: str, file: Path, *arguments: str, **more: str) -> str:
    """What a program prints; fails with what it said where it fails, and where its environment cannot be made."""
    try:
        place = environments.program_of(environment)
    except environments.CannotInstall as error:
        missing(str(error))
    command = [str(place), str(file)]
    if environment == "npm":  # Node looks for packages beside the file
        copy = place / file.name
        copy.write_bytes(file.read_bytes())
        command = ["node", str(copy)]
    ran = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_S,
        env={**client_environment(), **more},
    )
    assert ran.returncode == 0, f"{file.name}: exit code {ran.returncode}\n{ran.stdout}\n{ran.stderr[-4000:]}"
    return ran.stdout


@pytest.fixture(scope="session")
def decided(url: str) -> Callable[[str], dict[str, Any]]:
    """What our own /v1/decide says of a text: each client must see the same scores."""

    def decide(text: str) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{url}/v1/decide", json.dumps({"completion": text}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return dict(json.loads(answer.read()))

    return decide
