"""A Redis Cluster on loopback: three primaries and a replica of each, on free ports, removed with their owner."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import redis

from tidegate.streams.embedded.server import HOST, Server, Servers, free_port
from tidegate.streams.embedded.stack import redis_answers, store_arguments
from tidegate.streams.store.address import Address

PRIMARIES = 3
SLOTS = 16_384
NODE_TIMEOUT_MS = 2_000  # default 15 s: a replica is promoted 3 s after its primary died
FORMED_S = 60.0


class RedisCluster(Servers):
    """Six nodes of one binary (`redis-server` or `valkey-server`), from `with` to its end.

    Nodes 0, 1, 2 are primaries at first; node n + 3 is the replica of node n.
    """

    def __init__(self, binary: Path) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="tidegate-cluster-"))
        self._buses = [0] * (2 * PRIMARIES)
        self.nodes = [
            Server(f"node-{n}", binary, self._arguments(n), redis_answers, self._root) for n in range(2 * PRIMARIES)
        ]

    def _arguments(self, n: int) -> Callable[[int, Path], list[str]]:
        def arguments(port: int, folder: Path) -> list[str]:
            if not self.nodes[n].port:  # it has not run yet: another port where the last was taken
                self._buses[n] = free_port()
            return [
                *store_arguments(port, folder, appendonly=True),
                *("--cluster-enabled", "yes", "--cluster-port", str(self._buses[n])),
                *("--cluster-node-timeout", str(NODE_TIMEOUT_MS)),
            ]

        return arguments

    def _start(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Server.start, self.nodes))
        self._form()

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self._root, ignore_errors=True)

    @property
    def url(self) -> str:
        """The URL of one node; a client discovers the others from it."""
        return f"redis://{HOST}:{self.nodes[0].port}/0"

    @property
    def address(self) -> Address:
        return Address(self.url, cluster=True)

    def ask(self, n: int, *command: Any) -> Any:
        """The reply of one node to a command."""
        with contextlib.closing(redis.Redis(HOST, self.nodes[n].port, socket_timeout=10)) as client:
            return client.execute_command(*command)

    def holder(self, key: str) -> int:
        """The running node that reports itself as the primary of the key's slot."""
        slot = self.ask(self._any(), "CLUSTER KEYSLOT", key)
        for n in self._running():
            role, *_ = self.ask(n, "ROLE")
            mine = self.ask(n, "CLUSTER NODES")
            for line in mine.values():
                held = line["slots"] if role == b"master" and "myself" in line["flags"] else []
                if any(int(first) <= slot <= int(last) for first, last in held):
                    return n
        raise RuntimeError(f"no running node is the primary of slot {slot}")

    def wait(self, replicas: int) -> None:
        """Returns when every running node reports the cluster as ok, with that many following replicas."""
        deadline = time.monotonic() + FORMED_S
        while not all(self._is_formed(n, replicas) for n in self._running()):
            for n in self._running():
                self.nodes[n].check()
            if time.monotonic() > deadline:
                node_lists = "\n".join(str(self.ask(n, "CLUSTER NODES")) for n in self._running())
                raise RuntimeError(f"the cluster did not form in {FORMED_S:g} s:\n{node_lists}")
            time.sleep(0.05)

    def _form(self) -> None:
        per = -(-SLOTS // PRIMARIES)
        for n in range(2 * PRIMARIES):
            self.ask(n, "CLUSTER SET-CONFIG-EPOCH", n + 1)
            if n < PRIMARIES:
                self.ask(n, "CLUSTER ADDSLOTSRANGE", n * per, min((n + 1) * per, SLOTS) - 1)
            if n:
                self.ask(n, "CLUSTER MEET", HOST, self.nodes[0].port, self._buses[0])
        self.wait(replicas=0)
        for n in range(PRIMARIES):
            self.ask(n + PRIMARIES, "CLUSTER REPLICATE", self.ask(n, "CLUSTER MYID"))
        self.wait(replicas=PRIMARIES)

    def _is_formed(self, n: int, replicas: int) -> bool:
        if self.ask(n, "CLUSTER INFO")["cluster_state"] != "ok":
            return False
        nodes = self.ask(n, "CLUSTER NODES").values()
        healthy = [node for node in nodes if "fail" not in node["flags"] and "handshake" not in node["flags"]]
        following = sum("slave" in node["flags"] for node in healthy)
        role = self.ask(n, "ROLE")
        linked = role[0] != b"slave" or role[3] == b"connected"
        # CLUSTER SLOTS lists a replica once it has data of its primary.
        listed = sum(len(slots) - 3 for slots in self.ask(n, "CLUSTER SLOTS"))  # from, to, the primary, replicas
        return len(healthy) >= len(list(self._running())) and min(following, listed) >= replicas and linked

    def _running(self) -> Iterator[int]:
        return (n for n, node in enumerate(self.nodes) if node.running())

    def _any(self) -> int:
        return next(self._running())
