"""The ruler on the in-memory store: the test moves the clock and records everything published.

Buckets are 10 s, the rule's window 30 s, grace 2 s: the boundary at 10 s is evaluated from 12 s on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tidegate.streams.core.alerts.status import RULER_KEY, parse_statuses
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import FaultReason, Scopes, Silence, Source
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate, aggregate
from tidegate.streams.core.series import scoped
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.kafka.producer import Message
from tidegate.streams.ruler.ruler import Ruler
from tidegate.streams.ruler.windows import boundaries, watermark
from tidegate.streams.store import Apply, Checkpoint, Marker, Progress
from tidegate.streams.store.memory import MemoryStore

S = 1000
T0 = 1_700_000_000 * S
PARTITIONS = [TopicPartition("completions", 0), TopicPartition("completions", 1)]


def _live(version: str = "0-test", **rule: object) -> LivePolicy:
    facts = {"of": "label.toxicity", "above": 0.1, "resolve_below": 0.05, "window_s": 30, "for_s": 0, "min_total": 10}
    return LivePolicy(
        version,
        Policy.model_validate(
            {
                "labels": {"toxicity": {}},
                "windows": {"bucket_s": 10, "rate_window_s": 30, "grace_s": 2, "late_s": 60},
                "resend_s": 60,
                "alerts": {} if rule.get("of") == "" else {"toxic": facts | rule},
            }
        ),
    )


class RulerRig:
    """A store, a clock, two owned partitions, and as many workers' evaluations as a test wants."""

    def __init__(self, live: LivePolicy | None = None) -> None:
        self.now_ms = T0
        self.store = MemoryStore(lambda: self.now_ms)
        self.live = live or _live()
        self.silences: list[Silence] = []
        self.sent: list[Message] = []
        self.broker_unavailable = False
        self.epochs: dict[TopicPartition, int] = {}
        self.lag = dict.fromkeys(PARTITIONS, 0)
        self.ruler = self.worker("w1")

    def worker(self, name: str) -> Ruler:
        return Ruler(self.store, self.publish, lambda: PARTITIONS, lambda: self.live, lambda: self.silences, name)

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.broker_unavailable:
            raise BrokerUnavailable("kafka is unavailable")
        self.sent += messages

    async def own(self, partitions: Sequence[TopicPartition] = PARTITIONS) -> None:
        for partition, claim in zip(partitions, await self.store.claim(partitions, "w1"), strict=True):
            self.epochs[partition] = claim.epoch
            if claim.checkpoint is None:
                await self.store.reset(partition, claim.epoch, Checkpoint(0, "cluster", 1, None))

    async def count(
        self, at_ms: int, hits: int, total: int, scope: str = "all", partition: TopicPartition = PARTITIONS[0]
    ) -> None:
        """`total` completions scored, `hits` of them toxic, in the bucket of at_ms."""
        counts = {f"scored|{scope}": total, **({f"label.toxicity|{scope}": hits} if hits else {})}
        aggregate = Aggregate(
            counts={at_ms - at_ms % (10 * S): counts},
            users={at_ms - at_ms % (10 * S): {f"label.toxicity|{scope}": {f"u{i}" for i in range(hits)}}},
        )
        await self.apply(at_ms, aggregate, partition)

    async def would(self, at_ms: int, hits: int, total: int, scope: str = "all", version: str = "9-shadow") -> None:
        """`total` completions scored, `hits` of which a shadow would have found toxic."""
        counts = {f"would.{version}.scored|{scope}": total, f"would.{version}.label.toxicity|{scope}": hits}
        await self.apply(at_ms, Aggregate(counts={at_ms - at_ms % (10 * S): counts}))

    async def apply(self, at_ms: int, aggregate: Aggregate, partition: TopicPartition = PARTITIONS[0]) -> None:
        await self.heartbeat()
        checkpoint = self.store.partitions[partition].next or 0
        marker = Marker(checkpoint, at_ms, "0" * 16)
        record_range = Apply(
            partition,
            self.epochs[partition],
            checkpoint,
            checkpoint + 1,
            marker,
            aggregate,
            at_ms,
            self.lag[partition],
            keep_ms=3600 * S,
        )
        assert (await self.store.apply([record_range]))[0].applied == "applied"

    async def heartbeat(self) -> None:
        for partition, epoch in self.epochs.items():
            await self.store.heartbeat(partition, epoch, self.lag[partition], 0)

    async def to(self, seconds: float, ruler: Ruler | None = None) -> None:
        """Moves the clock to T0 + seconds, one evaluation a second, owners alive."""
        while self.now_ms < T0 + seconds * S:
            self.now_ms += S
            await self.heartbeat()
            await (ruler or self.ruler).run_once()

    @property
    def alerts(self) -> list[str]:
        """Every alert published, as `at state reason`, at in seconds after T0."""
        return [
            f"{(a['at_ms'] - T0) // S} {a['state']} {a['reason']}{' again' if a['resent'] else ''}"
            for a in self.events("alerts")
        ]

    def events(self, topic: str) -> list[dict[str, object]]:
        return [json.loads(m.value) for m in self.sent if m.topic == topic and m.value]


