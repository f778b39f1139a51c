"""Runs `tidegate policy status`, and reads the status of each worker."""

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

WorkerStatuses = list[dict[str, Any]]


async def tidegate(env: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tidegate", *command],
        cwd=ROOT,
        env={**os.environ, **env, "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted"},
        capture_output=True,
        text=True,
    )


async def policy_status(
    env: dict[str, str], until: Callable[[WorkerStatuses], bool] = lambda _: True, within_s: float = 30.0
) -> tuple[int, WorkerStatuses]:
    """Returns the exit code and the status of each worker, once `until` holds for them, or after within_s."""
    deadline = time.monotonic() + within_s
    while True:
        ran = await tidegate(env, "policy", "status", "--json")
        statuses = [json.loads(line) for line in ran.stdout.splitlines()]
        if (statuses and until(statuses)) or time.monotonic() > deadline:
            return ran.returncode, statuses
        await asyncio.sleep(0.5)
