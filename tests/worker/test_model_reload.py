"""Model reload: a good model is swapped in between batches, a bad one changes nothing."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import manifests as manifests
from tests.support.scorers import LABELS
from tests.wire.records import Fake
from tidegate.classifiers import Scored, Scorer
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
from tidegate.streams.moderation.scorer import LiveScorer, load_scorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.worker.completion_handler import CompletionHandler
from tidegate.streams.worker.model_reload import ModelReloader
from tidegate.streams.worker.worker import Worker

LIVE = LivePolicy("3-0123abcd", parse({"labels": {"toxicity": {"flag": 0.5}, "insult": {"flag": 0.5}}}, "p"))


class ReloaderRig:
    """A ModelReloader on a folder of the test's own, and how often it loaded something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = manifests.write_one(folder)
        self.loads = 0
        self.metrics = Metrics()
        self.reloader = ModelReloader(self.manifest, self._load, self.metrics)
        self.first = self.loaded
        self.loads = 0

    def _load(self) -> Scorer:
        self.loads += 1
        return load_scorer("", self.manifest)

    @property
    def loaded(self) -> Scorer:
        return self.reloader.scorer.loaded

    async def check(self) -> None:
        await self.reloader.check(lambda: LIVE)

    def touch(self) -> None:
        """Writes the manifest again with the same content."""
        os.utime(self.manifest, ns=(0, self.manifest.stat().st_mtime_ns + 1))

    @property
    def refused(self) -> float | None:
        return self.metrics.registry.get_sample_value("tidegate_model_refused_total")

    @property
    def versions(self) -> list[str]:
        """The versions in force, by the metric."""
        (family,) = (f for f in self.metrics.registry.collect() if f.name == "tidegate_model_info")
        return [sample.labels["version"] for sample in family.samples if sample.value == 1]


@pytest.fixture
def watched(tmp_path: Path) -> ReloaderRig:
    return ReloaderRig(tmp_path)


def another(folder: Path) -> None:
    """Writes a model with other scores: the same files, read in windows of another overlap."""
    manifests.write_one(folder, overlap=8)


# --- a good one


async def test_a_good_model_is_in_force_after_the_next_poll(
    watched: ReloaderRig, caplog: pytest.LogCaptureFixture
) -> None:
    """It is rolled back in the same way."""
    caplog.set_level(logging.INFO, "tidegate.streams.worker.model_reload")
    another(watched.folder)
    await watched.check()
    second = watched.loaded
    assert second.version != watched.first.version
    assert watched.versions == [second.version]
    assert caplog.messages == [f"model {second.version} is in force, {watched.first.version} was before"]

    manifests.write_one(watched.folder)
    await watched.check()
    assert (watched.versions, watched.refused) == ([watched.first.version], 0)


async def test_an_unchanged_manifest_loads_nothing(watched: ReloaderRig) -> None:
    await watched.check()
    watched.touch()
    await watched.check()
    assert (watched.loads, watched.loaded) == (0, watched.first)


async def test_a_manifest_that_changes_no_score_swaps_nothing(watched: ReloaderRig) -> None:
    manifests.write_one(watched.folder, summary="Said better.")
    await watched.check()
    await watched.check()
    assert (watched.loads, watched.loaded, watched.refused) == (1, watched.first, 0)


# --- a bad one

BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong hash": (lambda f: manifests.write_one(f, sha256="0" * 64), "models.screen-en.file: "),
    "missing file": (lambda f: manifests.write_one(f, file="nowhere.onnx"), "No such file or directory"),
    "broken TOML": (lambda f: manifests.write(f, "default = [["), "not readable as TOML"),
    "unknown key": (lambda f: manifests.write_one(f, speed=1, colour=2), "unknown key; "),
    "no such name": (lambda f: manifests.write_models(f, "other", **{manifests.NAME: manifests.entry()}), "default"),
    "another width": (
        lambda f: manifests.write_one(f, labels=["toxicity", "insult"], experimental=None, prompt_labels=None),
        "expected",
    ),
    "golden texts": (
        lambda f: manifests.write_one(f, overlap=8, **manifests.golden(f, 0.9)),
        "golden.json: texts[0]: toxicity: screen-en@",
    ),
    "missing label": (
        lambda f: manifests.write_one(f, labels=[k.replace("insult", "rudeness") for k in manifests.LABELS]),
        "policy 3-0123abcd: insult: screen-en@",
    ),
    "gone": (lambda f: (f / "models.toml").unlink(), "no such file"),
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_model_changes_nothing(watched: ReloaderRig, bad: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, and the next change of the manifest is tried."""
    make, message = BAD[bad]
    make(watched.folder)
    for _ in range(3):
        await watched.check()
    assert (watched.loaded, watched.refused, watched.loads) == (watched.first, 1, 1)
    (message,) = caplog.messages
    assert message.startswith("model not swapped: ")
    assert message.endswith(f"; {watched.first.version} stays in force")
    assert message in message
    assert "\n" not in message

    another(watched.folder)
    await watched.check()
    assert watched.loaded is not watched.first
    assert watched.refused == 1


async def test_a_refused_model_is_retried_if_the_manifest_is_touched(watched: ReloaderRig) -> None:
    """Say, once the file that was missing has arrived."""
    manifests.write_one(watched.folder, overlap=8, file="late.onnx")
    await watched.check()
    assert watched.refused == 1
    (watched.folder / "late.onnx").symlink_to(manifests.entry()["file"])
    watched.touch()
    await watched.check()
    assert (watched.refused, watched.loaded is watched.first) == (1, False)


async def test_a_manifest_restored_after_a_bad_one_loads_nothing(watched: ReloaderRig) -> None:
    manifests.write(watched.folder, "default = [[")
    await watched.check()
    manifests.write_one(watched.folder)
    await watched.check()
    assert (watched.loads, watched.loaded, watched.refused) == (1, watched.first, 1)


async def test_any_error_of_the_load_keeps_the_model_in_force(
    watched: ReloaderRig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> Scorer:
        raise MemoryError("a text, perhaps")

    monkeypatch.setattr(watched.reloader, "_load", breaks)
    another(watched.folder)
    await watched.check()
    assert (watched.loaded, watched.refused) == (watched.first, 1)
    assert "MemoryError while it was loaded" in caplog.text
    assert "a text, perhaps" not in caplog.text


# --- watching


async def test_the_reloader_polls_until_it_is_stopped(watched: ReloaderRig) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(watched.reloader.run(lambda: LIVE, stopping, 0.01))
    another(watched.folder)
    async with asyncio.timeout(30):
        while watched.loaded is watched.first:
            await asyncio.sleep(0.01)
        stopping.set()
        await running


async def test_an_interval_of_0_never_polls(watched: ReloaderRig) -> None:
    another(watched.folder)
    await watched.reloader.run(lambda: LIVE, asyncio.Event(), 0)
    assert watched.loads == 0


# --- traffic


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


async def test_a_missing_label_of_a_shadow_refuses_no_model(
    watched: ReloaderRig, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged."""
    candidate = LivePolicy("5-0123abcd", parse({"labels": {"toxicity": {"flag": 0.4}, "sexual": {"flag": 0.5}}}, "p"))
    beside = replace(LIVE, shadow=candidate)
    watched.reloader.scorer.under(beside)
    assert caplog.text == ""  # the first model gives it
    manifests.write_one(watched.folder, labels=[label.replace("sexual", "hate") for label in manifests.LABELS],
                        experimental=None)  # fmt: skip
    await watched.reloader.check(lambda: beside)
    assert (watched.refused, watched.versions) == (0, [watched.loaded.version])
    assert "hate" in watched.loaded.labels
    assert caplog.messages == [
        f"shadow 5-0123abcd names sexual, which {watched.loaded.version} does not give: "
        "the shadow asks for nothing of it"
    ]
