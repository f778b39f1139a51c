"""A batch that cannot be decoded in front of busy workers: stepped over in time, or waited for until it can be.

Of Apache Kafka its bytes are flipped in the segment files of running brokers; of the embedded one on their way.
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
class Spoilable:
    """A pair whose batches can be spoilt for consumers, and mended."""

    stack: Stack
    proxy: Corrupting | None = None
    flipped: list[Found] | None = None

    async def spoil(self, partition: int, offset: int, marker: bytes) -> None:
        """marker: bytes that stand in that batch alone."""
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

    def mend(self) -> None:
        if self.proxy is not None:
            self.proxy.corrupt = {}
        elif self.flipped:
            flip(self.flipped)
            self.flipped = []


@pytest.fixture
def spoilable(request: pytest.FixtureRequest) -> Iterator[Spoilable]:
    if request.config.getoption("--servers") == "real":
        yield Spoilable(request.getfixturevalue("own_real"))
        return
    request.getfixturevalue("_wheels")
    with Corrupting() as proxy, EmbeddedStack(appendonly=True, advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        yield Spoilable(stack, proxy)


@dataclass(frozen=True)
class Spoilt:
    """The batch that cannot be decoded."""

    partition: int
    first: int
    at_ms: int  # when it was spoilt

    @property
    def positions(self) -> set[tuple[int, int]]:
        return {(self.partition, self.first + n) for n in range(RECORDS)}

    def __str__(self) -> str:
        return f"completions[{self.partition}]@{self.first}"


async def spoil_one(s: Scene, log: Spoilable) -> Spoilt:
    """One batch, spoilt before any worker saw it: they are frozen for that moment."""
    partition, marker = s.rng.randrange(s.partitions), b'"id": "c%d"' % s.made
    for name in s.workers.workers:
        s.workers.signal(name, signal.SIGSTOP)
    # The traffic makes completions meanwhile, but none between the name of the first and the batch.
    first = await s.at_once(RECORDS, partition)
    await log.spoil(partition, first, marker)
    for name in s.workers.workers:
        s.workers.signal(name, signal.SIGCONT)
    return Spoilt(partition, first, int(time.time() * 1000))


async def owner(s: Scene, bad: Spoilt, within_s: float = 60) -> str:
    """The worker that says on /readyz that it stands at the batch, once one does."""
    async with asyncio.timeout(within_s):
        while True:
            for name in s.workers.workers:
                with contextlib.suppress(OSError):
                    if str(bad) in " ".join((await waiting_for(s.workers, name)).values()):
                        return name
            await asyncio.sleep(0.2)


def slot(stack: Stack, bad: Spoilt) -> tuple[int, int, int]:
    """What Redis keeps of the wait: at which offset, since when, how many tries; 0 where nothing."""
    with redis.Redis.from_url(stack.redis, decode_responses=True) as store:
        names = ["unreadable_at", "unreadable_since_ms", "unreadable_tries"]
        at, since_ms, tries = store.hmget(f"tidegate:{{completions-{bad.partition}}}:checkpoint", names)
    return int(at or 0), int(since_ms or 0), int(tries or 0)


async def others_alerts_move(s: Scene, since_ms: int, within_s: float = 60) -> None:
    """Returns once an alert fired of what was sent after that time: none is held for the one partition."""
    async with asyncio.timeout(within_s):
        while not any(
            a["at_ms"] > since_ms + 10_000 and a["state"] == "firing" for a in await transitions(s.stack.kafka)
        ):
            await asyncio.sleep(0.5)


async def through_everything(s: Scene, log: Spoilable, bad: Spoilt) -> None:
    """Other partitions go on and their alerts move; its owner is killed, another takes over, and Redis is emptied."""
    standing = await owner(s, bad)
    await s.counts(200)
    await others_alerts_move(s, bad.at_ms)
    at, since_ms, tries = slot(log.stack, bad)
    assert (at, since_ms > 0, tries > 0) == (bad.first, True, True)
    s.workers.kill(standing)
    s.workers.start()
    assert await owner(s, bad) != standing
    at, later_ms, more = slot(log.stack, bad)
    assert (at, later_ms) == (bad.first, since_ms), "another owner began to wait anew"
    assert more > tries
    with redis.Redis.from_url(log.stack.redis) as store:
        store.flushall()
    await owner(s, bad)
    await s.counts(200)
    assert s.workers.ended() == []


@contextlib.asynccontextmanager
async def mended(log: Spoilable) -> AsyncIterator[None]:
    """Afterwards the log is whole, so that an account can read it."""
    try:
        yield
    finally:
        log.mend()


async def test_a_corrupt_batch_is_stepped_over(spoilable: Spoilable, tmp_path: Path) -> None:
    title, settings = "a corrupt batch, stepped over", {"unreadable_tries": str(TRIES)}
    settings["unreadable_minutes"] = str(MINUTES)
    async with mended(spoilable), scene(spoilable.stack, tmp_path, "batch_stepped_over", title, **settings) as s:
        await s.fires()
        async with s.trouble("", within_s=240):
            bad = await spoil_one(s, spoilable)
            await through_everything(s, spoilable, bad)
            async with asyncio.timeout(180):
                while sum((await metric(s.workers, "unreadable_batches_total", outcome="stepped_over")).values()) == 0:
                    await asyncio.sleep(0.5)
            await all_ready(s.workers)
            s.report.did = (
                f"the bytes of one batch of {RECORDS} flipped where Kafka keeps it; while it was waited for its owner "
                "was killed with -9 and Redis emptied (FLUSHALL); after the tries and the minutes it was stepped over"
            )
        spoilable.mend()
        seen = await s.account(duplicates=True)
        (letter,) = seen.dead[bad.partition, bad.first]
        assert (letter["reason"], letter["offsets"]) == ("unreadable_batch", RECORDS)
        assert (len(seen.dead), s.report.dead_letters) == (1, RECORDS)
        assert not bad.positions & seen.decisions.keys()


async def test_a_corrupt_batch_is_waited_for(spoilable: Spoilable, tmp_path: Path) -> None:
    title, settings = "a corrupt batch, waited for and mended", {"unreadable_batch": "wait"}
    settings |= {"unreadable_tries": "2", "unreadable_minutes": "0"}
    async with mended(spoilable), scene(spoilable.stack, tmp_path, "batch_waited_for", title, **settings) as s:
        await s.fires()
        async with s.trouble("", within_s=240):
            bad = await spoil_one(s, spoilable)
            await through_everything(s, spoilable, bad)
            spoilable.mend()
            s.report.did = (
                f"the bytes of one batch of {RECORDS} flipped where Kafka keeps it, under `wait`; its owner was killed "
                "with -9 and Redis emptied (FLUSHALL); then the bytes were put back, and all were decided"
            )
        await all_ready(s.workers)
        seen = await s.account(duplicates=True)
        assert seen.dead == {}
        assert bad.positions <= seen.decisions.keys()
