"""`comments:suggestscore`: what people say of a score becomes feedback on Kafka, acknowledged, and no text is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.serve.conftest import ServeRig, moderator
from tests.serve.test_keys import add
from tests.support.scorers import ScriptedScorer
from tests.support.stacks import Stack
from tests.wire.records import record
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.events import Feedback, FeedbackKind
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.completion_producer import Producer
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.serve.process import ServeOptions, ServeProcess
from tidegate.streams.serve.suggestions import FeedbackSink
from tidegate.streams.wire import decode_feedback

PATH = "/v1alpha1/comments:suggestscore"
TEXT = "hunter2 is a worthless idiot"
KEY = UserKey(b"0123456789abcdef")
StartWith = Callable[..., Awaitable[ServeRig]]


def body(**scores: float) -> dict[str, Any]:
    attributes = {name: {"summaryScore": {"value": value}} for name, value in scores.items()}
    return {"comment": {"text": TEXT}, "attributeScores": attributes, "clientToken": "t", "languages": ["en"]}


@pytest.fixture
async def start_with() -> AsyncIterator[StartWith]:
    """Starts processes with a sink of feedback, or None: `start_with(sink, keys_file=…)`."""
    running: list[ServeRig] = []

    async def start(sink: FeedbackSink | None, **options: Any) -> ServeRig:
        rig = ServeRig(ServeOptions(**options), moderator(ScriptedScorer()))
        rig.process = ServeProcess(ServeOptions(**options), lambda: rig.moderator, feedback=sink)
        running.append(rig)
        await rig.process.open()
        return rig

    yield start
    for rig in running:
        await rig.close()


def sink_of(producer: Producer) -> FeedbackSink:
    async def publish(feedback: Sequence[Feedback]) -> None:
        await asyncio.gather(*(producer.send_feedback(one) for one in feedback))

    return FeedbackSink(publish, KEY.text)


async def written(kafka: str) -> list[tuple[bytes, bytes]]:
    """Key and value of every record on `feedback`."""
    async with aclosing(read_all(kafka, "feedback")) as records:
        return [(record.key or b"", record.value or b"") async for record in records]


async def test_suggestions_become_feedback_without_a_text(
    own_stack: Stack, start_with: StartWith, tmp_path: Path
) -> None:
    """From 0.5 on a complaint, below it `mistaken`; at most one of each a request; the tenant is the key's."""
    secret = add(tmp_path / "keys.json", "web", "acme", KeyRight.FEEDBACK)
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    async with Producer(own_stack.kafka, idempotent=False) as producer:
        rig = await start_with(sink_of(producer), keys_file=tmp_path / "keys.json")
        status, answer, _ = await rig.post(f"{PATH}?key={secret}", body(TOXICITY=0.5, INSULT=0.9, THREAT=0.49))
        assert (status, answer) == (200, {"requestedLanguages": ["en"], "clientToken": "t"})
        assert (await rig.post(f"{PATH}?key={secret}", body(TOXICITY=0.1)))[0] == 200
    records = await written(own_stack.kafka)
    read = [decode_feedback(record(json.loads(value))) for _, value in records]
    assert all(isinstance(one, Feedback) for one in read)
    said = sorted((one.kind, one.tenant, one.completion_id) for one in read if isinstance(one, Feedback))
    about = KEY.text("acme", TEXT)
    assert said == [
        (FeedbackKind.COMPLAINT, "acme", about),
        (FeedbackKind.MISTAKEN, "acme", about),
        (FeedbackKind.MISTAKEN, "acme", about),
    ]
    assert len({one.id for one in read if isinstance(one, Feedback)}) == 3
    assert {key for key, _ in records} == {about.encode()}
    assert not any(b"hunter2" in value or secret.encode() in value for _, value in records)


async def test_without_kafka_a_suggestion_is_501(start_with: StartWith) -> None:
    """In Perspective's form; what is no suggestion is 400 all the same."""
    rig = await start_with(None)
    status, answer, _ = await rig.post(PATH, body(TOXICITY=0.9))
    assert (status, answer["error"]["code"], answer["error"]["status"]) == (501, 501, "UNIMPLEMENTED")
    assert "feedback needs Kafka" in answer["error"]["message"]
    assert (await rig.post(PATH, body()))[0] == 400


async def test_where_kafka_is_away_a_suggestion_is_503(start_with: StartWith, caplog: pytest.LogCaptureFixture) -> None:
    async def away(_: Sequence[Feedback]) -> None:
        raise BrokerUnavailable("kafka 127.0.0.1:1: no answer")

    rig = await start_with(FeedbackSink(away, KEY.text))
    status, answer, headers = await rig.post(PATH, body(TOXICITY=0.9))
    assert (status, answer["error"]["status"], headers["retry-after-ms"]) == (503, "UNAVAILABLE", "1000")
    assert "feedback is not counted: kafka 127.0.0.1:1" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_suggestion_needs_the_right_feedback(start_with: StartWith, tmp_path: Path) -> None:
    secret = add(tmp_path / "keys.json", "web", "acme", KeyRight.MODERATE)
    rig = await start_with(None, keys_file=tmp_path / "keys.json")
    status, answer, _ = await rig.post(PATH, body(TOXICITY=0.9), x_goog_api_key=secret)
    assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_one_text_stands_for_itself_under_one_tenant() -> None:
    ids = {KEY.text("acme", "a"), KEY.text("beta", "a"), KEY.text("acme", "b"), UserKey(b"x" * 16).text("acme", "a")}
    assert len(ids) == 4
    assert KEY.text("acme", "a") == KEY.text("acme", "a")
    assert KEY.text("acme", "a").removeprefix("text-") not in (KEY.hash("acme", "a"), KEY.record(b"a"))
