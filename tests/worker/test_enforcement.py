"""Enforcements: outboxes of owned partitions are published and acknowledged, on the in-memory store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tidegate.streams.core.events import Enforcement
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.strikes import NewStrikes, Strike, Terms
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.kafka.producer import Message
from tidegate.streams.metrics import Metrics
from tidegate.streams.store import Apply, Checkpoint, Marker, Outbox, Queued
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.worker import enforcement as enforce
from tidegate.streams.worker.enforcement import Enforcer

T = 1_800_000_000_000
P, Q = TopicPartition("completions", 0), TopicPartition("completions", 1)
TERMS = Terms(3_600_000, 1.0, 3.0, 0.001, "7-ab")


class CrashingOutboxStore(MemoryStore):
    """Fails before it removes anything from an outbox, `crashes` times."""

    crashes = 0

    async def ack_outbox(self, partition: TopicPartition, queued: Sequence[Queued]) -> None:
        if self.crashes:
            self.crashes -= 1
            raise StoreUnavailable("redis: no answer")
        await super().ack_outbox(partition, queued)


class EnforcerRig:
    """A store, the published messages, and a worker that owns P."""

    def __init__(self) -> None:
        self.store = CrashingOutboxStore(lambda: T)
        self.owned = {P: OwnedPartition(P, 0, 0, 0, CheckpointTrust.BELIEVED)}
        self.alive = True
        self.broker_unavailable = False
        self.sent: list[Message] = []
        self.metrics = Metrics()
        self.enforcer = Enforcer(self.store, self.publish, lambda: [self], self.metrics)

    def may_publish(self) -> bool:
        return self.alive

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.broker_unavailable:
            raise BrokerUnavailable("kafka: no answer")
        self.sent += messages

    async def strike(self, n: int, partition: TopicPartition = P, user: str = "acme:ab") -> None:
        """n strikes of weight 1: each crosses."""
        (claim,) = await self.store.claim([partition], "w1")
        start = claim.checkpoint.next if claim.checkpoint else 0
        if claim.checkpoint is None:
            await self.store.reset(partition, claim.epoch, Checkpoint(0, "c", 1, None))
        strikes = tuple(
            Strike(f"{partition}@{start + i}", user, T, 1.0, "toxicity.block") for i in range(n)
        )  # fmt: skip
        record_range = Apply(
            partition, claim.epoch, start, start + n, Marker(start + n - 1, T, "s"),
            Aggregate(new_strikes=NewStrikes(TERMS, strikes)), T, 0, 1,
        )  # fmt: skip
        assert (await self.store.apply([record_range]))[0].next == start + n

    @property
    def published(self) -> list[Enforcement]:
        return [Enforcement.model_validate_json(m.value or b"") for m in self.sent]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"tidegate_{name}", labels)


@pytest.fixture
def rig() -> EnforcerRig:
    return EnforcerRig()


async def test_crossings_are_published_in_order_by_user_and_removed(rig: EnforcerRig) -> None:
    await rig.strike(3)
    assert not await rig.enforcer.run_once()
    assert [(m.topic, m.key, m.partition) for m in rig.sent] == [("enforcements", b"acme:ab", None)] * 3
    assert [(e.id, e.action, e.strikes) for e in rig.published] == [
        ("completions[0]@0", "throttle", 1.0),
        ("completions[0]@1", "throttle", 2.0),
        ("completions[0]@2", "suspend", 3.0),
    ]
    assert not await rig.enforcer.run_once()
    assert len(rig.sent) == 3
    assert (rig.metric("enforcements_total", action="throttle"), rig.metric("enforcements_waiting")) == (2, 0)


async def test_a_crash_before_the_removal_publishes_the_same_again(rig: EnforcerRig) -> None:
    await rig.strike(2)
    rig.store.crashes = 1
    with pytest.raises(StoreUnavailable):
        await rig.enforcer.run_once()
    await Enforcer(rig.store, rig.publish, lambda: [rig], rig.metrics).run_once()  # the next owner
    assert rig.published[:2] == rig.published[2:]
    assert len(rig.sent) == 4
    assert await rig.store.outboxes([P], 9) == [Outbox([], 0)]


async def test_an_unacknowledged_enforcement_stays_in_its_outbox(rig: EnforcerRig) -> None:
    await rig.strike(1)
    rig.broker_unavailable = True
    with pytest.raises(BrokerUnavailable):
        await rig.enforcer.run_once()
    assert rig.metric("enforcements_waiting") == 1
    rig.broker_unavailable = False
    await rig.enforcer.run_once()
    assert len(rig.sent) == 1


async def test_only_partitions_owned_here_and_only_while_they_are(rig: EnforcerRig) -> None:
    await rig.strike(1, P)
    await rig.strike(1, Q)
    rig.alive = False  # frozen past its session timeout
    await rig.enforcer.run_once()
    rig.alive, rig.owned[P].valid = True, False
    await rig.enforcer.run_once()
    assert rig.sent == []
    rig.owned[P].valid = True
    await rig.enforcer.run_once()
    assert [e.id for e in rig.published] == ["completions[0]@0"]


async def test_a_full_outbox_is_emptied_piece_by_piece(rig: EnforcerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enforce, "AT_ONCE", 4)
    await rig.strike(6)
    assert await rig.enforcer.run_once()
    assert rig.metric("enforcements_waiting") == 2
    assert not await rig.enforcer.run_once()
    assert [e.id for e in rig.published] == [f"completions[0]@{n}" for n in range(6)]


async def test_the_enforcer_runs_until_it_is_stopped(rig: EnforcerRig) -> None:
    await rig.strike(1)
    stop = asyncio.Event()
    running = asyncio.create_task(rig.enforcer.run(stop))
    async with asyncio.timeout(5):
        while not rig.sent:
            await asyncio.sleep(0.01)
        stop.set()
        await running
    assert len(rig.sent) == 1
