"""Replaced times: a counter by tenant, bounded, and one warning a minute; no rate changes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.scorers import scripted
from tests.wire.records import Fake
from tidegate.streams.core.events import DeadLetter, Decision
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.worker.completion_handler import CompletionHandler
from tidegate.streams.worker.feedback_handler import FeedbackHandler
from tidegate.streams.worker.replaced import ReplacedTimes

P = TopicPartition("completions", 3)
NOW = 1_767_268_800_000
BUCKET = 10_000
YEAR_2100 = 4_102_444_800_000
STAMPS = [*(NOW // 1000 * unit for unit in (1, 10**3, 10**6, 10**9)), 0, -1, YEAR_2100, 2**63 - 1]
LIVE = LivePolicy("7-0123abcd", parse({"labels": {"toxicity": {"block": 0.9}}}, "p"))
KEY = UserKey(b"0123456789abcdef")


class WorkerRig:
    """A worker's handlers and metrics, for one record range. Its clocks stand still until a test moves them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.store, self.metrics, self.scoring = MemoryStore(lambda: NOW), Metrics(), Scoring(1, 5)
        self.names = ScopeLimiter(self.store, 3)
        replaced = ReplacedTimes(self.metrics.count_times_replaced, 3, lambda: self.now_s)
        scorer = scripted()
        more: dict[str, Any] = {"replaced": replaced, "clock": lambda: NOW / 1000}
        moderator = RecordModerator(Moderator(self.scoring, lambda _: scorer), KEY)
        self.handler = CompletionHandler(moderator, self.store, lambda: LIVE, self.metrics, **more)
        self.feedback_handler = FeedbackHandler(KEY, self.metrics, keep_bytes_up_to=0, **more)

    async def results(self, records: Sequence[Fake]) -> list[Decision | DeadLetter]:
        owned = OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED)
        record_range = RecordRange(owned, records[0].offset, list(records), 0)
        (prepared,) = await self.handler.prepare(Batch([record_range], asyncio.Event(), len(records), 0))
        results = self.handler.conclude(record_range, prepared, LIVE)
        await self.names.learn(self.handler.names(results))
        self.handler.observe(results, self.names)
        return results

    def counted(self) -> dict[tuple[str, ...], float]:
        """(tenant, whose, why) -> n."""
        return {
            tuple(sample.labels[name] for name in ("tenant", "time", "why")): sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == "tidegate_times_replaced_total"
        }


@pytest.fixture
async def worker() -> AsyncIterator[WorkerRig]:
    rig = WorkerRig()
    yield rig
    rig.scoring.close()


def record(n: int, timestamp: int = NOW, **more: Any) -> Fake:
    event = {"id": f"c{n}", "completion": "toxicity=0.95" if n % 2 else "fine", "tenant": "acme", **more}
    return Fake(json.dumps(event).encode(), offset=n, timestamp=timestamp)


def chat(n: int, created: Any) -> Fake:
    """A `chat.completion`, every other one toxic."""
    content = "toxicity=0.95" if n % 2 else "fine"
    event = {"id": f"c{n}", "object": "chat.completion", "created": created, "metadata": {"tenant": "acme"},
             "choices": [{"message": {"role": "assistant", "content": content}}]}  # fmt: skip
    return Fake(json.dumps(event).encode(), offset=n, timestamp=NOW)


# what `created` may be without a completion leaving its rates: not set, in any unit, as text, and nonsense
CREATED = [0, -1, NOW // 1000, NOW, NOW * 1000, NOW * 1_000_000, str(NOW), "2026-01-01T12:00:00Z", "2026-01-01 12:00",
           1_677_652_288, 4_102_444_800, 10**30, True, [], {}, "now", "", None, float("nan"), float("inf")]  # fmt: skip


@pytest.mark.parametrize("created", CREATED, ids=repr)
async def test_any_created_counts_in_the_records_bucket(worker: WorkerRig, created: Any) -> None:
    """Whatever the field `created` holds, the completion counts where its record does."""
    results = await worker.results([chat(n, created) for n in range(100)])
    made = worker.handler.aggregate(results, LIVE, worker.names)
    assert made.totals == {"decided": 100}
    (counts,) = made.counts.values()
    assert list(made.counts) == [NOW - NOW % BUCKET]
    assert (counts["scored|tenant=acme"], counts["label.toxicity|tenant=acme"]) == (100, 50)


