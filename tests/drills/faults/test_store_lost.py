"""Redis lost what it held: emptied, or put back to an older copy. Issue 5, item 3: the owner rebuilds it.

One tenant's alert fires under a silence. Afterwards totals, series, strikes and alerts are what an account made from
`decisions` alone says.
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

from tests.drills.fleet import ROOT, Account, counted, event, send
from tests.drills.probes import all_ready
from tests.drills.scene import POLICY, Scene, scene
from tests.drills.test_strikes import drained, enforcements
from tests.support.stacks import Stack
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.strikes import Standing, Terms, add, decayed, reached, strike_of

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
UNDER = Terms(600_000, 8.0, 40.0, 0.00025, "")  # what STRIKING says of strikes
QUOTED = 15  # completions of a user whose strikes are then undone: too few for an alert of their tenant
FEEDBACK = 120
PER_S = 60.0
POISON = 97  # every so many, a completion that is none


@dataclass(frozen=True)
class Before:
    """What was there before the trouble."""

    silence: str  # its id
    quoted: set[tuple[int, int]]  # completions whose strikes were undone


def some_poison(s: Scene) -> bytes:
    value = s.completion()
    return b"\xff no completion" if s.made % POISON == 0 else value


async def emptied(stack: Stack) -> None:
    with redis.Redis.from_url(stack.redis) as store:
        store.flushall()


async def killed_without_its_file(stack: Stack) -> None:
    stack.kill_store()
    shutil.rmtree(stack.store_dir / "appendonlydir")
    await asyncio.sleep(2)
    stack.start_store()


@pytest.mark.parametrize(
    ("drill", "title", "lose"),
    [
        ("redis_emptied", "Redis emptied (FLUSHALL)", emptied),
        ("redis_file_lost", "Redis killed and its file deleted", killed_without_its_file),
    ],
)  # fmt: skip
async def test_redis_is_emptied_while_an_alert_fires_under_a_silence(
    own_stack: Stack, tmp_path: Path, drill: str, title: str, lose: Callable[[Stack], Awaitable[None]]
) -> None:
    async with scene(
        own_stack, tmp_path, drill, title, policy=STRIKING, make=some_poison, per_s=PER_S, partitions=4
    ) as s:
        before = await begun(s)
        async with s.trouble(f"{title}, while an alert fires under a silence"):
            await lose(own_stack)
        await whole_again(s, before)
        assert "redis lost what was counted of" in s.workers.logs()


async def test_redis_is_rolled_back(own_stack: Stack, tmp_path: Path) -> None:
    did = "its file put back to a copy from before the alert fired, was silenced, and strikes were undone"
    async with scene(
        own_stack, tmp_path, "redis_rolled_back", "Redis rolled back",
        policy=STRIKING, make=some_poison, per_s=PER_S, partitions=4,
    ) as s:  # fmt: skip
        await s.counts(200)
        older = tmp_path / "older"
        shutil.copytree(own_stack.store_dir, older)
        before = await begun(s)
        async with s.trouble(did):
            own_stack.kill_store()
            shutil.rmtree(own_stack.store_dir / "appendonlydir")
            shutil.copytree(older, own_stack.store_dir, dirs_exist_ok=True)
            own_stack.start_store()
        await whole_again(s, before)
        assert "redis lost what was counted of" in s.workers.logs()


async def begun(s: Scene) -> Before:
    """A silenced alert fires, users are throttled, one's strikes were undone, and feedback was counted."""
    silence = await command(
        s, "silence", "add", "--rule", "incident", "--scope", "tenant=*", "--for", "1h", "--reason", "drill"
    )
    quoted = [event(1_000_000 + n, "said toxicity=0.95", tenant="acme", user="quoted") for n in range(QUOTED)]
    positions = set(await send(s.stack.kafka, quoted))
    thumbs = [{"id": f"f{n}", "completion_id": f"c{n}", "kind": "thumb_up"} for n in range(FEEDBACK)]
    await send(s.stack.kafka, [json.dumps(thumb).encode() for thumb in thumbs], topic="feedback")
    await s.fires()
    await s.counts(100)
    undone = await command(s, "strikes", "undo", "--tenant", "acme", "--user", "quoted", "--reason", "a song", "--yes")
    assert "-> 0.00 strikes" in undone
    await send(s.stack.kafka, [event(2_000_000, "said toxicity=0.95", tenant="acme", user="quoted")])
    async with asyncio.timeout(180):
        while await lifted(s) < len(undone.splitlines()):
            await asyncio.sleep(0.5)
    await s.counts(100)
    return Before(silence.strip(), positions)


