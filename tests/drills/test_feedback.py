"""Feedback has a checkpoint of its own: complaints are counted once, through kills, and become an alert."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from tests.drills.fleet import POLICY, fleet, make_topics, read_counts, send
from tests.support.stacks import Stack

pytestmark = pytest.mark.drill
FEEDBACK = 4_000
KINDS = ("thumb_up", "thumb_down", "complaint", "appeal")
ALERTING = (
    POLICY.replace("bucket_s = 10", "bucket_s = 1")
    + """
[alerts.user_complaints]
kind = "count"
of = "complaint"
above = 10
window_s = 600
for_s = 0
by = ["all", "tenant"]
"""
)


def feedback_record(n: int) -> bytes:
    body = {"id": f"f{n}", "completion_id": f"c{n}", "kind": KINDS[n % 4], "user": f"u{n % 9}"}
    return json.dumps(body | ({"tenant": "acme"} if n % 2 == 0 else {})).encode()  # no tenant: counts in `all` only


async def test_feedback_is_counted_once_through_kills_and_fires(own_stack: Stack, tmp_path: Path) -> None:
    await make_topics(own_stack.kafka, 3)
    with fleet(tmp_path, own_stack.env(), policy=ALERTING) as workers:
        workers.start()
        workers.start()
        await workers.joined()
        sending = asyncio.create_task(
            send(own_stack.kafka, [b"{nope", *map(feedback_record, range(FEEDBACK))], per_s=200, topic="feedback")
        )
        for _ in range(2):
            await asyncio.sleep(4)
            workers.kill(sorted(workers.workers)[0])
            workers.start()
            await workers.joined()
        await sending
        async with asyncio.timeout(60):
            while (await read_counts(own_stack.redis, "feedback")).totals["feedback"] < FEEDBACK:
                await asyncio.sleep(0.5)
        # Again: a bucket may have been read before its last record was counted.
        found = await read_counts(own_stack.redis, "feedback")
        alerts = await wait_for_firing(own_stack.kafka, {"all", "tenant=acme"})
    assert dict(found.totals) == {"feedback": FEEDBACK, "dead_letters": 1}
    for n, kind in enumerate(KINDS):
        assert found.series[f"{kind}|all"] == FEEDBACK / 4, kind
        assert found.series[f"{kind}|tenant=acme"] == (FEEDBACK / 4 if n % 2 == 0 else 0), kind
    # thumb_up is n % 4 == 0 and complaint n % 4 == 2: both even, so both carry the tenant
    assert alerts["tenant=acme"]["value"] > 10
    assert alerts["all"]["measure"] == "complaint"


async def wait_for_firing(kafka: str, scopes: set[str]) -> dict[str, dict[str, object]]:
    """Returns the first `firing` transition of each scope."""
    consumer = AIOKafkaConsumer("alerts", bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    found: dict[str, dict[str, object]] = {}
    try:
        async with asyncio.timeout(40):
            while not scopes <= set(found):
                alert = json.loads((await consumer.getone()).value)
                if alert["state"] == "firing" and not alert["resent"]:
                    found.setdefault(alert["scope"], alert)
    finally:
        await consumer.stop()
    return found