@pytest.fixture
async def rig() -> RulerRig:
    rig = RulerRig()
    await rig.own()
    return rig


async def test_an_alert_fires_and_resolves_without_further_events(rig: RulerRig) -> None:
    #   5/10
    #  [----)[----)[----)[----)[----)[----)[----)
    #  0    10    20    30    40    50    60    70     window 30 s; nothing in it from 40 s on: too few,
    #        fire              few              quiet  and a whole window of that at 70 s
    await rig.count(T0, 5, 10)
    await rig.to(11)
    assert rig.alerts == []  # grace
    await rig.to(12)
    assert rig.alerts == ["10 firing broken"]
    await rig.to(71)
    assert rig.alerts == ["10 firing broken"]
    await rig.to(72)
    assert rig.alerts == ["10 firing broken", "70 resolved quiet"]
    assert rig.ruler.alerts.transitions == {("toxic", "firing"): 1, ("toxic", "resolved"): 1}


async def test_a_firing_alert_is_sent_again_under_its_id(rig: RulerRig) -> None:
    await rig.count(T0, 5, 10)
    for second in range(10, 90, 10):
        await rig.to(second)
        await rig.count(rig.now_ms, 5, 10)
    first, again = rig.events("alerts")
    assert rig.alerts == ["10 firing broken", "70 firing broken again"]  # sent at 12 s and at 72 s
    assert first["id"] == again["id"]
    assert (again["hits"], again["total"]) == (15, 30)


async def test_a_backlog_holds_the_alert_and_resolves_nothing(rig: RulerRig) -> None:
    await rig.count(T0, 5, 10)
    await rig.to(12)
    rig.lag[PARTITIONS[1]] = 500  # partition 1 is behind: its watermark stands
    await rig.to(200)
    assert rig.ruler.stats.incomplete
    # sent again every 60 s after 12 s, never resolved
    assert rig.alerts == ["10 firing broken"] + ["10 firing incomplete again"] * 3
    assert {rate["incomplete"] for rate in rig.events("rates")[-1:]} == {True}
    await rig.count(T0 + 25 * S, 5, 10, partition=PARTITIONS[1])  # the backlog: still an incident at 30 s
    rig.lag[PARTITIONS[1]] = 0
    await rig.to(202)
    assert not rig.ruler.stats.incomplete
    # [20, 30) is in the windows that end at 30, 40 and 50; too few from 60 on, a whole window of it at 90
    assert rig.alerts[4:] == ["90 resolved quiet"]


async def test_a_partition_without_an_owner_holds_all_alerts() -> None:
    rig = RulerRig()
    await rig.own(PARTITIONS[:1])
    await rig.count(T0, 5, 10)
    await rig.to(60)
    assert rig.alerts == []
    await rig.own(PARTITIONS[1:])
    await rig.to(62)
    assert rig.alerts == []  # at the first start only the latest boundary is looked at: the window [30, 60) is empty
    await rig.count(T0 + 62 * S, 5, 10)
    await rig.to(72)
    assert rig.alerts == ["70 firing broken"]


