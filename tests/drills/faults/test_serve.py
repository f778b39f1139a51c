"""Texts over HTTP beside the stream, while every broker is killed. Guarantees 1 and 2. On Apache Kafka only."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.drills.fleet import account, assert_account_closes, read_counts, wait_until_counted
from tests.drills.reading import read_topic
from tests.drills.scene import scene
from tests.drills.serving import Servers, ask
from tests.real.stack import Real
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.topics import MODERATIONS

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.integration, pytest.mark.timeout(480)]
UNAVAILABLE_S = 5.0
ASKED, PER_S = 1500, 40.0


async def test_best_effort_answers_through_dead_brokers(own_real: Real, tmp_path: Path) -> None:
    """What was answered = the records on `moderations` + what `serve` says is not counted."""
    title = "texts over HTTP, best effort, all brokers killed"
    async with scene(own_real, tmp_path, "serve_brokers_killed", title) as s:
        created = await ensure_topics(own_real.kafka, s.partitions, own_real.replication)
        assert created == (MODERATIONS,)  # the workers run without it: they find it
        servers = Servers(tmp_path, own_real.env(), serve_count="best_effort")
        bodies = {f"q{n}": {"completion": f"said toxicity={n % 100 / 100:.2f}"} for n in range(ASKED)}
        try:
            await servers.start()
            await servers.start()
            asking = asyncio.create_task(ask(servers, bodies, PER_S))
            await s.wait_for_alert()
            did = (
                f"all three brokers killed with -9, started again {UNAVAILABLE_S:g} s later, under texts over HTTP too"
            )
            async with s.trouble(did):
                for n in range(3):
                    own_real.cluster.kill_broker(n)
                await asyncio.sleep(UNAVAILABLE_S)
                await asyncio.gather(*(asyncio.to_thread(own_real.cluster.start_broker, n) for n in range(3)))
            assert await servers.leave("s1") == 0
            answers = await asking
            assert await servers.leave("s2") == 0
        finally:
            servers.stop()
        records = [record async for record in read_topic(own_real.kafka, MODERATIONS)]
        await wait_until_counted(own_real.redis, len(records), 90, MODERATIONS)
        over_http = await account(own_real.kafka, len(records), 90, MODERATIONS)
        counts = await read_counts(own_real.redis, MODERATIONS)
        await s.account(duplicates=True)
    assert_account_closes({(record.partition, record.offset) for record in records}, over_http, counts)
    assert len(answers.by_request) == ASKED
    answered = {body["id"] for body in answers.by_request.values()}
    recorded = [found["id"] for found in over_http.counted()]
    assert len(recorded) == len(set(recorded)), "a text is counted twice"
    lost = re.findall(r"(\d+) moderations are not counted", servers.log("s1") + servers.log("s2"))
    assert len(answered - set(recorded)) == sum(map(int, lost))
    assert len(recorded) > ASKED / 2
