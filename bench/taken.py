"""`taken`: the load of one event on Kafka and Redis: bytes on the wire, plain and in gzip, commands and their time.

Counted by the servers themselves, over a backlog that a worker reads in batches of 256: at a low rate a batch holds
fewer, and an event takes more commands. docs/scale.md uses these rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import redis
from aiokafka import AIOKafkaConsumer
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from bench.measure import ZEROS, backlog, worker
from bench.results import Results
from tidegate.streams.embedded import EmbeddedStack

COUNT = 20_000
BATCH_BYTES = 512 * 1024  # the largest that a worker sends
PLAIN, GZIP = 0, 1  # in Kafka's record batches


def run(results: Results, count: int = COUNT) -> None:
    """Bytes on Kafka, commands, time and bytes of Redis, an event, with a classifier that gives zeros."""
    asyncio.run(_run(results, count))


async def _run(results: Results, count: int) -> None:
    stats: dict[str, Any] = {}
    async with worker(ZEROS) as subject:
        assert isinstance(subject.stack, EmbeddedStack)  # noqa: S101 - `worker` makes one
        with redis.Redis.from_url(subject.stack.redis) as client:
            memory = [int(client.info("memory")["used_memory"])]

            def around(begins: bool) -> None:
                if begins:
                    client.config_resetstat()
                else:
                    stats.update(client.info("all"))

            await backlog(subject, count, around)
            memory.append(int(client.info("memory")["used_memory"]))
        for topic in ("completions", "decisions"):
            records = await _records(subject.stack.kafka, topic, count)
            for kind, name in ((PLAIN, "plain"), (GZIP, "gzip")):
                size = _batched(records, kind) / len(records)
                results.add(f"taken on {topic}", f"bytes, {name}", size, "bytes/record")
    scripts = stats["cmdstat_evalsha"]
    results.add("taken of redis", "calls of scripts", scripts["calls"] / count, "calls/event")
    results.add("taken of redis", "time of scripts", scripts["usec"] / count, "us/event")
    results.add("taken of redis", "time of a script", scripts["usec_per_call"], "us/call")
    results.add("taken of redis", "commands, those in scripts too", stats["total_commands_processed"] / count, "/event")
    results.add("taken of redis", "bytes to it", stats["total_net_input_bytes"] / count, "bytes/event")
    results.add("taken of redis", "bytes from it", stats["total_net_output_bytes"] / count, "bytes/event")
    results.add("taken of redis", "memory of these events", (memory[1] - memory[0]) / 1024, "KiB")


async def _records(kafka: str, topic: str, count: int) -> list[tuple[bytes | None, bytes]]:
    """Returns keys and values, partition after partition."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        by_partition: dict[int, list[tuple[bytes | None, bytes]]] = {}
        while sum(map(len, by_partition.values())) < count:
            for tp, records in (await consumer.getmany(timeout_ms=1000)).items():
                by_partition.setdefault(tp.partition, []).extend((record.key, record.value) for record in records)
    finally:
        await consumer.stop()
    return [record for partition in sorted(by_partition) for record in by_partition[partition]]


def _batched(records: Sequence[tuple[bytes | None, bytes]], kind: int) -> int:
    """Returns the bytes of these records in a producer's batches of 256."""
    size = 0
    for first in range(0, len(records), 256):
        builder = DefaultRecordBatchBuilder(2, kind, 0, -1, -1, -1, BATCH_BYTES)
        for offset, (key, value) in enumerate(records[first : first + 256]):
            if builder.append(offset, 0, key, value, []) is None:
                raise RuntimeError(f"256 records are over {BATCH_BYTES} bytes; expected them to fit one batch")
        size += len(builder.build())
    return size
