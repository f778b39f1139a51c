"""The demo's client of `serve`: it keeps the id that each 200 has, and tries again where that helps."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.serve.conftest import moderator
from tests.support.scorers import ScriptedScorer
from tidegate.streams.demo import http_client
from tidegate.streams.demo.forms import Answer, moderation_request
from tidegate.streams.demo.http_client import HttpClient
from tidegate.streams.operations.api_keys import add_key
from tidegate.streams.serve.process import ServeOptions, ServeProcess


def asked(text: str) -> bytes:
    return moderation_request(Answer("c0001", "acme", "otter-7b", "chat", "user-1", (text,), 0))


@contextlib.asynccontextmanager
async def serving(keys: Path) -> AsyncIterator[tuple[int, str]]:
    """Yields the port of a `serve` that asks for a key, and the secret of one."""
    secret = add_key(keys, "demo", "acme", 1).secret
    process = ServeProcess(ServeOptions(keys_file=keys), lambda: moderator(ScriptedScorer()))
    await process.open()
    try:
        yield process.port, secret
    finally:
        await process.close()


async def test_a_200_has_an_id_of_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path / "keys.json") as (port, secret):
        client = HttpClient(port, secret)
        ids = [await asyncio.to_thread(client.ask, asked("toxicity=0.95")) for _ in range(2)]
    assert client.answered == ids
    assert len(set(ids)) == 2
    assert all(id and re.fullmatch("http-[0-9a-f-]{36}", id) for id in ids)
    assert (client.not_200, client.given_up) == (0, 0)


async def test_a_503_is_asked_again_when_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http_client.time, "sleep", waits.append)
    async with serving(tmp_path / "keys.json") as (port, secret):
        client = HttpClient(port, secret)
        assert await asyncio.to_thread(client.ask, asked("RAISE")) is None
    assert waits == [1.0, 1.0]
    assert (client.answered, client.not_200, client.given_up) == ([], 3, 1)


async def test_a_401_is_not_asked_again(tmp_path: Path) -> None:
    async with serving(tmp_path / "keys.json") as (port, _):
        client = HttpClient(port, "another secret")
        assert await asyncio.to_thread(client.ask, asked("Good morning.")) is None
    assert (client.answered, client.not_200, client.given_up) == ([], 1, 1)
