"""Which shadow a worker says that it runs, and that a shadow keeps no worker from starting."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from streams.core.changes import PolicyChange, ShadowChange
from streams.core.log import PolicyLog, fold
from streams.core.policy import Policy
from streams.in_force import InForce
from streams.metrics import Metrics
from streams.publish import Message, Publisher
from streams.scorer import LiveScorer
from streams.store.memory import MemoryStore
from streams.topics_admin import ensure_topics
from tests.pairs import Pair
from tests.scorers import obedient

LIVE = {"labels": {"toxicity": {"block": 0.9}}}
TRIED = {"labels": {"toxicity": {"block": 0.8}, "sarcasm": {"flag": 0.1}}}  # the classifier gives no sarcasm


def change(parent: str | None, policy: dict[str, object]) -> PolicyChange:
    return PolicyChange(parent=parent, policy=policy, author="ann", reason="x", at_ms=1)


def shadow(parent: str | None, policy: dict[str, object] | None) -> ShadowChange:
    return ShadowChange(parent=parent, policy=policy, author="ann", reason="x", at_ms=1)


class Told:
    """An InForce that is told records one by one, and what it says in metrics."""

    def __init__(self, folder: Path, kafka: str = "") -> None:
        file = folder / "policy.toml"
        file.write_text("[labels.toxicity]\nblock = 0.9\n")
        self.metrics = Metrics()
        self.scorer = LiveScorer(obedient(), self.metrics.model_is)
        self.in_force = InForce(kafka, file, "w1", self.scorer, self.metrics, MemoryStore(lambda: 1))
        self.log = PolicyLog()

    def tell(self, record: PolicyChange | ShadowChange) -> str | None:
        """The version of the live policy after it."""
        folded = fold(self.log, self.log.next, record.model_dump_json().encode())
        self.log = folded.log
        self.in_force._record(folded, folded.log.next - 1, None)
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
    own_pair: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await ensure_topics(own_pair.kafka, 1, own_pair.replication)
    publisher = Publisher(own_pair.kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
    await publisher.start()
    told = Told(tmp_path, own_pair.kafka)
    log = [change(None, LIVE), shadow(None, TRIED)]
    await publisher.publish([Message("policies", b"live", r.model_dump_json().encode(), 0) for r in log])
    try:
        await told.in_force.find(publisher)
        live = told.in_force.live
        assert live.policy == Policy.model_validate(LIVE)
        assert live.shadow is not None
        assert told.shadows == [live.shadow.version]
        assert [message for message in caplog.messages if "sarcasm" in message] == [
            f"shadow {live.shadow.version} names sarcasm, which obedient@1 does not give: "
            "the shadow asks for nothing of it"
        ]
        assert [r.levelname for r in caplog.records if "sarcasm" in r.message] == ["WARNING"]
    finally:
        await told.in_force.stop()
        await publisher.stop()
