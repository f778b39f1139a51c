"""One text has one verdict, by whichever door it comes: `Moderator`, `tidegate score`, the worker, and replay."""

from __future__ import annotations

import asyncio
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.support.scorers import LABELS, ScriptedScorer
from tests.worker.test_pipeline import NOW, Fake, P, PipelineRig
from tidegate.streams.cli import app
from tidegate.streams.core.decide import Inputs, Verdict, decide
from tidegate.streams.core.events import Completion, Decision
from tidegate.streams.core.policy.model import digest, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.ingest.batches import RecordRange
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scoring import Scoring

POLICY = """
[labels.toxicity]
flag = 0.3
block = 0.9
[labels.insult]
review = 0.5
redact = 0.7
[prompt_labels.threat]
flag = 0.6
[faults]
fail = "closed"
[[scopes]]
tenant = "acme"
labels.toxicity = { block = 0.5 }
"""

scores = st.integers(0, 100).map(lambda n: n / 100)
texts = st.lists(st.tuples(st.sampled_from((*LABELS, "RAISE", "NAN", "plain", "words")), scores), max_size=4).map(
    lambda parts: " ".join(f"{word}={score}" if word in LABELS else word for word, score in parts)
)
completions = st.builds(
    dict,
    completion=st.one_of(texts, st.lists(texts, min_size=1, max_size=3)),
    prompt=st.none() | texts,
    tenant=st.sampled_from(("acme", "zed")),
    status=st.sampled_from(("ok", "failed")),
)


def verdict(decision: Decision) -> Verdict:
    return Verdict(
        decision.action,
        decision.reasons,
        decision.spans,
        decision.would_be,
        decision.policy_version,
        decision.model_version,
    )


@pytest.fixture(scope="module")
def policy_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("policy") / "policy.toml"
    file.write_text(POLICY)
    return str(file)


@settings(max_examples=25, deadline=None)
@given(given_=st.lists(completions, min_size=1, max_size=8))
def test_every_door_gives_the_same_verdict(policy_file: str, given_: list[dict[str, Any]]) -> None:
    policy = parse(tomllib.loads(POLICY), "here")
    live = LivePolicy(f"file-{digest(policy)}", policy)
    values = [json.dumps({"id": f"c{n}", **one}).encode() for n, one in enumerate(given_)]
    records = [Fake(value, offset=n, timestamp=NOW) for n, value in enumerate(values)]

    async def judged() -> tuple[list[Verdict], list[Decision], list[Decision]]:
        rig = PipelineRig()
        rig.live, rig.scorer = live, ScriptedScorer()
        scoring = Scoring(1, 5)
        try:
            moderator = Moderator(scoring, lambda _: ScriptedScorer(), live=live)
            alone = await moderator.moderate([Completion.model_validate_json(value) for value in values])
            owned = await rig.own(P)
            await rig.pipeline.process(rig.batch(RecordRange(owned, 0, list(records), 0)))
            replayed = await RecordModerator(moderator, UserKey(b"k" * 16)).moderate(records, live, epoch=9, now_ms=NOW)
        finally:
            scoring.close()
            rig.scoring.close()
        on_topic = [Decision.model_validate_json(m.value or b"") for m in rig.publisher.messages]
        return [each.verdict for each in alone], on_topic, [r for _, r in replayed if isinstance(r, Decision)]

    alone, worker, replayed = asyncio.run(judged())
    assert [verdict(d) for d in worker] == alone
    assert [verdict(d) for d in replayed] == alone
    assert [d.scores for d in worker] == [d.scores for d in replayed]
    assert [decide(Inputs.of(d), live) for d in worker] == worker  # replay without texts

    environment = {"TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted", "TIDEGATE_POLICY_FILE": policy_file}
    ran = CliRunner().invoke(app, ["score", "-"], input=b"\n".join(values), env=environment)
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    printed = [(line["action"], line["scores"], line["reasons"], line["model"], line["policy"]) for line in lines]
    dumped = [d.model_dump(mode="json") for d in worker]
    assert printed == [
        (d["action"], d["scores"], d["reasons"], d["model_version"], d["policy_version"]) for d in dumped
    ]
