"""No secret leaves: not in logs, errors, pages, topics, Redis, reprs or the list of processes, on no good or bad path.

Every secret of the secure pair begins with CANARY; so does every wrong one that is sent here. Guarantee 9 for texts and
users is tests/drills/test_canary.py.
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

from tests.real.as_user import POLICY, ROOT, environment, run, settings, working
from tests.real.secure import Secure
from tidegate.streams.cli.app import app
from tidegate.streams.settings.settings import PREFIX
from tidegate.streams.settings.settings_errors import SECRETS

CANARY = b"zxcanary"
TOKEN = "zxcanarytoken-of-the-pages-qv"  # noqa: S105 - to be looked for
WRONG = "zxcanarywrongpasswordqv"
EVENTS = '{"id": "c1", "completion": "toxicity=0.95", "tenant": "acme", "user": "u1"}\nnot an event\n'

# What is wrong, and what it is sent as. Each ends with exit code 2 before anything is done, or at the first contact.
BAD_PATHS: dict[str, dict[str, str]] = {
    "kafka: a wrong password": {"KAFKA_PASSWORD_FILE": "", "KAFKA_PASSWORD": WRONG},
    "kafka: a wrong password, PLAIN": {
        "KAFKA_PASSWORD_FILE": "", "KAFKA_PASSWORD": WRONG, "KAFKA_SASL_MECHANISM": "PLAIN",
    },
    "kafka: a password without SASL": {"KAFKA_SECURITY": "ssl", "KAFKA_PASSWORD": WRONG},
    "kafka: a password and a file": {"KAFKA_PASSWORD": WRONG},
    "kafka: an authority that is not believed": {"KAFKA_CA_FILE": ""},
    "redis: a wrong password": {"REDIS_PASSWORD": WRONG},
    "redis: a wrong password in the URL": {
        "REDIS": f"redis://worker:{WRONG}@127.0.0.1:1/0", "REDIS_USER": "", "REDIS_PASSWORD": "", "REDIS_CA_FILE": "",
    },
    "redis: two passwords": {"REDIS": f"rediss://worker:{WRONG}@127.0.0.1:1/0"},
    "redis: no URL": {"REDIS": f"http://worker:{WRONG}@127.0.0.1:1/0"},
    "redis: a query": {"REDIS": f"redi://127.0.0.1:1/0?password={WRONG}"},
    "user key: too short": {"USER_KEY_FILE": "", "USER_KEY": "zxcanary"},
    "pages: a token that is too short": {"HTTP_TOKEN": "zxcanary"},
    "a variable that is none": {"KAFKA_PASSWROD": WRONG},
}  # fmt: skip

# Found out by a connection, so that a command finds it out by a code of its own.
AT_CONTACT = {"kafka: a wrong password", "redis: a wrong password", "kafka: an authority that is not believed"}


class CommandLines:
    """Of every process under this one, looked at all the while."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.wait(0.05):
            for pid in below(os.getpid()):
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


def below(pid: int) -> Iterator[int]:
    """The processes that a process started, and theirs."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from below(int(child))


def page(port: int, name: str, token: str | None) -> bytes:
    """Status, headers and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{name}")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return b"%d %s %s" % (answer.status, bytes(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return b"%d %s %s" % (error.code, bytes(error.headers), error.read())


def everything_kept(secure: Secure) -> bytes:
    """Every key of Redis and what it holds, and what it says of its users' attempts."""
    with secure.redis.client() as client:
        keys = list(client.scan_iter(count=1000))
        reads = {"hash": client.hgetall, "list": lambda k: client.lrange(k, 0, -1), "set": client.smembers}
        held = [(key, reads.get(client.type(key), client.dump)(key)) for key in keys]
        return repr((held, client.execute_command("ACL", "LOG"))).encode()


