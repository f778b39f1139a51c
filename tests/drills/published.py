"""Reads what workers wrote by now: decisions by epoch, the buckets that an epoch wrote, reminders, metrics."""

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
from tests.drills.reading import follow, read_topic
from tidegate.streams.topics import ALERTS, DECISIONS

Place = tuple[int, int]  # partition and offset on `decisions`


async def decision_epochs(kafka: str) -> dict[Place, int]:
    """The epoch of every decision that is on the topic by now. A producer may still hold more."""
    return {(r.partition, r.offset): json.loads(r.value)["epoch"] async for r in read_topic(kafka, DECISIONS)}


async def wait_for_decision(kafka: str, of: Mapping[int, int], within_s: float = 120) -> None:
    """Returns once a completion at or beyond one of these offsets has a decision. of: partition -> offset."""
    async with asyncio.timeout(within_s), aclosing(follow(kafka, DECISIONS)) as records:
        async for record in records:
            source = json.loads(record.value)["source"]
            if source["offset"] >= of.get(source["partition"], source["offset"] + 1):
                return


async def buckets_written_by(url: str, epochs: set[int]) -> dict[str, str]:
    """`<key> <bucket>` -> the record range that wrote it last, of the buckets that one of these epochs wrote last."""
    client, found = aioredis.Redis.from_url(url, decode_responses=True), {}
    async for key in client.scan_iter(match="tidegate:{completions-*}:touch", count=1000):
        for start, record_range in (await client.hgetall(key)).items():
            if int(record_range.partition(":")[0]) in epochs:
                found[f"{key} {start}"] = record_range
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
    """The reasons of the firing alerts that were sent again."""
    alerts = [json.loads(record.value) async for record in read_topic(kafka, ALERTS)]
    return {alert["reason"] for alert in alerts if alert["resent"]}


async def metric(workers: Fleet, name: str, **with_labels: str) -> Counter[str]:
    """Worker -> the sum of a metric's samples for `completions`, or of all where it has no topic label.

    with_labels: only samples with these labels.
    """
    found: Counter[str] = Counter()
    for worker in workers.workers:
        probes = re.search(r" on (http://\S+)/readyz", workers.log(worker))
        if probes is None:
            continue  # just started
        text = await asyncio.to_thread(_read, f"{probes[1]}/metrics")
        for labels, value in re.findall(rf"^tidegate_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE):
            matches = all(f'{label}="{value_}"' in labels for label, value_ in with_labels.items())
            if matches and ("topic=" not in labels or 'topic="completions"' in labels):
                found[worker] += int(float(value))
    return found


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - a worker of ours, on loopback
        return str(answer.read().decode())
