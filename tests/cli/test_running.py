"""With a worker: what is sent is decided, what is set takes effect without a restart; and `up`, from start to end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from tests.cli.conftest import PARTITIONS, TWIN, Cli
from tests.support.manifests import write, write_cascade, write_one
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack, free_port
from tidegate.streams.embedded.child_process import ChildProcess
from tidegate.streams.kafka.admin import ensure_topics

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
UP = [sys.executable, "-m", "tidegate", "up"]
LONG_S = 90.0  # for a worker to start, on a machine that does other things


def until(found: Callable[[], T | None], within_s: float = LONG_S) -> T:
    """What `found` returns once it returns something."""
    deadline = time.monotonic() + within_s
    while not (result := found()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.1)
    return result


@pytest.fixture(scope="module")
def running(module_stack: Stack) -> Iterator[tuple[Cli, ChildProcess]]:
    """A pair and a worker on it that is ready."""
    port = free_port()
    env = {**module_stack.env(), **TWIN}
    with ChildProcess(
        "worker", env={**env, "TIDEGATE_HTTP_PORT": str(port), "TIDEGATE_LOG_LEVEL": "warning"}
    ) as worker:
        until(lambda: ready(port))
        yield Cli(env, golden=False), worker  # what is said hangs on how far the worker is


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(json.load(answer)["ready"])
    except OSError:
        return False


def decision(cli: Cli, id: str) -> dict[str, Any]:
    """The decision on a completion, once it is there."""
    return until(lambda: next((d for d in decisions(cli) if d["id"] == id), None))


def decisions(cli: Cli) -> list[Any]:
    return cli("tail", "decisions", "--until-end", "--json").jsonl


def decided(cli: Cli) -> int:
    """How many completions were decided so far, by the checkpoints."""
    rows = cli("checkpoint", "show", "--json").jsonl
    return sum(row["next"] or 0 for row in rows if row["partition"].startswith("completions"))


def send(cli: Cli, id: str, text: str, **more: str) -> None:
    assert cli("send", "-", stdin=json.dumps({"id": id, "completion": text, **more})).code == 0


@pytest.mark.drill
def test_a_threshold_that_is_set_takes_effect_without_a_restart(running: tuple[Cli, ChildProcess]) -> None:
    cli, worker = running
    send(cli, "before", "toxicity=0.85", tenant="acme")
    before = decision(cli, "before")
    assert before["action"] == "flag"
    assert before["policy_version"] == cli("policy", "show", "--json").jsonl[0]["version"]

    ran = cli("policy", "set", "labels.toxicity.review", "0.8", "--tenant", "acme", "--reason", "incident 42")
    assert ran.code == 0
    version = cli("policy", "show", "--json").jsonl[0]["version"]
    assert version != before["policy_version"]

    def under_the_new_one() -> dict[str, Any] | None:
        id = f"after-{time.monotonic_ns()}"
        send(cli, id, "toxicity=0.85", tenant="acme")
        found = decision(cli, id)
        return found if found["policy_version"] == version else None

    after = until(under_the_new_one, 10)
    assert after["action"] == "review"
    assert after["reasons"][0]["scope"] == "tenant=acme"
    send(cli, "elsewhere", "toxicity=0.85", tenant="other")
    assert decision(cli, "elsewhere")["action"] == "flag"
    assert worker.wait(0) is None  # the same process all along


@pytest.mark.drill
def test_a_model_is_swapped_without_a_restart(own_embedded: EmbeddedStack, tmp_path: Path) -> None:
    """And a bad one is refused."""
    asyncio.run(ensure_topics(own_embedded.kafka, 1, own_embedded.replication))
    manifest = write_one(tmp_path)
    port = free_port()
    env = {**own_embedded.env(), **TWIN, "TIDEGATE_CLASSIFIER": "", "TIDEGATE_CLASSIFIER_MANIFEST": str(manifest)}
    cli = Cli(env, golden=False)
    settings = {"TIDEGATE_HTTP_PORT": str(port), "TIDEGATE_MODEL_POLL_S": "0.1", "TIDEGATE_LOG_LEVEL": "error"}
    with ChildProcess("worker", env={**env, **settings}) as worker:
        until(lambda: ready(port))
        send(cli, "first", "The train leaves at nine.")
        first = decision(cli, "first")
        assert (first["model_version"].partition("@")[0], first["by_encoder"]) == ("screen-en", None)

        write(tmp_path, "default = [[")
        until(lambda: metric(port, "tidegate_model_refused_total") == 1)
        assert ready(port)
        send(cli, "refused", "The train leaves at nine.")
        assert decision(cli, "refused")["model_version"] == first["model_version"]

        write_cascade(tmp_path, {"toxicity": (0.0, 1.0)})
        until(lambda: 'version="both@' in page(port))
        send(cli, "swapped", "The train leaves at nine.")
        swapped = decision(cli, "swapped")
        assert (swapped["model_version"].partition("@")[0], "toxicity" in swapped["by_encoder"]) == ("both", True)
        assert metric(port, "tidegate_texts_sent_total") == 1
        assert worker.wait(0) is None  # the same process all along


def page(port: int) -> str:
    """What /metrics says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        found: bytes = answer.read()
    return found.decode()


def metric(port: int, name: str) -> float:
    """A metric without labels."""
    (value,) = re.findall(rf"^{name} (\S+)$", page(port), re.MULTILINE)
    return float(value)


