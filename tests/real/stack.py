"""Apache Kafka and Redis as one stack, with the interface of `EmbeddedStack`: what runs on one runs on the other."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import tempfile
from pathlib import Path

import redis
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.metadata import MetadataRequest

from tests.real.cluster import Cluster
from tests.real.jars import RealServersMissing
from tidegate.streams.embedded.server import HOST, Server, Servers
from tidegate.streams.embedded.stack import redis_answers, store_arguments


def redis_server() -> Path:
    """The distribution's `redis-server`. Raises RealServersMissing."""
    path = shutil.which("redis-server")
    if path is None:
        raise RealServersMissing("no `redis-server` on PATH; expected Redis 7 or newer", "redis-server")
    return Path(path)


class Real(Servers):
    """Three brokers (or `brokers`) and a Redis with an append-only file, from `with` to its end."""

    def __init__(self, brokers: int = 3, **properties: str) -> None:
        """properties: of the brokers, as `Cluster` takes them. Raises RealServersMissing."""
        binary = redis_server()
        self.root = Path(tempfile.mkdtemp(prefix="tidegate-real-"))
        self._user_key = secrets.token_hex(32)
        self.cluster = Cluster(self.root, brokers, **properties)
        self._store = Server(
            "redis",
            binary,
            lambda port, folder: store_arguments(port, folder, appendonly=True),
            redis_answers,
            self.root,
        )

    def _start(self) -> None:
        self._store.start()
        self.cluster.start()

    def stop(self) -> None:
        self.cluster.stop()
        self._store.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def wipe(self) -> None:
        """Deletes every topic and every key, and starts every server that does not run."""
        self.thaw_broker()
        self.cluster.mend()
        if not self._store.running():
            self._store.start()
        self.thaw_store()
        with redis.Redis.from_url(self.redis, socket_timeout=30) as client:
            client.flushall()
        asyncio.run(self._delete_topics())

    async def _delete_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka, request_timeout_ms=60_000)
        await admin.start()
        try:
            while names := await self._topics(admin):
                await admin.delete_topics(list(names))
                await asyncio.sleep(0.1)
        finally:
            await admin.close()

    async def _topics(self, admin: AIOKafkaAdminClient) -> set[str]:
        """The topics that any broker still has: a deletion reaches one broker later than another."""
        requests = [admin._send_request_to_node(n, MetadataRequest(None)) for n in range(len(self.cluster))]
        topics = [
            topic["topic"] for answer in await asyncio.gather(*requests) for topic in answer.to_object()["topics"]
        ]
        return {name for name in topics if not name.startswith("__")}

    @property
    def kafka(self) -> str:
        return self.cluster.bootstrap

    @property
    def redis(self) -> str:
        return f"redis://{HOST}:{self._store.port}/0"

    @property
    def replication(self) -> int:
        return min(3, len(self.cluster))

    @property
    def store_dir(self) -> Path:
        return self._store.directory

    @property
    def store_pid(self) -> int:
        return self._store.pid

    def env(self) -> dict[str, str]:
        """The TIDEGATE_ variables of a worker on this stack."""
        return {
            "TIDEGATE_KAFKA": self.kafka,
            "TIDEGATE_REDIS": self.redis,
            "TIDEGATE_USER_KEY": self._user_key,
            "TIDEGATE_REPLICATION": str(self.replication),
            "TIDEGATE_SESSION_TIMEOUT_S": "6",
            "TIDEGATE_HEARTBEAT_S": "2",
        }

    def check(self) -> None:
        self.cluster.check()
        self._store.check()

    def kill_store(self) -> None:
        """kill -9; the append-only file stays."""
        self._store.kill()

    def start_store(self) -> None:
        """Starts it on the same port and directory. Returns once it answers."""
        self._store.start()

    def freeze_store(self) -> None:
        self._store.freeze()

    def thaw_store(self) -> None:
        self._store.send(signal.SIGCONT)

    def freeze_broker(self) -> None:
        """SIGSTOP of every broker: connections stay open and nothing answers."""
        for n in range(len(self.cluster)):
            self.cluster.broker(n).freeze()

    def thaw_broker(self) -> None:
        for n in range(len(self.cluster)):
            if self.cluster.broker(n).running():
                self.cluster.broker(n).send(signal.SIGCONT)
