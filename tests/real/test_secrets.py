"""No secret leaves: not in logs, errors, probes, topics, Redis, reprs or the list of processes, on any path.

Every secret of the secure stack begins with CANARY; so does every wrong one that is sent here. Guarantee 9 for texts
and users is tests/drills/test_canary.py.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.main import get_command

from tests.real.as_user import POLICY, ROOT, environment, run, running_worker, settings
from tests.real.secure import Secure
from tidegate.streams.cli.app import app
from tidegate.streams.settings.settings import PREFIX
from tidegate.streams.settings.settings_errors import SECRETS

CANARY = b"zxcanary"
TOKEN = "zxcanarytoken-of-the-probes-qv"  # noqa: S105 - a canary
WRONG = "zxcanarywrongpasswordqv"
EVENTS = '{"id": "c1", "completion": "toxicity=0.95", "tenant": "acme", "user": "u1"}\nnot an event\n'

# What is wrong -> its variables. Each exits with code 2 before anything is done, or at the first connection.
BAD_PATHS: dict[str, dict[str, str]] = {
    "kafka: a wrong password": {"KAFKA_PASSWORD_FILE": "", "KAFKA_PASSWORD": WRONG},
    "kafka: a wrong password, PLAIN": {
        "KAFKA_PASSWORD_FILE": "", "KAFKA_PASSWORD": WRONG, "KAFKA_SASL_MECHANISM": "PLAIN",
    },
    "kafka: a password without SASL": {"KAFKA_SECURITY": "ssl", "KAFKA_PASSWORD": WRONG},
    "kafka: a password and a file": {"KAFKA_PASSWORD": WRONG},
    "kafka: an authority that is not trusted": {"KAFKA_CA_FILE": ""},
    "redis: a wrong password": {"REDIS_PASSWORD": WRONG},
    "redis: a wrong password in the URL": {
        "REDIS": f"redis://worker:{WRONG}@127.0.0.1:1/0", "REDIS_USER": "", "REDIS_PASSWORD": "", "REDIS_CA_FILE": "",
    },
    "redis: two passwords": {"REDIS": f"rediss://worker:{WRONG}@127.0.0.1:1/0"},
    "redis: no URL": {"REDIS": f"http://worker:{WRONG}@127.0.0.1:1/0"},
    "redis: a query": {"REDIS": f"redi://127.0.0.1:1/0?password={WRONG}"},
    "user key: too short": {"USER_KEY_FILE": "", "USER_KEY": "zxcanary"},
    "probes: a token that is too short": {"HTTP_TOKEN": "zxcanary"},
    "an unknown variable": {"KAFKA_PASSWROD": WRONG},
}  # fmt: skip

# Found only by a connection, where a command has code of its own.
AT_CONTACT = {"kafka: a wrong password", "redis: a wrong password", "kafka: an authority that is not trusted"}


class CommandLines:
    """The command lines of every process under this one, read every 50 ms."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            for pid in descendants(os.getpid()):
                with contextlib.suppress(OSError):
                    self.seen.add(Path(f"/proc/{pid}/cmdline").read_bytes())

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def ours(self) -> list[bytes]:
        return [line for line in self.seen if b"\0tidegate\0" in line]


def descendants(pid: int) -> Iterator[int]:
    """The descendants of a process."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def probe(port: int, name: str, token: str | None) -> bytes:
    """Reads a probe. Returns status, headers and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{name}")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return b"%d %s %s" % (answer.status, bytes(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return b"%d %s %s" % (error.code, bytes(error.headers), error.read())


def read_redis(secure: Secure) -> bytes:
    """Reads every key of Redis, and its log of refused users."""
    with secure.redis.client() as client:
        keys = list(client.scan_iter(count=1000))
        reads = {"hash": client.hgetall, "list": lambda k: client.lrange(k, 0, -1), "set": client.smembers}
        held = [(key, reads.get(client.type(key), client.dump)(key)) for key in keys]
        return repr((held, client.execute_command("ACL", "LOG"))).encode()


