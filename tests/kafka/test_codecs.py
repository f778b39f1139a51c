"""Every reader reads every codec, compressed by a producer's setting or by a topic's.

The embedded broker keeps what it was sent, whatever the topic says: of topics it is Apache Kafka that this is about.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.cli.conftest import Cli
from tests.drills.fleet import ROOT, Fleet, account, event, fleet, make_topics
from tests.drills.probes import all_ready, waiting_for
from tests.real.stack import Real
from tests.support.raw_batches import CODECS, HEADER, HEADER_BYTES, kept, split
from tests.support.stacks import Stack
from tidegate.streams.core.events import PolicyChange
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import parse
from tidegate.streams.kafka import policies as policies_topic
from tidegate.streams.kafka.lookup import KafkaLookup
from tidegate.streams.kafka.reader import TopicHistory, follow, read_all
from tidegate.streams.policy_log import reader as policies
from tidegate.streams.policy_log.reader import NAME, PolicyLogReader

COMPRESSED = [name for name in CODECS if name != "none"]
every_codec = pytest.mark.parametrize("codec", COMPRESSED)
by_whom = pytest.mark.parametrize("by", ["producer", "topic"])
SOON_S = 10.0


async def topic(stack: Stack, name: str, codec: str, by: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    config = {"compression.type": codec} if by == "topic" else {}
    await admin.create_topics([NewTopic(name, 1, stack.replication, topic_configs=config)])
    await admin.close()


async def send(stack: Stack, name: str, values: Sequence[bytes], codec: str | None, partition: int = 0) -> None:
    """In one batch, so that there is something to compress. key: that of a policy, which no other topic needs."""
    async with AIOKafkaProducer(
        bootstrap_servers=stack.kafka, compression_type=codec, linger_ms=20, acks="all"
    ) as producer:
        sent = [await producer.send(name, value, key=NAME, partition=partition) for value in values]
        await asyncio.gather(*sent)


async def is_kept(stack: Stack, name: str, codec: str, by: str) -> None:
    """Fails if the broker stores it otherwise: the test would prove nothing."""
    found = {HEADER.unpack(each[:HEADER_BYTES])[5] & 7 for each in split(await kept(stack.kafka, name, 0))}
    assert found == {CODECS[codec] if by == "producer" or isinstance(stack, Real) else 0}


@by_whom
@every_codec
async def test_readers_outside_a_group_read_every_codec(
    shared_stack: Stack, namespace: str, codec: str, by: str
) -> None:
    """The readers of `tail` and other commands, of takeovers, and of rebuilds."""
    values = [f"value {n} ".encode() * 20 for n in range(5)]
    await topic(shared_stack, namespace, codec, by)
    await send(shared_stack, namespace, values, codec if by == "producer" else None)
    await is_kept(shared_stack, namespace, codec, by)
    async with asyncio.timeout(SOON_S):
        assert [r.value async for r in read_all(shared_stack.kafka, namespace)] == values
        followed = follow(shared_stack.kafka, namespace, from_start=True)
        assert [(await anext(followed)).value for _ in values] == values
        await followed.aclose()
        partition, source = TopicPartition(namespace, 0), KafkaLookup(shared_stack.kafka)
        found = [await source.read(partition, n) for n in range(5)]
        assert [record and record.value for record in found] == values
        assert await source.bounds(partition) == (0, 5)
        await source.stop()
        history = TopicHistory(shared_stack.kafka)
        (stretch,) = await history.since([partition], 0)
        assert [r.value async for records in history.read(stretch) for r in records] == values


def change(parent: str | None, block: float) -> PolicyChange:
    policy = parse({"labels": {"toxicity": {"block": block}}}, "policy.toml").model_dump(mode="json", exclude_none=True)
    return PolicyChange(parent=parent, policy=policy, author="ann", reason="why not", at_ms=int(time.time() * 1000))


@by_whom
@every_codec
async def test_policies_are_read_in_every_codec(
    shared_stack: Stack, namespace: str, monkeypatch: pytest.MonkeyPatch, codec: str, by: str
) -> None:
    for module in (policies, policies_topic):
        monkeypatch.setattr(module, "POLICIES", namespace)
    await topic(shared_stack, namespace, codec, by)
    first = change(None, 0.7)
    await send(shared_stack, namespace, [first.model_dump_json().encode()], codec if by == "producer" else None)
    await is_kept(shared_stack, namespace, codec, by)
    log = PolicyLogReader(shared_stack.kafka)
    async with asyncio.timeout(SOON_S):
        await log.read()
        assert log.log.live is not None
        assert log.log.live.policy.labels["toxicity"].block == 0.7
        await log.stop()


async def ready_all_the_while(workers: Fleet, until: asyncio.Event) -> list[dict[str, str]]:
    """What its only worker waited for after it was first ready."""
    await all_ready(workers)
    waits = []
    while not until.is_set():
        waits.append(await waiting_for(workers, "w1"))
        await asyncio.sleep(0.2)
    return waits


@by_whom
async def test_a_worker_decides_completions_in_every_codec(own_stack: Stack, tmp_path: Path, by: str) -> None:
    """By topic: `completions` in each codec is one too many for one run; outputs and `policies` are in the others."""
    own = {"completions": "lz4", "policies": "zstd", "decisions": "snappy", "dead-letters": "gzip", "rates": "lz4"}
    config = {name: {"compression.type": codec} for name, codec in own.items()} if by == "topic" else {}
    await make_topics(own_stack.kafka, len(COMPRESSED), config)
    with fleet(tmp_path, own_stack.env()) as workers:
        workers.start()
        over = asyncio.Event()
        watching = asyncio.create_task(ready_all_the_while(workers, over))
        await workers.joined()
        began, sent = time.monotonic(), set[tuple[int, int]]()
        for partition, codec in enumerate(COMPRESSED):
            values = [event(n, f"{codec} said toxicity=0.95 {'pad ' * 50}") for n in range(5)] + [b"no completion"]
            await send(own_stack, "completions", values, codec if by == "producer" else None, partition)
            sent |= {(partition, offset) for offset in range(len(values))}
        seen = await account(own_stack.kafka, len(sent), SOON_S)
        assert time.monotonic() - began < SOON_S + 5
        over.set()
        assert [wait for wait in await watching if wait] == []
        assert workers.ended() == []
    assert seen.positions == sent
    assert {d["action"] for d in seen.counted()} == {"block"}
    assert len(seen.dead) == len(COMPRESSED)
    if by == "topic":
        await is_kept(own_stack, "decisions", "snappy", by)
    await commands_read(
        Cli({**own_stack.env(), "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted"}, golden=False), len(sent)
    )


async def commands_read(cli: Cli, sent: int) -> None:
    """`tail` of what came in and went out, and `replay`, decided and scored again."""

    async def run(*args: str) -> list[dict[str, Any]]:
        ran = await asyncio.to_thread(cli, *args)
        assert ran.code == 0, ran.err
        return ran.jsonl

    letters = len(COMPRESSED)
    for name, n in (("decisions", sent - letters), ("dead-letters", letters)):
        assert len(await run("tail", name, "--until-end", "--json")) == n
    for more in ((), ("--model", "tests.support.scorers:scripted")):
        (replayed,) = await run("replay", "--from", "1h", "--json", *more)
        assert (replayed["closes"], replayed["read"], replayed["decided"]) == (True, sent, sent - letters)


@pytest.mark.parametrize("command", [("worker",), ("tail", "decisions"), ("replay", "--from", "1h")])
def test_a_missing_codec_library_refuses_start_by_name(tmp_path: Path, command: tuple[str, ...]) -> None:
    """No broker listens at that address: it does not get so far."""
    missing = "import sys; sys.modules['cramjam'] = None; from tidegate.streams.cli import main; main()"
    policy = tmp_path / "policy.toml"
    policy.write_text("schema_version = 1\nlabels = { toxicity = { block = 0.9 } }\n")
    env = {
        **os.environ, "TIDEGATE_KAFKA": "127.0.0.1:1", "TIDEGATE_REDIS": "redis://127.0.0.1:1/0",
        "TIDEGATE_USER_KEY": "0" * 64, "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted",
        "TIDEGATE_HTTP_PORT": "0", "TIDEGATE_POLICY_FILE": str(policy),
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", missing, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert (ran.returncode, "cramjam" in ran.stderr) == (2, True), ran.stderr[-2000:]
    assert "Traceback" not in ran.stderr
