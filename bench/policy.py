"""`policy`: from the start of a change to the first decision under it, on two workers, with traffic flowing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench import completions
from bench.measure import PARTITIONS, ZEROS, Subject, workers
from bench.results import Results
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.records import PolicyChange
from tidegate.streams.policy_log.history import append, read_log
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.redis import RedisStore

WORKERS = 2
CHANGES = 60
PER_S = 200.0  # events, over all partitions
STEP_S = 0.01  # between two writes of the producer
WARM_CHANGES = 3
APART_S = (0.2, 0.8)  # between two changes, at random: in no step with anything that a worker does regularly
OWNED_S = 60.0
QUIET_S = 20.0  # a change that no worker decides under after so long never arrived


@dataclass
class Timed:
    """For every change, in ms from its start: its acknowledgement as live, and each worker's first decision."""

    acknowledged: list[float] = field(default_factory=list)
    workers: list[list[float]] = field(default_factory=list)


def run(results: Results, changes: int = CHANGES) -> None:
    """p50 and p99 of 60 changes, each as `policy set` makes it; two workers, without a model and with the real one."""
    for what, classifier in (("policy change zeros", ZEROS), ("policy change model", "")):
        _report(results, what, asyncio.run(_run(classifier, changes)))


def _report(results: Results, of: str, timed: Timed) -> None:
    results.add(of, "events written", PER_S, "events/s")
    for what, values in (
        ("acknowledged live", timed.acknowledged),
        ("first decision", [min(each) for each in timed.workers]),
        ("a worker's first", list(itertools.chain.from_iterable(timed.workers))),
        ("last worker's first", [max(each) for each in timed.workers]),
    ):
        for name, quantile in (("p50", 0.5), ("p99", 0.99)):
            values.sort()
            at = min(len(values) - 1, int(quantile * len(values)))
            results.add(of, f"{what} {name}", values[at], "ms", len(timed.workers))


async def _run(classifier: str, changes: int) -> Timed:
    async with workers(WORKERS, classifier) as subjects:
        kafka = subjects[0].stack.kafka
        env = {name.removeprefix("TIDEGATE_").lower(): value for name, value in subjects[0].stack.env().items()}
        settings = Settings(**env)  # type: ignore[arg-type]  # texts, as the environment has them
        owners = await _owners(settings)
        async with _flowing(kafka), _decisions(kafka) as firsts:
            timed, draw = Timed(), random.Random(1)
            for n in range(changes + WARM_CHANGES):
                await asyncio.sleep(draw.uniform(*APART_S))
                acknowledged, firsts_ms = await _change(settings, subjects, owners, firsts, 0.97 if n % 2 else 0.98)
                if n >= WARM_CHANGES:
                    timed.acknowledged.append(acknowledged)
                    timed.workers.append(firsts_ms)
            return timed


async def _change(
    settings: Settings, subjects: list[Subject], owners: list[set[int]], firsts: Callable[[str], dict[int, float]],
    block: float,
) -> tuple[float, list[float]]:  # fmt: skip
    """Returns the milliseconds from one change to its acknowledgement, and to each owner's first decision under it."""
    began = time.perf_counter()
    live = (await read_log(settings)).log.live
    if live is None:
        raise RuntimeError("no policy is live")
    policy = live.policy.model_dump(mode="json", exclude_none=True)
    policy["labels"]["toxicity"]["block"] = block
    at_ms = int(time.time() * 1000)
    change = PolicyChange(parent=live.version, policy=policy, author="bench", reason="bench", at_ms=at_ms)
    _, applied = await append(settings, change)
    acknowledged = time.perf_counter() - began
    if applied.version is None:
        raise RuntimeError(f"the change was not applied: {applied.why}")
    while True:
        seen = firsts(applied.version)
        each = [[at for partition, at in seen.items() if partition in owned] for owned in owners]
        if all(each):
            return acknowledged * 1000, [(min(times) - began) * 1000 for times in each]
        if time.perf_counter() - began > QUIET_S:
            raise RuntimeError(f"policy {applied.version} was not decided by on every worker in {QUIET_S:g} s")
        for subject in subjects:
            subject.check()
        await asyncio.sleep(0.02)


async def _owners(settings: Settings) -> list[set[int]]:
    """Returns the partitions of each worker, once all have an owner and every worker has some."""
    store = RedisStore(settings.store, settings.namespace)
    partitions = [TopicPartition("completions", p) for p in range(PARTITIONS)]
    try:
        async with asyncio.timeout(OWNED_S):
            while True:
                owned: dict[str, set[int]] = {}
                for partition, progress in zip(partitions, await store.progress(partitions), strict=True):
                    owned.setdefault(progress.owner or "", set()).add(partition.partition)
                if "" not in owned and len(owned) == WORKERS:
                    return list(owned.values())
                await asyncio.sleep(0.5)
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def _flowing(kafka: str) -> AsyncIterator[None]:
    """Writes events to every partition in turn, at PER_S, inside the block."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=False, linger_ms=20)
    await producer.start()

    async def write() -> None:
        began, sent = time.perf_counter(), 0
        events = itertools.cycle(completions.events(5_000, int(time.time() * 1000), seed=3))
        while True:
            due = int((time.perf_counter() - began) * PER_S) + 1
            for n in range(sent, due):
                key, value = next(events)
                await producer.send("completions", value, key=key, partition=n % PARTITIONS)
            sent = due
            await asyncio.sleep(STEP_S)

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        await producer.stop()


@contextlib.asynccontextmanager
async def _decisions(kafka: str) -> AsyncIterator[Callable[[str], dict[int, float]]]:
    """Yields a call: for a policy version, when the first decision under it was read, by source partition."""
    consumer = AIOKafkaConsumer(
        "decisions", bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    await consumer.start()
    firsts: dict[str, dict[int, float]] = {}

    async def read() -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=50)
            now = time.perf_counter()
            for records in fetched.values():
                for record in records:
                    decision = json.loads(record.value)
                    by_partition = firsts.setdefault(decision["policy_version"], {})
                    by_partition.setdefault(decision["source"]["partition"], now)

    reading = asyncio.create_task(read())
    try:
        yield lambda version: firsts.get(version, {})
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        await consumer.stop()
