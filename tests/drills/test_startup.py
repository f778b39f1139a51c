"""Guarantee 7, at the start: a worker that finds Kafka and Redis unavailable waits, says so, and then starts."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills.fleet import event, fleet, make_topics, send, wait_until_counted
from tests.support.proxy import Proxy
from tidegate.streams.embedded import EmbeddedStack, free_port

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("_wheels")]


async def test_a_worker_waits_for_what_is_unavailable_and_says_what(
    tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    network, port = proxy_to(None), free_port()
    with EmbeddedStack(appendonly=True, advertised=network.address) as stack:
        network.target = stack.kafka_listens
        stack.kill_store()
        network.cut()
        with fleet(tmp_path, stack.env(), http_port=str(port)) as workers:
            workers.start()
            assert await wait_for_readyz(port, "redis") == 503
            assert await page(port, "healthz") == (200, {"alive": True})
            stack.start_store()
            assert await wait_for_readyz(port, "kafka") == 503
            network.heal()
            assert await wait_for_readyz(port, "topics") == 503  # none exists yet
            await make_topics(stack.kafka, 2)
            assert await wait_for_readyz(port, None) == 200
            await send(stack.kafka, [event(n, "said") for n in range(10)])
            assert (await wait_until_counted(stack.redis, 10, 20)).totals["decided"] == 10
            assert workers.ended() == []


async def page(port: int, path: str) -> tuple[int, dict[str, object]]:
    def get() -> tuple[int, dict[str, object]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    return await asyncio.to_thread(get)


async def wait_for_readyz(port: int, waits_for: str | None) -> int:
    """Returns the status of /readyz once the worker waits for that (None: for nothing)."""
    async with asyncio.timeout(60):
        while True:
            try:
                status, body = await page(port, "readyz")
                if body["waiting_for"] == {} if waits_for is None else waits_for in str(body["waiting_for"]):
                    return status
            except urllib.error.URLError:
                pass  # not listening yet
            await asyncio.sleep(0.2)
