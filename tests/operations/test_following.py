"""A topic's records, and what a score comes from: inside a running event loop, without the command line."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest

from tests.operations.conftest import EmbeddedDeployment
from tests.support.scorers import ScriptedScorer
from tests.wire.records import record
from tidegate.streams.core.events import Completion
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import TopicsMissing
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.operations.explaining import Explainer
from tidegate.streams.operations.following import is_about, records

LONG = "x" * 300
LIVE = LivePolicy("0-a", parse({"labels": {"toxicity": {"flag": 0.5}}}, "here"))


@pytest.mark.parametrize(
    ("event", "id", "about"),
    [
        ({"id": "c1"}, "c1", True),
        ({"id": "f1", "completion_id": "c1"}, "c1", True),
        ({"id": "http-1", "request_id": "mine"}, "mine", True),
        ({"specversion": "1.0", "data": {"id": "c1"}}, "c1", True),
        ({"id": 7}, "7", True),
        ({"id": "c2"}, "c1", False),
        ([1], "1", False),
    ],
)
def test_an_event_is_about_the_id_that_it_names(event: object, id: str, about: bool) -> None:
    assert is_about(json.dumps(event).encode(), id) is about


def test_a_long_id_is_found_as_it_is_kept() -> None:
    from tidegate.streams.core.fields import shortened

    assert is_about(json.dumps({"id": shortened(LONG)}).encode(), LONG)
    assert not is_about(b"\xff", LONG)
    assert not is_about(None, LONG)


async def test_the_records_of_one_completion_are_followed(deployment: EmbeddedDeployment) -> None:
    written = [("completions", b"k", json.dumps({"id": f"c{n % 2}", "completion": "x"}).encode()) for n in range(6)]
    await deployment.write(written)
    async with aclosing(records(deployment, "completions", until_end=True, id="c1")) as found:
        assert [one.offset async for one in found] == [1, 3, 5]
    offsets = []
    async with aclosing(records(deployment, "completions", from_start=True)) as found:
        async for one in found:
            offsets.append(one.offset)
            if len(offsets) == 6:
                break
    assert offsets == [0, 1, 2, 3, 4, 5]


async def test_a_topic_that_is_not_there_is_named(deployment: EmbeddedDeployment) -> None:
    with pytest.raises(TopicsMissing, match="elsewhere"):
        async with aclosing(records(deployment, "elsewhere", until_end=True)) as found:
            [one async for one in found]


async def test_pieces_are_of_the_choice_that_gave_the_score() -> None:
    scoring, explainer = Scoring(1, 5), Explainer()
    try:
        moderator = RecordModerator(Moderator(scoring, lambda _: ScriptedScorer()), UserKey(b""))
        choices = ["so toxicity=0.40", "é toxicity=0.90 insult=0.2", "MUTE"]
        ((item, decision),) = await moderator.moderate(
            [record({"id": "c1", "completion": choices})], LIVE, epoch=0, now_ms=1
        )
        assert isinstance(item.completion, Completion)
        explanation = await explainer.explain(ScriptedScorer(), item.completion.choices, decision)  # type: ignore[arg-type]
    finally:
        scoring.close()
        explainer.close()
    assert [(piece.choice, piece.label, piece.text) for piece in explanation.pieces] == [
        (1, "toxicity", "toxicity=0.90"),
        (1, "insult", "insult=0.2"),
    ]
    assert [(piece.start, piece.end) for piece in explanation.pieces] == [(2, 15), (16, 26)]
    assert explanation.failed == 1
