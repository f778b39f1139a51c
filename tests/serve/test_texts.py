"""`TIDEGATE_SERVE_KEEP_TEXT`: what is counted is kept with its text, for evidence; and nothing where it is off."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

from tests.serve.conftest import SCORE_S, ServeRig
from tests.serve.test_live import KEY, POLICY, LiveRig, live, metric, until  # noqa: F401 - a fixture
from tests.support.scorers import ScriptedScorer
from tests.support.stacks import Stack
from tidegate.streams.cli.tail import line
from tidegate.streams.core.events import Completion
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.kafka.producer import Message
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.moderation.moderator import Moderated, Moderator
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.serve.counting import CountMode
from tidegate.streams.serve.live import KafkaOptions
from tidegate.streams.serve.process import ServeOptions
from tidegate.streams.serve.texts import KeptTexts


async def serve(live: LiveRig, count: CountMode, *, keep_text: bool = True, **options: Any) -> ServeRig:  # noqa: F811
    kafka = KafkaOptions(live.stack.kafka, KEY, count, idempotent=False, keep_text=keep_text)
    rig = ServeRig(ServeOptions(**options), Moderator(Scoring(1, SCORE_S), lambda _: ScriptedScorer()), kafka)
    live.served.append(rig)
    await rig.process.open()
    return rig


async def kept(stack: Stack) -> dict[str, Any]:
    """Key -> value of each record."""
    async with aclosing(read_all(stack.kafka, "moderated-texts")) as records:
        return {(record.key or b"").decode(): json.loads(record.value or b"") async for record in records}


@pytest.mark.parametrize("count", ["required", "best_effort"])
async def test_what_is_counted_is_kept(
    live: LiveRig,  # noqa: F811 - the fixture
    count: CountMode,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Under the id of its record: tenant, prompt and choices, and neither user nor conversation."""
    caplog.set_level(logging.WARNING)
    rig = await serve(live, count)
    assert "texts are kept: what is moderated goes to the topic moderated-texts" in caplog.text
    body = {"id": "mine", "completion": ["toxicity=0.4", "fine"], "prompt": "p", "tenant": "acme", "user": "ann"}
    _, decided, _ = await rig.post("/v1/decide", body)
    await rig.post("/v1/moderations", {"input": ["one", "two"]})
    assert (await rig.post("/v1/guard", {"prompt": "threat=0.95"}))[1]["action"] == "block"
    assert (await rig.post("/v1/guard", {"prompt": "fine"}))[1]["action"] == "allow"  # no record: no text
    await until(lambda: metric(rig, "http_texts_kept_total") == metric(rig, "http_counted_total") == 4)
    found = await kept(live.stack)
    assert found.keys() == {one.id for one in await live.moderations()}
    assert found[decided["id"]] == {
        "schema_version": 1,
        "id": decided["id"],
        "tenant": "acme",
        "prompt": "p",
        "choices": ["toxicity=0.4", "fine"],
    }
    async with aclosing(read_all(live.stack.kafka, "moderated-texts")) as records:
        lines = [line("moderated-texts", record) async for record in records]
    assert not [shown for shown in lines if "toxicity" in shown]  # a terminal's scrollback is no place for a text
    others = [(one["prompt"], one["choices"]) for one in found.values() if one["id"] != decided["id"]]
    assert sorted(others, key=str) == sorted([(None, ["one"]), (None, ["two"]), ("threat=0.95", [""])], key=str)


@pytest.mark.parametrize(("count", "keep_text"), [("off", True), ("best_effort", False), ("required", False)])
async def test_nothing_is_kept_unasked_or_uncounted(
    live: LiveRig,  # noqa: F811 - the fixture
    count: CountMode,
    keep_text: bool,
) -> None:
    rig = await serve(live, count, keep_text=keep_text)
    assert (await rig.post("/v1/decide", {"completion": "toxicity=0.95"}))[0] == 200
    await rig.process.close()
    assert await kept(live.stack) == {}


async def test_a_silent_broker_keeps_no_answer_back(live: LiveRig) -> None:  # noqa: F811 - the fixture
    rig = await serve(live, "best_effort", drain_s=0.5)
    live.stack.freeze_broker()
    try:
        for _ in range(3):
            assert (await rig.post("/v1/decide", {"completion": "fine"}))[0] == 200
        assert await rig.process.close()
    finally:
        live.stack.thaw_broker()
    assert metric(rig, "http_texts_unkept_total", reason="stopped") == 3
    assert metric(rig, "http_uncounted_total", reason="stopped") == 3


async def test_required_is_not_answered_unkept(live: LiveRig) -> None:  # noqa: F811 - the fixture
    """Evidence must be there before the answer is."""
    rig = await serve(live, "required", timeout_s=1)
    live.stack.freeze_broker()
    status, *_ = await rig.post("/v1/decide", {"completion": "fine"})
    live.stack.thaw_broker()
    assert status == 503


# --- bounds


async def rows(*texts: str) -> Sequence[Moderated]:
    scoring = Scoring(1, SCORE_S)
    moderator = Moderator(scoring, lambda _: ScriptedScorer(), live=LivePolicy("0-0000000a", parse(POLICY, "p")))
    found = await moderator.moderate([Completion(id=f"http-{n}", completion=text) for n, text in enumerate(texts)])
    scoring.close()
    return found


async def test_what_waits_is_bounded_in_bytes() -> None:
    never, lost = asyncio.Event(), list[tuple[str, int]]()

    async def publish(_: Any) -> None:
        await never.wait()

    texts = KeptTexts("best_effort", publish, 10_000, unkept=lambda why, n: lost.append((why, n)), waiting_bytes=2500)
    texts.start()
    for row in await rows(*["x" * 1000] * 4):
        await texts.keep([row])
        await asyncio.sleep(0)
    assert lost == [("full", 1), ("full", 1)]
    await texts.stop(0.01)
    assert lost[2:] == [("stopped", 2)]


async def test_room_is_free_again_once_written() -> None:
    written: list[Message] = []

    async def publish(messages: Sequence[Message]) -> None:
        written.extend(messages)

    texts = KeptTexts("best_effort", publish, 10_000, waiting_bytes=2500)
    texts.start()
    for row in await rows(*["x" * 1000] * 6):
        await texts.keep([row])
        await asyncio.sleep(0.01)
    await texts.stop(1)
    assert [message.key for message in written] == [f"http-{n}".encode() for n in range(6)]


@pytest.mark.parametrize("count", ["required", "best_effort"])
async def test_a_text_larger_than_a_record_is_left_out(count: CountMode) -> None:
    """Its neighbours are kept, and the answer is given: another try would not help."""
    written: list[Message] = []
    lost: list[tuple[str, int]] = []

    async def publish(messages: Sequence[Message]) -> None:
        written.extend(messages)

    texts = KeptTexts(count, publish, 2000, unkept=lambda why, n: lost.append((why, n)))
    texts.start()
    await texts.keep(await rows("x" * 3000, "fine"))
    await texts.stop(1)
    assert ([message.key for message in written], lost) == ([b"http-1"], [("too_large", 1)])
