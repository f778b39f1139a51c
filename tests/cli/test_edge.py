"""What goes wrong ends as a line that says where, what and what now, and as an exit code; never as a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tidegate.streams.embedded import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def nobody(offline: Cli) -> Cli:
    """Settings that point at ports on which nobody listens."""
    redis = f"redis://127.0.0.1:{free_port()}/0"
    return Cli({**offline.env, "TIDEGATE_KAFKA": f"127.0.0.1:{free_port()}", "TIDEGATE_REDIS": redis})


@pytest.mark.parametrize(
    "command",
    [
        "topics", "send -", "tail decisions", "rates", "alerts", "alerts --all", "silence list",
        "silence add --for 1h --reason x", "silence expire s-1", "policy show", "policy history",
        "policy check policy.toml --live", "policy apply policy.toml --reason x",
        "policy set labels.toxicity.block 0.9 --reason x", "checkpoint show",
        "checkpoint reset --partition completions-0 --to 0 --yes", "dead-letters list", "dead-letters show x",
        "dead-letters redrive --all --yes",
    ],
)  # fmt: skip
def test_an_unavailable_dependency_is_exit_code_3(nobody: Cli, command: str) -> None:
    """A dependency that is unavailable is named, in one line."""
    ran = nobody(*command.split(), stdin='{"id": "1", "completion": "x"}\n')
    assert ran.code == 3, ran.err
    assert "127.0.0.1" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert "waiting" not in ran.err  # a command does not wait
    assert ran.err.count("ConnectionError") == 1
    assert ran.out == "" or command.startswith("policy check")


def test_wrong_settings_are_named_with_exit_code_2(offline: Cli) -> None:
    ran = offline("rates", TIDEGATE_KAFKA="nowhere", TIDEGATE_LIVE_SCOPE="5")
    assert ran.code == 2
    assert "TIDEGATE_KAFKA: found 'nowhere'; expected host:port[,host:port…]" in ran.err
    assert "TIDEGATE_LIVE_SCOPE: no such setting; did you mean TIDEGATE_LIVE_SCOPES?" in ran.err


def test_a_worker_without_a_user_key_says_how_to_make_one() -> None:
    # A process of its own: a worker sets up logging, and ends its process.
    ran = subprocess.run([sys.executable, "-m", "tidegate", "worker"], capture_output=True, text=True, cwd=ROOT)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1)
    assert "openssl rand -hex 32" in ran.stderr


@pytest.mark.parametrize(
    "command", ["nonsense", "tail", "tail nonsense", "send", "send /no/such/file", "send . ", "score /no/such/file"]
)
def test_wrong_usage_is_exit_code_2(offline: Cli, command: str) -> None:
    ran = offline.unpinned(*command.split())  # some words are typer's own
    assert ran.code == 2
    assert ran.err


def test_a_pipe_that_closes_early_is_no_error() -> None:
    command = f"{sys.executable} -m tidegate schemas --help | head -1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True)
    assert (ran.stdout.splitlines()[-1], ran.stderr) == ("0", "")


def test_many_lines_into_a_closed_pipe_end_without_a_traceback(tmp_path: Path) -> None:
    lines = tmp_path / "many.jsonl"
    lines.write_text('{"id": "1", "completion": "x"}\n' * 20_000)
    command = f"{sys.executable} -m tidegate score {lines} | head -1 | cut -c1-9; echo ${{PIPESTATUS[0]}}"
    env = {**os.environ, "TIDEGATE_CLASSIFIER": "tests.cli.twin:make"}
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, env=env, check=True)
    assert ran.stdout.splitlines() == ['{"id": "1', "0"]
    assert re.fullmatch(r"policy: \S+/policy\.toml \(the one that Tidegate carries\)\n", ran.stderr)
