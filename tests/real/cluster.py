"""Apache Kafka without Docker: brokers in KRaft mode on free ports of loopback, removed with their owner."""

from __future__ import annotations

import base64
import struct
import subprocess
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.real.jars import jars, java
from tidegate.streams.embedded.server import HOST, Server, free_port
from tidegate.streams.embedded.stack import exchange

START_S = 90.0  # a broker is up in 5 s on an idle machine, and drills share two cores
JVM = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
QUIET = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


class Cluster:
    """`brokers` of them, each a controller too: replication 3 and min.insync 2 where there are three.

    Nodes are numbered from 0. Each has a second listener, `proxied[n]`, that advertises that very address:
    nothing listens there until a drill starts a proxy on it, whose target is `listens[n]`.
    """

    def __init__(self, root: Path, brokers: int = 3, **more: str) -> None:
        """more: broker properties, with `_` for `.`, that win over ours."""
        self._root, self._lib, self._java = root, jars(), java()
        self.id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._more = {name.replace("_", "."): value for name, value in more.items()}
        self._controllers = [free_port() for _ in range(brokers)]
        self._inside = [free_port() for _ in range(brokers)]
        self._behind = [free_port() for _ in range(brokers)]
        self._proxied = [free_port() for _ in range(brokers)]
        self._servers = [
            Server(
                f"kafka-{n}",
                Path(self._java),
                lambda port, directory, n=n: self._arguments(n, port, directory),  # type: ignore[misc]
                lambda port, _pid: self._seen(port) > 0,
                root,
                start_s=START_S,
                stop_s=30.0,
            )
            for n in range(brokers)
        ]

    def start(self) -> None:
        """Returns when every broker answers and knows all the others."""
        self.mend()
        for server in self._servers:
            while self._seen(server.port) < len(self._servers):
                server.check()

    def mend(self) -> None:
        """Starts every broker that does not run."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Server.start, [server for server in self._servers if not server.running()]))

    def stop(self) -> None:
        """Killed: their data is gone with them anyway."""
        for server in self._servers:
            server.kill()

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{HOST}:{server.port}" for server in self._servers)

    @property
    def listens(self) -> list[str]:
        """The address of the second listener of each broker: the target of a proxy before it."""
        return [f"{HOST}:{port}" for port in self._behind]

    @property
    def proxied(self) -> list[str]:
        """The address that the second listener of each broker advertises: a proxy must listen there."""
        return [f"{HOST}:{port}" for port in self._proxied]

    def __len__(self) -> int:
        return len(self._servers)

    def broker(self, n: int) -> Server:
        return self._servers[n]

    def start_broker(self, n: int) -> None:
        """Started (again) on its port and data; returns when it answers, which takes a quorum."""
        self._servers[n].start()

    def kill_broker(self, n: int) -> None:
        """kill -9."""
        self._servers[n].kill()

    def stop_broker(self, n: int) -> None:
        """Stops it by SIGTERM: it moves its leaderships to others first."""
        self._servers[n].stop()

    def log(self, n: int) -> str:
        """The log of a broker since its last start."""
        return (self._root / f"kafka-{n}.log").read_text(errors="replace")

    def check(self) -> None:
        for server in self._servers:
            server.check()

    def tool(self, main: str, *args: str) -> str:
        """Runs one of Kafka's tools, by its class (`kafka.tools.…`, `org.apache.kafka.tools.…`). Returns its output."""
        command = [self._java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{self._lib}/*", main, *args]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"{main} {' '.join(args)}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def _arguments(self, n: int, port: int, directory: Path) -> list[str]:
        properties = directory / "server.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in self._properties(n, port, directory).items()))
        if not (directory / "data").exists():
            self.tool(
                "kafka.tools.StorageTool", "format", f"--cluster-id={self.id}", "-c", str(properties), *self._format()
            )
        return [*JVM, *QUIET, "-cp", f"{self._lib}/*", "kafka.Kafka", str(properties)]

    def _format(self) -> list[str]:
        """Further arguments of the command that formats the storage."""
        return []

    def _properties(self, n: int, port: int, directory: Path) -> Mapping[str, Any]:
        replicas = min(3, len(self._servers))
        at = {"CLIENT": port, "PROXIED": self._behind[n], "INSIDE": self._inside[n], "CONTROLLER": self._controllers[n]}
        advertised = {"CLIENT": port, "PROXIED": self._proxied[n], "INSIDE": self._inside[n]}
        return {
            "node.id": n,
            "process.roles": "broker,controller",
            "controller.quorum.voters": ",".join(f"{i}@{HOST}:{p}" for i, p in enumerate(self._controllers)),
            "listeners": ",".join(f"{name}://{HOST}:{p}" for name, p in at.items()),
            "advertised.listeners": ",".join(f"{name}://{HOST}:{p}" for name, p in advertised.items()),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in at),
            "inter.broker.listener.name": "INSIDE",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": directory / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": min(2, replicas),
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 3,  # default 50: this cluster lives for minutes
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": min(2, replicas),
            "transaction.state.log.num.partitions": 3,
            "share.coordinator.state.topic.replication.factor": replicas,
            "group.initial.rebalance.delay.ms": 0,
            "broker.session.timeout.ms": 6000,  # default 9 s: a killed broker's partitions move sooner
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 16 << 20,
            **self._more,
        }

    def _seen(self, port: int) -> int:
        """The number of brokers of this cluster that the one on `port` knows; 0 where it does not answer."""
        ask_no_topic = struct.pack(
            ">ihhihi", 14, 3, 2, 1, -1, 0
        )  # Metadata v2: size, api, version, id, no client, none
        cluster_id = self.id.encode()
        answer = exchange(port, ask_no_topic, lambda got: cluster_id in got)
        return int(struct.unpack_from(">i", answer, 8)[0]) if cluster_id in answer else 0
