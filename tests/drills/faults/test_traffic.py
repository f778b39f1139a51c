"""Faults of the input: poison, far more than usual, and a wall clock that jumps."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
import redis

from tests.drills.clock import Clocks
from tests.drills.published import metric, reminders
from tests.drills.scene import POLICY, Scene, scene
from tests.support.stacks import Stack

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]  # 50 s each where nothing else runs
POISON_EVERY = 7  # records: fewer than any batch has
USUAL_PER_S, BURST = 10.0, 4000  # completions; 50 times as many a second for 8 s
TEXT_MS = 10  # 200 texts/s of two workers
IN_FLIGHT = 256  # records that a worker may hold


def unreadable_record(n: int) -> bytes | None:
    """The fourth of every 7 records, unreadable in one of four ways; None for others."""
    if n % POISON_EVERY != 3:
        return None
    kinds = (b"not JSON %d", b"[%d]", b'{"user": "u", "completion": %d}', b"\xff%d")
    return kinds[n // POISON_EVERY % len(kinds)] % n


def completion_or_poison(s: Scene) -> bytes:
    """Returns the next record: the first of every 7 makes the classifier raise, the fourth cannot be read."""
    n = s.generated
    good = s.completion()
    return unreadable_record(n) or (good.replace(b"said", b"RAISE") if n % POISON_EVERY == 0 else good)


async def test_a_poison_event_in_every_batch(own_stack: Stack, tmp_path: Path) -> None:
    title = "a poison event in every batch"
    async with scene(own_stack, tmp_path, "poison", title, next_completion=completion_or_poison) as s:
        await s.wait_for_alert()
        did = "of every 7 completions one makes the classifier raise and one cannot be read, all the time"
        async with s.trouble(did):
            await s.wait_for_counts(1000)
        seen = await s.account(duplicates=False, exact=True)
        numbers = range(s.generated)
        faults = Counter(d["id"] for d in seen.counted() if d["fault"] == "classifier_error")
        assert faults == Counter(f"c{n}" for n in numbers if n % POISON_EVERY == 0)
        assert s.report.faults == faults.total()
        dead_letter_hashes = Counter(
            hashlib.sha256(bad).hexdigest() for n in numbers if (bad := unreadable_record(n)) is not None
        )
        assert Counter(letter["sha256"] for found in seen.dead.values() for letter in found) == dead_letter_hashes


async def test_a_burst_of_fifty_times_the_usual_rate(
    own_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILL_TEXT_MS", str(TEXT_MS))
    policy = POLICY.replace("schema_version = 1", "schema_version = 1\nresend_s = 2")
    settings = {"classifier": "tests.drills.gate:slow", "score_timeout_s": "60", "policy": policy}
    bounds = {"batch_events": str(IN_FLIGHT // 4), "inflight_events": str(IN_FLIGHT)}
    title = "a burst of 50 times the usual rate"
    async with scene(own_stack, tmp_path, "burst", title, per_s=USUAL_PER_S, **settings, **bounds) as s:
        await s.wait_for_alert()
        most_waiting, saw_incomplete, counted, until = 0, False, 0, s.generated + BURST
        async with s.trouble(""):
            s.per_s = 50 * USUAL_PER_S
            while s.generated < until:
                await asyncio.sleep(0.05)
            s.per_s = USUAL_PER_S
            # What a worker still counts after SIGTERM is what it had in hand.
            old, checkpoints = s.workers.epochs("w1"), await s.checkpoints()
            leaving = asyncio.create_task(s.workers.leave("w1"))
            s.workers.start()
            while counted < until:
                counted = await s.total()
                most_waiting = max(most_waiting, len(s.acknowledged) - counted)
                saw_incomplete |= sum((await metric(s.workers, "windows_incomplete")).values()) > 0
                await asyncio.sleep(0.3)
            assert await leaving == 0
        seen = await s.account(duplicates=False, exact=True)
        await _wait_for_no_lag(s)
        in_hand = sum(
            d["epoch"] in old.values() and d["source"]["offset"] >= checkpoints[d["source"]["partition"]]
            for d in seen.counted()
        )
        s.report.did = (
            f"{BURST} completions at 50 times the usual {USUAL_PER_S:g}/s, more than twice what the workers can do; "
            f"{most_waiting} waited in Kafka at the most, "
            f"one worker had {in_hand} in hand when it was stopped and replaced"
        )
        assert most_waiting > BURST / 4, "the workers kept up: the drill proved nothing"
        assert saw_incomplete, "a backlog of many seconds, and windows were not called incomplete"
        assert 0 < in_hand < 2 * IN_FLIGHT < most_waiting  # it goes on until the signal arrives
        assert "incomplete" in await reminders(own_stack.kafka)


async def test_a_clock_jumps(own_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(tmp_path)
    for name, value in clocks.environ.items():
        monkeypatch.setenv(name, value)
    async with scene(own_stack, tmp_path, "clock_jumps", "a worker's clock jumps forward and back") as s:
        await s.wait_for_alert()
        did = (
            "the wall clock (time.time) of the worker that runs the ruler jumps an hour forward, two back, "
            "and to the right time"
        )
        with redis.Redis.from_url(own_stack.redis, decode_responses=True) as store:
            ruler = re.sub("-[0-9a-f]{8}$", "", store.hget("tidegate:{ruler}:lease", "worker") or "")
        async with s.trouble(did):
            for shift_s in (3600, -3600, 0):
                clocks.shift(ruler, shift_s)
                await asyncio.sleep(4)
                await s.wait_for_counts(200)
        assert clocks.jumps_seen(ruler) == [3600, -3600, 0], (
            "the worker did not see its clock jump: the drill proved nothing"
        )
        await s.account(duplicates=False, exact=True)
        assert s.workers.ended() == []


async def _wait_for_no_lag(s: Scene) -> None:
    """Returns once every worker reports no lag. The traffic is over."""
    async with asyncio.timeout(30):
        while any((await metric(s.workers, "lag_records")).values()):
            await asyncio.sleep(0.2)
