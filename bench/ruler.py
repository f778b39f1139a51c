"""`ruler`: the time of one evaluation and the memory of the counts, with as many live scopes as the limit allows.

1,000 tenants, models and routes, each with completions in every bucket of every partition: the worst case under the
limit of live scopes.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import redis.asyncio as aioredis

from bench.measure import PARTITIONS, ROOT
from bench.results import Results
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.rates.rates import longest_window_s
from tidegate.streams.embedded import EmbeddedStack
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.ruler.ruler import Ruler
from tidegate.streams.store import Apply, Checkpoint, Marker
from tidegate.streams.store.redis import RedisStore

SCOPES = 1_000  # a kind, as the setting's default
BUCKETS = 30  # the default rates' window, 5 minutes, full
EVALUATIONS = 10


def run(results: Results, scopes: int = SCOPES, buckets: int = BUCKETS, evaluations: int = EVALUATIONS) -> None:
    """Evaluation time, Redis bytes with every scope live, 1,000 a kind, over 12 partitions and 5 minutes of buckets."""
    asyncio.run(_run(results, scopes, buckets, evaluations))


async def _run(results: Results, scopes: int, buckets: int, evaluations: int) -> None:
    live = LivePolicy("bench", read_policy(ROOT / Path("policy.toml")))
    windows = live.policy.windows
    keep_s = windows.bucket_s + longest_window_s(live, feedback=False) + windows.late_s
    partitions = [TopicPartition("completions", p) for p in range(PARTITIONS)]
    with EmbeddedStack() as stack:
        await ensure_topics(stack.kafka, PARTITIONS, 1)
        store = RedisStore(stack.redis, "bench")
        publisher = Publisher(stack.kafka, idempotent=False, max_record_bytes=1_000_000, client_id="bench")
        redis = aioredis.Redis.from_url(stack.redis)
        await publisher.start()
        try:
            counts = _Counts(store, partitions, scopes, windows.bucket_s * 1000, keep_s * 1000)
            await counts.take_over()
            empty = await _used(redis)
            newest = await counts.newest()
            for n in reversed(range(buckets)):
                await counts.add(newest - n * windows.bucket_s * 1000)
            used = await _used(redis) - empty
            what = f"{scopes} scopes a kind, {PARTITIONS} partitions"
            results.add(what, f"redis, {buckets} buckets", used / 2**20, "MiB")
            results.add(what, "redis, a bucket", used / buckets / 2**20, "MiB")
            # A bucket is kept for the longest window of any rule, however few series that rule needs.
            stored = used / buckets * keep_s / windows.bucket_s
            results.add(what, f"redis, {keep_s} s, estimated", stored / 2**20, "MiB")

            published: list[Sequence[Message]] = []

            async def publish(messages: Sequence[Message]) -> None:
                published.append(messages)
                await publisher.publish(messages)

            ruler = Ruler(store, publish, lambda: partitions, lambda: live, lambda: (), "bench")
            first, _ = await _timed(ruler)
            results.add(what, "first evaluation, wall", first, "ms")
            wall, cpu = [], []
            for _ in range(evaluations):
                await counts.add(await counts.newest())
                took, used_cpu = await _timed(ruler)
                wall.append(took)
                cpu.append(used_cpu)
            results.add(what, "evaluation, wall", statistics.median(wall), "ms", evaluations)
            results.add(what, "evaluation, longest", max(wall), "ms", evaluations)
            results.add(what, "evaluation, cpu", statistics.median(cpu), "ms", evaluations)
            results.add(
                what,
                "rates an evaluation",
                statistics.median(map(len, published[-evaluations:])),
                "records",
                evaluations,
            )
        finally:
            await redis.aclose()
            await publisher.stop()
            await store.close()


async def _timed(ruler: Ruler) -> tuple[float, float]:
    """Returns the milliseconds of wall time and of our own CPU of one evaluation."""
    cpu, wall = time.process_time(), time.perf_counter()
    if not await ruler.run_once():
        raise RuntimeError("the ruler did not get its lease; expected it to be alone")
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


async def _used(redis: aioredis.Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


class _Counts:
    """Counts as a worker applies them: one completion of every scope in each partition's bucket, each time."""

    def __init__(
        self, store: RedisStore, partitions: list[TopicPartition], scopes: int, bucket_ms: int, keep_ms: int
    ) -> None:
        self._store, self._partitions, self._bucket_ms, self._keep_ms = store, partitions, bucket_ms, keep_ms
        self._epochs: list[int] = []
        self._next = 0
        self._scopes = scopes
        names = [f"{kind}={kind}-{n}" for kind in ("tenant", "model", "route") for n in range(scopes)]
        self._series = {
            f"{counter}|{scope}": n
            for counter, n in (("scored", 20), ("action.allow", 19), ("action.flag", 1), ("label.toxicity", 1))
            for scope in ("all", *names)
        }

    async def take_over(self) -> None:
        for partition in self._partitions:
            (claim,) = await self._store.claim([partition], "bench")
            self._epochs.append(claim.epoch)
            await self._store.reset(partition, claim.epoch, Checkpoint(0, "bench", 1, None))

    async def newest(self) -> int:
        """Returns the start of the bucket that is open now, by the store's clock."""
        now = await self._store.now_ms()
        return now - now % self._bucket_ms

    async def add(self, start_ms: int) -> None:
        end = self._next + self._scopes
        sums = Aggregate(counts={start_ms: self._series}, totals={"decided": self._scopes})
        for partition, epoch in zip(self._partitions, self._epochs, strict=True):
            marker = Marker(end - 1, start_ms, "0" * 16)
            (outcome,) = await self._store.apply(
                [Apply(partition, epoch, self._next, end, marker, sums, await self._store.now_ms(), 0, self._keep_ms)]
            )
            if outcome.next != end:
                raise RuntimeError(f"{partition}: the store says {outcome.applied.value}; expected applied")
        self._next = end
