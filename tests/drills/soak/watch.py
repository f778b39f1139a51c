"""Samples memory and checkpoints every few seconds, and judges whether memory was flat."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil
import redis.asyncio as aioredis
from redis.exceptions import RedisError

from tests.drills.fleet import Fleet, keys
from tests.support.stacks import Stack

MB = 1e6
# Of the level at the second half's begin. A worker that kept 100 bytes of each completion, at 500 a second, would grow
# by 30 MB in ten minutes: a tenth of its 300 MB.
GROWTH = 0.10


@dataclass(frozen=True)
class Sample:
    """Memory and live buckets at one moment."""

    at_s: float  # since the soak began
    rss_mb: dict[str, float]  # by worker
    redis_mb: float | None = None  # used_memory; None: Redis did not answer
    buckets: int = 0  # live ones, over all partitions


@dataclass
class Watch:
    """The samples, oldest first, and the checkpoints."""

    stack: Stack
    workers: Fleet
    partitions: int
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)
    counted: int = 0
    checkpoints: dict[int, int] = field(default_factory=dict)  # as last seen

    async def sample(self) -> None:
        at_s = time.monotonic() - self.began
        rss = {}
        for name, process in dict(self.workers.workers).items():
            with contextlib.suppress(psutil.NoSuchProcess):
                rss[name] = round(psutil.Process(process.pid).memory_info().rss / MB, 1)
        used, buckets = None, 0
        with contextlib.suppress(RedisError, OSError):
            async with self._client() as client:
                buckets = len(await keys(client, "*:b:*"))
                used = round((await client.info("memory"))["used_memory"] / MB, 2)
        self.samples.append(Sample(round(at_s, 1), rss, used, buckets))

    async def read_checkpoints(self) -> None:
        """Updates `checkpoints` and `counted`, where Redis answers."""
        with contextlib.suppress(RedisError, OSError):
            async with self._client() as client:
                pipe = client.pipeline(transaction=False)
                for partition in range(self.partitions):
                    pipe.hget(f"tidegate:{{completions-{partition}}}:checkpoint", "next")
                found = await pipe.execute()
            self.checkpoints = {p: int(n) for p, n in enumerate(found) if n is not None}
            self.counted = sum(self.checkpoints.values())

    def _client(self) -> aioredis.Redis:
        return aioredis.Redis.from_url(
            self.stack.redis, decode_responses=True, socket_timeout=2, socket_connect_timeout=2
        )


def growth(points: Sequence[tuple[float, float]]) -> float | None:
    """The fraction by which a fitted line rises from its first point to its last; None for fewer than ten points.

    points: (seconds, value), in order of time.
    """
    if len(points) < 10:
        return None
    n = len(points)
    mean_t, mean_v = sum(t for t, _ in points) / n, sum(v for _, v in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (v - mean_v) for t, v in points) / spread
    first, last = (mean_v + slope * (points[i][0] - mean_t) for i in (0, -1))
    return (last - first) / first


def flatness(samples: Sequence[Sample], oldest: str) -> tuple[dict[str, float | None], list[str]]:
    """Growth of each over the second half, and a line for each that grew too much. oldest: the worker that never died.

    Redis is judged by its memory, and by its memory for each live bucket.
    """
    half = [s for s in samples if s.at_s >= samples[-1].at_s / 2] if samples else []
    redis = [(s.at_s, s.redis_mb) for s in half if s.redis_mb is not None]
    grew = {
        f"worker {oldest}": growth([(s.at_s, s.rss_mb[oldest]) for s in half if oldest in s.rss_mb]),
        "redis": growth(redis),
        "redis per bucket": growth([(s.at_s, s.redis_mb / s.buckets) for s in half if s.redis_mb and s.buckets]),
    }
    wrong = [f"memory of {name}: too few samples to say" for name, by in grew.items() if by is None]
    wrong += [
        f"memory of {name} grew by {by:.1%} in the second half; expected at most {GROWTH:.0%}"
        for name, by in grew.items()
        if by is not None and by > GROWTH
    ]
    return grew, wrong
