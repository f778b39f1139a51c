"""The bare loop: the least that a moderator on Kafka does. The baseline of Tidegate's cost.

`python -m bench.bare KAFKA CLASSIFIER`: prints `ready` on stdout once it is assigned, then runs until it is killed.
No contracts, no policy, no counts, no store; a crash loses or repeats decisions.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition

from tidegate.streams.moderation.scorer import load_scorer

BATCH = 256  # records, as a worker's


async def run(kafka: str, classifier: str) -> None:
    scorer = load_scorer(classifier)
    consumer = AIOKafkaConsumer(
        "completions",
        bootstrap_servers=kafka,
        group_id="bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,  # this and the next two as a worker's ingest
        max_partition_fetch_bytes=2 << 20,
        fetch_max_bytes=16 << 20,
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=False, linger_ms=0)
    await producer.start()
    await consumer.start()
    while not consumer.assignment():
        await consumer.getmany(timeout_ms=100)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        fetched = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        records = [record for batch in fetched.values() for record in batch]
        if not records:
            continue
        events = [json.loads(record.value) for record in records]
        scores = scorer.score([event["completion"] for event in events]).values.tolist()
        acks = []
        for record, event, row in zip(records, events, scores, strict=True):
            decision = {"id": event["id"], "scores": dict(zip(scorer.labels, row, strict=True))}
            # The partition is given: the client's own hash of a key is Python, and would cost more than the rest.
            acks.append(
                await producer.send(
                    "decisions", json.dumps(decision).encode(), key=record.key, partition=record.partition
                )
            )
        await asyncio.gather(*acks)
        await consumer.commit({KafkaPartition(tp.topic, tp.partition): f[-1].offset + 1 for tp, f in fetched.items()})


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))
