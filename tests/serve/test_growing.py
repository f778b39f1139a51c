"""Texts that are asked about while they grow, as LiteLLM does: counted once each, and none is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serve.conftest import ServeRig
from tests.serve.test_live import LiveRig, live, metric, until
from tests.serve.test_processes import Several, several
from tidegate.streams.kafka.producer import Message
from tidegate.streams.serve.growing import Call, GrowingTexts, owner_of, stream_name

__all__ = ["live", "several"]  # fixtures

PATH = "/beta/litellm_basic_guardrail_api"


def call(text: str, strength: int = 0, stream: str = "a") -> Call:
    return Call(stream, text, strength, Message("moderations", None, f"{text}/{strength}".encode()))


def values(messages: list[Message]) -> list[str]:
    return [(message.value or b"").decode() for message in messages]


# --- the rule
#
#   seconds   0     10      20        ...   50
#   text      "a"   "ab"    "abc"           counted: 30 s after the last


def test_a_text_that_grew_is_counted_once_when_quiet() -> None:
    texts = GrowingTexts()
    assert texts.add(call("a"), 0) == ([], False)
    assert texts.add(call("ab"), 10) == ([], True)
    assert texts.add(call("abc"), 20) == ([], True)
    assert texts.quiet(49.9) == []
    assert values(texts.quiet(50)) == ["abc/0"]
    assert len(texts) == 0


def test_the_strongest_call_is_the_one_that_counts() -> None:
    texts = GrowingTexts()
    for text, strength in (("a", 1), ("ab", 3), ("abc", 3), ("abcd", 2)):
        texts.add(call(text, strength), 0)
    assert values(texts.all()) == ["abc/3"]  # of equals the later one


@pytest.mark.parametrize("other", ["xb", "", "A", "ba"])
def test_a_text_with_another_beginning_is_its_own(other: str) -> None:
    texts = GrowingTexts()
    texts.add(call("a", 4), 0)
    counted, same = texts.add(call(other), 1)
    assert (values(counted), same) == (["a/4"], False)
    assert values(texts.all()) == [f"{other}/0"]


def test_more_texts_than_fit_are_counted_early() -> None:
    texts = GrowingTexts(most=2)
    counted = [texts.add(call("t", stream=stream), 0)[0] for stream in "abc"]
    assert [len(found) for found in counted] == [0, 0, 1]
    assert len(texts) == 2


def test_streams_of_other_tenants_are_other_streams() -> None:
    names = {stream_name(*of) for of in (("a", "bc", 0), ("ab", "c", 0), ("a", "bc", 1), ("", "abc", 0))}
    assert len(names) == 4
    assert {owner_of(name, 1) for name in names} == {0}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text("xy", max_size=4), st.integers(0, 4), st.integers(0, 60))))
def test_every_call_is_counted_or_merged(calls: list[tuple[str, str, int, int]]) -> None:
    """answered = counted + merged + waiting, after each call; and no strength is lost."""
    texts, counted, merged, now = GrowingTexts(most=1), list[Message](), 0, 0
    for n, (stream, text, strength, pause) in enumerate(calls, 1):
        now += pause
        counted += texts.quiet(now)
        more, same = texts.add(call(text, strength, stream), now)
        counted += more
        merged += same
        assert n == len(counted) + merged + len(texts)
    counted += texts.all()
    strongest = max((strength for _, _, strength, _ in calls), default=0)
    assert max((int(value.rpartition("/")[2]) for value in values(counted)), default=0) == strongest


# --- by HTTP


async def grow(rig: ServeRig, call_id: str | None, *texts: list[str], **more: Any) -> None:
    for so_far in texts:
        body = {"input_type": "response", "texts": so_far, "litellm_call_id": call_id, **more}
        assert (await rig.post(PATH, body))[0] == 200


def account(*rigs: ServeRig) -> tuple[float, float]:
    """Texts answered; and those counted, merged or known not to be counted."""
    names = ("http_counted_total", "http_merged_total")
    known = sum(metric(rig, name) for rig in rigs for name in names)
    known += sum(
        metric(rig, "http_uncounted_total", reason=why) for rig in rigs for why in ("full", "failed", "stopped")
    )
    answered = sum(
        metric(rig, "http_actions_total", action=action)
        for rig in rigs
        for action in ("allow", "flag", "review", "redact", "block")
    )
    return answered, known


async def test_a_stream_is_one_record_of_its_strongest(live: LiveRig) -> None:
    rig = await live.serve("best_effort", quiet_s=0.5)
    await grow(rig, "call-1", ["so"], ["so toxicity=0.95"], ["so toxicity=0.95 toxicity=0.1"])
    await grow(rig, "call-2", ["one", "two"], ["one more", "two toxicity=0.4"])  # two choices
    await grow(rig, None, ["alone"], ["alone"])  # no id: each call is a text
    await until(lambda: account(rig) == (9, 9))
    records = await live.moderations()
    assert sorted(one.action.value for one in records) == ["allow", "allow", "allow", "block", "flag"]
    assert metric(rig, "http_merged_total") == 4
    assert metric(rig, "http_counted_total") == 5


async def test_a_prompt_is_not_merged_with_its_answer(live: LiveRig) -> None:
    """LiteLLM asks before and after the model, under one id."""
    rig = await live.serve("best_effort", quiet_s=0.5)
    await grow(rig, "call-1", ["hello"], input_type="request")
    await grow(rig, "call-1", ["hello", "hello you"])
    await until(lambda: account(rig) == (3, 3))
    assert (len(await live.moderations()), metric(rig, "http_merged_total")) == (3, 0)


async def test_under_required_each_call_is_a_record(live: LiveRig) -> None:
    rig = await live.serve("required")
    await grow(rig, "call-1", ["a"], ["a b"], ["a b c"])
    assert len(await live.moderations()) == 3
    assert account(rig) == (3, 3)


async def test_stopping_writes_texts_that_may_grow(live: LiveRig) -> None:
    rig = await live.serve("best_effort")
    for n in range(20):
        await grow(rig, f"call-{n}", ["a"], ["a b"])
    assert await live.moderations() == []
    assert await rig.process.close()
    assert len(await live.moderations()) == 20
    assert account(rig) == (40, 40)


# --- by several processes


async def test_a_stream_has_one_owner_among_processes(
    live: LiveRig, several: Callable[..., Several], tmp_path: Path
) -> None:
    """Each call comes by a connection of its own, so by either process; each stream is one record, at the end."""
    environment = {**live.stack.env(), "TIDEGATE_USER_KEY": "0123456789abcdef", "TIDEGATE_SERVE_COUNT": "best_effort"}
    parent = several(2, TIDEGATE_CLASSIFIER="tests.support.scorers:scripted", **environment)
    await parent.until_ready()

    async def stream(number: int) -> None:
        text = f"stream {number}"
        for _ in range(6):
            text += " on" if number % 2 else " toxicity=0.4"
            body = {"input_type": "response", "texts": [text], "litellm_call_id": f"call-{number}"}
            connector = aiohttp.TCPConnector(force_close=True)
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.post(parent.url + PATH, json=body) as answer,
            ):
                assert answer.status == 200, json.dumps(await answer.json())

    await asyncio.gather(*(stream(number) for number in range(20)))
    await parent.until(lambda: sum(parent.samples("tidegate_http_merged_total").values()) == 100)
    assert min(parent.samples("tidegate_http_growing").values()) > 0  # both own some
    parent.parent.terminate()
    assert await asyncio.to_thread(parent.parent.wait, 60) == 0
    records = await live.moderations()
    assert sorted(one.action.value for one in records) == ["allow"] * 10 + ["flag"] * 10
