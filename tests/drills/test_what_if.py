"""What a what-if predicts from recorded traffic happens when the policy is applied and the same events come again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.drills.fleet import ROOT, account, event, fleet, make_topics
from tests.drills.reading import read_topic
from tests.support.stacks import Stack
from tidegate.streams.topics import ALERTS

pytestmark = pytest.mark.drill
EVENTS, EVERY_MS = 480, 20  # 9.6 s of event time
AHEAD_S = 3  # events claim a time so far ahead: they are all counted before any rule looks at them
LASTS_S = 15  # event time until every alert of one round is over
A = """
labels = { toxicity = { flag = 0.4, redact = 0.5, block = 0.9 }, insult = { flag = 0.9 } }
prompt_labels = { insult = { review = 0.9 } }
windows = { bucket_s = 1, rate_window_s = 5, late_s = 60, future_s = 60, grace_s = 1 }
alerts.toxic = { of = "label.toxicity", above = 0.5, window_s = 3, for_s = 1, min_total = 5, by = ["all", "tenant"] }
alerts.blocked = { kind = "count", of = "action.block", above = 12, window_s = 2, for_s = 0 }
alerts.complaints = { kind = "count", of = "complaint", above = 4, window_s = 3, for_s = 0, by = ["all", "tenant"] }
"""
# Other thresholds, a tenant of its own, faults closed; one rule is another, one looks at users, one is new.
B = """
labels = { toxicity = { flag = 0.3, redact = 0.7, block = 0.8 }, insult = { flag = 0.5 } }
prompt_labels = { insult = { review = 0.6, block = 0.95 } }
floors = { toxicity = { block = 0.95 } }
scopes = [{ tenant = "t1", labels = { toxicity = { flag = 0.6, block = "off" } } }]
faults = { fail = "closed" }
windows = { bucket_s = 1, rate_window_s = 5, late_s = 60, future_s = 60, grace_s = 1 }
alerts.toxic = { of = "label.toxicity", above = 0.6, window_s = 4, for_s = 0, min_total = 5, by = ["all", "tenant"] }
alerts.blocked = { kind = "count", of = "action.block", above = 12, window_s = 2, for_s = 2, min_users = 3 }
alerts.complaints = { kind = "count", of = "complaint", above = 4, window_s = 3, for_s = 0, by = ["all", "tenant"] }
alerts.faults = { of = "fault", above = 0.01, window_s = 3, for_s = 0, min_total = 1 }
"""


def completions(base_ms: int) -> list[tuple[bytes, bytes]]:
    """The same every time but for their times: calm, three seconds of storm, calm again. In order."""
    rng, records = random.Random(5), []
    for n in range(EVENTS):
        most = 1.0 if 3 <= n * EVERY_MS / 1000 < 6 else 0.45
        scores = f"toxicity={rng.random() * most:.2f} insult={rng.random():.2f}"
        text = "RAISE" if n % 60 == 7 else scores
        more: dict[str, Any] = {"at_ms": base_ms + n * EVERY_MS, "prompt": f"insult={rng.random():.2f}"}
        if n % 50 == 3:
            more |= {"status": "failed"}
        records.append((str(n % 97).encode(), event(n, text, **more)))
    return records


def complaints(base_ms: int) -> list[tuple[bytes, bytes, int]]:
    """Key, value and the record's time, under which feedback counts."""
    return [
        (b"k", json.dumps({"id": f"f{n}", "completion_id": f"c{n}", "kind": "complaint", "tenant": f"t{n % 3}",
                           "user": f"u{n % 5}"}).encode(), base_ms + n * EVERY_MS)
        for n in range(200, 300, 5)
    ]  # fmt: skip


