"""What is on the way out at one moment, and whose: decisions by epoch, the buckets that an epoch wrote, metrics."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing

import redis.asyncio as aioredis

from tests.drills.fleet import Fleet
from tests.drills.reading import everything, follow
from tidegate.streams.topics import ALERTS, DECISIONS

Place = tuple[int, int]  # partition and offset on `decisions`


async def epochs(kafka: str) -> dict[Place, int]:
    """The epoch of every decision that is on the topic by now; more may be on their way to it."""
    return {(r.partition, r.offset): json.loads(r.value)["epoch"] async for r in everything(kafka, DECISIONS)}


async def ahead(kafka: str, of: Mapping[int, int], within_s: float = 120) -> None:
    """Returns once there is a decision on a completion at or beyond one of these: partition -> offset."""
    async with asyncio.timeout(within_s), aclosing(follow(kafka, DECISIONS)) as records:
        async for record in records:
            source = json.loads(record.value)["source"]
            if source["offset"] >= of.get(source["partition"], source["offset"] + 1):
                return


async def written_by(url: str, epochs: set[int]) -> dict[str, str]:
    """`<key> <bucket>` -> the span that wrote it last, of buckets that one of these epochs wrote last."""
    client, found = aioredis.Redis.from_url(url, decode_responses=True), {}
    async for key in client.scan_iter(match="tidegate:{completions-*}:touch", count=1000):
        for start, span in (await client.hgetall(key)).items():
            if int(span.partition(":")[0]) in epochs:
                found[f"{key} {start}"] = span
    await client.aclose()
    return found


async def owner_epochs(url: str, partitions: int) -> dict[int, int]:
    """Partition of `completions` -> the epoch of its owner."""
    client, found = aioredis.Redis.from_url(url, decode_responses=True), {}
    for partition in range(partitions):
        if (epoch := await client.hget(f"tidegate:{{completions-{partition}}}:checkpoint", "epoch")) is not None:
            found[partition] = int(epoch)
    await client.aclose()
    return found


async def reminders(kafka: str) -> set[str]:
    """The reasons with which firing alerts were sent again."""
    alerts = [json.loads(record.value) async for record in everything(kafka, ALERTS)]
    return {alert["reason"] for alert in alerts if alert["resent"]}


async def metric(workers: Fleet, name: str, **with_labels: str) -> Counter[str]:
    """Worker -> the sum of a metric's samples for `completions`, or of all where it knows no topic.

    with_labels: of those samples alone that have them.
    """
    found: Counter[str] = Counter()
    for worker in workers.workers:
        probes = re.search(r"pages on (http://\S+)/readyz", workers.log(worker))
        if probes is None:
            continue  # just started
        text = await asyncio.to_thread(_read, f"{probes[1]}/metrics")
        for labels, value in re.findall(rf"^tidegate_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE):
            asked = all(f'{label}="{value_}"' in labels for label, value_ in with_labels.items())
            if asked and ("topic=" not in labels or 'topic="completions"' in labels):
                found[worker] += int(float(value))
    return found


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - a worker of ours, on loopback
        return str(answer.read().decode())
