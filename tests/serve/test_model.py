"""Another model while `tidegate serve` answers: no request fails, and each answer is one model's."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.serve.conftest import ServeRig, moderator
from tests.serve.test_live import LiveRig, live, metric, until  # noqa: F401 - a fixture
from tests.support import manifests
from tests.support.scorers import ScriptedScorer
from tidegate.classifiers import Scored
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.serve.process import ServeOptions, process_of
from tidegate.streams.settings.settings import Settings

LONG = (  # several windows: its scores are others where windows are shorter
    "We walked along the shore and talked about the weather, the price of bread and the long way home. Nobody was in "
    "a hurry. Then he said that the plan was stupid, and that people like you never learn, which I found rude."
)


def served(folder: Path, **more: Any) -> ServeRig:
    """A process made of settings, on a manifest of the test's own."""
    policy = folder / "policy.toml"
    policy.write_text("[labels.toxicity]\nflag = 0.3\n[labels.insult]\nflag = 0.5\n")
    settings: dict[str, Any] = {"policy_file": policy, "model_poll_s": 0.05, "serve_port": 0, "serve_probe_port": 0}
    settings |= {"classifier_manifest": manifests.write_one(folder), "serve_timeout_s": 60, "score_timeout_s": 30}
    rig = ServeRig(ServeOptions(), moderator(ScriptedScorer()))
    rig.process = process_of(Settings(**settings, **more))
    return rig


class Asked:
    """Clients that ask without a pause, and the answers that they got."""

    def __init__(self, rig: ServeRig) -> None:
        self._rig = rig
        self.statuses: set[int] = set()
        self.scores: dict[str, set[str]] = defaultdict(set)  # of LONG, by the version that the answer carries
        self.categories: dict[str, set[str]] = defaultdict(set)  # the same as OpenAI's categories
        self._stop = False

    def has_seen(self, models: int) -> bool:
        return len(self.scores) >= models

    async def _decide(self) -> None:
        while not self._stop:
            status, body, _ = await self._rig.post("/v1/decide", {"completion": LONG})
            self.statuses.add(status)
            self.scores[body["model_version"]].add(str(body["scores"]))

    async def _moderate(self) -> None:
        """Several texts a request: one batch, so one version and one set of scores."""
        while not self._stop:
            status, body, headers = await self._rig.post("/v1/moderations", {"input": [LONG] * 3})
            self.statuses.add(status)
            self.categories[headers["x-tidegate-model-version"]] |= {
                str(one["category_scores"]) for one in body["results"]
            }

    async def while_(self, changes: Any) -> None:
        clients = [asyncio.create_task(call()) for call in (self._decide, self._decide, self._moderate)]
        try:
            await changes
        finally:
            self._stop = True
            await asyncio.gather(*clients)


async def test_another_model_under_requests(tmp_path: Path) -> None:
    """Every answer carries one version, with that version's scores, and none fails."""
    rig = served(tmp_path)
    await rig.process.open()
    try:
        asked = Asked(rig)

        async def change() -> None:
            for models, tokens in enumerate((32, 16, 8), 1):
                await until(partial(asked.has_seen, models))
                manifests.write_one(tmp_path, max_tokens=tokens, overlap=2)
            await until(partial(asked.has_seen, 4))

        await asked.while_(change())
        assert asked.statuses == {200}
        assert len(asked.scores) == 4
        assert {len(scores) for scores in (*asked.scores.values(), *asked.categories.values())} == {1}
        assert len(set.union(*asked.scores.values())) == 4  # the models do differ
        newest = list(asked.scores)[-1]
        assert metric(rig, "model_info", version=newest) == 1
    finally:
        await rig.close()


async def test_a_refused_model_is_a_metric(tmp_path: Path) -> None:
    rig = served(tmp_path)
    await rig.process.open()
    try:
        _, before, _ = await rig.post("/v1/decide", {"completion": "fine"})
        manifests.write_one(tmp_path, sha256="0" * 64)
        await until(lambda: metric(rig, "model_refused_total") == 1)
        _, after, _ = await rig.post("/v1/decide", {"completion": "fine"})
        assert after["model_version"] == before["model_version"]
    finally:
        await rig.close()


async def test_another_model_beside_kafka(live: LiveRig, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """Each record carries the model of its answer. A model that lacks a label of the policy is refused."""
    rig = served(tmp_path, kafka=str(live.stack.kafka), user_key="0" * 16, serve_count="required", idempotent=False)
    live.served.append(rig)
    await rig.process.open()
    answers = [(await rig.post("/v1/decide", {"completion": "fine"}))[1]]
    renamed = [name.replace("toxicity", "rudeness") for name in manifests.LABELS]
    manifests.write_one(tmp_path, labels=renamed)
    await until(lambda: metric(rig, "model_refused_total") == 1)
    manifests.write_one(tmp_path, overlap=8)
    await until(lambda: metric(rig, "model_info", version=answers[0]["model_version"]) == 0)
    answers.append((await rig.post("/v1/decide", {"completion": "fine"}))[1])
    recorded = {one.id: one.model_version for one in await live.moderations()}
    assert recorded == {one["id"]: one["model_version"] for one in answers}
    assert len(set(recorded.values())) == 2


class Held(ScriptedScorer):
    """A model that is asked for a text with `slow`, says so, and waits."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.asked, self.go_on = threading.Event(), threading.Event()

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        if any("slow" in text for text in texts):
            self.asked.set()
            self.go_on.wait(30)
        return super().score(texts, explain=explain)


async def test_a_request_in_flight_ends_with_its_model() -> None:
    """The swap is between two batches: what came before it is the old model's, what came after the new one's."""
    old, new = Held("held@1"), Held("held@2")
    scorer = LiveScorer(old, lambda _: None)
    policy = LivePolicy("p-1", parse({"labels": {"toxicity": {"redact": 0.3}}}, "here"))
    rig = ServeRig(ServeOptions(timeout_s=60), Moderator(Scoring(2, 30), scorer.under, live=policy))
    await rig.process.open()
    try:
        slow = asyncio.create_task(rig.post("/v1/decide", {"completion": "slow toxicity=0.5"}))
        await until(old.asked.is_set)
        scorer.loaded = new
        _, after, _ = await rig.post("/v1/decide", {"completion": "toxicity=0.5"})
        old.go_on.set()
        status, before, _ = await slow
        assert (status, before["model_version"], after["model_version"]) == (200, "held@1", "held@2")
        assert before["redacted"] == "slow █████"
    finally:
        old.go_on.set()
        await rig.close()
