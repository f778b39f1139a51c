"""Model reload: a good model is swapped in between batches, a bad one changes nothing."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import manifests as manifests
from tidegate.classifiers import Scorer
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.model_reload import ModelReloader
from tidegate.streams.moderation.scorer import load_scorer

LIVE = LivePolicy("3-0123abcd", parse({"labels": {"toxicity": {"flag": 0.5}, "insult": {"flag": 0.5}}}, "p"))


class ReloaderRig:
    """A ModelReloader on a folder of the test's own, and how often it loaded something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = manifests.write_one(folder)
        self.loads = 0
        self.metrics = Metrics()
        self.reloader = ModelReloader(
            self.manifest, self._load, self.metrics.set_model, self.metrics.models_refused.inc
        )
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
    caplog.set_level(logging.INFO, "tidegate.streams.moderation.model_reload")
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


# --- the shadow


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
