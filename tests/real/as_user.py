"""Commands and workers as processes of one user of the secure stack, with the settings of docs/how-to/secure.md."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.real.secure import Secure
from tidegate.streams.settings.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
POLICY = "[labels.toxicity]\nflag = 0.5\nblock = 0.9\n"


def environment(secure: Secure, user: str, **more: str) -> dict[str, str]:
    return {**os.environ, **secure.env(user), "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted", **more}


def settings(secure: Secure, user: str, **more: str | None) -> Settings:
    values = {name.removeprefix(PREFIX).lower(): value for name, value in secure.env(user).items()}
    return Settings(**{name: value for name, value in {**values, **more}.items() if value is not None})  # type: ignore[arg-type]


def run(secure: Secure, user: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command as that user."""
    return subprocess.run(
        [sys.executable, "-m", "tidegate", *arguments],
        cwd=ROOT, env=environment(secure, user), input=stdin, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


class SecuredProcess:
    """A worker, or `serve`, with the rights of the role of that name, and its log."""

    def __init__(self, secure: Secure, folder: Path, command: str, policy: str = POLICY, **more: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "policy.toml").write_text(policy)
        self._log = folder / f"{command}.log"
        more |= {"TIDEGATE_POLICY_FILE": str(folder / "policy.toml")}
        more |= {f"TIDEGATE_{name}_PORT": "0" for name in ("HTTP", "SERVE", "SERVE_PROBE")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tidegate", command],
                cwd=ROOT, env=environment(secure, command, **more), stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for_line(self, *fragments: str, within_s: float = 60) -> str:
        """Returns the log line that contains all of them, once there is one."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for line in self.log.splitlines():
                if all(fragment in line for fragment in fragments):
                    return line
            assert self._process.poll() is None, self.log
            time.sleep(0.1)
        raise AssertionError(f"{fragments} not logged within {within_s:g} s; logged:\n{self.log}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def running_worker(secure: Secure, folder: Path, policy: str = POLICY, **more: str) -> Iterator[SecuredProcess]:
    worker = SecuredProcess(secure, folder, "worker", policy, **more)
    try:
        yield worker
    finally:
        worker.stop()


@contextlib.contextmanager
def running_serve(secure: Secure, folder: Path, **more: str) -> Iterator[SecuredProcess]:
    serve = SecuredProcess(secure, folder, "serve", **more)
    try:
        yield serve
    finally:
        serve.stop()