async def send_round(kafka: str, base_ms: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    try:
        pending = [await producer.send("completions", value, key=key) for key, value in completions(base_ms)]
        for key, value, at_ms in complaints(base_ms):
            pending.append(await producer.send("feedback", value, key=key, timestamp_ms=at_ms))
        await asyncio.gather(*pending)
    finally:
        await producer.stop()


def soon_ms() -> int:
    """A bucket boundary, AHEAD_S from now."""
    return (int(time.time()) + 1 + AHEAD_S) * 1000


async def wait_until_over(base_ms: int) -> None:
    """Returns when every boundary of a round was looked at: its end, the grace, and an evaluation or two."""
    await asyncio.sleep(max(0.0, base_ms / 1000 + LASTS_S + 4 - time.time()))


async def read_transitions(kafka: str) -> list[dict[str, Any]]:
    """Every transition on `alerts`."""
    found = [json.loads(record.value) async for record in read_topic(kafka, ALERTS)]
    return [alert for alert in found if not alert["resent"]]


def transitions(alerts: list[dict[str, Any]], base_ms: int) -> list[tuple[Any, ...]]:
    """Those of one round, by event time after its base; what differs by the state before it is left out."""
    return sorted(
        (a["at_ms"] - base_ms, a["rule"], a["scope"], a["state"], a["reason"], a["hits"], a["total"], a["value"])
        for a in alerts
        if 0 <= a["at_ms"] - base_ms <= LASTS_S * 1000
    )


async def tidegate(env: dict[str, str], *args: str) -> str:
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "tidegate", "policy", *args], cwd=ROOT, env=env,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


async def test_what_if_predicts_what_then_happens(own_stack: Stack, tmp_path: Path) -> None:
    kafka = own_stack.kafka
    await make_topics(kafka, 3)
    file = tmp_path / "b.toml"
    file.write_text(B)
    env = {**os.environ, **own_stack.env(), "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted"}
    with fleet(tmp_path, own_stack.env(), policy=A) as workers:
        workers.start()
        await workers.joined()
        began = datetime.now(UTC).isoformat()
        first_ms = soon_ms()
        await send_round(kafka, first_ms)
        await wait_until_over(first_ms)
        until = datetime.fromtimestamp(first_ms / 1000 + LASTS_S, UTC).isoformat()
        what_if = json.loads(
            await tidegate(
                env, "what-if", str(file), "--since", began, "--until", until, "--examples", "1000", "--json"
            )
        )
        await tidegate(env, "apply", str(file), "--reason", "drill", "--yes")
        second_ms = soon_ms()
        await send_round(kafka, second_ms)
        await wait_until_over(second_ms)
        seen = await account(kafka, 2 * EVENTS, 30)
        alerts = await read_transitions(kafka)

    # --- decision for decision
    versions = sorted({d["policy_version"] for d in seen.counted()}, key=lambda v: int(v.partition("-")[0]))
    before, after = ({d["id"]: d for d in seen.counted() if d["policy_version"] == v} for v in versions)
    assert len(before) == len(after) == EVENTS
    happened = {
        (d["id"], d["action"], after[d["id"]]["action"])
        for d in before.values()
        if d["action"] != after[d["id"]]["action"]
    }
    effects = what_if["effects"]
    assert effects["decisions"] == EVENTS
    assert {(e["id"], c["was"], c["now"]) for c in effects["changes"] for e in c["examples"]} == happened
    assert effects["changed"] == len(happened) > EVENTS / 4
    assert min(effects["tighter"], effects["looser"], effects["newly"]["block"], effects["faults"]) > 0
    for action in effects["actions"]:
        for side, decisions in (("was", before), ("now", after)):
            assert action[side] == sum(d["action"] == action["name"] for d in decisions.values()), action
    driving = {e["id"]: (e["label"], e["score"]) for c in effects["changes"] for e in c["examples"]}
    for id_, was, now in happened:
        stricter = max((before[id_], after[id_]), key=lambda d: ORDER.index(d["action"]))["reasons"][0]
        label = f"prompt.{stricter['label']}" if stricter["of"] == "prompt" else stricter["label"]
        assert driving[id_] == (label, stricter["score"]), (id_, was, now)

    # --- the same alerts at the same boundaries, and what did fire is what fired
    would = transitions(what_if["alerts"]["now"]["transitions"], first_ms)
    assert would == transitions(alerts, second_ms)
    assert transitions(what_if["alerts"]["was"]["transitions"], first_ms) == transitions(alerts, first_ms)
    assert {rule for _, rule, _, state, *_ in would if state == "firing"} == {
        "toxic",
        "blocked",
        "complaints",
        "faults",
    }
    assert {state for _, _, _, state, *_ in would} == {"pending", "firing", "resolved"}


ORDER = ("allow", "flag", "review", "redact", "block")
