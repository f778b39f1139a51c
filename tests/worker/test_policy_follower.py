"""Which shadow a worker says that it runs, and that a shadow keeps no worker from starting."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from tests.support.scorers import scripted
from tests.support.stacks import Stack
from tidegate.streams.core.policy.log import PolicyLog, fold
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.records import PolicyChange, ShadowChange
from tidegate.streams.errors import BrokerForbids
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.errors import broker_unavailable
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.worker.policy_follower import PolicyFollower

LIVE = {"labels": {"toxicity": {"block": 0.9}}}
TRIED = {"labels": {"toxicity": {"block": 0.8}, "sarcasm": {"flag": 0.1}}}  # the classifier gives no sarcasm


def change(parent: str | None, policy: dict[str, object]) -> PolicyChange:
    return PolicyChange(parent=parent, policy=policy, author="ann", reason="x", at_ms=1)


def shadow(parent: str | None, policy: dict[str, object] | None) -> ShadowChange:
    return ShadowChange(parent=parent, policy=policy, author="ann", reason="x", at_ms=1)


class Told:
    """An InForce that is told records one by one, and what it says in metrics."""

    def __init__(self, folder: Path, kafka: str = "", block: float = 0.9) -> None:
        file = folder / "policy.toml"
        file.write_text(f"[labels.toxicity]\nblock = {block}\n")
        self.metrics = Metrics()
        self.scorer = LiveScorer(scripted(), self.metrics.model_is)
        self.follower = PolicyFollower(kafka, file, "w1", self.scorer, self.metrics, MemoryStore(lambda: 1))
        self.log = PolicyLog()

    def tell(self, record: PolicyChange | ShadowChange) -> str | None:
        """The version of the live policy after it."""
        folded = fold(self.log, self.log.next, record.model_dump_json().encode())
        self.log = folded.log
        self.follower._record(folded, folded.log.next - 1, None)
        return self.log.live.version if self.log.live else None

    @property
    def shadows(self) -> list[str]:
        (family,) = (f for f in self.metrics.registry.collect() if f.name == "tidegate_shadow_info")
        return [sample.labels["version"] for sample in family.samples]


def test_the_metric_is_there_only_for_the_shadow_that_runs(tmp_path: Path) -> None:
    told = Told(tmp_path)
    live = told.tell(change(None, LIVE))
    assert told.shadows == []
    told.tell(shadow(None, TRIED))
    (first,) = told.shadows
    assert first.startswith("1-")
    told.tell(shadow(first, {"labels": {"toxicity": {"block": 0.7}}}))
    (second,) = told.shadows
    assert second.startswith("2-")
    live = told.tell(change(live, {"labels": {"toxicity": {"block": 0.95}}}))
    assert told.shadows == [second]  # beside the new one
    told.tell(change(live, {"labels": {"toxicity": {"block": 0.7}}}))
    assert told.shadows == []  # promoted
    told.tell(shadow(None, TRIED))
    told.tell(shadow(told.shadows[0], None))
    assert told.shadows == []  # dropped


async def test_a_worker_starts_beside_a_shadow_whose_label_its_classifier_does_not_give(
    own_stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    publisher = Publisher(own_stack.kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
    await publisher.start()
    told = Told(tmp_path, own_stack.kafka)
    log = [change(None, LIVE), shadow(None, TRIED)]
    await publisher.publish([Message("policies", b"live", r.model_dump_json().encode(), 0) for r in log])
    try:
        await told.follower.start(publisher)
        live = told.follower.live
        assert live.policy == Policy.model_validate(LIVE)
        assert live.shadow is not None
        assert told.shadows == [live.shadow.version]
        assert [message for message in caplog.messages if "sarcasm" in message] == [
            f"shadow {live.shadow.version} names sarcasm, which scripted@1 does not give: "
            "the shadow asks for nothing of it"
        ]
        assert [r.levelname for r in caplog.records if "sarcasm" in r.message] == ["WARNING"]
    finally:
        await told.follower.stop()
        await publisher.stop()


class Counting(Publisher):
    """That says what it was asked to write, and may be without the right to."""

    def __init__(self, kafka: str) -> None:
        super().__init__(kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
        self.asked: list[str] = []
        self.may = True

    async def publish(self, messages: Sequence[Message]) -> None:
        self.asked += [message.topic for message in messages]
        if not self.may:
            raise broker_unavailable("kafka:9093", TopicAuthorizationFailedError("policies"), "policies", "Write")
        await super().publish(messages)


async def test_a_worker_writes_to_policies_only_while_the_log_is_empty(own_stack: Stack, tmp_path: Path) -> None:
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    publisher = Counting(own_stack.kafka)
    await publisher.start()
    workers = []
    try:
        for n in range(3):
            folder = tmp_path / str(n)
            folder.mkdir()
            workers.append(Told(folder, own_stack.kafka, 0.9 + n / 100))  # each with another file
            await workers[n].follower.start(publisher)
        assert publisher.asked == ["policies"]  # of the first
        await publisher.publish(
            [Message("policies", b"live", shadow(None, TRIED).model_dump_json().encode(), 0)]  # any other record
        )
        await workers[2].follower.stop()
        await workers[2].follower.start(publisher)
        assert publisher.asked == ["policies"] * 2
    finally:
        for worker in workers:
            await worker.follower.stop()
        await publisher.stop()


async def test_a_worker_that_may_not_write_the_first_policy_says_what_to_run(own_stack: Stack, tmp_path: Path) -> None:
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    publisher = Counting(own_stack.kafka)
    publisher.may = False
    told = Told(tmp_path, own_stack.kafka)
    try:
        with pytest.raises(BrokerForbids) as error:
            await told.follower.start(publisher)
        assert str(error.value) == (
            f"kafka {own_stack.kafka}: policies is empty, and user ANONYMOUS may not write to it; expected "
            f'`tidegate policy apply {tmp_path}/policy.toml --reason "first policy"` once, by somebody who may; '
            "waiting for it"
        )
    finally:
        await told.follower.stop()
