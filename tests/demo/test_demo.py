"""The demo as people run it: it ends by itself, its account closes, alerts fire and resolve, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("_wheels")]
ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "tidegate", "demo"]


def test_the_demo_closes_its_account() -> None:
    # a shell that is set up for another deployment does not disturb it
    env = {**os.environ, "TIDEGATE_KAFKA": "127.0.0.1:1", "TIDEGATE_USER_KEY_FILE": "/nowhere"}
    ended = subprocess.run([*DEMO, "--json"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=180)
    assert ended.returncode == 0, ended.stderr
    (line,) = ended.stdout.splitlines()
    account = json.loads(line)
    assert list(account) == [
        "sent", "sent_by_kafka", "sent_over_http", "unanswered_over_http", "decided", "faults",
        "dead_letters", "redriven", "alerts_fired", "alerts_resolved", "seconds",
    ]  # fmt: skip
    assert account["sent"] >= 1_000
    assert account["sent"] == account["decided"] + account["faults"] + account["dead_letters"]
    assert account["sent"] == account["sent_by_kafka"] + account["sent_over_http"]
    assert 0.1 <= account["sent_over_http"] / account["sent"] <= 0.15
    assert account["faults"] == 0
    assert account["dead_letters"] > 20
    assert account["alerts_fired"] == account["alerts_resolved"] >= 3
    assert account["seconds"] < 120
    assert "alert firing: high_toxicity tenant=pixel-arena" in ended.stderr
    assert "alert resolved: bias_spike model=wren-mini" in ended.stderr


def started(demo: subprocess.Popen[str]) -> list[psutil.Process]:
    """The demo's processes, once the traffic runs."""
    assert demo.stdout is not None
    while "ready after" not in (line := demo.stdout.readline()):
        assert line, "the demo ended before it was ready"
    return psutil.Process(demo.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=10)[1]


def popen() -> subprocess.Popen[str]:
    return subprocess.Popen(DEMO, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_ends_everything() -> None:
    with popen() as demo:
        processes = started(demo)
        assert len(processes) >= 8  # broker, store, worker and serve, each with its leash
        time.sleep(2)  # some traffic
        demo.send_signal(signal.SIGINT)
        stderr = demo.communicate(timeout=60)[1]
        assert gone(processes)
    assert demo.returncode == 130
    assert stderr == "stopped; nothing is left running\n"


@pytest.mark.parametrize(("command", "logged"), [("worker", "taken over at"), ("serve", "serving http://127.0.0.1:")])
def test_a_process_that_dies_ends_the_demo_with_its_log(command: str, logged: str) -> None:
    with popen() as demo:
        processes = started(demo)
        (process,) = (
            p for p in processes if p.cmdline()[-2:] == ["tidegate", command] and "leash" not in str(p.cmdline())
        )
        process.kill()
        stderr = demo.communicate(timeout=60)[1]
        assert gone(processes)
    assert demo.returncode == 1
    assert stderr.startswith(f"`tidegate {command}` ended by itself with exit code 137; its log ends:\n  ")
    assert logged in stderr