async def test_an_owner_without_a_heartbeat_holds_all_alerts(rig: RulerRig) -> None:
    await rig.to(12)
    await rig.count(rig.now_ms, 5, 10)
    for partition in PARTITIONS:
        del rig.epochs[partition]  # no heartbeats any more
    await rig.to(60)
    assert rig.alerts == []
    assert rig.ruler.stats.incomplete
    await rig.own()
    await rig.to(61)
    assert rig.alerts == ["20 firing broken"]


async def test_the_next_holder_of_the_lease_continues(rig: RulerRig) -> None:
    await rig.count(T0, 5, 10)
    await rig.to(12)
    other = rig.worker("w2")
    assert not await other.run_once()  # w1 holds the lease
    rig.now_ms += 6 * S  # w1 is silent for longer than its lease
    await rig.heartbeat()
    assert await other.run_once()
    await rig.to(72, other)
    firing, resolved = rig.events("alerts")
    assert rig.alerts == ["10 firing broken", "70 resolved quiet"]
    assert firing["sequence"] < resolved["sequence"]
    assert not await rig.ruler.run_once()


async def test_a_crash_between_save_and_publish_publishes_the_same_id(rig: RulerRig) -> None:
    await rig.to(11)
    await rig.count(T0, 5, 10)
    rig.broker_unavailable = True
    rig.now_ms += S
    await rig.heartbeat()
    with pytest.raises(BrokerUnavailable):
        await rig.ruler.run_once()
    (saved,) = parse_statuses(await rig.store.alerts()).values()
    assert len(saved.unpublished) == 1
    rig.broker_unavailable = False
    rig.now_ms += 6 * S  # the worker is gone; another one takes over
    await rig.worker("w2").run_once()
    assert [alert["id"] for alert in rig.events("alerts")] == [saved.unpublished[0].id]
    (state,) = parse_statuses(await rig.store.alerts()).values()
    assert state.unpublished == ()


async def test_the_same_worker_tries_again_after_a_failed_publish(rig: RulerRig) -> None:
    await rig.to(11)
    await rig.count(T0, 5, 10)
    rig.broker_unavailable, rig.now_ms = True, rig.now_ms + S
    with pytest.raises(BrokerUnavailable):
        await rig.ruler.run_once()
    rig.broker_unavailable = False
    await rig.to(13)
    assert rig.alerts == ["10 firing broken"]
    assert "all|label.toxicity|30" in {m.key.decode() for m in rig.sent if m.topic == "rates"}  # not lost either


