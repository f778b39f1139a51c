"""Reads /readyz of workers, as a probe does, while something is unavailable."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable

from tests.drills.fleet import Fleet


async def waiting_for(workers: Fleet, name: str) -> dict[str, str]:
    """Dependency -> why the worker waits for it. Empty where it is ready."""
    listening = re.search(r" on (http://\S+/readyz)", workers.log(name))
    if listening is None:
        return {"start": "no probes yet"}
    url = listening[1]

    def get() -> dict[str, str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - of a worker of ours
                status, body = answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            status, body = error.code, json.loads(error.read())
        assert status == (200 if body["ready"] else 503)
        reasons: dict[str, str] = body["waiting_for"]
        return reasons

    return await asyncio.to_thread(get)


async def all_wait_for(workers: Fleet, what: str, within_s: float = 60) -> None:
    """Returns once every worker waits for a dependency whose name or reason contains `what`."""
    await _until(
        workers, lambda reasons: any(what in f"{name}: {why}" for name, why in reasons.items()), within_s, what
    )


async def all_ready(workers: Fleet, within_s: float = 60) -> None:
    """Returns once no worker waits for anything."""
    await _until(workers, lambda reasons: not reasons, within_s, "nothing")


async def _until(workers: Fleet, holds: Callable[[dict[str, str]], bool], within_s: float, what: str) -> None:
    by_worker: dict[str, dict[str, str]] = {}
    try:
        async with asyncio.timeout(within_s):
            while True:
                by_worker = {name: await waiting_for(workers, name) for name in workers.workers}
                if all(map(holds, by_worker.values())):
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not every worker waits for {what} after {within_s:g} s: {by_worker}") from None
