"""`what_if`: how many recorded decisions a second another policy is tried on, on one core.

Made-up decisions on the embedded broker, of a day with a million; the broker's own CPU is not counted. Reading and
validating is measured apart from judging and counting.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

from aiokafka import AIOKafkaProducer
from pydantic_core import to_json

from bench.completions import LOCALES, MODELS, ROUTES, TENANTS, USERS
from bench.measure import PARTITIONS, ROOT
from bench.results import Results
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision, Scopes, Source
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.embedded import EmbeddedStack
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.operations.decisions import Decisions
from tidegate.streams.operations.what_if import WhatIfRange, WhatIfRun, judge_by
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.settings.settings import Settings

DECISIONS = 100_000
RUNS = 3
BEGIN_MS = 1_767_268_800_000
APART_MS = 86  # between completions: a million a day
SUSPECT = 0.04  # share of completions with a label that scores high: of these about half reach a threshold


def run(results: Results, decisions: int = DECISIONS, runs: int = RUNS) -> None:
    """The cost of a decision in `policy what-if`, from the topic, which is read twice, to effects and alerts."""
    asyncio.run(_run(results, decisions, runs))


async def _run(results: Results, decisions: int, runs: int) -> None:
    live = LivePolicy("bench", read_policy(ROOT / Path("policy.toml")))
    candidate = LivePolicy("candidate", _stricter(live.policy))
    over = WhatIfRange(BEGIN_MS, BEGIN_MS + decisions * APART_MS, BEGIN_MS + decisions * APART_MS)
    what = f"what-if, {decisions} decisions"
    with EmbeddedStack() as stack:
        await ensure_topics(stack.kafka, PARTITIONS, 1)
        await _write(stack.kafka, made_up_decisions(decisions, live))
        settings = Settings(kafka=stack.kafka, redis=stack.redis)
        total_cpu, reading_cpu = [], []
        for _ in range(runs):
            async with aclosing(Decisions(stack.kafka)) as topic:
                asking = WhatIfRun(settings, judge_by(candidate, None), candidate, live, over)
                recent = await asking.survey(topic)
                cpu = time.process_time()
                answer = await asking.answer(topic, recent)
                total_cpu.append((time.process_time() - cpu) / decisions * 1e6)
                if not answer.effects.decisions == decisions > answer.effects.changed > 0:
                    raise RuntimeError(f"{answer.effects.decisions} of {decisions} decisions were found")
                recent = await asking.survey(topic)
                cpu = time.process_time()
                await topic.find_again(recent)
                seen = await _count(topic.read(recent))
                reading_cpu.append((time.process_time() - cpu) / decisions * 1e6)
                if seen != decisions:
                    raise RuntimeError(f"{seen} of {decisions} decisions were read")
    cost = statistics.median(total_cpu)
    results.add(what, "cpu", cost, "us/decision", runs)
    results.add(what, "cpu, of it reading", statistics.median(reading_cpu), "us/decision", runs)
    results.add(what, "on one core", 60 / cost, "M decisions/min", runs)


def made_up_decisions(count: int, live: LivePolicy, seed: int = 1) -> Iterator[Decision]:
    """Yields decisions of the live policy; the same for the same seed."""
    draw, labels = random.Random(seed), tuple(live.policy.labels)
    offsets = [0] * PARTITIONS
    for n in range(count):
        scores = {label: round(draw.random() * 0.1, 4) for label in labels}
        if draw.random() < SUSPECT:
            scores[draw.choice(labels)] = round(0.3 + 0.7 * draw.random(), 4)
        record_ms = BEGIN_MS + n * APART_MS
        partition = draw.randrange(PARTITIONS)
        offsets[partition] += 1
        inputs = Inputs(
            id=f"bench-{n}",
            source=Source(topic="completions", partition=partition, offset=offsets[partition] - 1),
            epoch=BEGIN_MS,
            record_ms=record_ms,
            event_ms=record_ms - draw.randrange(2_000),
            model_version="cascade-en@0123456789ab",
            scores=scores,
            by_encoder=labels if draw.random() < 0.1 else (),
            scopes=Scopes(
                tenant=draw.choice(TENANTS),
                model=draw.choice(MODELS),
                route=draw.choice(ROUTES),
                locale=draw.choice(LOCALES),
            ),
            user=f"{draw.randrange(USERS):032x}",
            conversation=f"{draw.randrange(5 * USERS):032x}",
        )
        yield decide(inputs, live)


def _stricter(policy: Policy) -> Policy:
    data = policy.model_dump(mode="json", exclude_none=True)
    data["labels"]["toxicity"] = {"flag": 0.7, "review": 0.9, "block": 0.96}
    data["labels"]["insult"] = {"flag": 0.6, "review": 0.95}
    return Policy.model_validate(data)


async def _write(kafka: str, decisions: Iterator[Decision]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=False, max_request_size=4 << 20)
    await producer.start()
    try:
        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        for decision in decisions:
            partition, value = decision.source.partition, to_json(decision)
            while batches[partition].append(key=b"k", value=value, timestamp=None) is None:
                await producer.send_batch(batches[partition], "decisions", partition=partition)
                batches[partition] = producer.create_batch()
        for partition, batch in enumerate(batches):
            await (await producer.send_batch(batch, "decisions", partition=partition))
    finally:
        await producer.stop()


async def _count(batches: AsyncGenerator[list[Decision], None]) -> int:
    async with aclosing(batches) as read:
        return sum([len(decisions) async for decisions in read])