@pytest.mark.timeout(480)  # 45 processes, one after another but for the bad paths
def test_no_secret_leaves_anywhere(secure: Secure, tmp_path: Path) -> None:
    said: dict[str, bytes] = {}

    def command(user: str, *arguments: str, stdin: str = "") -> None:
        ran = run(secure, user, *arguments, stdin=stdin)
        said[f"{user}: {' '.join(arguments)}"] = (ran.stdout + ran.stderr).encode()

    with CommandLines() as lines:
        command("ops", "topics")
        more = {"TIDEGATE_HTTP_TOKEN": TOKEN, "TIDEGATE_LOG_LEVEL": "debug", "TIDEGATE_LOG_JSON": "true"}
        (tmp_path / "policy.toml").write_text(POLICY)
        command("ops", "policy", "apply", str(tmp_path / "policy.toml"), "--reason", "x", "--author", "ada", "--yes")
        with working(secure, tmp_path / "worker", **more) as worker:
            line = worker.says("pages on http")
            port = int(re.findall(r"127\.0\.0\.1:(\d+)", line)[0])
            worker.says("completions[0]", "taken over")
            command("producer", "send", "-", stdin=EVENTS)
            command("producer", "policy", "history")  # may not
            for arguments in (["alerts"], ["policy", "status"], ["policy", "status", "--json"], ["rates"]):
                command("dashboard", *arguments)
            command("ops", "dead-letters", "list")
            for name in ("decisions", "dead-letters", "policies"):
                command("ops", "tail", name, "--until-end", "--json")
            assert page(port, "metrics", None).startswith(b"401")
            assert page(port, "metrics", WRONG).startswith(b"401")
            for name in ("metrics", "readyz", "healthz"):
                said[f"page {name}"] = page(port, name, TOKEN) + page(port, name, None)
            assert b"tidegate_events_total" in said["page metrics"]
        said["worker"] = worker.log.encode()
        env = environment(secure, "worker", TIDEGATE_LOG_LEVEL="debug", TIDEGATE_HTTP_PORT="0")
        wrong = {
            f"{what}: {words[0]}": ({**env, **{PREFIX + name: value for name, value in changed.items()}}, words)
            for what, changed in BAD_PATHS.items()
            for words in ([["worker"], ["policy", "status"]] if what in AT_CONTACT else [["worker"]])
        }
        with ThreadPoolExecutor(4) as pool:
            said |= zip(wrong, pool.map(ended, *zip(*wrong.values(), strict=True)), strict=True)
        said["redis"] = everything_kept(secure)
    said["reprs"] = reprs(secure)
    said["command lines"] = b"\n".join(lines.ours())
    assert len(lines.ours()) > 10
    assert b"c1" in said["ops: tail decisions --until-end --json"]
    assert b"are refused" in said["kafka: a wrong password: worker"]
    assert b"are refused" in said["redis: a wrong password: worker"]
    leaks = {where: around(found) for where, found in said.items() if CANARY in found}
    assert leaks == {}


def ended(env: dict[str, str], words: list[str]) -> bytes:
    """What a process says until it ends, or for a few seconds where it waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", *words], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        out, _ = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, _ = process.communicate(timeout=30)
    return out


def reprs(secure: Secure) -> bytes:
    """Of everything that holds a secret in this process."""
    from tidegate.streams.http.probes import ProbeServer
    from tidegate.streams.kafka.producer import Publisher
    from tidegate.streams.store.redis import RedisStore
    from tidegate.streams.worker.faust_app import _credentials

    made = settings(secure, "worker", http_token=TOKEN)
    probes = ProbeServer(None, dict, lambda: None, made.token())  # type: ignore[arg-type]
    publisher = Publisher(made.brokers, idempotent=True, max_record_bytes=1, client_id="x")
    store = RedisStore(made.store, made.namespace)
    held = (made, made.brokers, made.store, _credentials(made.brokers), probes, publisher, store)
    return "\n".join(f"{thing!r} {thing}" for thing in held).encode()


def around(found: bytes) -> bytes:
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
    words = {word for name in SECRETS for word in name.split("_")} - {"user", "kafka", "redis", "http"}
    assert words == {"key", "password", "token"}
    assert {flag for flag in flags if words & set(re.split(r"\W+", flag))} == set()
