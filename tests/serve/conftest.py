"""A `tidegate serve` in this process, on free ports, and a client for it."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.scorers import RELEASE, ScriptedScorer
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.scoring import Scoring, TextScorer
from tidegate.streams.serve.live import KafkaOptions
from tidegate.streams.serve.process import ServeOptions, ServeProcess

HOST = "127.0.0.1"
POLICY = """
[labels.toxicity]
flag = 0.3
block = 0.9
[labels.insult]
review = 0.5
redact = 0.7
[prompt_labels.threat]
flag = 0.6
block = 0.9
[faults]
fail = "closed"
"""
SCORE_S = 0.3  # a text that hangs is a fault after so long


def moderator(scorer: TextScorer, policy: str = POLICY) -> Moderator:
    return Moderator(
        Scoring(1, SCORE_S), lambda _: scorer, live=LivePolicy("p-1", parse(tomllib.loads(policy), "here"))
    )


class ServeRig:
    """A process that serves, and calls of it."""

    def __init__(self, options: ServeOptions, moderator: Moderator, kafka: KafkaOptions | None = None) -> None:
        self.moderator = moderator
        self.process = ServeProcess(options, lambda: self.moderator, kafka)
        self.client = aiohttp.ClientSession()

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any, Any]:
        """Status, the parsed body and the headers. body: bytes as they are, else as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Content-Type": "application/json"} | {name.replace("_", "-"): to for name, to in headers.items()}
        url = f"http://{HOST}:{self.process.port}{path}"
        async with self.client.post(url, data=io.BytesIO(sent), headers=named) as answer:
            return answer.status, await answer.json(), answer.headers

    async def get(self, path: str, *, probes: bool = False) -> tuple[int, str, Any]:
        port = self.process.probe_port if probes else self.process.port
        async with self.client.get(f"http://{HOST}:{port}{path}") as answer:
            return answer.status, await answer.text(), answer.headers

    async def close(self) -> bool:
        drained = await self.process.close()
        await self.client.close()
        return drained


Start = Callable[..., Awaitable[ServeRig]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts processes that end with the test: `start(scorer, policy, timeout_s=…)`, any of ServeOptions."""
    running: list[ServeRig] = []

    async def start(scorer: TextScorer | None = None, policy: str = POLICY, **options: Any) -> ServeRig:
        rig = ServeRig(ServeOptions(**options), moderator(scorer or ScriptedScorer(), policy))
        running.append(rig)
        await rig.process.open()
        return rig

    yield start
    RELEASE.set()
    for rig in running:
        await rig.close()
    RELEASE.clear()


@pytest.fixture
def root() -> Path:
    """Of the repository."""
    return Path(__file__).parents[2]
