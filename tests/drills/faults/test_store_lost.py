"""Redis lost its data: emptied, or put back to an older copy. Issue 5, item 3: the owner rebuilds it.

One tenant's alert fires under a silence. Afterwards totals, series, strikes and alerts equal those that an account
computes from `decisions` alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.drills.fleet import ROOT, OutputsByPosition, event, read_counts, send
from tests.drills.probes import all_ready
from tests.drills.scene import POLICY, Scene, scene
from tests.drills.test_strikes import drained, enforcements
from tests.support.stacks import Stack
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.strikes import StrikeBalance, Terms, add, decayed, strike_of, threshold_reached

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]
STRIKING = (
    POLICY.replace("schema_version = 1", "schema_version = 1\nresend_s = 5", 1)
    + """
[strikes]
half_life_s = 600
throttle = 8
suspend = 40
weights.toxicity = { flag = 0.25, review = 0.5, block = 1 }
"""
)
TERMS = Terms(600_000, 8.0, 40.0, 0.00025, "")  # the terms of STRIKING
QUOTED = 15  # completions of a user whose strikes are then undone: too few for an alert of their tenant
FEEDBACK = 120
PER_S = 60.0
POISON = 97  # of so many records one is no completion


@dataclass(frozen=True)
class BeforeLoss:
    """What the drill prepared before the trouble."""

    silence: str  # its id
    quoted: set[tuple[int, int]]  # completions whose strikes were undone


def completion_or_poison(s: Scene) -> bytes:
    value = s.completion()
    return b"\xff no completion" if s.generated % POISON == 0 else value


async def empty_redis(stack: Stack) -> None:
    with redis.Redis.from_url(stack.redis) as store:
        store.flushall()


async def kill_and_delete_file(stack: Stack) -> None:
    stack.kill_store()
    shutil.rmtree(stack.store_dir / "appendonlydir")
    await asyncio.sleep(2)
    stack.start_store()


@pytest.mark.parametrize(
    ("drill", "title", "lose"),
    [
        ("redis_emptied", "Redis emptied (FLUSHALL)", empty_redis),
        ("redis_file_lost", "Redis killed and its file deleted", kill_and_delete_file),
    ],
)  # fmt: skip
async def test_redis_is_emptied_while_an_alert_fires_under_a_silence(
    own_stack: Stack, tmp_path: Path, drill: str, title: str, lose: Callable[[Stack], Awaitable[None]]
) -> None:
    async with scene(
        own_stack,
        tmp_path,
        drill,
        title,
        policy=STRIKING,
        next_completion=completion_or_poison,
        per_s=PER_S,
        partitions=4,
    ) as s:
        before = await prepare(s)
        async with s.trouble(f"{title}, while an alert fires under a silence"):
            await lose(own_stack)
        await assert_rebuilt(s, before)
        assert "redis lost what was counted of" in s.workers.logs()


async def test_redis_is_rolled_back(own_stack: Stack, tmp_path: Path) -> None:
    did = "its file put back to a copy from before the alert fired, was silenced, and strikes were undone"
    async with scene(
        own_stack, tmp_path, "redis_rolled_back", "Redis rolled back",
        policy=STRIKING, next_completion=completion_or_poison, per_s=PER_S, partitions=4,
    ) as s:  # fmt: skip
        await s.wait_for_counts(200)
        older = tmp_path / "older"
        shutil.copytree(own_stack.store_dir, older)
        before = await prepare(s)
        async with s.trouble(did):
            own_stack.kill_store()
            shutil.rmtree(own_stack.store_dir / "appendonlydir")
            shutil.copytree(older, own_stack.store_dir, dirs_exist_ok=True)
            own_stack.start_store()
        await assert_rebuilt(s, before)
        assert "redis lost what was counted of" in s.workers.logs()


async def prepare(s: Scene) -> BeforeLoss:
    """Returns once a silenced alert fires, users are throttled, one has an undo, and feedback is counted."""
    silence = await run_tidegate(
        s, "silence", "add", "--rule", "incident", "--scope", "tenant=*", "--for", "1h", "--reason", "drill"
    )
    quoted = [event(1_000_000 + n, "said toxicity=0.95", tenant="acme", user="quoted") for n in range(QUOTED)]
    positions = set(await send(s.stack.kafka, quoted))
    thumbs = [{"id": f"f{n}", "completion_id": f"c{n}", "kind": "thumb_up"} for n in range(FEEDBACK)]
    await send(s.stack.kafka, [json.dumps(thumb).encode() for thumb in thumbs], topic="feedback")
    await s.wait_for_alert()
    await s.wait_for_counts(100)
    undone = await run_tidegate(
        s, "strikes", "undo", "--tenant", "acme", "--user", "quoted", "--reason", "a song", "--yes"
    )
    assert "-> 0.00 strikes" in undone
    await send(s.stack.kafka, [event(2_000_000, "said toxicity=0.95", tenant="acme", user="quoted")])
    async with asyncio.timeout(180):
        while await count_undos(s) < len(undone.splitlines()):
            await asyncio.sleep(0.5)
    await s.wait_for_counts(100)
    return BeforeLoss(silence.strip(), positions)


async def count_undos(s: Scene) -> int:
    """The number of undos published by now. Crossings go on all the time, so the topic is never quiet."""
    lines = (await run_tidegate(s, "tail", "enforcements", "--until-end", "--json")).splitlines()
    return sum(json.loads(line)["author"] is not None for line in lines)


async def assert_rebuilt(s: Scene, before: BeforeLoss) -> None:
    """Fails unless all data in Redis follows from the decisions, and no enforcement was published twice or in vain."""
    await all_ready(s.workers)
    await assert_still_silenced(s, before)
    seen = await s.account(duplicates=True)
    assert s.workers.ended() == []
    await drained(s.stack.redis)
    feedback = await read_counts(s.stack.redis, "feedback")
    assert feedback.totals["feedback"] == feedback.series["thumb_up|all"] == FEEDBACK
    published = await enforcements(s.stack.kafka)
    standings, crossed = recomputed(
        seen, before.quoted, {enforcement.user for enforcement in published.values() if enforcement.author}
    )
    assert {id_: enforcement.action for id_, enforcement in published.items() if not enforcement.author} == crossed
    assert {enforcement.action for enforcement in published.values()} >= {"throttle", "lifted"}
    await assert_strikes(s, standings)


async def assert_still_silenced(s: Scene, before: BeforeLoss) -> None:
    """Fails unless the alert in Redis is the one that fired, and is sent again with its silence. Under traffic."""
    since_ms = int(time.time() * 1000)
    async with asyncio.timeout(120):
        while not (records := [record for record in await incident_records(s) if record["at_ms"] > since_ms]):
            await asyncio.sleep(1)
    (fired,) = [alert for alert in await s.alerts() if alert["state"] == "firing"]
    with redis.Redis.from_url(s.stack.redis, decode_responses=True) as store:
        stored = json.loads(str(store.hget("tidegate:{ruler}:alerts", fired["fingerprint"])))
    assert (stored["state"], stored["sequence"], stored["since_ms"]) == ("firing", fired["sequence"], fired["since_ms"])
    assert {(record["resent"], record["id"]) for record in records} == {(True, fired["id"])}
    assert {record["silenced_by"] for record in records} == {before.silence}


async def incident_records(s: Scene) -> list[dict[str, Any]]:
    """Every record on `alerts` of the rule `incident`."""
    records = [
        json.loads(line) for line in (await run_tidegate(s, "tail", "alerts", "--until-end", "--json")).splitlines()
    ]
    return [record for record in records if record["rule"] == "incident"]


def recomputed(
    seen: OutputsByPosition, quoted: set[tuple[int, int]], undone: set[str]
) -> tuple[dict[tuple[str, int], StrikeBalance], dict[str, str]]:
    """The strikes of each user in each partition, and the completions that crossed, from decisions in offset order.

    quoted: positions before the undo, of the users that were undone; their later strikes came after it.
    """
    of = parse(tomllib.loads(STRIKING), "the drill").strikes
    standings: dict[tuple[str, int], StrikeBalance] = {}
    crossed: dict[str, str] = {}
    wiped: set[tuple[str, int]] = set()
    for decision in sorted((Decision.model_validate(d) for d in seen.counted()), key=lambda d: d.source.offset):
        if (strike := strike_of(decision, of)) is None:
            continue
        at = (decision.source.partition, decision.source.offset)
        key = (strike.user, decision.source.partition)
        if decision.user in undone and at not in quoted and key not in wiped:
            wiped.add(key)
            standings.pop(key, None)
        standings[key] = add(standings.get(key), strike, TERMS.half_life_ms)
        if found := threshold_reached(standings[key].strikes, TERMS):
            crossed[strike.id] = found[0]
    gone = {key for key in standings if key[0].rpartition(":")[2] in undone and key not in wiped}
    return {key: standing for key, standing in standings.items() if key not in gone}, crossed


async def assert_strikes(s: Scene, expected: dict[tuple[str, int], StrikeBalance]) -> None:
    """Compares the strikes in Redis, decayed to one moment: an undo moves the moment that a sum is stored for."""
    rows = [
        json.loads(row)
        for row in (await run_tidegate(s, "strikes", "show", "--json", "--limit", "100000")).splitlines()
    ]
    found = {
        (row["user"], int(row["partition"].rpartition("-")[2])): StrikeBalance(row["last_strikes"], row["last_ms"])
        for row in rows
    }
    assert found.keys() == expected.keys()
    at_ms = max(standing.at_ms for standing in (*found.values(), *expected.values()))

    def now(standing: StrikeBalance) -> float:
        return decayed(standing.strikes, at_ms - standing.at_ms, TERMS.half_life_ms)

    for key, standing in expected.items():
        assert now(found[key]) == pytest.approx(now(standing), rel=1e-9), key


async def run_tidegate(s: Scene, *args: str) -> str:
    """Runs `tidegate …` as a process. Returns its standard output."""
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", *args, cwd=ROOT, env={**os.environ, **s.stack.env()},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await run.communicate()
    assert run.returncode == 0, args
    return out.decode()
