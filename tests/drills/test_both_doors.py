"""Completions on Kafka and texts over HTTP at once, under kills: each is decided and counted once, as answered."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis

from tests.drills.fleet import (
    ROOT,
    account,
    assert_account_closes,
    event,
    fleet,
    read_counts,
    send,
    wait_until_counted,
)
from tests.drills.reading import read_topic
from tests.drills.serving import Servers, ask
from tests.support.stacks import Stack
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.log import Folded
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.topics import MODERATIONS

pytestmark = pytest.mark.drill
SENT, ASKED = 1500, 1200
PER_S = 60.0
COMMITTED_S = 3.0  # until what was counted is committed too: Kafka knows then what Redis lost
SEED = 20261127
KEY = "a-user-key-of-32-bytes-for-drill"
CHANGES = ("0.85", "0.80", "0.75")


async def test_what_was_answered_is_counted_once(own_stack: Stack, tmp_path: Path) -> None:
    """Under `required`, each answer has one record; what has none without an answer is known: it is `unanswered`."""
    rng = random.Random(SEED)
    await ensure_topics(own_stack.kafka, 4, own_stack.replication)
    env = own_stack.env() | {"TIDEGATE_USER_KEY": KEY}
    servers = Servers(tmp_path, env, serve_count="required")
    bodies = {
        f"q{n}": {
            "completion": f"said toxicity={rng.random():.2f} stereotype={rng.random():.2f}",
            "tenant": f"t{n % 3}",
            "user": f"u{n % 50}",
        }
        for n in range(ASKED)
    }
    with fleet(tmp_path, env) as workers:
        try:
            killed = workers.start()
            workers.start()
            await servers.start()
            await servers.start()
            events = [event(n, f"said toxicity={rng.random():.2f}") for n in range(SENT)]
            sending = asyncio.create_task(send(own_stack.kafka, events, PER_S))
            asking = asyncio.create_task(ask(servers, bodies, PER_S))
            for n, threshold in enumerate(CHANGES):
                await until_counted(own_stack.redis, 200 * (n + 1))
                await change_policy(env, threshold)
                match n:
                    case 0:
                        workers.kill(killed)
                        workers.start()
                    case 1:
                        servers.kill("s1")
                        await servers.start()
                    case 2:
                        assert await servers.leave("s2") == 0
                        await servers.start()
            sent, answers = {*await sending}, await asking
            records = [record async for record in read_topic(own_stack.kafka, MODERATIONS)]
            await wait_until_counted(own_stack.redis, SENT, 60)
            await wait_until_counted(own_stack.redis, len(records), 60, MODERATIONS)
            by_stream = await account(own_stack.kafka, SENT, 60)
            over_http = await account(own_stack.kafka, len(records), 60, MODERATIONS)
            counts = {topic: await read_counts(own_stack.redis, topic) for topic in ("completions", MODERATIONS)}
        finally:
            servers.stop()
    assert_account_closes(sent, by_stream, counts["completions"])
    assert_account_closes({(r.partition, r.offset) for r in records}, over_http, counts[MODERATIONS])

    assert set(answers.by_request) == set(bodies)
    decided = {found["id"]: found for found in over_http.counted()}
    assert len(decided) == len(records), "two records under one id"
    for body in answers.by_request.values():
        found = decided.pop(body["id"])
        shared = ("request_id", "action", "reasons", "scores", "policy_version", "model_version", "fault", "status")
        assert {name: found[name] for name in shared} == {name: body[name] for name in shared}
        assert found["unverified"] is False
    # What is left has no answer: the client was told 503, or nothing, and asked again.
    assert len(decided) <= answers.unanswered
    assert {found["request_id"] for found in decided.values()} <= set(bodies)
    assert over_http.dead == {}

    policies = await all_policies(own_stack.kafka)
    versions = {found["policy_version"] for found in over_http.counted()}
    assert len(versions) > 1, "no policy changed while texts were answered: the drill proved nothing"
    for found in over_http.counted():
        decision = Decision.model_validate(found)
        assert decide(Inputs.of(decision), policies[decision.policy_version]) == decision


async def test_an_emptied_redis_is_rebuilt_for_both_doors(own_stack: Stack, tmp_path: Path) -> None:
    await ensure_topics(own_stack.kafka, 2, own_stack.replication)
    env = own_stack.env() | {"TIDEGATE_USER_KEY": KEY}
    servers = Servers(tmp_path, env, serve_count="required")
    bodies = {f"q{n}": {"completion": f"said toxicity={n % 100 / 100:.2f}", "tenant": f"t{n % 3}"} for n in range(400)}
    halves = dict(list(bodies.items())[:200]), dict(list(bodies.items())[200:])
    events = [event(n, f"said toxicity={n % 100 / 100:.2f}") for n in range(400)]
    with fleet(tmp_path, env) as workers:
        try:
            workers.start()
            await servers.start()
            sent = {*await send(own_stack.kafka, events[:200])}
            first = await ask(servers, halves[0], 1000)
            await wait_until_counted(own_stack.redis, 200, 60)
            await until_counted(own_stack.redis, 200)
            await asyncio.sleep(COMMITTED_S)
            async with aioredis.Redis.from_url(own_stack.redis) as store:
                await store.flushall()
            sent |= {*await send(own_stack.kafka, events[200:])}
            second = await ask(servers, halves[1], 1000)
            counts = {
                topic: await wait_until_counted(own_stack.redis, 400, 90, topic)
                for topic in ("completions", MODERATIONS)
            }
            by_stream = await account(own_stack.kafka, 400, 60)
            over_http = await account(own_stack.kafka, 400, 60, MODERATIONS)
        finally:
            servers.stop()
        assert "moderations[" in "".join(line for line in workers.logs().splitlines() if "rebuilding" in line)
    assert_account_closes(sent, by_stream, counts["completions"])
    records = {(r.partition, r.offset) async for r in read_topic(own_stack.kafka, MODERATIONS)}
    assert_account_closes(records, over_http, counts[MODERATIONS])
    assert len(first.by_request) + len(second.by_request) == len(records) == 400


async def until_counted(url: str, expected: int) -> None:
    """Returns once so many moderations are counted."""
    found = await wait_until_counted(url, expected, 120, MODERATIONS)
    assert found.totals["decided"] >= expected


async def change_policy(env: dict[str, str], threshold: str) -> None:
    command = ["policy", "set", "labels.toxicity.block", threshold, "--reason", "drill", "--yes"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", *command, cwd=ROOT, env={**os.environ, **env},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


async def all_policies(kafka: str) -> dict[str, LivePolicy]:
    found: dict[str, LivePolicy] = {}

    def add(folded: Folded, _offset: int, _record: Any) -> None:
        if folded.log.live is not None:
            found[folded.log.live.version] = folded.log.live

    log = PolicyLogReader(kafka, add)
    await log.read()
    await log.stop()
    return found
