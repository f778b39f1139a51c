"""`tidegate serve` under test, and clients that cost little: raw HTTP/1.1 over connections that stay open."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are not installed

from bench.measure import PARTITIONS, READY_S, ROOT
from tidegate.streams.core.policy.records import PolicyChange
from tidegate.streams.embedded import EmbeddedStack
from tidegate.streams.installed import DEFAULT_POLICY
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.producer import Message, Publisher

PATH = "/v1/moderations"
WARM_UP = 200  # requests, before anything is measured
_CONTENT_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
CONNECTIONS = 800  # of an open loop at the most; the server takes 1,024


@dataclass
class Load:
    """What clients got. took_ms: of each answer with status 200, from the moment it was due; sent_ms: from when it was
    sent, which is later where the client itself cannot keep up.
    """

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)
    sent_ms: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Answers with status 200 a second."""
        return self.statuses[200] / self.seconds


def quantile(values: Sequence[float], q: float) -> float:
    """Returns the value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


@dataclass
class Served:
    """A process that serves, ready and warm."""

    process: psutil.Popen
    port: int

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss_mib(self) -> float:
        return float(self.process.memory_info().rss) / 2**20


@contextlib.asynccontextmanager
async def beside_kafka() -> AsyncIterator[dict[str, str]]:
    """Yields the environment of a stack with topics and a policy."""
    with EmbeddedStack() as stack:
        await ensure_topics(stack.kafka, PARTITIONS, stack.replication)
        policy = tomllib.loads(DEFAULT_POLICY.read_text())
        change = PolicyChange(parent=None, policy=policy, author="bench", reason="first", at_ms=int(time.time() * 1000))
        publisher = Publisher(stack.kafka, idempotent=False, max_record_bytes=1_000_000, client_id="bench")
        await publisher.start()
        await publisher.publish([Message("policies", b"live", change.model_dump_json().encode(), 0)])
        await publisher.stop()
        yield stack.env()


@contextlib.asynccontextmanager
async def served(classifier: str, env: Mapping[str, str], count: str = "best_effort") -> AsyncIterator[Served]:
    """Runs `tidegate serve` until the block ends. env: of a stack, or empty."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    clean |= {
        **env,
        "TIDEGATE_CLASSIFIER": classifier,
        "TIDEGATE_SERVE_PORT": "0",
        "TIDEGATE_SERVE_PROBE_PORT": "0",
        "TIDEGATE_SERVE_COUNT": count,
    }
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = psutil.Popen(
                [sys.executable, "-m", "tidegate", "serve"], cwd=ROOT, env=clean, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            server = Served(process, await asyncio.to_thread(_port, process, log))
            await ask_in_turn(server.port, ["A text."] * 8, 8, requests=WARM_UP)
            yield server
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                await asyncio.to_thread(process.wait, 15)


def _port(process: psutil.Popen, log: Path) -> int:
    deadline = time.monotonic() + READY_S
    while not (found := re.search(r"serving http://\S+?:(\d+)/v1/", log.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"it does not serve:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
    return int(found[1])


class Connection(asyncio.Protocol):
    """One connection, which asks and waits for the answer: the server is to be measured, not its client."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._came = b""
        self._answer: asyncio.Future[int] | None = None

    async def ask(self, request: bytes) -> int:
        """Returns the status. Raises ConnectionError."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        self._came, self._answer = b"", loop.create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        length = _CONTENT_LENGTH.search(head) if end else None
        if length and len(body) == int(length[1]) and self._answer is not None:
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed without an answer"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def request_of(text: str | Sequence[str]) -> bytes:
    body = json.dumps({"input": text}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def ask_in_turn(
    port: int, texts: Sequence[str | Sequence[str]], clients: int, *, requests: int = 0, seconds: float = 0.0
) -> Load:
    """Each client asks, waits, and asks again (a closed loop): so many requests in all, or for so long."""
    sent, load, began = [request_of(text) for text in texts], Load(), time.perf_counter()
    numbers = iter(range(requests)) if requests else _until(began + seconds)

    async def client() -> None:
        connection = Connection(port)
        for n in numbers:
            at = time.perf_counter()
            status = await connection.ask(sent[n % len(sent)])
            load.statuses[status] += 1
            if status == 200:
                load.took_ms.append((time.perf_counter() - at) * 1000)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    load.seconds = time.perf_counter() - began
    return load


def _until(end: float) -> Iterator[int]:
    n = 0
    while time.perf_counter() < end:
        yield n
        n += 1


def arrivals(per_s: float, seconds: float, seed: int = 1) -> list[float]:
    """Returns when each request is due, in seconds: independent of each other (Poisson), the same for a seed."""
    draw, at, found = random.Random(seed), 0.0, list[float]()
    while (at := at + draw.expovariate(per_s)) < seconds:
        found.append(at)
    return found


async def ask_when_due(port: int, texts: Sequence[str], due: Sequence[float]) -> Load:
    """Asks at the given times, whether or not the server keeps up (an open loop)."""
    sent, load, began = [request_of(text) for text in texts], Load(), time.perf_counter()
    idle = [Connection(port) for _ in range(CONNECTIONS)]
    asking: set[asyncio.Task[None]] = set()

    async def one(connection: Connection, request: bytes, at: float) -> None:
        sent_at = time.perf_counter() - began
        status = await connection.ask(request)
        load.statuses[status] += 1
        if status == 200:
            now = time.perf_counter() - began
            load.took_ms.append((now - at) * 1000)
            load.sent_ms.append((now - sent_at) * 1000)
        idle.append(connection)

    for n, at in enumerate(due):
        if (wait_s := began + at - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        while not idle:
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(one(idle.pop(), sent[n % len(sent)], at))
        asking.add(task)
        task.add_done_callback(asking.discard)
    await asyncio.gather(*asking)
    load.seconds = time.perf_counter() - began
    for connection in idle:
        connection.close()
    return load