async def test_a_lease_lost_during_an_evaluation_publishes_nothing(
    rig: RulerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.to(11)
    await rig.count(T0, 5, 10)
    other, progress = rig.worker("w2"), rig.store.progress

    async def frozen(partitions: Sequence[TopicPartition]) -> list[Progress]:
        monkeypatch.undo()
        rig.now_ms += 6 * S
        await rig.heartbeat()
        assert await other.run_once()
        return await progress(partitions)

    monkeypatch.setattr(rig.store, "progress", frozen)
    rig.now_ms += S
    assert not await rig.ruler.run_once()
    assert rig.alerts == ["10 firing broken"]  # once


async def test_a_silenced_alert_is_published_as_silenced(rig: RulerRig) -> None:
    rig.silences.append(
        Silence(id="s1", rule="toxic", author="ops", reason="load test", at_ms=T0, until_ms=T0 + 30 * S)
    )
    await rig.count(T0, 5, 10)
    await rig.to(72)
    assert [(alert["state"], alert["silenced_by"]) for alert in rig.events("alerts")] == [
        ("firing", "s1"),
        ("resolved", None),
    ]


async def test_a_late_change_of_an_old_bucket_is_seen(rig: RulerRig) -> None:
    await rig.count(T0, 0, 10)
    await rig.to(25)
    assert rig.alerts == []
    await rig.count(T0 + 5 * S, 5, 10)  # 20 s late: the windows that end at 10 and 20 were looked at
    await rig.to(32)
    assert rig.alerts == ["30 firing broken"]


async def test_counts_that_the_store_lost_are_forgotten(rig: RulerRig) -> None:
    snapshot = rig.store.snapshot()
    await rig.count(T0, 5, 10)
    await rig.to(5)
    assert rig.events("rates")
    rig.store.roll_back(snapshot)
    await rig.to(6)
    assert rig.sent[-1].value is None


async def test_rates_are_published_on_change_and_end_in_a_tombstone(rig: RulerRig) -> None:
    """The tombstone comes when the scope has no counts left."""
    #   5/10
    #  [----)[----)[----)[----)
    #  0    10    20    30    40    rate window 30 s up to the end of the open bucket: at 30 s it is [10, 40)
    await rig.count(T0, 5, 10, scope="tenant=acme")
    await rig.to(1)
    keys = {m.key for m in rig.sent}
    toxic = next(rate for rate in rig.events("rates") if rate["measure"] == "label.toxicity")
    assert (toxic["scope"], toxic["hits"], toxic["total"], toxic["share"]) == ("tenant=acme", 5, 10, 0.5)
    assert toxic["at_ms"] == T0 + S
    rig.sent.clear()
    await rig.to(29)
    assert rig.sent == []
    await rig.to(30)
    assert {m.key: m.value for m in rig.sent} == dict.fromkeys(keys)
    assert b"tenant=acme|label.toxicity|30" in keys


async def test_another_workers_rates_get_tombstones(rig: RulerRig) -> None:
    await rig.count(T0, 5, 10, scope="tenant=acme")
    await rig.to(1)
    keys = {m.key for m in rig.sent}
    rig.now_ms += 40 * S  # nobody evaluations; then another worker does
    await rig.worker("w2").run_once()
    assert keys <= {m.key for m in rig.sent if m.value is None}


async def test_users_are_read_only_for_broken_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = RulerRig(_live(min_users=6, by=["all", "tenant"]))
    await rig.own()
    user_reads, users = [], rig.store.users

    async def spy(partitions: Sequence[TopicPartition], series: str, starts: Sequence[int]) -> int:
        user_reads.append((series, [(start - T0) // S for start in starts]))
        return await users(partitions, series, starts)

    monkeypatch.setattr(rig.store, "users", spy)
    await rig.count(T0, 5, 10)
    await rig.count(T0, 1, 10, scope="tenant=acme")
    await rig.to(12)
    assert user_reads == [("label.toxicity|all", [-20, -10, 0])]
    assert rig.alerts == []  # 5 users < 6
    await rig.count(T0 + 12 * S, 6, 10)
    await rig.to(22)
    assert rig.alerts == ["20 firing broken"]
    assert rig.events("alerts")[0]["users"] == 6


async def test_an_alert_whose_rule_left_the_policy_is_resolved(rig: RulerRig) -> None:
    await rig.count(T0, 5, 10)
    await rig.to(12)
    rig.live = _live("1-test", of="")
    await rig.to(13)
    assert rig.alerts == ["10 firing broken", "10 resolved rule_removed"]
    firing, resolved = rig.events("alerts")
    assert resolved["sequence"] == firing["sequence"] + 1
    assert resolved["policy_version"] == "1-test"
    await rig.to(14)
    assert len(rig.alerts) == 2


async def test_a_changed_rule_is_followed_without_a_restart(rig: RulerRig) -> None:
    await rig.count(T0, 5, 10)
    rig.live = _live("1-test", above=0.5)  # 5/10 is not above
    await rig.to(12)
    assert rig.alerts == []
    rig.live = _live("2-test", window_s=60)
    await rig.count(T0 + 12 * S, 5, 10)
    await rig.to(22)
    assert rig.alerts == ["20 firing broken"]
    assert rig.events("alerts")[0]["total"] == 20


async def test_a_long_absence_is_caught_up_for_the_longest_window(rig: RulerRig) -> None:
    await rig.to(12)
    rig.now_ms = T0 + 10_002 * S
    await rig.heartbeat()
    await rig.count(T0 + 9_975 * S, 5, 10)
    await rig.ruler.run_once()
    # looked at 10 s; due is 10,000 s. The longest window is feedback's hour: 6,410 .. 10,000, 30 an evaluation
    assert rig.ruler.stats.skipped == (6410 - 10) // 10 - 1
    assert rig.ruler.stats.evaluated_ms == T0 + 6_700 * S
    for _ in range(11):
        await rig.ruler.run_once()
    assert rig.ruler.stats.evaluated_ms == T0 + 10_000 * S
    assert rig.alerts == ["9980 firing broken"]


async def test_scope_names_without_counts_are_removed(rig: RulerRig) -> None:
    await rig.store.admit("tenant", ["acme", "gone"], 10)
    await rig.count(T0, 1, 10, scope="tenant=acme")
    await rig.to(1)
    rig.now_ms = T0 + 3700 * S  # longest window and lateness: 3,660 s
    await rig.heartbeat()
    await rig.count(rig.now_ms, 1, 10, scope="tenant=acme")
    await rig.ruler.run_once()
    assert await rig.store.admit("tenant", ["gone"], 1) == set()  # acme holds the one place
    assert await rig.store.admit("tenant", ["acme"], 1) == {"acme"}


async def test_run_waits_for_the_store_and_gives_the_lease_back(rig: RulerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.streams.ruler.ruler.PERIOD_S", 0.0)
    stop, lease, tries = asyncio.Event(), rig.store.lease, 0

    async def unavailable(worker: str, ttl_ms: int) -> object:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StoreUnavailable("redis is unavailable")
        stop.set()
        return await lease(worker, ttl_ms)

    monkeypatch.setattr(rig.store, "lease", unavailable)
    await rig.ruler.run(stop)
    assert (tries, rig.ruler.stats.evaluations) == (3, 1)
    monkeypatch.undo()
    assert await rig.worker("w2").run_once()


async def test_the_rulers_own_state_is_stored_beside_the_alerts(rig: RulerRig) -> None:
    await rig.count(T0, 5, 10, scope="tenant=acme")
    await rig.to(12)
    state = json.loads((await rig.store.alerts())[RULER_KEY])
    kinds = state.pop("kinds")  # of published rates: labels, actions; no rate of faults or failures had hits
    assert state == {"evaluated_ms": T0 + 10 * S, "rated": ["tenant=acme"]}
    assert ["label.toxicity", 30] in kinds
    assert {tuple(kind) for kind in kinds} == {(rate["measure"], rate["window_s"]) for rate in rig.events("rates")}


# --- beside a shadow


def _beside(shadow: dict[str, object] | None, version: str = "9-shadow", **live_has: object) -> LivePolicy:
    """The live policy `_live()`, and a shadow of the same thresholds with that one rule, `toxic`; None: without it."""
    live = _live()
    rule = {**live.policy.alerts["toxic"].model_dump(exclude_none=True), **(shadow or {})}
    candidate = {"labels": {"toxicity": {}}, "resend_s": 61, "alerts": {"toxic": rule}, **live_has}
    return LivePolicy(live.version, live.policy, None if shadow is None else LivePolicy(version, _parse(candidate)))


def _parse(data: dict[str, object]) -> Policy:
    return Policy.model_validate(data)


def _rates(rig: RulerRig) -> dict[str, tuple[object, object]]:
    """What the compacted topic holds: `scope|measure|window` -> hits, total."""
    last: dict[str, tuple[object, object] | None] = {}
    for m in rig.sent:
        if m.topic == "rates":
            rate = json.loads(m.value) if m.value else None
            last[m.key.decode()] = rate and (rate["hits"], rate["total"])
    return {key: rate for key, rate in last.items() if rate is not None}


async def test_a_shadow_alerts_nobody_unless_its_rule_says_so() -> None:
    rig = RulerRig(_beside({}))
    await rig.own()
    await rig.would(T0, 8, 10)
    await rig.to(25)
    assert _rates(rig)["all|would.label.toxicity|30"] == (8, 10)
    await rig.to(60)
    assert rig.alerts == []
    loud = RulerRig(_beside({"shadow": True}))
    await loud.own()
    await loud.would(T0, 8, 10)
    await loud.to(12)
    (alert,) = loud.events("alerts")
    assert (alert["rule"], alert["shadow"], alert["measure"]) == ("shadow:toxic", True, "would.label.toxicity")
    assert (alert["hits"], alert["total"], alert["policy_version"]) == (8, 10, "9-shadow")


async def test_the_live_rule_of_the_same_name_is_an_alert_of_its_own() -> None:
    rig = RulerRig(_beside({"shadow": True}))
    await rig.own()
    await rig.count(T0, 5, 10)
    await rig.would(T0, 0, 10)
    await rig.to(12)
    assert [(a["rule"], a["shadow"], a["policy_version"]) for a in rig.events("alerts")] == [("toxic", False, "0-test")]


async def test_a_shadow_of_equal_thresholds_has_equal_rates() -> None:
    rig = RulerRig(_beside({}))
    await rig.own()
    scopes = [Scopes(tenant=name, model="m", route="r") for name in ("a", "b")]
    for n in range(60):
        score = n / 60
        decisions = [
            decide(
                Inputs(
                    id=f"c{n}",
                    source=Source(topic="completions", partition=0, offset=n),
                    epoch=1,
                    record_ms=T0 + n * S,
                    model_version="m@1",
                    scores={"toxicity": score},
                    scopes=scopes[n % 2],
                    fault=FaultReason.BAD_SCORES if n % 20 == 0 else None,
                    status="failed" if n % 20 == 1 else "ok",
                ),
                replace(rig.live, policy=_GRADED, shadow=LivePolicy("9-shadow", _GRADED)),
            )
        ]
        await rig.apply(T0 + n * S, aggregate(decisions, 0, rig.live, scoped))
        await rig.to(n)
    rates = _rates(rig)
    would = {key.replace("would.", ""): rate for key, rate in rates.items() if "would." in key}
    assert would == {key: rate for key, rate in rates.items() if "would." not in key}
    assert {"all|label.toxicity|30", "tenant=a|action.block|30", "all|fault|30", "all|producer_failed|30"} <= set(would)


_GRADED = _parse({"labels": {"toxicity": {"flag": 0.3, "review": 0.5, "block": 0.8}}})


async def test_a_shadow_that_ends_gets_tombstones_and_rule_removed() -> None:
    """Tombstones for its rates; its alerts resolve as `rule_removed`."""
    rig = RulerRig(_beside({"shadow": True}))
    await rig.own()
    await rig.count(T0, 1, 20)
    await rig.would(T0, 8, 10)
    await rig.to(12)
    published = {key for key in _rates(rig) if "would." in key}
    assert published
    rig.live = _beside(None)
    await rig.to(13)
    assert rig.alerts == ["10 firing broken", "10 resolved rule_removed"]
    resolved = rig.events("alerts")[1]
    assert (resolved["rule"], resolved["shadow"]) == ("shadow:toxic", True)
    assert [key for key in _rates(rig) if "would." in key] == []
    assert "all|label.toxicity|30" in _rates(rig)
    await rig.to(100)
    assert len(rig.alerts) == 2


async def test_the_next_holder_sends_an_ended_shadows_tombstones() -> None:
    """The shadow ended while no worker evaluated."""
    rig = RulerRig(_beside({}))
    await rig.own()
    await rig.count(T0, 1, 20, scope="tenant=acme")
    await rig.to(12)  # a boundary, at which the ruler's own state is saved; the next one is not reached
    await rig.would(T0 + 12 * S, 8, 10, scope="tenant=acme")
    await rig.to(14)
    assert "tenant=acme|would.label.toxicity|30" in _rates(rig)
    rig.live = _beside(None)
    rig.now_ms += 6 * S  # w1 is gone
    await rig.heartbeat()
    await rig.worker("w2").run_once()
    assert [key for key in _rates(rig) if "would." in key] == []


async def test_tombstones_that_were_not_acknowledged_are_sent_again() -> None:
    rig = RulerRig(_beside({}))
    await rig.own()
    await rig.would(T0, 8, 10)
    await rig.to(11)
    assert [key for key in _rates(rig) if "would." in key]
    rig.live, rig.broker_unavailable, rig.now_ms = _beside(None), True, rig.now_ms + S  # at a boundary
    await rig.heartbeat()
    with pytest.raises(BrokerUnavailable):
        await rig.ruler.run_once()
    rig.broker_unavailable = False
    await rig.to(13)
    assert [key for key in _rates(rig) if "would." in key] == []


async def test_rates_of_one_shadow_are_not_those_of_the_next() -> None:
    rig = RulerRig(_beside({"shadow": True}))
    await rig.own()
    await rig.would(T0, 8, 10)
    await rig.would(T0, 8, 10, scope="tenant=acme")
    await rig.to(12)
    rig.live = _beside({"shadow": True}, "12-other")
    await rig.to(13)
    assert [key for key in _rates(rig) if "would." in key] == []  # it has counted nothing yet, of whatever scope
    await rig.would(T0 + 13 * S, 1, 10, version="12-other")
    await rig.to(22)
    assert _rates(rig)["all|would.label.toxicity|30"] == (1, 10)


async def test_a_shadows_own_bucket_and_windows_do_not_cut_time() -> None:
    # the shadow would count in buckets of 4 s; counts are in the live policy's of 10 s: its 24 s are three of them
    windows = {"bucket_s": 4, "rate_window_s": 8}
    rig = RulerRig(_beside({"window_s": 24, "shadow": True}, windows=windows))
    await rig.own()
    await rig.would(T0, 5, 10)
    await rig.to(32)
    (alert, *_) = rig.events("alerts")
    assert alert["window_s"] == 30
    assert {rate["window_s"] for rate in rig.events("rates") if str(rate["measure"]).startswith("would.")} == {30}
    await rig.to(72)
    assert rig.alerts == [
        "10 firing broken",
        "70 resolved quiet",
    ]  # as the live rule of 30 s does, boundary by boundary


async def test_a_silence_of_the_live_rule_does_not_silence_the_shadows() -> None:
    rig = RulerRig(_beside({"shadow": True}))
    await rig.own()
    for name, rule in (("s1", "toxic"), ("s2", "shadow:toxic")):
        rig.silences = [Silence(id=name, rule=rule, author="ops", reason="x", at_ms=T0, until_ms=T0 + 3600 * S)]
        await rig.would(T0 + (0 if name == "s1" else 100) * S, 8, 10)
        await rig.to(12 if name == "s1" else 112)
    fired = [a["silenced_by"] for a in rig.events("alerts") if a["state"] == "firing" and not a["resent"]]
    assert fired == [None, "s2"]


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (Progress(watermark_ms=50, lag=3, seen_ms=100, owner="w"), 50),  # behind: as far as it got
        (Progress(watermark_ms=50, lag=0, seen_ms=100, owner="w"), 90),  # idle: the owner's last heartbeat, less grace
        (Progress(watermark_ms=95, lag=0, seen_ms=100, owner="w"), 95),
        (Progress(watermark_ms=50, lag=0, seen_ms=79, owner="w"), 50),  # silent for longer than the timeout
        (Progress(watermark_ms=50, lag=0, seen_ms=100, owner=None), 50),  # released
        (Progress(watermark_ms=0, lag=0, seen_ms=0, owner=None), 0),  # never owned
        (Progress(watermark_ms=50, lag=3, seen_ms=100, owner="w", unreadable_at=7), 90),  # as good as idle
        (Progress(watermark_ms=50, lag=3, seen_ms=100, owner=None, unreadable_at=7), 50),  # nobody stands there
    ],
)
def test_watermark(progress: Progress, expected: int) -> None:
    assert watermark(progress, now_ms=100, grace_ms=10, owner_timeout_ms=20) == expected


@pytest.mark.parametrize(
    ("evaluated", "target", "expected"),
    [
        (None, 0, []),
        (None, 57, [50]),  # the first start: the latest only
        (50, 57, []),
        (50, 80, [60, 70, 80]),
        (50, 40, []),  # a partition went back: nothing is looked at twice
        (50, 95, [60, 70, 80, 90]),  # 40 missed, the longest window is 40
        (50, 100, [70, 80, 90, 100]),  # 60 is skipped
        (55, 80, [60, 70, 80]),  # bucket_s was another
    ],
)
def test_boundaries(evaluated: int | None, target: int, expected: list[int]) -> None:
    assert list(boundaries(evaluated, target, bucket_ms=10, longest_ms=40)) == expected