@pytest.mark.drill
def test_commands_show_what_the_worker_made(running: tuple[Cli, ChildProcess]) -> None:
    """Rates, checkpoints and dead letters."""
    cli, _ = running
    assert cli("send", "-", stdin="junk\n").code == 0
    (letter,) = until(lambda: cli("dead-letters", "list", "--json").jsonl)
    assert letter["reason"] == "not_json"
    send(cli, "flagged", "toxicity=0.75", tenant="zeta")
    found = until(lambda: cli("rates", "--scope", "tenant=zeta", "--measure", "label.toxicity", "--json").jsonl)
    assert (found[0]["hits"], found[0]["total"], found[0]["share"]) == (1, 1, 1.0)
    rows = cli("checkpoint", "show", "--json").jsonl
    assert len(rows) == 3 * PARTITIONS  # completions, feedback, moderations
    assert all(row["owner"] for row in rows)


@pytest.mark.drill
def test_an_owner_reads_again_from_a_moved_checkpoint(running: tuple[Cli, ChildProcess]) -> None:
    """One that was moved by force."""
    cli, _ = running
    send(cli, "again", "toxicity=0.75")
    source = decision(cli, "again")["source"]
    partition = f"completions-{source['partition']}"
    before = decided(cli)
    moved = cli("checkpoint", "reset", "--partition", partition, "--to", str(source["offset"]), "--force", "--yes")
    assert moved.code == 0, moved.err
    until(lambda: decided(cli) == before)  # counted up to where it was, a second time
    until(lambda: sum(d["id"] == "again" for d in decisions(cli)) == 2)
    committed = cli("checkpoint", "reset", "--partition", partition, "--to", "committed", "--force", "--yes")
    assert committed.code == 0, committed.err


@pytest.mark.drill
def test_a_worker_process_is_gone_when_its_owner_is_killed(own_stack: Stack) -> None:
    program = (
        "import sys, time\nfrom tidegate.streams.embedded.child_process import ChildProcess\n"
        "with ChildProcess('worker', env={}) as worker:\n    print(worker.pid, flush=True)\n    time.sleep(60)\n"
    )
    env = {**os.environ, **own_stack.env(), **TWIN, "TIDEGATE_HTTP_PORT": "0"}
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT)
    assert owner.stdout is not None
    with owner.stdout:
        pid = int(owner.stdout.readline())
        assert psutil.pid_exists(pid)
        owner.kill()
        owner.wait()
    until(lambda: not psutil.pid_exists(pid), 10)


@pytest.mark.drill
@pytest.mark.usefixtures("_wheels")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_up_prints_variables_and_leaves_nothing_behind(end: signal.Signals) -> None:
    """What other terminals need."""
    env = {**os.environ, **TWIN, "TIDEGATE_SERVE_PORT": "0"}
    up = subprocess.Popen(
        [*UP, "--partitions", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=env,
    )  # fmt: skip
    assert up.stdout is not None
    with up.stdout:
        lines = iter(up.stdout.readline, "")
        told = ""
        for line in lines:
            told += line
            if "Ctrl-C" in line:
                break
        probes = re.findall(r"^(?:worker|serve) +(http://127\.0\.0\.1:\d+)/readyz$", told, re.M)
        assert len(probes) == 2
        cli = Cli({**dict(re.findall(r"^export (\w+)=(\S+)$", told, re.M)), **TWIN}, golden=False)
        assert cli("topics").out == "every topic exists; nothing created\n"
        children = psutil.Process(up.pid).children(recursive=True)
        until(lambda: all(alive(f"{url}/readyz") for url in probes))
        (curl,) = re.findall(r"^curl .*\\\n.*$", told, re.M)
        assert over_http(curl)["results"][0]["flagged"] is False  # the twin reads scores in the text: there are none
        assert until(lambda: decisions(cli))[0]["source"]["topic"] == "moderations"
        up.send_signal(end)
        assert up.wait(30) == (-end if end == signal.SIGKILL else 0)
    _, left = psutil.wait_procs(children, timeout=10)
    assert left == []


def over_http(curl: str) -> Any:
    """What is answered to a line that runs curl."""
    _, _, url, _, header, _, body = shlex.split(curl.replace("\\\n", " "))
    name, _, value = header.partition(": ")
    asked = urllib.request.Request(f"http://{url}", body.encode(), {name: value})
    with urllib.request.urlopen(asked, timeout=15) as answer:  # noqa: S310
        return json.load(answer)


def alive(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.drill
@pytest.mark.usefixtures("_wheels")
@pytest.mark.parametrize(
    ("setting", "value", "logged", "who"),
    [
        ("TIDEGATE_POLICY_FILE", "/no/such/policy.toml",
         "/no/such/policy.toml: No such file or directory; expected a policy file", "worker"),
        ("TIDEGATE_SERVE_KEYS_FILE", "/no/such/keys.json", "/no/such/keys.json", "serve"),
    ],
)  # fmt: skip
def test_up_ends_when_a_process_of_its_own_does(setting: str, value: str, logged: str, who: str) -> None:
    env = {**os.environ, **TWIN, "TIDEGATE_SERVE_PORT": "0", setting: value}
    ran = subprocess.run(UP, capture_output=True, text=True, cwd=ROOT, env=env)
    assert ran.returncode == 1
    assert logged in ran.stderr
    assert f"{who} ended by itself with exit code 2; its log above says why" in ran.stderr


@pytest.mark.usefixtures("_wheels")
def test_up_says_that_its_port_is_taken_and_what_to_set() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = {**os.environ, "TIDEGATE_SERVE_PORT": str(port)}
        ran = subprocess.run(
            [sys.executable, "-m", "tidegate", "up"], capture_output=True, text=True, cwd=ROOT, env=env
        )
    assert (ran.returncode, ran.stdout) == (2, "")
    expected = "expected a free port: set another one, or 0 for any; nothing started"
    assert ran.stderr == f"TIDEGATE_SERVE_PORT: 127.0.0.1:{port} is taken; {expected}\n"
