"""`latency`: from produce to decision, at half of what the worker can do."""

from __future__ import annotations

import asyncio
import json
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench import completions
from bench.measure import PARTITIONS, Subject, backlog, worker
from bench.results import Results

LOAD_EVENTS = 6_000  # to measure the worker's rate
SECONDS = 15.0
WARM_S = 2.0  # of those, before anything is counted
STEP_S = 0.005  # between two writes of the producer
QUIET_S = 10.0  # no decision for so long: one was lost
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def run(results: Results, seconds: float = SECONDS) -> None:
    """p50, p95, p99 with the real model at half of the measured load; reader and writer share the machine."""
    load, per_s, took_ms = asyncio.run(_run(seconds))
    took_ms.sort()
    results.add("latency model", "load measured", load, "events/s")
    results.add("latency model", "rate written", per_s, "events/s")
    for name, quantile in QUANTILES.items():
        results.add("latency model", name, took_ms[min(len(took_ms) - 1, int(quantile * len(took_ms)))], "ms")


async def _run(seconds: float) -> tuple[float, float, list[float]]:
    async with worker("") as subject:
        load = (await backlog(subject, LOAD_EVENTS)).per_s
        await asyncio.sleep(1.0)
        per_s = load / 2
        return load, per_s, await _at(subject, per_s, seconds)


async def _at(subject: Subject, per_s: float, seconds: float) -> list[float]:
    """Returns, for each event, the milliseconds from the call that writes it to its decision in a consumer."""
    count = int(per_s * seconds)
    events = list(completions.events(count, int(time.time() * 1000), seed=2))
    ids = {f"bench-{n}" for n in range(count)}
    written: dict[str, float] = {}
    took: dict[str, float] = {}
    kafka = subject.stack.kafka
    consumer = AIOKafkaConsumer(
        "decisions", bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=False, linger_ms=0)
    await consumer.start()
    for tp in consumer.assignment():  # past the decisions of the backlog, which have the same ids
        await _to_end(consumer, tp)
    await producer.start()
    try:
        writing = asyncio.create_task(_write(producer, events, per_s, written))
        last = time.perf_counter()
        while len(took) < count:
            fetched = await consumer.getmany(timeout_ms=50)
            now = time.perf_counter()
            for records in fetched.values():
                for record in records:
                    id = json.loads(record.value)["id"]
                    if id in ids:
                        took[id] = now - written[id]
                        last = now
            subject.check()
            if now - last > QUIET_S:
                raise RuntimeError(f"{len(took)} of {count} decisions, and no more for {QUIET_S:g} s")
        await writing
    finally:
        await producer.stop()
        await consumer.stop()
    warm = int(per_s * WARM_S)
    return [took[f"bench-{n}"] * 1000 for n in range(warm, count)]


async def _to_end(consumer: AIOKafkaConsumer, tp: object) -> None:
    while await consumer.getmany(tp, timeout_ms=200):
        pass


async def _write(
    producer: AIOKafkaProducer, events: list[tuple[bytes, bytes]], per_s: float, written: dict[str, float]
) -> None:
    began, sent = time.perf_counter(), 0
    acks = []
    while sent < len(events):
        due = min(len(events), int((time.perf_counter() - began) * per_s) + 1)
        for n in range(sent, due):
            key, value = events[n]
            written[f"bench-{n}"] = time.perf_counter()
            acks.append(await producer.send("completions", value, key=key, partition=n % PARTITIONS))
        sent = max(sent, due)
        await asyncio.sleep(STEP_S)
    await asyncio.gather(*acks)
