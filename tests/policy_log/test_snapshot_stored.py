"""A worker stores a snapshot of the policies log, and starts from it if the log was truncated or recreated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from tests.support.scorers import scripted
from tests.support.stacks import Stack
from tidegate.streams.core.partition import content_hash
from tidegate.streams.core.policy.log import PolicyLog
from tidegate.streams.core.policy.model import Policy, parse, version
from tidegate.streams.core.policy.records import PolicyChange
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.snapshot import PolicySnapshot, from_json, to_json
from tidegate.streams.errors import NoPolicy, StoreUnavailable
from tidegate.streams.kafka import policies as policies_topic
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.worker import policy_follower as policy_follower
from tidegate.streams.worker.policy_follower import PolicyFollower

SOON_S = 10.0


class FlakySnapshots:
    """The `Snapshots` of a follower, which fails the next `unavailable` writes of a snapshot."""

    def __init__(self) -> None:
        self._stored: tuple[int, str] | None = None
        self.unavailable = 0
        self.writes = 0

    async def save_policies(self, next_: int, state: str) -> None:
        if self.unavailable:
            self.unavailable -= 1
            raise StoreUnavailable("redis: no answer")
        self.writes += 1
        if self._stored is None or next_ >= self._stored[0]:
            self._stored = next_, state

    async def load_policies(self) -> str | None:
        return None if self._stored is None else self._stored[1]

    async def stored_log(self) -> PolicyLog | None:
        text = await self.load_policies()
        return None if text is None else from_json(text).log

    def emptied(self) -> None:
        self._stored = None


def policy(block: float) -> Policy:
    return parse({"labels": {"toxicity": {"block": block}}}, "p")


class FollowerWorld:
    """One worker's policy log, on its own broker and a store that may be unavailable."""

    def __init__(self, kafka: str, folder: Path) -> None:
        (folder / "policy.toml").write_text("[labels.toxicity]\nblock = 0.9\n")
        metrics = Metrics()
        scorer = LiveScorer(scripted(), metrics.set_model)
        self.store = FlakySnapshots()
        self.publisher = Publisher(kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
        self.follower = PolicyFollower(kafka, folder / "policy.toml", "w1", scorer, metrics, self.store)

    async def change(self, block: float) -> None:
        parent = self.follower.live.version
        made = policy(block).model_dump(mode="json", exclude_none=True)
        record = PolicyChange(parent=parent, policy=made, author="ann", reason="r", at_ms=1)
        await self.follower.policies.write(self.publisher, record)
        await until(lambda: self.follower.live.policy == policy(block))


@contextlib.asynccontextmanager
async def worker(kafka: str, folder: Path) -> AsyncIterator[FollowerWorld]:
    await ensure_topics(kafka, 1, 1)
    world = FollowerWorld(kafka, folder)
    await world.publisher.start()
    try:
        yield world
    finally:
        await world.follower.stop()
        await world.publisher.stop()


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not met():
            await asyncio.sleep(0.02)


async def wait_until_stored(world: FollowerWorld, block: float) -> None:
    """Returns when the store has that policy, and all else of the log."""
    async with asyncio.timeout(SOON_S):
        while (
            (stored_log := await world.store.stored_log()) is None
            or stored_log.live is None
            or stored_log.live.policy != policy(block)
        ):
            await asyncio.sleep(0.02)
    assert stored_log == world.follower.policies.log


async def test_a_snapshot_is_stored_after_every_change(own_stack: Stack, tmp_path: Path) -> None:
    async with worker(own_stack.kafka, tmp_path) as world:
        await world.follower.start(world.publisher)
        await wait_until_stored(world, 0.9)
        await world.change(0.8)
        await wait_until_stored(world, 0.8)
        assert world.store.writes == 2


async def test_an_unavailable_store_gets_the_snapshot_later(
    own_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy is live meanwhile."""
    monkeypatch.setattr(policy_follower, "RETRY_S", 0.01)
    async with worker(own_stack.kafka, tmp_path) as world:
        await world.follower.start(world.publisher)
        await wait_until_stored(world, 0.9)
        world.store.unavailable = 10**9
        await world.change(0.8)
        assert (await world.store.stored_log()).live.policy == policy(0.9)  # type: ignore[union-attr]
        world.store.unavailable = 0
        await wait_until_stored(world, 0.8)


async def test_a_store_that_came_back_empty_gets_the_snapshot(
    own_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_follower, "REWRITE_S", 0.05)
    async with worker(own_stack.kafka, tmp_path) as world:
        await world.follower.start(world.publisher)
        await wait_until_stored(world, 0.9)
        world.store.emptied()
        await wait_until_stored(world, 0.9)


async def test_an_emptied_log_is_not_seeded_from_the_file(
    own_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies_topic, "SHRUNK_S", 0.1)
    was = LivePolicy(version(6, policy(0.7)), policy(0.7))
    async with worker(own_stack.kafka, tmp_path) as world:
        before = PolicySnapshot(PolicyLog(was, {}, 7), content_hash(b"x"))
        await world.store.save_policies(before.order, to_json(before))
        await world.follower.start(world.publisher)
        assert (world.follower.live, world.follower.file) == (was, "ignored")
        assert world.follower.policies.log.next == 0  # nothing was written
        await world.change(0.8)
        await wait_until_stored(world, 0.8)  # though its offsets are smaller than those stored before


async def test_a_worker_waits_if_the_policies_log_is_truncated(
    own_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no snapshot: it waits for a policy to be applied."""
    async with worker(own_stack.kafka, tmp_path) as world:
        for block in (0.8, 0.7, 0.6):
            made = policy(block).model_dump(mode="json", exclude_none=True)
            record = PolicyChange(parent="9-00000000", policy=made, author="ann", reason="r", at_ms=1)
            await world.follower.policies.write(world.publisher, record)

        async def seek_to_beginning(self: AIOKafkaConsumer, *tps: KafkaPartition) -> None:
            for tp in tps:
                self.seek(tp, 2)  # as if retention deleted the rest; the embedded broker keeps everything

        monkeypatch.setattr(AIOKafkaConsumer, "seek_to_beginning", seek_to_beginning)
        with pytest.raises(NoPolicy, match=r"starts at 2, and nothing was kept.*`tidegate policy apply FILE`"):
            await world.follower.start(world.publisher)
        assert world.follower.file is None
        first = PolicyChange(parent=None, policy=record.policy, author="ann", reason="r", at_ms=1)
        await world.follower.policies.write(world.publisher, first)
        await world.follower.start(world.publisher)  # it is asked again and again
        assert world.follower.live == LivePolicy(version(3, policy(0.6)), policy(0.6))
