"""What is on the way out at one moment, and whose: decisions by epoch, the buckets that a token wrote, metrics."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping

import redis.asyncio as aioredis
from aiokafka import AIOKafkaConsumer

from tests.drills.fleet import Fleet

Place = tuple[int, int]  # partition and offset on `decisions`


async def epochs(kafka: str) -> dict[Place, int]:
    """The epoch of every decision that is on the topic by now; more may be on their way to it."""
    consumer = AIOKafkaConsumer("decisions", bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    found: dict[Place, int] = {}
    now_ms = time.time() * 1000
    await consumer.start()
    left = set(consumer.assignment())
    try:
        while left and (fetched := await consumer.getmany(timeout_ms=1500)):
            for tp, records in fetched.items():
                found |= {(tp.partition, record.offset): json.loads(record.value)["epoch"] for record in records}
            left -= {tp for tp, records in fetched.items() if records[-1].timestamp > now_ms}
    finally:
        await consumer.stop()
    return found


async def ahead(kafka: str, of: Mapping[int, int], within_s: float = 120) -> None:
    """Returns once there is a decision on a completion at or beyond one of these: partition -> offset."""
    consumer = AIOKafkaConsumer("decisions", bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        async with asyncio.timeout(within_s):
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        source = json.loads(record.value)["source"]
                        if source["offset"] >= of.get(source["partition"], source["offset"] + 1):
                            return
    finally:
        await consumer.stop()


async def written_by(url: str, tokens: set[int]) -> dict[str, str]:
    """`<key> <bucket>` -> the span that wrote it last, of buckets that one of these tokens wrote last."""
    client, found = aioredis.Redis.from_url(url, decode_responses=True), {}
    async for key in client.scan_iter(match="tidegate:{completions-*}:touch", count=1000):
        for start, span in (await client.hgetall(key)).items():
            if int(span.partition(":")[0]) in tokens:
                found[f"{key} {start}"] = span
    await client.aclose()
    return found


async def tokens(url: str, partitions: int) -> dict[int, int]:
    """Partition of `completions` -> the token of its owner."""
    client, found = aioredis.Redis.from_url(url, decode_responses=True), {}
    for partition in range(partitions):
        if (token := await client.hget(f"tidegate:{{completions-{partition}}}:fence", "token")) is not None:
            found[partition] = int(token)
    await client.aclose()
    return found


async def reminders(kafka: str) -> set[str]:
    """The reasons with which firing alerts were sent again."""
    consumer = AIOKafkaConsumer("alerts", bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    found: set[str] = set()
    await consumer.start()
    try:
        while fetched := await consumer.getmany(timeout_ms=1500):
            alerts = [json.loads(record.value) for records in fetched.values() for record in records]
            found |= {alert["reason"] for alert in alerts if alert["resent"]}
    finally:
        await consumer.stop()
    return found


async def metric(workers: Fleet, name: str) -> Counter[str]:
    """Worker -> the sum of a metric's samples for `completions`, or of all where it knows no topic."""
    found: Counter[str] = Counter()
    for worker in workers.workers:
        pages = re.search(r"pages on (http://\S+)/readyz", workers.log(worker))
        if pages is None:
            continue  # just started
        text = await asyncio.to_thread(_read, f"{pages[1]}/metrics")
        for labels, value in re.findall(rf"^tidegate_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE):
            if "topic=" not in labels or 'topic="completions"' in labels:
                found[worker] += int(float(value))
    return found


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - a worker of ours, on loopback
        return str(answer.read().decode())
