"""A batch that cannot be decoded in front of busy workers: stepped over in time, or waited for until it can be.

On Apache Kafka its bytes are flipped in the segment files of running brokers; on the embedded broker, on their way.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.drills.closing import transitions
from tests.drills.probes import all_ready, waiting_for
from tests.drills.published import metric
from tests.drills.scene import Scene, scene
from tests.real.stack import Real
from tests.support.corrupting import Corrupting, spoilt
from tests.support.segments import Found, at_offset, flip
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]
RECORDS = 20  # of the batch
TRIES, MINUTES = 5, 1.0  # long enough for an alert, a takeover and an emptied Redis in between


@dataclass
class CorruptibleStack:
    """A stack whose batches can be corrupted for consumers, and restored."""

    stack: Stack
    proxy: Corrupting | None = None
    flipped: list[Found] | None = None

    async def corrupt(self, partition: int, offset: int, marker: bytes) -> None:
        """Corrupts the batch. marker: bytes that only that batch has."""
        if self.proxy is not None:
            self.proxy.corrupt = spoilt(marker)
            return
        assert isinstance(self.stack, Real)
        async with asyncio.timeout(20):
            while self.flipped is None:  # the last replica may copy it a moment later
                with contextlib.suppress(LookupError):
                    self.flipped = at_offset(self.stack, "completions", partition, offset)
                await asyncio.sleep(0.1)
        flip(self.flipped)

    def restore(self) -> None:
        if self.proxy is not None:
            self.proxy.corrupt = {}
        elif self.flipped:
            flip(self.flipped)
            self.flipped = []


@pytest.fixture
def corruptible(request: pytest.FixtureRequest) -> Iterator[CorruptibleStack]:
    if request.config.getoption("--servers") == "real":
        yield CorruptibleStack(request.getfixturevalue("own_real"))
        return
    request.getfixturevalue("_wheels")
    with Corrupting() as proxy, EmbeddedStack(appendonly=True, advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        yield CorruptibleStack(stack, proxy)


@dataclass(frozen=True)
class CorruptBatch:
    """The batch that cannot be decoded."""

    partition: int
    first: int
    at_ms: int  # when it was corrupted

    @property
    def positions(self) -> set[tuple[int, int]]:
        return {(self.partition, self.first + n) for n in range(RECORDS)}

    def __str__(self) -> str:
        return f"completions[{self.partition}]@{self.first}"


async def corrupt_one_batch(s: Scene, log: CorruptibleStack) -> CorruptBatch:
    """Sends one batch and corrupts it before any worker reads it: they are frozen meanwhile."""
    partition, marker = s.rng.randrange(s.partitions), b'"id": "c%d"' % s.generated
    for name in s.workers.workers:
        s.workers.signal(name, signal.SIGSTOP)
    # The traffic goes on meanwhile, but sends no completion between the id of the first and the batch.
    first = await s.send_batch(RECORDS, partition)
    await log.corrupt(partition, first, marker)
    for name in s.workers.workers:
        s.workers.signal(name, signal.SIGCONT)
    return CorruptBatch(partition, first, int(time.time() * 1000))


async def owner(s: Scene, bad: CorruptBatch, within_s: float = 60) -> str:
    """Returns the worker whose /readyz names the batch, once one does."""
    async with asyncio.timeout(within_s):
        while True:
            for name in s.workers.workers:
                with contextlib.suppress(OSError):
                    if str(bad) in " ".join((await waiting_for(s.workers, name)).values()):
                        return name
            await asyncio.sleep(0.2)


def stored_wait(stack: Stack, bad: CorruptBatch) -> tuple[int, int, int]:
    """The wait that Redis stores: offset, since when (ms), number of tries; 0 where it has none."""
    with redis.Redis.from_url(stack.redis, decode_responses=True) as store:
        names = ["unreadable_at", "unreadable_since_ms", "unreadable_tries"]
        at, since_ms, tries = store.hmget(f"tidegate:{{completions-{bad.partition}}}:checkpoint", names)
    return int(at or 0), int(since_ms or 0), int(tries or 0)


async def wait_for_other_alerts(s: Scene, since_ms: int, within_s: float = 60) -> None:
    """Returns once an alert fired on records sent after that time: one partition that waits holds no alert up."""
    async with asyncio.timeout(within_s):
        while not any(
            a["at_ms"] > since_ms + 10_000 and a["state"] == "firing" for a in await transitions(s.stack.kafka)
        ):
            await asyncio.sleep(0.5)


async def kill_owner_and_empty_redis(s: Scene, log: CorruptibleStack, bad: CorruptBatch) -> None:
    """Other partitions and alerts go on; the owner is killed, another worker takes over, and Redis is emptied."""
    waiting_worker = await owner(s, bad)
    await s.wait_for_counts(200)
    await wait_for_other_alerts(s, bad.at_ms)
    at, since_ms, tries = stored_wait(log.stack, bad)
    assert (at, since_ms > 0, tries > 0) == (bad.first, True, True)
    s.workers.kill(waiting_worker)
    s.workers.start()
    assert await owner(s, bad) != waiting_worker
    at, later_ms, more = stored_wait(log.stack, bad)
    assert (at, later_ms) == (bad.first, since_ms), "another owner began its own wait"
    assert more > tries
    with redis.Redis.from_url(log.stack.redis) as store:
        store.flushall()
    await owner(s, bad)
    await s.wait_for_counts(200)
    assert s.workers.ended() == []


@contextlib.asynccontextmanager
async def restored_afterwards(log: CorruptibleStack) -> AsyncIterator[None]:
    """Restores the batch at the end, so that an account can read the log."""
    try:
        yield
    finally:
        log.restore()


async def test_a_corrupt_batch_is_stepped_over(corruptible: CorruptibleStack, tmp_path: Path) -> None:
    title, settings = "a corrupt batch, stepped over", {"unreadable_tries": str(TRIES)}
    settings["unreadable_minutes"] = str(MINUTES)
    async with (
        restored_afterwards(corruptible),
        scene(corruptible.stack, tmp_path, "batch_stepped_over", title, **settings) as s,
    ):
        await s.wait_for_alert()
        async with s.trouble("", within_s=240):
            bad = await corrupt_one_batch(s, corruptible)
            await kill_owner_and_empty_redis(s, corruptible, bad)
            async with asyncio.timeout(180):
                while sum((await metric(s.workers, "unreadable_batches_total", outcome="stepped_over")).values()) == 0:
                    await asyncio.sleep(0.5)
            await all_ready(s.workers)
            s.report.did = (
                f"the bytes of one batch of {RECORDS} flipped where Kafka keeps it; while it was waited for its owner "
                "was killed with -9 and Redis emptied (FLUSHALL); after the tries and the minutes it was stepped over"
            )
        corruptible.restore()
        seen = await s.account(duplicates=True)
        (letter,) = seen.dead[bad.partition, bad.first]
        assert (letter["reason"], letter["offsets"]) == ("unreadable_batch", RECORDS)
        assert (len(seen.dead), s.report.dead_letters) == (1, RECORDS)
        assert not bad.positions & seen.decisions.keys()


async def test_a_corrupt_batch_is_waited_for(corruptible: CorruptibleStack, tmp_path: Path) -> None:
    title, settings = "a corrupt batch, waited for and mended", {"unreadable_batch": "wait"}
    settings |= {"unreadable_tries": "2", "unreadable_minutes": "0"}
    async with (
        restored_afterwards(corruptible),
        scene(corruptible.stack, tmp_path, "batch_waited_for", title, **settings) as s,
    ):
        await s.wait_for_alert()
        async with s.trouble("", within_s=240):
            bad = await corrupt_one_batch(s, corruptible)
            await kill_owner_and_empty_redis(s, corruptible, bad)
            corruptible.restore()
            s.report.did = (
                f"the bytes of one batch of {RECORDS} flipped where Kafka keeps it, under `wait`; its owner was killed "
                "with -9 and Redis emptied (FLUSHALL); then the bytes were put back, and all were decided"
            )
        await all_ready(s.workers)
        seen = await s.account(duplicates=True)
        assert seen.dead == {}
        assert bad.positions <= seen.decisions.keys()
