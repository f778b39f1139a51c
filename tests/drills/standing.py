"""What `tidegate policy status` says of workers that are processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.drills.fleet import ROOT

Said = list[dict[str, Any]]


async def tidegate(env: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tidegate", *command],
        cwd=ROOT,
        env={**os.environ, **env, "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted"},
        capture_output=True,
        text=True,
    )


async def status(
    env: dict[str, str], until: Callable[[Said], bool] = lambda _: True, within_s: float = 30.0
) -> tuple[int, Said]:
    """The exit code, and a dict a worker, once `until` holds for them; or as it is when the time is up."""
    deadline = time.monotonic() + within_s
    while True:
        ran = await tidegate(env, "policy", "status", "--json")
        said = [json.loads(line) for line in ran.stdout.splitlines()]
        if (said and until(said)) or time.monotonic() > deadline:
            return ran.returncode, said
        await asyncio.sleep(0.5)
