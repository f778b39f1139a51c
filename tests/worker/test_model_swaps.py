"""A swapped model under a worker's traffic: a batch ends with the scorer that it began with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import manifests as manifests
from tests.support.scorers import LABELS
from tests.wire.records import Fake
from tidegate.classifiers import Scored
from tidegate.streams.core.events import Decision
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.log import ChangeVerdict, Folded, PolicyLog
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.worker.completion_handler import CompletionHandler
from tidegate.streams.worker.worker import Worker

LIVE = LivePolicy("3-0123abcd", parse({"labels": {"toxicity": {"flag": 0.5}, "insult": {"flag": 0.5}}}, "p"))


class Steady:
    """Gives every text the same score, and says so in its version."""

    labels = LABELS

    def __init__(self, score: float) -> None:
        self.version = f"steady@{score:g}"
        self._score = score

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        return Scored(np.full((len(texts), len(LABELS)), self._score, np.float32))


@pytest.mark.parametrize("quarantined", [False, True])
async def test_no_batch_has_two_model_versions(quarantined: bool) -> None:
    """However often the model is swapped."""
    scorer = LiveScorer(Steady(0.25), lambda _: None)
    scoring, store = Scoring(2, 5), MemoryStore(lambda: 0)
    moderator = RecordModerator(Moderator(scoring, scorer.under), UserKey(b"0" * 16))
    handler = CompletionHandler(moderator, store, lambda: LIVE, Metrics())
    partition = TopicPartition("completions", 0)
    (claim,) = await store.claim([partition], "w1")
    owned = OwnedPartition(
        partition, claim.epoch, 0, 0, CheckpointTrust.BELIEVED, quarantine_until=100 if quarantined else 0
    )
    records = [Fake(b'{"id": "%d", "completion": "x"}' % n, offset=n, timestamp=0) for n in range(4)]
    found: list[set[tuple[str, float]]] = []

    async def process() -> None:
        record_range = RecordRange(owned, 0, list(records), 0)
        (prepared,) = await handler.prepare(Batch([record_range], asyncio.Event(), len(records), 0))
        await asyncio.sleep(0)
        decided = handler.conclude(record_range, prepared, LIVE)
        found.append({(d.model_version, d.scores["toxicity"]) for d in decided if isinstance(d, Decision)})

    async def reload() -> None:
        for n in range(60):
            scorer.loaded = Steady(0.5 if n % 2 == 0 else 0.25)
            await asyncio.sleep(0.001)

    await asyncio.gather(reload(), *(process() for _ in range(30)))
    assert all(len(versions) == 1 for versions in found)
    assert set.union(*found) <= {("steady@0.25", 0.25), ("steady@0.5", 0.5)}
    scoring.close()


async def test_a_batch_in_flight_ends_with_the_model_it_began_with() -> None:
    scorer = LiveScorer(Steady(0.25), lambda _: None)
    scoring = Scoring(1, 5)
    moderator = RecordModerator(Moderator(scoring, scorer.under), UserKey(b"0" * 16))
    handler = CompletionHandler(moderator, MemoryStore(lambda: 0), lambda: LIVE, Metrics())
    owned = OwnedPartition(TopicPartition("completions", 0), 1, 0, 0, CheckpointTrust.BELIEVED)
    versions = []
    for swapped_to in (0.5, None):
        record_range = RecordRange(owned, 0, [Fake(b'{"id": "1", "completion": "x"}', offset=0, timestamp=0)], 0)
        (prepared,) = await handler.prepare(Batch([record_range], asyncio.Event(), 1, 0))
        if swapped_to:
            scorer.loaded = Steady(swapped_to)
        (decision,) = handler.conclude(record_range, prepared, LIVE)
        assert isinstance(decision, Decision)
        versions.append(decision.model_version)
    assert versions == ["steady@0.25", "steady@0.5"]
    scoring.close()


# --- a policy is judged against the model in force


async def test_a_label_of_the_new_model_is_allowed_after_the_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A policy may name it once that model is in force."""
    manifest = manifests.write_one(tmp_path)
    policy = tmp_path / "p.toml"
    policy.write_text("[labels.toxicity]\nflag = 0.5\n")
    worker = Worker(Settings(policy_file=policy, classifier_manifest=manifest, user_key="0" * 16))  # type: ignore[arg-type]
    named: Any = {"labels": {"toxicity": {"flag": 0.5}}, "prompt_labels": {"hate": {"flag": 0.5}}}
    new = LivePolicy("4-0123abcd", parse(named, "p"))

    def arrives() -> None:
        worker.follower._record(Folded(PolicyLog(live=new), ChangeVerdict.APPLIED, ""), 4, None)

    arrives()
    assert "policy 4-0123abcd names hate, which screen-en@" in caplog.text
    waiting_for = worker.waiting_for()
    manifests.write_one(tmp_path, sha256="0" * 64)
    await worker._reloader.check(lambda: LIVE)
    assert "model not swapped" in caplog.text
    assert worker.waiting_for() == waiting_for  # a refused model keeps nobody from working
    caplog.clear()
    manifests.write_one(tmp_path, labels=[label.replace("sexual", "hate") for label in manifests.LABELS],
                        experimental=None)  # fmt: skip
    await worker._reloader.check(lambda: LIVE)
    arrives()
    assert caplog.text == ""
    worker._scoring.close()
