"""One measured run: a stack of its own, one process under test, N events, and the CPU that each process spent on them.

The process is stopped (SIGSTOP) while the events are written, and continued then: it reads a complete backlog, has
started before, and does not share its cores with the producer. Its CPU is read before and after.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil  # type: ignore[import-untyped]  # its stubs are not installed
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench import completions
from tidegate.streams.embedded import EmbeddedStack, free_port
from tidegate.streams.kafka.admin import ensure_topics

ROOT = Path(__file__).parents[1]
PARTITIONS = 12  # as the setting's default
ZEROS = "bench.zeros:scorer"
READY_S = 60.0
WARM_UP_S = 1.5  # after ready: until the work of the start is done
DONE_S = 300.0


@dataclass
class Spent:
    """The cost of one run. CPU in microseconds an event, user and system."""

    events: int
    wall_s: float
    cpu: float
    broker_cpu: float
    store_cpu: float
    threads: dict[str, float] = field(default_factory=dict)  # of the process: its main thread, all others

    @property
    def per_s(self) -> float:
        return self.events / self.wall_s


class MeasuredStack(Protocol):
    """A broker and a store, or several: the embedded stack, or `tests.real.stack.Real` around one (kafka.py)."""

    @property
    def kafka(self) -> str: ...
    @property
    def replication(self) -> int: ...
    def env(self) -> dict[str, str]: ...
    def check(self) -> None: ...


@dataclass
class Subject:
    """The process under test, ready and idle, on its stack."""

    stack: MeasuredStack
    process: psutil.Popen
    log: Path

    def check(self) -> None:
        self.stack.check()
        if self.process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise RuntimeError(f"the process under test ended by itself ({self.process.returncode}):\n{tail}")


@contextlib.asynccontextmanager
async def worker(classifier: str, command: Iterable[str] = ("-m", "tidegate")) -> AsyncIterator[Subject]:
    """Tidegate's worker as in production. command: another way to start the same."""
    with EmbeddedStack() as stack:
        async with worker_on(stack, classifier, command) as subject:
            yield subject


@contextlib.asynccontextmanager
async def workers(count: int, classifier: str) -> AsyncIterator[list[Subject]]:
    """Several workers on one stack, each ready."""
    with EmbeddedStack() as stack:
        async with contextlib.AsyncExitStack() as running:
            yield [await running.enter_async_context(worker_on(stack, classifier)) for _ in range(count)]


@contextlib.asynccontextmanager
async def worker_on(
    stack: MeasuredStack, classifier: str, command: Iterable[str] = ("-m", "tidegate")
) -> AsyncIterator[Subject]:
    """The same on a running stack."""
    port = free_port()
    env = {
        "TIDEGATE_CLASSIFIER": classifier,
        "TIDEGATE_HTTP_PORT": str(port),
        "TIDEGATE_PARTITIONS": str(PARTITIONS),
        "TIDEGATE_LOG_LEVEL": "warning",
    }

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    async with _started(stack, [*command, "worker"], {**stack.env(), **env}, lambda _: ready()) as subject:
        yield subject


@contextlib.asynccontextmanager
async def bare(classifier: str) -> AsyncIterator[Subject]:
    """The bare loop of `bare.py`."""
    with EmbeddedStack() as stack:
        async with bare_on(stack, classifier) as subject:
            yield subject


@contextlib.asynccontextmanager
async def bare_on(stack: MeasuredStack, classifier: str) -> AsyncIterator[Subject]:
    """The same on a running stack."""
    command = ["-m", "bench.bare", stack.kafka, classifier]
    async with _started(stack, command, {}, lambda log: "ready" in log.read_text()) as subject:
        yield subject


