"""The policy follower: its metrics of the shadow, its start beside a shadow, and its seed of an empty log."""

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


class FollowerRig:
    """A PolicyFollower that gets records one by one, and its metrics."""

    def __init__(self, folder: Path, kafka: str = "", block: float = 0.9) -> None:
        file = folder / "policy.toml"
        file.write_text(f"[labels.toxicity]\nblock = {block}\n")
        self.metrics = Metrics()
        self.scorer = LiveScorer(scripted(), self.metrics.set_model)
        self.follower = PolicyFollower(kafka, file, "w1", self.scorer, self.metrics, MemoryStore(lambda: 1))
        self.log = PolicyLog()

    def fold(self, record: PolicyChange | ShadowChange) -> str | None:
        """Returns the version of the live policy after it."""
        folded = fold(self.log, self.log.next, record.model_dump_json().encode())
        self.log = folded.log
        self.follower._record(folded, folded.log.next - 1, None)
        return self.log.live.version if self.log.live else None

    @property
    def shadows(self) -> list[str]:
        (family,) = (f for f in self.metrics.registry.collect() if f.name == "tidegate_shadow_info")
        return [sample.labels["version"] for sample in family.samples]


def test_the_metric_exists_only_for_the_running_shadow(tmp_path: Path) -> None:
    rig = FollowerRig(tmp_path)
    live = rig.fold(change(None, LIVE))
    assert rig.shadows == []
    rig.fold(shadow(None, TRIED))
    (first,) = rig.shadows
    assert first.startswith("1-")
    rig.fold(shadow(first, {"labels": {"toxicity": {"block": 0.7}}}))
    (second,) = rig.shadows
    assert second.startswith("2-")
    live = rig.fold(change(live, {"labels": {"toxicity": {"block": 0.95}}}))
    assert rig.shadows == [second]  # beside the new one
    rig.fold(change(live, {"labels": {"toxicity": {"block": 0.7}}}))
    assert rig.shadows == []  # promoted
    rig.fold(shadow(None, TRIED))
    rig.fold(shadow(rig.shadows[0], None))
    assert rig.shadows == []  # dropped


async def test_a_shadow_with_a_missing_label_lets_a_worker_start(
    own_stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The classifier does not give one label of the shadow."""
    caplog.set_level(logging.WARNING)
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    publisher = Publisher(own_stack.kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
    await publisher.start()
    rig = FollowerRig(tmp_path, own_stack.kafka)
    log = [change(None, LIVE), shadow(None, TRIED)]
    await publisher.publish([Message("policies", b"live", r.model_dump_json().encode(), 0) for r in log])
    try:
        await rig.follower.start(publisher)
        live = rig.follower.live
        assert live.policy == Policy.model_validate(LIVE)
        assert live.shadow is not None
        assert rig.shadows == [live.shadow.version]
        assert [message for message in caplog.messages if "sarcasm" in message] == [
            f"shadow {live.shadow.version} names sarcasm, which scripted@1 does not give: "
            "the shadow asks for nothing of it"
        ]
        assert [r.levelname for r in caplog.records if "sarcasm" in r.message] == ["WARNING"]
    finally:
        await rig.follower.stop()
        await publisher.stop()


class RecordingPublisher(Publisher):
    """Records the topics that it publishes to, and may lack the right to."""

    def __init__(self, kafka: str) -> None:
        super().__init__(kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
        self.topics: list[str] = []
        self.may = True

    async def publish(self, messages: Sequence[Message]) -> None:
        self.topics += [message.topic for message in messages]
        if not self.may:
            raise broker_unavailable("kafka:9093", TopicAuthorizationFailedError("policies"), "policies", "Write")
        await super().publish(messages)


async def test_a_worker_writes_to_policies_only_if_the_log_is_empty(own_stack: Stack, tmp_path: Path) -> None:
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    publisher = RecordingPublisher(own_stack.kafka)
    await publisher.start()
    workers = []
    try:
        for n in range(3):
            folder = tmp_path / str(n)
            folder.mkdir()
            workers.append(FollowerRig(folder, own_stack.kafka, 0.9 + n / 100))  # each with another file
            await workers[n].follower.start(publisher)
        assert publisher.topics == ["policies"]  # of the first
        await publisher.publish(
            [Message("policies", b"live", shadow(None, TRIED).model_dump_json().encode(), 0)]  # any other record
        )
        await workers[2].follower.stop()
        await workers[2].follower.start(publisher)
        assert publisher.topics == ["policies"] * 2
    finally:
        for worker in workers:
            await worker.follower.stop()
        await publisher.stop()


async def test_a_worker_without_the_right_to_seed_names_the_command(own_stack: Stack, tmp_path: Path) -> None:
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    publisher = RecordingPublisher(own_stack.kafka)
    publisher.may = False
    rig = FollowerRig(tmp_path, own_stack.kafka)
    try:
        with pytest.raises(BrokerForbids) as error:
            await rig.follower.start(publisher)
        assert str(error.value) == (
            f"kafka {own_stack.kafka}: policies is empty, and user ANONYMOUS may not write to it; expected "
            f'`tidegate policy apply {tmp_path}/policy.toml --reason "first policy"` once, by somebody who may; '
            "waiting for it"
        )
    finally:
        await rig.follower.stop()
