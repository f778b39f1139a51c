"""What workers say on /readyz while something is unavailable: a drill asks them as a probe would."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable

from tests.drills.fleet import Fleet


async def waiting_for(workers: Fleet, name: str) -> dict[str, str]:
    """What one worker waits for, by name; empty where it is ready."""
    known = re.search(r"pages on (http://\S+/readyz)", workers.log(name))
    if known is None:
        return {"start": "no pages yet"}
    url = known[1]

    def get() -> dict[str, str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - of a worker of ours
                status, said = answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            status, said = error.code, json.loads(error.read())
        assert status == (200 if said["ready"] else 503)
        found: dict[str, str] = said["waiting_for"]
        return found

    return await asyncio.to_thread(get)


async def all_wait_for(workers: Fleet, what: str, within_s: float = 60) -> None:
    """Returns once every worker says that it waits for something in whose words `what` occurs."""
    await _until(workers, lambda said: any(what in f"{name}: {why}" for name, why in said.items()), within_s, what)


async def all_ready(workers: Fleet, within_s: float = 60) -> None:
    """Returns once no worker waits for anything."""
    await _until(workers, lambda said: not said, within_s, "nothing")


async def _until(workers: Fleet, holds: Callable[[dict[str, str]], bool], within_s: float, what: str) -> None:
    said: dict[str, dict[str, str]] = {}
    try:
        async with asyncio.timeout(within_s):
            while True:
                said = {name: await waiting_for(workers, name) for name in workers.workers}
                if all(map(holds, said.values())):
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not every worker waits for {what} after {within_s:g} s: {said}") from None