async def lifted(s: Scene) -> int:
    """How many undos were published by now. Crossings go on all the time: a silence of the topic never comes."""
    lines = (await command(s, "tail", "enforcements", "--until-end", "--json")).splitlines()
    return sum(json.loads(line)["author"] is not None for line in lines)


async def whole_again(s: Scene, before: Before) -> None:
    """Everything that Redis holds is what the decisions say, and nobody was told anything twice or in vain."""
    await all_ready(s.workers)
    await still_silenced(s, before)
    seen = await s.account(duplicates=True)
    assert s.workers.ended() == []
    await drained(s.stack.redis)
    feedback = await counted(s.stack.redis, "feedback")
    assert feedback.totals["feedback"] == feedback.series["thumb_up|all"] == FEEDBACK
    told = await enforcements(s.stack.kafka)
    stand, crossed = recomputed(seen, before.quoted, {made.user for made in told.values() if made.author})
    assert {id_: made.action for id_, made in told.items() if not made.author} == crossed
    assert {made.action for made in told.values()} >= {"throttle", "lifted"}
    await stand_so(s, stand)


async def still_silenced(s: Scene, before: Before) -> None:
    """The alert that Redis holds is the one that fired, and it is sent again with its silence. Under traffic."""
    since_ms = int(time.time() * 1000)
    async with asyncio.timeout(120):
        while not (words := [word for word in await said(s) if word["at_ms"] > since_ms]):
            await asyncio.sleep(1)
    (fired,) = [alert for alert in await s.alerts() if alert["state"] == "firing"]
    with redis.Redis.from_url(s.stack.redis, decode_responses=True) as store:
        held = json.loads(str(store.hget("tidegate:{ruler}:alerts", fired["fingerprint"])))
    assert (held["state"], held["sequence"], held["since_ms"]) == ("firing", fired["sequence"], fired["since_ms"])
    assert {(word["resent"], word["id"]) for word in words} == {(True, fired["id"])}
    assert {word["silenced_by"] for word in words} == {before.silence}


async def said(s: Scene) -> list[dict[str, Any]]:
    """Every word on the incident."""
    words = [json.loads(line) for line in (await command(s, "tail", "alerts", "--until-end", "--json")).splitlines()]
    return [word for word in words if word["rule"] == "incident"]


def recomputed(
    seen: Account, quoted: set[tuple[int, int]], undone: set[str]
) -> tuple[dict[tuple[str, int], Standing], dict[str, str]]:
    """How each user stands in each partition, and which completions crossed, from what was decided, in offset order.

    quoted: positions before the undo of those who were undone; what they were struck later came after it.
    """
    of = parse(tomllib.loads(STRIKING), "the drill").strikes
    stand: dict[tuple[str, int], Standing] = {}
    crossed: dict[str, str] = {}
    wiped: set[tuple[str, int]] = set()
    for decision in sorted((Decision.model_validate(d) for d in seen.counted()), key=lambda d: d.source.offset):
        if (strike := strike_of(decision, of)) is None:
            continue
        at = (decision.source.partition, decision.source.offset)
        key = (strike.user, decision.source.partition)
        if decision.user in undone and at not in quoted and key not in wiped:
            wiped.add(key)
            stand.pop(key, None)
        stand[key] = add(stand.get(key), strike, UNDER.half_life_ms)
        if found := reached(stand[key].strikes, UNDER):
            crossed[strike.id] = found[0]
    gone = {key for key in stand if key[0].rpartition(":")[2] in undone and key not in wiped}
    return {key: standing for key, standing in stand.items() if key not in gone}, crossed


async def stand_so(s: Scene, expected: dict[tuple[str, int], Standing]) -> None:
    """Strikes in Redis, decayed to one moment: an undo moves the moment that a sum is kept for."""
    rows = [
        json.loads(row) for row in (await command(s, "strikes", "show", "--json", "--limit", "100000")).splitlines()
    ]
    found = {
        (row["user"], int(row["partition"].rpartition("-")[2])): Standing(row["last_strikes"], row["last_ms"])
        for row in rows
    }
    assert found.keys() == expected.keys()
    at_ms = max(standing.at_ms for standing in (*found.values(), *expected.values()))

    def now(standing: Standing) -> float:
        return decayed(standing.strikes, at_ms - standing.at_ms, UNDER.half_life_ms)

    for key, standing in expected.items():
        assert now(found[key]) == pytest.approx(now(standing), rel=1e-9), key


async def command(s: Scene, *args: str) -> str:
    """What `tidegate …` writes to standard output, in a process of its own."""
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", *args, cwd=ROOT, env={**os.environ, **s.stack.env()},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await run.communicate()
    assert run.returncode == 0, args
    return out.decode()
