"""The ruler after the store lost its alerts: it goes on from the last published ones on `alerts`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from tests.ruler.test_ruler import PARTITIONS, T0, RulerRig, S, _live
from tests.support.tomorrow import of_tomorrow
from tests.wire.records import Fake
from tidegate.streams.core.alerts.status import AlertStatus, parse_statuses
from tidegate.streams.core.events import AlertState
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.recovery.alerts import ALERT_SKEW_MS, ALERTS, last_published_alerts
from tidegate.streams.ruler.ruler import Ruler
from tidegate.streams.store.memory import MemoryStore


@dataclass
class FakeHistory:
    """A topic history with one topic of two partitions."""

    records: list[Fake] = field(default_factory=list)

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        return [OffsetRange(partition, 0, at_ms, 1 << 62) for partition in partitions]

    async def read(self, *stretches: OffsetRange) -> AsyncGenerator[Sequence[Fake], None]:
        for stretch in stretches:
            yield [
                r for r in self.records if r.partition == stretch.partition.partition and r.timestamp >= stretch.start
            ]


class LosingRig(RulerRig):
    """A rig whose store may lose everything, and whose ruler restores what it published itself."""

    def __init__(self) -> None:
        super().__init__(_live(for_s=10))
        self.since_calls: list[int | None] = []

    def worker(self, name: str) -> Ruler:
        return Ruler(
            self.store, self.publish, lambda: PARTITIONS, lambda: self.live, lambda: (), name,
            published_alerts=self.published_alerts,
        )  # fmt: skip

    async def published_alerts(self, since_ms: int | None) -> list[AlertStatus]:
        self.since_calls.append(since_ms)
        published = [m for m in self.sent if m.topic == "alerts" and m.value]
        return await last_published_alerts(
            FakeHistory([Fake(m.value, partition=n % 2, timestamp=T0) for n, m in enumerate(published)]), 2, None
        )

    async def fire(self) -> None:
        """5 of 10 in each bucket: pending at 10 s, firing at 20 s."""
        await self.own()
        for second in (0, 10):
            await self.to(second)
            await self.count(self.now_ms, 5, 10)
        await self.to(22)
        assert self.alerts == ["10 pending broken", "20 firing held"]

    def empty_store(self) -> None:
        self.store = MemoryStore(lambda: self.now_ms)
        self.ruler = self.worker("w1")
        self.epochs.clear()


@pytest.fixture
async def losing() -> LosingRig:
    rig = LosingRig()
    await rig.fire()
    return rig


async def test_a_firing_alert_survives_an_emptied_store(losing: LosingRig) -> None:
    losing.empty_store()
    await losing.to(25)  # no partition is rebuilt yet
    assert losing.ruler.stats.incomplete
    await losing.own()
    for second in (0, 10, 20):
        await losing.count(T0 + second * S, 5, 10, partition=PARTITIONS[0])
    losing.lag = dict.fromkeys(PARTITIONS, 0)
    await losing.to(33)
    assert losing.alerts == ["10 pending broken", "20 firing held"]  # neither fired again nor resolved
    (stored,) = parse_statuses(await losing.store.alerts()).values()
    assert (stored.state.value, stored.sequence, stored.at_ms) == ("firing", T0 // S + 20, T0 + 30 * S)
    await losing.to(93)
    assert losing.alerts[-1] == "90 resolved quiet"  # too few from 60 on
    assert [a["id"] for a in losing.events("alerts") if a["resent"]] == [losing.events("alerts")[1]["id"]] * (
        len(losing.alerts) - 3
    )


async def test_published_alerts_with_an_unknown_field_are_read(losing: LosingRig) -> None:
    today = await losing.published_alerts(None)
    for n, message in enumerate(losing.sent):
        if message.topic == "alerts" and message.value:
            losing.sent[n] = message._replace(value=of_tomorrow(message.value))
    assert [status.state for status in today] == [AlertState.FIRING]
    assert await losing.published_alerts(None) == today


async def test_stored_alerts_of_a_later_tidegate_are_read(losing: LosingRig) -> None:
    """A roll back of one worker must not end the ruler of all."""
    stored = await losing.store.alerts()
    later = {key: of_tomorrow(text.encode()).decode() for key, text in stored.items()}
    assert parse_statuses(later) == parse_statuses(stored)


async def test_nothing_is_evaluated_before_every_partition_is_rebuilt(losing: LosingRig) -> None:
    #  partition 0 is rebuilt at once; partition 1 lags until 60 s: windows would be half empty, and resolve the alert
    losing.empty_store()
    await losing.own()
    losing.lag[PARTITIONS[1]] = 500
    await losing.to(60)
    assert losing.ruler.stats.incomplete
    assert losing.ruler.stats.boundaries == 0
    for second in (0, 10, 20, 30, 40, 50):
        await losing.count(T0 + second * S, 5, 10)
    await losing.count(T0 + 59 * S, 5, 10, partition=PARTITIONS[1])
    losing.lag[PARTITIONS[1]] = 0
    await losing.to(64)
    assert not losing.ruler.stats.incomplete
    assert [alert for alert in losing.alerts if "again" not in alert] == ["10 pending broken", "20 firing held"]


async def test_without_published_alerts_the_ruler_starts_as_new() -> None:
    rig = LosingRig()
    await rig.own()
    await rig.count(T0, 5, 10)
    await rig.to(12)
    assert rig.alerts == ["10 pending broken"]
    assert rig.since_calls == [None]


async def test_a_firing_alert_goes_on_firing_after_a_rollback() -> None:
    rig = LosingRig()
    await rig.own()
    await rig.to(1)
    await rig.count(rig.now_ms, 5, 10)
    await rig.to(13)
    partitions, alerts = rig.store.snapshot(), dict(await rig.store.alerts())
    await rig.count(rig.now_ms, 5, 10)
    await rig.to(22)
    assert rig.alerts == ["10 pending broken", "20 firing held"]
    lease = await rig.store.lease("w1", 5000)
    assert lease is not None
    await rig.store.save_alerts(lease, alerts)
    rig.store.roll_back(partitions)
    await rig.count(T0 + 13 * S, 0, 90)  # the same bucket decided again, and other: at 20 s it would not have fired
    rig.ruler = rig.worker("w1")  # a ruler that reads the state again
    await rig.to(29)
    assert rig.alerts == ["10 pending broken", "20 firing held"]
    assert rig.since_calls[-1] == T0 + 10 * S
    (stored,) = parse_statuses(await rig.store.alerts()).values()
    assert stored.sequence == T0 // S + 20


async def test_of_each_alert_the_last_published_one_counts(losing: LosingRig) -> None:
    """Whatever its partition and offset."""
    published = [m.value for m in losing.sent if m.topic == "alerts"]
    records = [Fake(value, partition=n % 2, timestamp=T0 + n) for n, value in enumerate(published)]
    (status,) = await last_published_alerts(
        FakeHistory([*reversed(records), Fake(b"a newer one's", partition=0, timestamp=T0)]), 2, None
    )
    assert (status.state.value, status.sequence, status.last_sent_ms) == ("firing", T0 // S + 20, T0 + 1)
    assert await last_published_alerts(FakeHistory(records), 2, T0 + ALERT_SKEW_MS + 2) == []
    assert ALERTS == "alerts"
