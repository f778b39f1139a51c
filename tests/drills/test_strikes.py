"""Strikes under kills: each completion adds its strike once, each crossing is published, and no other is."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis

from tests.drills.fleet import (
    POLICY,
    ROOT,
    Fleet,
    account,
    assert_account_closes,
    event,
    fleet,
    make_topics,
    send,
    wait_until_counted,
)
from tests.drills.reading import read_topic
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision, Enforcement
from tidegate.streams.core.policy.model import Policy, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.strikes import Crossing, StrikeBalance, add, enforcement, strike_of, terms, threshold_reached
from tidegate.streams.topics import ENFORCEMENTS

pytestmark = pytest.mark.drill
EVENTS = 3_000
PER_S = 150.0
QUOTED = 40  # completions of a user whose strikes are then undone
SEED = 20261121
KEY = "a-user-key-of-32-bytes-for-drill"
STRIKING = (
    POLICY
    + """
[strikes]
half_life_s = 600
throttle = 3
suspend = 6
weights.toxicity = { flag = 0.25, review = 0.5, block = 1 }
weights.stereotype = { flag = 0.4 }
"""
)


async def test_kills_add_no_strike_twice_and_lose_no_crossing(
    own_stack: Stack, tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    rng = random.Random(SEED)
    await make_topics(own_stack.kafka, 4)
    env = own_stack.env() | {"TIDEGATE_USER_KEY": KEY}
    began_ms = int(time.time() * 1000)

    def completion(n: int, **more: Any) -> bytes:
        # 150 users, each in several partitions; event times of ten minutes in disorder
        text = f"said toxicity={rng.random():.2f} stereotype={rng.random():.2f}"
        return event(n, text, at_ms=began_ms - rng.randrange(600_000), **more)

    store = proxy_to(own_stack.redis.split("/")[2])
    with fleet(tmp_path, env, policy=STRIKING, redis=f"redis://{store.address}/0") as workers:
        workers.start()
        workers.start()
        quoted = await send(own_stack.kafka, [completion(n, tenant="acme", user="quoted") for n in range(QUOTED)])
        await wait_until_counted(own_stack.redis, QUOTED, 60)
        undone = await strikes_command(
            env, "undo", "--tenant", "acme", "--user", "quoted", "--reason", "a song", "--yes"
        )
        partitions = {partition for partition, _ in quoted}
        assert undone.count("-> 0.00 strikes in completions-") == len(partitions)

        mine = {"tenant": "acme", "user": "quoted"}
        events = [completion(QUOTED + n, **(mine if n % 40 == 0 else {})) for n in range(EVENTS)]
        sending = asyncio.create_task(send(own_stack.kafka, events, PER_S))
        await kill_three_workers(workers, store, own_stack.redis, rng)
        sent = {*quoted, *await sending}
        redis = await wait_until_counted(own_stack.redis, EVENTS + QUOTED, 60)
        await drained(own_stack.redis)
        seen = await account(own_stack.kafka, EVENTS + QUOTED, 60)
        found = await enforcements(own_stack.kafka)
        shown = await strikes_command(env, "show", "--json", "--limit", "100000")
    assert_account_closes(sent, seen, redis)
    assert seen.duplicates > 0, "no kill fell between published and counted: the drill proved nothing"

    decisions = sorted((Decision.model_validate(d) for d in seen.counted()), key=lambda d: d.source.offset)
    policy = parse(tomllib.loads(STRIKING), "the drill")
    undos = {partition_of(published): published for published in found.values() if published.author}
    assert set(undos) == partitions
    standings, crossed = recomputed(decisions, policy, set(quoted), undos)
    rows = [json.loads(line) for line in shown.splitlines()]
    balances = {
        (row["user"], int(row["partition"][-1])): StrikeBalance(row["last_strikes"], row["last_ms"]) for row in rows
    }
    assert balances == standings
    assert found == crossed
    assert {published.action for published in found.values()} == {"throttle", "suspend", "lifted"}
    assert_strikes_decide_nothing(decisions, policy)


async def kill_three_workers(workers: Fleet, store: Proxy, redis: str, rng: random.Random) -> None:
    """Three kills while strikes are being counted, each followed by a new worker; the store is cut before two."""
    for n in range(3):
        await wait_until_counted(redis, QUOTED + 700 * (n + 1), 60)
        await asyncio.sleep(rng.uniform(0, 1))
        if n != 1:  # what this worker published last is not counted when it dies
            store.cut()
            await asyncio.sleep(0.5)
        workers.kill(rng.choice(sorted(workers.workers)))
        store.heal()
        workers.start()


def recomputed(
    decisions: list[Decision], policy: Policy, quoted: set[tuple[int, int]], undos: dict[int, Enforcement]
) -> tuple[dict[tuple[str, int], StrikeBalance], dict[str, Enforcement]]:
    """The strikes of each user in each partition, and every enforcement, from the decisions in offset order.

    quoted: positions before the undo; all others came after it.
    """
    of = terms(LivePolicy(decisions[0].policy_version, policy))
    standings: dict[tuple[str, int], StrikeBalance] = {}
    crossed = {published.id: published for published in undos.values()}
    undone: set[int] = set()
    for decision in decisions:
        partition = decision.source.partition
        if (partition, decision.source.offset) not in quoted and partition in undos and partition not in undone:
            undone.add(partition)
            published = undos[partition]
            assert (f"acme:{published.user}", partition) in standings
            standings[f"acme:{published.user}", partition] = StrikeBalance(0.0, published.at_ms)
        if (strike := strike_of(decision, policy.strikes)) is not None:
            key = (strike.user, partition)
            standings[key] = add(standings.get(key), strike, of.half_life_ms)
            if threshold_reached(standings[key].strikes, of):
                crossed[strike.id] = enforcement(Crossing(strike.id, strike.user, standings[key], of, strike.reason))
    return {key: standing for key, standing in standings.items() if standing.strikes}, crossed


def assert_strikes_decide_nothing(decisions: list[Decision], policy: Policy) -> None:
    """Fails unless each decision is the same under a policy without strikes."""
    live = LivePolicy(decisions[0].policy_version, policy.model_copy(update={"strikes": type(policy.strikes)()}))
    for decision in decisions:
        assert decide(Inputs.of(decision), live) == decision


def partition_of(published: Enforcement) -> int:
    return int(published.id.partition("[")[2].partition("]")[0])


async def strikes_command(env: dict[str, str], *args: str) -> str:
    """Runs `tidegate strikes …` as a process. Returns its standard output."""
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", "strikes", *args, cwd=ROOT, env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await run.communicate()
    assert run.returncode == 0
    return out.decode()


async def drained(url: str) -> None:
    """Returns once every outbox is empty."""
    client = aioredis.Redis.from_url(url)
    try:
        async with asyncio.timeout(60):
            while [key async for key in client.scan_iter(match="tidegate:{*}:outbox", count=1000)]:
                await asyncio.sleep(0.2)
    finally:
        await client.aclose()


async def enforcements(kafka: str) -> dict[str, Enforcement]:
    """The enforcements on the topic, by id. Fails where one id has two, or a user's are in two partitions."""
    found: dict[str, Enforcement] = {}
    places: dict[bytes, int] = {}
    async for record in read_topic(kafka, ENFORCEMENTS):
        published = Enforcement.model_validate_json(record.value)
        assert record.key == f"{published.tenant}:{published.user}".encode()
        assert places.setdefault(record.key, record.partition) == record.partition
        assert found.setdefault(published.id, published) == published
    return found