@contextlib.asynccontextmanager
async def _started(
    stack: MeasuredStack, command: list[str], env: dict[str, str], ready: Callable[[Path], bool]
) -> AsyncIterator[Subject]:
    await ensure_topics(stack.kafka, PARTITIONS, stack.replication)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = psutil.Popen(
                [sys.executable, *command], cwd=ROOT, env={**clean, **env}, stdout=out, stderr=subprocess.STDOUT
            )
        subject = Subject(stack, process, log)
        try:
            deadline = time.monotonic() + READY_S
            while not await asyncio.to_thread(ready, log):
                subject.check()
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the process under test was not ready in {READY_S:g} s")
                await asyncio.sleep(0.2)
            await asyncio.sleep(WARM_UP_S)
            yield subject
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()  # its stack ends too: it need not stop in order
                await asyncio.to_thread(process.wait, 15)


async def backlog(subject: Subject, count: int, around: Callable[[bool], None] = lambda _: None) -> Spent:
    """Writes `count` events while the subject is stopped, continues it, and waits for the last decision.

    around: called with True just before the subject continues, with False just after the last decision was read.
    """
    assert isinstance(subject.stack, EmbeddedStack)  # noqa: S101 - several servers: `backlogs`
    return await backlogs([subject], [subject.stack.broker_pid], subject.stack.store_pid, count, around)


async def backlogs(
    subjects: Sequence[Subject],
    brokers: Sequence[int],
    store: int,
    count: int,
    around: Callable[[bool], None] = lambda _: None,
) -> Spent:
    """The same with several subjects of one group. brokers, store: pids. The CPU is summed over each."""
    kafka = subjects[0].stack.kafka
    for subject in subjects:
        subject.process.send_signal(signal.SIGSTOP)
    await write(kafka, completions.events(count, int(time.time() * 1000)))
    processes = [[s.process for s in subjects], [psutil.Process(pid) for pid in brokers], [psutil.Process(store)]]
    async with _decisions(kafka) as read:
        before, main, began = [_cpu_s(p) for p in processes], _main_s(subjects), time.perf_counter()
        around(True)
        for subject in subjects:
            subject.process.send_signal(signal.SIGCONT)
        seen, deadline = 0, time.monotonic() + DONE_S
        while seen < count:
            seen += await read()
            for subject in subjects:
                subject.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{seen} of {count} decisions in {DONE_S:g} s")
        wall_s = time.perf_counter() - began
        await asyncio.sleep(0.1)  # until the last decision is counted or committed
        around(False)
        spent = [_cpu_s(p) - b for p, b in zip(processes, before, strict=True)]
        main = _main_s(subjects) - main
    cpu, broker_cpu, store_cpu = (s / count * 1e6 for s in spent)
    threads = {"main thread": main / count * 1e6, "other threads": max(0.0, cpu - main / count * 1e6)}
    return Spent(count, wall_s, cpu, broker_cpu, store_cpu, threads)


async def write(kafka: str, events: Iterable[tuple[bytes, bytes]]) -> None:
    """Writes every event to `completions`, acknowledged, over the partitions in turn."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=False, max_request_size=4 << 20)
    await producer.start()
    try:
        groups: list[list[tuple[bytes, bytes]]] = [[] for _ in range(PARTITIONS)]
        for n, event in enumerate(events):
            groups[n % PARTITIONS].append(event)
        acks = []
        for partition, group in enumerate(groups):
            batch = producer.create_batch()
            for key, value in group:
                while batch.append(key=key, value=value, timestamp=None) is None:
                    acks.append(await producer.send_batch(batch, "completions", partition=partition))
                    batch = producer.create_batch()
            acks.append(await producer.send_batch(batch, "completions", partition=partition))
        await asyncio.gather(*acks)
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def _decisions(kafka: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Yields a call that returns how many decisions came since the last call."""
    consumer = AIOKafkaConsumer(
        "decisions", bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    await consumer.start()

    async def read() -> int:
        return sum(map(len, (await consumer.getmany(timeout_ms=50)).values()))

    try:
        yield read
    finally:
        await consumer.stop()


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(t.user + t.system for t in times))


def _main_s(subjects: Sequence[Subject]) -> float:
    """Returns the CPU of their main threads, which are the event loops; 0 where the system does not report it."""
    return sum(
        float(thread.user_time + thread.system_time)
        for subject in subjects
        for thread in subject.process.threads()
        if thread.id == subject.process.pid
    )
