"""The ruler where the store lost its alerts: it goes on from the last words on `alerts`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from tests.ruler.test_ruler import PARTITIONS, T0, Rig, S, _live
from tests.support.tomorrow import of_tomorrow
from tests.wire.records import Fake
from tidegate.streams.core.alerts.status import AlertStatus, parse_statuses
from tidegate.streams.core.events import AlertState
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.recovery.alerts import ALERTS, SKEW_MS, last_published_alerts
from tidegate.streams.ruler.ruler import Ruler
from tidegate.streams.store.memory import MemoryStore


@dataclass
class Kept:
    """A `Past` that holds one topic of two partitions."""

    records: list[Fake] = field(default_factory=list)

    async def since(self, partitions: Sequence[TopicPartition], at_ms: int) -> list[OffsetRange]:
        return [OffsetRange(partition, 0, at_ms, 1 << 62) for partition in partitions]

    async def read(self, *stretches: OffsetRange) -> AsyncGenerator[Sequence[Fake], None]:
        for stretch in stretches:
            yield [
                r for r in self.records if r.partition == stretch.partition.partition and r.timestamp >= stretch.start
            ]


class Losing(Rig):
    """A rig whose store may lose everything, and whose tick hears what it published itself."""

    def __init__(self) -> None:
        super().__init__(_live(for_s=10))
        self.asked: list[int | None] = []

    def worker(self, name: str) -> Ruler:
        return Ruler(
            self.store, self.publish, lambda: PARTITIONS, lambda: self.live, lambda: (), name, words=self.words
        )

    async def words(self, since_ms: int | None) -> list[AlertStatus]:
        self.asked.append(since_ms)
        said = [m for m in self.sent if m.topic == "alerts" and m.value]
        return await last_published_alerts(
            Kept([Fake(m.value, partition=n % 2, timestamp=T0) for n, m in enumerate(said)]), 2, None
        )

    async def fires(self) -> None:
        """5 of 10 in each bucket: pending at 10 s, firing at 20 s."""
        await self.own()
        for second in (0, 10):
            await self.to(second)
            await self.count(self.now_ms, 5, 10)
        await self.to(22)
        assert self.alerts == ["10 pending broken", "20 firing held"]

    def emptied(self) -> None:
        self.store = MemoryStore(lambda: self.now_ms)
        self.ruler = self.worker("w1")
        self.epochs.clear()


@pytest.fixture
async def losing() -> Losing:
    rig = Losing()
    await rig.fires()
    return rig


async def test_an_alert_that_fires_goes_on_firing_where_the_store_was_emptied(losing: Losing) -> None:
    losing.emptied()
    await losing.to(25)  # nobody has rebuilt anything yet
    assert losing.ruler.stats.incomplete
    await losing.own()
    for second in (0, 10, 20):
        await losing.count(T0 + second * S, 5, 10, partition=PARTITIONS[0])
    losing.lag = dict.fromkeys(PARTITIONS, 0)
    await losing.to(33)
    assert losing.alerts == ["10 pending broken", "20 firing held"]  # neither fired again nor resolved
    (held,) = parse_statuses(await losing.store.alerts()).values()
    assert (held.state.value, held.sequence, held.at_ms) == ("firing", T0 // S + 20, T0 + 30 * S)
    await losing.to(93)
    assert losing.alerts[-1] == "90 resolved quiet"  # too few from 60 on
    assert [a["id"] for a in losing.events("alerts") if a["resent"]] == [losing.events("alerts")[1]["id"]] * (
        len(losing.alerts) - 3
    )


async def test_last_words_with_a_field_of_tomorrow_are_heard(losing: Losing) -> None:
    today = await losing.words(None)
    for n, message in enumerate(losing.sent):
        if message.topic == "alerts" and message.value:
            losing.sent[n] = message._replace(value=of_tomorrow(message.value))
    assert [word.state for word in today] == [AlertState.FIRING]
    assert await losing.words(None) == today


async def test_alerts_that_a_later_tidegate_kept_are_read(losing: Losing) -> None:
    """A roll back of one worker must not end the ruler of all."""
    kept = await losing.store.alerts()
    later = {key: of_tomorrow(text.encode()).decode() for key, text in kept.items()}
    assert parse_statuses(later) == parse_statuses(kept)


async def test_nothing_is_looked_at_before_every_partition_is_rebuilt(losing: Losing) -> None:
    #  part 0 is rebuilt at once; part 1 is behind until 60 s: windows would be half empty, and resolve the alert
    losing.emptied()
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
    assert [said for said in losing.alerts if "again" not in said] == ["10 pending broken", "20 firing held"]


async def test_where_nothing_was_ever_said_the_ruler_begins_as_it_does_at_first() -> None:
    rig = Losing()
    await rig.own()
    await rig.count(T0, 5, 10)
    await rig.to(12)
    assert rig.alerts == ["10 pending broken"]
    assert rig.asked == [None]


async def test_an_alert_that_fired_since_an_older_copy_goes_on_firing() -> None:
    rig = Losing()
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
    rig.ruler = rig.worker("w1")  # whoever reads the state again
    await rig.to(29)
    assert rig.alerts == ["10 pending broken", "20 firing held"]
    assert rig.asked[-1] == T0 + 10 * S
    (held,) = parse_statuses(await rig.store.alerts()).values()
    assert held.sequence == T0 // S + 20


async def test_of_each_alert_the_last_word_counts_wherever_it_stands(losing: Losing) -> None:
    said = [m.value for m in losing.sent if m.topic == "alerts"]
    records = [Fake(value, partition=n % 2, timestamp=T0 + n) for n, value in enumerate(said)]
    (word,) = await last_published_alerts(
        Kept([*reversed(records), Fake(b"a newer one's", partition=0, timestamp=T0)]), 2, None
    )
    assert (word.state.value, word.sequence, word.last_sent_ms) == ("firing", T0 // S + 20, T0 + 1)
    assert await last_published_alerts(Kept(records), 2, T0 + SKEW_MS + 2) == []
    assert ALERTS == "alerts"
