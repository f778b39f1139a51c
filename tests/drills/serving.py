"""`tidegate serve` as processes, and clients of them that try again until they are answered."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.drills.fleet import ROOT


class Servers:
    """Several processes that serve, each with its own port and log."""

    def __init__(self, folder: Path, env: Mapping[str, str], **settings: str) -> None:
        self._folder = folder
        self._env = {
            **os.environ,
            **env,
            "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted",
            "TIDEGATE_HTTP_PORT": "0",
            "TIDEGATE_SERVE_PORT": "0",
            "TIDEGATE_SERVE_PROBE_PORT": "0",
            **{f"TIDEGATE_{name.upper()}": value for name, value in settings.items()},
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.urls: dict[str, str] = {}  # of those that run and are not told to stop
        self._started = 0

    async def start(self) -> str:
        """Returns the name of a new process, once it serves."""
        self._started += 1
        name = f"s{self._started}"
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(  # noqa: ASYNC220 - it only begins here
                [sys.executable, "-m", "tidegate", "serve"], cwd=ROOT, env=self._env, stdout=log, stderr=log
            )
        async with asyncio.timeout(60):
            while not (found := re.search(r"serving (http://\S+?)/v1/", self.log(name))):
                assert self._processes[name].poll() is None, self.log(name)
                await asyncio.sleep(0.1)
        self.urls[name] = found[1]
        return name

    def kill(self, name: str) -> None:
        del self.urls[name]
        self._processes[name].kill()
        self._processes.pop(name).wait()

    async def leave(self, name: str) -> int:
        """Sends SIGTERM. Returns the exit code."""
        del self.urls[name]
        self._processes[name].send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._processes.pop(name).wait, 60)

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@dataclass
class Answers:
    """What the clients got. by_request: their own id -> the answer with status 200."""

    by_request: dict[str, dict[str, Any]] = field(default_factory=dict)
    unanswered: int = 0  # tries that ended without one: refused, or the connection broke


async def ask(servers: Servers, bodies: Mapping[str, Mapping[str, Any]], per_s: float, clients: int = 8) -> Answers:
    """Posts each body to /v1/decide of some process until one answers 200. bodies: by the client's id."""
    answers, left, began = Answers(), enumerate(bodies.items()), time.monotonic()

    async def client(session: aiohttp.ClientSession) -> None:
        for number, (name, body) in left:
            await asyncio.sleep(max(0.0, began + number / per_s - time.monotonic()))
            while name not in answers.by_request:
                urls = list(servers.urls.values())
                try:
                    url = urls[number % len(urls)]
                    async with session.post(f"{url}/v1/decide", json={"id": name, **body}) as answer:
                        if answer.status == 200:
                            answers.by_request[name] = await answer.json()
                            continue
                except (aiohttp.ClientError, IndexError):
                    pass
                answers.unanswered += 1
                await asyncio.sleep(0.1)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return answers