@pytest.mark.timeout(480)  # 45 processes, one after another but for the bad paths
def test_no_secret_leaves_anywhere(secure: Secure, tmp_path: Path) -> None:
    outputs: dict[str, bytes] = {}

    def command(user: str, *arguments: str, stdin: str = "") -> None:
        ran = run(secure, user, *arguments, stdin=stdin)
        outputs[f"{user}: {' '.join(arguments)}"] = (ran.stdout + ran.stderr).encode()

    with CommandLines() as lines:
        command("ops", "topics")
        more = {"TIDEGATE_HTTP_TOKEN": TOKEN, "TIDEGATE_LOG_LEVEL": "debug", "TIDEGATE_LOG_JSON": "true"}
        (tmp_path / "policy.toml").write_text(POLICY)
        command("ops", "policy", "apply", str(tmp_path / "policy.toml"), "--reason", "x", "--author", "ada", "--yes")
        with running_worker(secure, tmp_path / "worker", **more) as worker:
            line = worker.wait_for_line("on http", "/readyz")
            port = int(re.findall(r"127\.0\.0\.1:(\d+)", line)[0])
            worker.wait_for_line("completions[0]", "taken over")
            command("producer", "send", "-", stdin=EVENTS)
            command("producer", "policy", "history")  # refused
            for arguments in (["alerts"], ["policy", "status"], ["policy", "status", "--json"], ["rates"]):
                command("dashboard", *arguments)
            command("ops", "dead-letters", "list")
            for name in ("decisions", "dead-letters", "policies"):
                command("ops", "tail", name, "--until-end", "--json")
            assert probe(port, "metrics", None).startswith(b"401")
            assert probe(port, "metrics", WRONG).startswith(b"401")
            for name in ("metrics", "readyz", "healthz"):
                outputs[f"probe {name}"] = probe(port, name, TOKEN) + probe(port, name, None)
            assert b"tidegate_events_total" in outputs["probe metrics"]
        outputs["worker"] = worker.log.encode()
        env = environment(secure, "worker", TIDEGATE_LOG_LEVEL="debug", TIDEGATE_HTTP_PORT="0")
        wrong = {
            f"{what}: {arguments[0]}": ({**env, **{PREFIX + name: value for name, value in changed.items()}}, arguments)
            for what, changed in BAD_PATHS.items()
            for arguments in ([["worker"], ["policy", "status"]] if what in AT_CONTACT else [["worker"]])
        }
        with ThreadPoolExecutor(4) as pool:
            outputs |= zip(wrong, pool.map(output_of, *zip(*wrong.values(), strict=True)), strict=True)
        outputs["redis"] = read_redis(secure)
    outputs["reprs"] = reprs(secure)
    outputs["command lines"] = b"\n".join(lines.ours())
    assert len(lines.ours()) > 10
    assert b"c1" in outputs["ops: tail decisions --until-end --json"]
    assert b"are refused" in outputs["kafka: a wrong password: worker"]
    assert b"are refused" in outputs["redis: a wrong password: worker"]
    leaks = {where: excerpt(found) for where, found in outputs.items() if CANARY in found}
    assert leaks == {}


def output_of(env: dict[str, str], arguments: list[str]) -> bytes:
    """The output of a process until it ends, or of 10 s where it waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        out, _ = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, _ = process.communicate(timeout=30)
    return out


def reprs(secure: Secure) -> bytes:
    """The reprs of every object that holds a secret."""
    from tidegate.streams.http.probes import ProbeServer
    from tidegate.streams.kafka.producer import Publisher
    from tidegate.streams.store.redis import RedisStore
    from tidegate.streams.worker.faust_app import _credentials

    secured = settings(secure, "worker", http_token=TOKEN)
    probes = ProbeServer(None, dict, lambda: None, secured.token())  # type: ignore[arg-type]
    publisher = Publisher(secured.brokers, idempotent=True, max_record_bytes=1, client_id="x")
    store = RedisStore(secured.store, secured.namespace)
    held = (secured, secured.brokers, secured.store, _credentials(secured.brokers), probes, publisher, store)
    return "\n".join(f"{thing!r} {thing}" for thing in held).encode()


def excerpt(found: bytes) -> bytes:
    at = found.find(CANARY)
    return found[max(0, at - 120) : at + 60]


def test_no_command_has_a_flag_for_a_secret() -> None:
    flags: set[str] = set()

    def walk(command: object) -> None:
        for option in getattr(command, "params", ()):
            flags.update(name for name in option.opts if name.startswith("-"))
        for inner in getattr(command, "commands", {}).values():
            walk(inner)

    walk(get_command(app))
    assert len(flags) > 20
    secret_words = {secret_word for name in SECRETS for secret_word in name.split("_")} - {
        "user",
        "kafka",
        "redis",
        "http",
    }
    assert secret_words == {"key", "password", "token"}
    assert {flag for flag in flags if secret_words & set(re.split(r"\W+", flag))} == set()