@pytest.mark.parametrize(
    "timestamp", [NOW // 1000, NOW, NOW * 1000, NOW * 1_000_000, 0, -1, 4_102_444_800_000, 2**63 - 1]
)
async def test_any_record_timestamp_counts_now(worker: WorkerRig, timestamp: int) -> None:
    results = await worker.results([record(n, timestamp) for n in range(10)])
    assert {r.record_ms for r in results} == {timestamp}
    made = worker.handler.aggregate(results, LIVE, worker.names)
    assert {start: counts["scored|all"] for start, counts in made.counts.items()} == {NOW - NOW % BUCKET: 10}


@dataclass(frozen=True)
class Appended(Fake):
    """A record of a topic with LogAppendTime, as aiokafka returns it."""

    timestamp_type: int = 1


async def test_log_append_time_is_a_records_time(worker: WorkerRig) -> None:
    value = record(1, at_ms=NOW - 7).value
    by_broker = [Appended(record(0).value, offset=1, timestamp=NOW + 5), Appended(value, offset=2, timestamp=NOW + 5)]
    plain, appended, own = await worker.results([record(0), *by_broker])
    assert [r.arrived_by for r in (plain, appended, own)] == ["record", "broker", "broker"]
    assert [(r.at_ms, r.time_source) for r in (plain, appended, own)] == [
        (NOW, "record"), (NOW + 5, "broker"), (NOW - 7, "producer"),
    ]  # fmt: skip
    assert worker.counted() == {}


SAID = [
    (record(1), {}),
    (record(1, NOW * 1000), {("acme", "record", "unit"): 1}),
    (record(1, -1), {("acme", "record", "none"): 1}),
    (record(1, 1), {("acme", "record", "past"): 1}),
    (record(1, YEAR_2100), {("acme", "record", "future"): 1}),
    (record(1, at_ms=0), {("acme", "producer", "none"): 1}),
    (record(1, at_ms="soon"), {("acme", "producer", "none"): 1}),
    (record(1, at_ms=1_677_652_288), {("acme", "producer", "past"): 1}),
    (record(1, at_ms=NOW + 60_001), {("acme", "producer", "future"): 1}),
    (record(1, at_ms=NOW // 1000), {}),  # read, and nothing had to be replaced
    (record(1, at_ms=NOW - 700_000), {}),  # too late: that has its own counter
    (record(1, -1, at_ms=0), {("acme", "record", "none"): 1, ("acme", "producer", "none"): 1}),
]


@pytest.mark.parametrize(("record", "counted"), SAID)
async def test_replaced_times_count_by_tenant_and_reason(
    worker: WorkerRig, record: Fake, counted: dict[tuple[str, ...], float]
) -> None:
    await worker.results([record])
    assert worker.counted() == counted


async def test_tenants_beyond_the_limit_are_counted_together(worker: WorkerRig) -> None:
    await worker.results([record(n, -1, tenant=f"t{n}") for n in range(10)])
    assert len(worker.counted()) == 4  # three with a live name, and `other`
    assert worker.counted()["other", "record", "none"] == 7
    assert sum(worker.counted().values()) == 10


async def test_the_number_of_tenant_labels_is_bounded(worker: WorkerRig) -> None:
    """A label is never removed, so new names get none after the limit."""
    for n in range(10):
        worker.store._names.clear()  # it was quiet for long, and another one is live
        worker.names = ScopeLimiter(worker.store, 3)
        await worker.results([record(n, -1, tenant=f"t{n}")])
    assert len(worker.counted()) == 4


async def test_one_warning_a_minute_lists_replaced_times(worker: WorkerRig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "tidegate.streams.worker.replaced")
    await worker.results([record(0, NOW * 1000), record(1, NOW * 1000, tenant="t2"), record(2, at_ms=0)])
    for second in range(1, 60):
        worker.now_s = second
        await worker.results([record(second, NOW * 1000)])
    assert [record.getMessage() for record in caplog.records] == [
        "times: producer's time is no time 1, record timestamp not in milliseconds 2; of 2 tenants, the first "
        f"completions[3]@0, record timestamp {NOW * 1000}; expected milliseconds since 1970 near now; "
        "counted under the next best time; tidegate_times_replaced_total says whose"
    ]
    worker.now_s = 60
    await worker.results([record(60)])  # nothing is wrong with this one: the minute before is logged
    assert "record timestamp not in milliseconds 59; of 1 tenants" in caplog.records[1].getMessage()
    worker.now_s = 600
    await worker.results([record(61)])
    assert len(caplog.records) == 2


async def test_feedback_counts_under_its_records_time_alone(worker: WorkerRig) -> None:
    """Nothing records what it says of its own; so it counts alike whenever it is read again."""
    event = {"id": "f1", "completion_id": "c1", "kind": "complaint", "tenant": "acme"}
    for at_ms in (NOW - 5_000, NOW - 86_400_000, NOW + 86_400_000, 0, "soon", None):
        records = [
            Fake(json.dumps({**event, "at_ms": at_ms}).encode(), topic="feedback", timestamp=NOW - 20_000, offset=n)
            for n in range(2)
        ]
        record_range = RecordRange(
            OwnedPartition(TopicPartition("feedback", 3), 41, 0, 0, CheckpointTrust.BELIEVED), 0, list(records), 0
        )
        (prepared,) = await worker.feedback_handler.prepare(Batch([record_range], asyncio.Event(), 2, 0))
        results = worker.feedback_handler.conclude(record_range, prepared, LIVE)
        made = worker.feedback_handler.aggregate(results, LIVE, worker.names)
        assert list(made.counts) == [NOW - 20_000]
        assert made.totals == {"feedback": 2}


async def test_feedback_with_any_timestamp_counts(worker: WorkerRig) -> None:
    """A replaced timestamp is counted and logged."""
    event = json.dumps({"id": "f1", "completion_id": "c1", "kind": "complaint", "tenant": "acme"}).encode()
    stamps = [NOW * 1000, -1, YEAR_2100]
    records = [Fake(event, topic="feedback", timestamp=stamp, offset=n) for n, stamp in enumerate(stamps)]
    record_range = RecordRange(
        OwnedPartition(TopicPartition("feedback", 3), 41, 0, 0, CheckpointTrust.BELIEVED), 0, list(records), 0
    )
    (prepared,) = await worker.feedback_handler.prepare(Batch([record_range], asyncio.Event(), 3, 0))
    results = worker.feedback_handler.conclude(record_range, prepared, LIVE)
    await worker.names.learn(worker.feedback_handler.names(results))
    worker.feedback_handler.observe(results, worker.names)
    assert list(worker.feedback_handler.aggregate(results, LIVE, worker.names).counts) == [NOW]
    assert worker.counted() == {
        ("acme", "record", "unit"): 1, ("acme", "record", "none"): 1, ("acme", "record", "future"): 1,
    }  # fmt: skip
