"""Guarantee 9: no completion text and no raw user id in logs, metrics, Redis, output topics, keys or errors."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis
from aiokafka import AIOKafkaProducer

from tests.drills.fleet import POLICY, ROOT, fleet, make_topics, wait_until_counted
from tests.drills.reading import read_topic
from tests.support.stacks import Stack
from tidegate.streams.embedded import free_port

pytestmark = pytest.mark.drill
TEXT = "zxcanarytextqv"
USER = "zxcanaryuserqv"
TALK = "zxcanarytalkqv"
OUT = ("decisions", "dead-letters", "alerts", "rates", "enforcements", "replays", "policies")
ALERTING = (
    POLICY.replace("bucket_s = 10", "bucket_s = 1, grace_s = 0")
    + """
[alerts.high_toxicity]
of = "label.toxicity"
above = 0.05
window_s = 5
for_s = 0
min_total = 1
min_users = 1
by = ["all", "tenant"]

[strikes]
throttle = 3
weights.toxicity.block = 1
"""
)


def completion(n: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"c{n}",
        "completion": text,
        "prompt": TEXT,
        "tenant": "acme",
        "user": USER,
        "conversation": TALK,
        **more,
    }


def openai(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "o1", "object": "chat.completion", "created": 1, "model": "m", "user": USER, "choices": [choice]}


def litellm(text: str) -> dict[str, Any]:
    return {
        "id": "l1", "trace_id": TALK, "call_type": "completion", "status": "success", "model": "m", "end_user": USER,
        "messages": [{"role": "user", "content": TEXT}], "response": openai(text), "metadata": {},
        "startTime": 1.0, "endTime": 2.0, "request_tags": [], "model_parameters": {},
    }  # fmt: skip


def cloud(data: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "e1", "source": "/s", "type": "t", "data": data}


GOOD = [completion(n, f"{TEXT} toxicity=0.95") for n in range(40)]
GOOD += [openai(TEXT), litellm(TEXT), cloud(completion(50, TEXT)), completion(51, "", status="failed")]
FAULTS = [completion(60, f"{TEXT} RAISE"), completion(61, f"{TEXT} HANG"), completion(62, f"{TEXT} NAN")]
# Read, without the fields that decide nothing.
ODD: list[Any] = [
    {"completion": TEXT, "user": USER},
    {"id": f"{TEXT}\x00", "completion": TEXT},
    {"id": "x", "completion": TEXT, "tenant": f"{USER}\n"},
    {"id": "x", "completion": [TEXT, {TEXT: USER}], "user": [USER], "prompt": {USER: TEXT}, "status": TEXT},
    {**openai(TEXT), "id": None, "metadata": {"user": [USER], USER: TEXT}, "tennant": USER},
]
BAD: list[Any] = [
    {"id": "x", "completion": {TEXT: TEXT}, "user": [USER]},
    {"id": "x", "completion": TEXT, "at_ms": TEXT},
    {"id": "x", "completion": TEXT, "schema_version": TEXT},
    {**openai(TEXT), "object": "chat.completion.chunk"},
    {**openai(TEXT), "choices": TEXT},
    {**litellm(TEXT), "response": 17},
    cloud(TEXT),
    cloud({TEXT: USER}),
    [TEXT, USER],
    TEXT,
]
BYTES = [f'{{"id": "{TEXT}'.encode(), f'{{"id": "{USER}"}} trailing {TEXT}'.encode(), TEXT.encode() + b"\xff"]
FEEDBACK: list[Any] = [
    {"id": "f1", "completion_id": "c1", "kind": "complaint", "tenant": "acme", "user": USER, "comment": TEXT},
    {"id": "f2", "completion_id": "c1", "kind": TEXT, "user": USER},
    {"id": "f3", "kind": "complaint", "user": {USER: TEXT}},
]


async def test_no_text_and_no_user_leaves_anywhere(own_stack: Stack, tmp_path: Path) -> None:
    await make_topics(own_stack.kafka, 2)
    port = free_port()
    with fleet(tmp_path, own_stack.env(), policy=ALERTING, http_port=str(port), log_level="debug") as workers:
        workers.start()
        await workers.joined()
        producer = AIOKafkaProducer(bootstrap_servers=own_stack.kafka)
        await producer.start()
        values = [json.dumps(e).encode() for e in [*GOOD, *FAULTS, *ODD, *BAD]] + BYTES
        headers = [
            ("tidegate-user", USER.encode()),
            ("tidegate-tenant", b"bad\xff"),
            ("ce_id", b"1"),
            ("x", TEXT.encode()),
        ]
        for value in values:
            await producer.send_and_wait("completions", value, key=f"acme:{USER}".encode())
        await producer.send_and_wait("completions", values[0], headers=headers)
        for feedback in FEEDBACK:
            await producer.send_and_wait("feedback", json.dumps(feedback).encode(), key=USER.encode())
        await producer.stop()
        found = await wait_until_counted(own_stack.redis, len(values) + 1, 60)
        assert found.totals["faults"] == len(FAULTS)
        assert found.totals["dead_letters"] >= len(BAD) + len(BYTES)
        published = b""
        async with asyncio.timeout(30):
            # by then the alert, its users, strikes and their crossings went through Redis
            while not (b"high_toxicity" in published and b'"action":"throttle"' in published):
                published = await read_published(own_stack.kafka)
        replayed = b"".join(
            [await replay(own_stack, *more) for more in ((), ("--model", "tests.support.scorers:scripted"))]
        )
        assert replayed.count(b'"closes": true') == 2
        published += await read_published(own_stack.kafka)
        stored = await read_redis(own_stack.redis)
        probes = b"".join([await page(port, p) for p in ("metrics", "readyz", "healthz")])
    logs = workers.logs().encode()
    assert b'"action":"block"' in published
    assert b"HyperLogLog" not in stored
    assert b":strikes:acme:" in stored
    assert b"tidegate_decisions_total" in probes
    assert b"taken over" in logs
    for where, found_bytes in {
        "topics": published,
        "redis": stored,
        "probes": probes,
        "logs": logs,
        "replay": replayed,
    }.items():
        for canary in (TEXT, USER, TALK):
            assert canary.encode() not in found_bytes, f"{canary} in {where}: {around(found_bytes, canary)}"


async def replay(stack: Stack, *more: str) -> bytes:
    """Runs `tidegate replay`. Returns its standard output and standard error."""
    env = {
        **os.environ,
        **stack.env(),
        "TIDEGATE_SCORE_TIMEOUT_S": "2",
        "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted",
    }
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidegate", "replay", "--from", "1h", "--json", *more),
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return (await asyncio.wait_for(ran.communicate(), 60))[0]


async def read_published(kafka: str) -> bytes:
    records = [record for topic in OUT async for record in read_topic(kafka, topic)]
    return b"\n".join(b"|".join((r.key or b"", r.value or b"", repr(r.headers).encode())) for r in records)


async def read_redis(url: str) -> bytes:
    client = aioredis.Redis.from_url(url)
    stored = b""
    async for key in client.scan_iter(count=1000):
        kind = await client.type(key)
        if kind == b"list":
            value: Any = await client.lrange(key, 0, -1)
        else:
            value = await client.hgetall(key) if kind == b"hash" else await client.get(key)
        stored += key + repr(value).encode()
    await client.aclose()
    return stored


async def page(port: int, path: str) -> bytes:
    def get() -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            return bytes(error.read())

    return await asyncio.to_thread(get)


def around(found: bytes, canary: str) -> bytes:
    at = found.index(canary.encode())
    return found[max(0, at - 200) : at + 100]
