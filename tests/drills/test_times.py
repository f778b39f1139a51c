"""Times as producers really send them: each completion counts now, in rates and alerts, and the log names the fault."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis import Redis

from tests.drills.fleet import POLICY, account, assert_account_closes, fleet, make_topics, wait_until_counted
from tests.support.stacks import Stack
from tests.support.ttls import strange_ttls

pytestmark = pytest.mark.drill
ALERTING = (
    POLICY.replace("bucket_s = 10", "bucket_s = 1")
    + """
[alerts.high_toxicity]
of = "label.toxicity"
above = 0.05
window_s = 300
for_s = 1
min_total = 50
by = ["tenant"]
"""
)
YEAR_2100, YEAR_9999 = 4_102_444_800_000, 253_402_300_799_999


def native(n: int, tenant: str, text: str, **more: Any) -> bytes:
    return json.dumps({"id": f"{tenant}-{n}", "completion": text, "tenant": tenant, **more}).encode()


def chat(n: int, tenant: str, text: str, created: Any) -> bytes:
    choices = [{"index": 0, "message": {"role": "assistant", "content": text}}]
    found = {"id": f"{tenant}-{n}", "object": "chat.completion", "created": created, "choices": choices}
    return json.dumps(found | {"metadata": {"tenant": tenant}}).encode()


def texts(n: int) -> str:
    return "toxicity=0.95" if n % 2 else "fine"


def sent_by(now_ms: int) -> list[tuple[bytes, int]]:
    """(value, record timestamp). Every other completion of a tenant is toxic; each tenant has a hundred."""
    now_s = now_ms // 1000
    stamps = [now_s, now_ms, now_s * 10**6, now_s * 10**9, 1, YEAR_2100, YEAR_9999, 2**63 - 1, 0, now_ms]
    claimed = [0, -1, now_s, now_s * 1000, now_s * 10**6, str(now_s), "soon", True, 10**30, YEAR_9999, [], 1.5, None,
           YEAR_2100 // 1000, "2100-01-01T00:00:00Z", 1_677_652_288, float("nan"), "9" * 60, {}, ""]  # fmt: skip
    return [
        *((native(n, "micro", texts(n)), now_s * 10**6) for n in range(100)),
        *((chat(n, "zero", texts(n), 0), now_ms) for n in range(100)),
        *((native(n, "stamps", texts(n)), stamps[n // 2 % len(stamps)]) for n in range(100)),
        *((native(n, "own", texts(n), at_ms=claimed[n // 2 % len(claimed)]), now_ms) for n in range(100)),
        *(
            (chat(n, "both", texts(n), claimed[n // 2 % len(claimed)]), stamps[n // 2 % len(stamps)])
            for n in range(100)
        ),
    ]  # fmt: skip


async def test_with_any_times_completions_count_now_and_alerts_fire(own_stack: Stack, tmp_path: Path) -> None:
    await make_topics(own_stack.kafka, 3)
    tenants = {f"tenant={name}" for name in ("micro", "zero", "stamps", "own", "both")}
    with fleet(tmp_path, own_stack.env(), policy=ALERTING) as workers:
        workers.start()
        await workers.joined()
        now_ms = int(time.time() * 1000)
        producer = AIOKafkaProducer(bootstrap_servers=own_stack.kafka)
        await producer.start()
        raw: dict[tuple[int, int], int] = {}
        for n, (value, timestamp) in enumerate(sent_by(now_ms)):
            meta = await producer.send_and_wait("completions", value, partition=n % 3, timestamp_ms=timestamp)
            raw[meta.partition, meta.offset] = timestamp
        await producer.stop()
        redis = await wait_until_counted(own_stack.redis, len(raw), 60)
        seen = await account(own_stack.kafka, len(raw), 30)
        rates, firing = await read_rates_and_alerts(own_stack.kafka, tenants)
        assert workers.ended() == []
        logs = workers.logs()
    assert_account_closes(set(raw), seen, redis)
    assert seen.dead == {}
    for position, (decision,) in seen.decisions.items():
        assert decision["record_ms"] == raw[position]
        assert abs(decision["arrived_ms"] - now_ms) < 60_000
        assert abs(decision["at_ms"] - now_ms) < 60_000
        assert decision["time"] in ("on_time", "future", "replaced")
    assert "too_late" not in redis.totals
    assert rates == {tenant: (50, 100) for tenant in tenants}
    assert firing == tenants
    with Redis.from_url(own_stack.redis) as admin:
        assert strange_ttls(admin, "tidegate") == []
    lines = [line for line in logs.splitlines() if "times: " in line]
    assert 1 <= len(lines) <= 3
    assert "record timestamp not in milliseconds" in lines[0]


async def read_rates_and_alerts(kafka: str, tenants: set[str]) -> tuple[dict[str, tuple[int, int]], set[str]]:
    """Returns the rate of toxicity of each tenant, (hits, total) of the largest total, and the scopes that fire."""
    consumer = AIOKafkaConsumer("rates", "alerts", bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    rates: dict[str, tuple[int, int]] = {}
    firing: set[str] = set()
    try:
        async with asyncio.timeout(60):
            while firing != tenants or any(rates.get(tenant, (0, 0))[1] < 100 for tenant in tenants):
                record = await consumer.getone()
                found = json.loads(record.value or b"{}")
                if found.get("scope") in tenants and record.topic == "alerts" and found["state"] == "firing":
                    firing.add(found["scope"])
                elif found.get("scope") in tenants and found.get("measure") == "label.toxicity":
                    best = rates.get(found["scope"], (0, 0))  # partitions come in any order
                    rates[found["scope"]] = max(best, (found["hits"], found["total"]), key=lambda rate: rate[1])
    finally:
        await consumer.stop()
    return rates, firing
