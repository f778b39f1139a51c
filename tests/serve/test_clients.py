"""The light clients against a process of `tidegate serve`; `make test-clients` has the others."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.serving import client_environment, serving
from tests.real.needed import missing

EXAMPLES = [
    ("openai_python.py", "openai", "You are a worthless idiot.: flagged for harassment"),
    ("perspective_google.py", "googleapiclient", "INSULT 0.95"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


def run(package: str, *command: str) -> list[str]:
    """The lines that a program prints."""
    if importlib.util.find_spec(package) is None:
        missing(f"no package {package}: pip install -e '.[dev]'")
    ran = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, timeout=60, env=client_environment()
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize(("file", "package", "last"), EXAMPLES)
def test_the_example_runs(url: str, root: Path, file: str, package: str, last: str) -> None:
    assert run(package, str(root / "examples" / file), url)[-1] == last


def test_the_pages_example_flags_the_text(url: str, root: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (root / "docs/how-to/serve.md").read_text(), re.DOTALL)
    assert run("openai", "-c", program.replace("http://127.0.0.1:8080", url)) == ["True"]
