"""Guarantee 2 of redriven records: of all copies of a record one is counted, through kills and an emptied Redis."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import pytest
import redis as redis_py
from aiokafka import AIOKafkaProducer

from tests.drills.fleet import account, assert_account_closes, event, fleet, make_topics, wait_until_counted
from tests.support.stacks import Stack

pytestmark = pytest.mark.drill
PARTITIONS = 3
ORIGINS, COPIES = 100, 4  # a partition's records that cannot be read; and how often each is sent again
ORDINARY = 300  # in each partition, between the copies
PER_S = 150.0
SENT = PARTITIONS * (ORIGINS * (1 + COPIES) + ORDINARY)


async def send_copies(kafka: str, rng: random.Random) -> set[tuple[int, int]]:
    """Sends unreadable records, then readable copies of them in random order, between ordinary completions."""
    sent = set()
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=2) as producer:
        for partition in range(PARTITIONS):
            for _ in range(ORIGINS):
                meta = await producer.send_and_wait("completions", b"{junk", partition=partition)
                sent.add((partition, meta.offset))
        records = [(p, n % ORIGINS) for p in range(PARTITIONS) for n in range(ORIGINS * COPIES)]
        records += [(p, -1) for p in range(PARTITIONS) for _ in range(ORDINARY)]
        rng.shuffle(records)
        acks = []
        for n, (partition, origin) in enumerate(records):
            if origin < 0:
                value, headers = event(n, "said toxicity=0.95"), []
            else:
                value = event(10_000 + partition * ORIGINS + origin, "said toxicity=0.95")
                headers = [("tidegate-origin", f"completions[{partition}]@{origin}".encode())]
            acks.append(await producer.send("completions", value, partition=partition, headers=headers))
            await asyncio.sleep(1 / PER_S)
        for ack in acks:
            meta = await ack
            sent.add((meta.partition, meta.offset))
    return sent


async def test_of_many_copies_one_is_counted(own_stack: Stack, tmp_path: Path) -> None:
    await make_topics(own_stack.kafka, PARTITIONS)
    with fleet(tmp_path, own_stack.env()) as workers:
        workers.start()
        workers.start()
        await workers.joined()
        sending = asyncio.create_task(send_copies(own_stack.kafka, random.Random(7)))
        for trouble in ("kill", "empty", "kill"):
            await asyncio.sleep(2.5)
            if trouble == "kill":
                workers.kill(sorted(workers.workers)[0])
                workers.start()
                await workers.joined()
            else:
                with redis_py.Redis.from_url(own_stack.redis) as client:
                    client.flushall()
        sent = await sending
        redis = await wait_until_counted(own_stack.redis, SENT, 90)
        seen = await account(own_stack.kafka, SENT, 30)
        logs = workers.logs()
    assert_account_closes(sent, seen, redis)
    #  3 x (300 ordinary + 100 origins) decided, 3 x 100 dead letters, 3 x 100 x 3 redriven
    assert redis.totals == {"decided": 1200, "dead_letters": 300, "redriven": 900}, logs[-6000:]
    counted = Counter(json.dumps(d["origin"]) for d in seen.counted() if d["origin"] is not None)
    assert (len(counted), set(counted.values())) == (PARTITIONS * ORIGINS, {1})
    assert "a record was sent again; read in" in logs
