"""Faults by hand: a topic recreated, the group rewound, the checkpoint rewound. Guarantees 2 and 4."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.drills.fleet import (
    ROOT,
    account,
    event,
    fleet,
    make_topics,
    positions,
    read_counts,
    send,
    wait_until_counted,
)
from tests.drills.scene import Report, Scene, scene, servers, write_report
from tests.real.stack import Real
from tests.support.stacks import Stack
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.embedded import free_port
from tidegate.streams.store.redis import RedisStore

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.timeout(480)]
GROUP = "tidegate-ingest-completions"
BEFORE, AFTER = 300, 900  # AFTER is more in every partition: each old checkpoint is in the middle of the new topic
PARTITIONS = [TopicPartition("completions", 0), TopicPartition("completions", 1)]


async def stop_all(s: Scene) -> None:
    """Stops every worker by SIGTERM. The traffic goes on."""
    for name in list(s.workers.workers):
        assert await s.workers.leave(name) == 0


# --- a topic recreated


async def recreate_topics(kafka: str) -> None:
    """Deletes and creates `completions`; `decisions` too, so that its records are of the new topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    copies = min(3, len((await admin.describe_cluster())["brokers"]))
    await admin.delete_topics(["completions", "decisions"])
    async with asyncio.timeout(30):
        while {"completions", "decisions"} & set(await admin.list_topics()):
            await asyncio.sleep(0.1)
    await admin.create_topics([NewTopic(name, len(PARTITIONS), copies) for name in ("completions", "decisions")])
    await admin.close()


async def metrics(port: int) -> str:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def test_a_recreated_topic_is_decided_from_its_start(own_stack: Stack, tmp_path: Path) -> None:
    """It is refilled past the old checkpoint: only the record that the checkpoint names shows that it is another."""
    title, seed, began = (
        "a topic recreated, refilled past the checkpoint",
        zlib.crc32(b"topic_refilled"),
        time.monotonic(),
    )
    report, rng = Report("topic_refilled", title, servers(own_stack), seed), random.Random(seed)
    report.did = f"completions with {BEFORE} counted deleted, recreated and filled with {AFTER} while no worker ran"
    stack = own_stack
    store = RedisStore(stack.redis, "tidegate")
    await make_topics(stack.kafka, len(PARTITIONS))
    with fleet(tmp_path, stack.env()) as workers:
        first = workers.start()
        await send(stack.kafka, [event(n, f"toxicity={rng.random() / 2:.2f}") for n in range(BEFORE)])
        assert (await wait_until_counted(stack.redis, BEFORE, 60)).totals["decided"] == BEFORE
        assert await workers.leave(first) == 0
        before = await store.checkpoints(PARTITIONS)
        assert [checkpoint and (checkpoint.generation, checkpoint.marker is not None) for checkpoint in before] == [
            (1, True)
        ] * len(PARTITIONS)

        await recreate_topics(stack.kafka)
        sent = set(await send(stack.kafka, [event(n, "after toxicity=0.95") for n in range(BEFORE, BEFORE + AFTER)]))
        assert sent == await positions(stack.kafka)
        for partition, checkpoint in zip(PARTITIONS, before, strict=True):
            assert checkpoint is not None
            assert 0 < checkpoint.next < max(offset for p, offset in sent if p == partition.partition)

        port, started = free_port(), time.monotonic()
        second = workers.start(http_port=str(port))
        redis = await wait_until_counted(stack.redis, BEFORE + AFTER, 60)
        report.recovered_s = round(time.monotonic() - started, 1)
        seen = await account(stack.kafka, AFTER, 60)
        assert seen.positions == sent, f"never decided: {sorted(sent - seen.positions)[:5]}"
        assert seen.duplicates == 0
        assert {d["id"] for d in seen.counted()} == {f"c{n}" for n in range(BEFORE, BEFORE + AFTER)}
        assert redis.totals["decided"] == BEFORE + AFTER
        assert redis.series["action.block|all"] == AFTER  # each new one once, no old one twice

        for checkpoint in await store.checkpoints(PARTITIONS):
            assert checkpoint is not None
            assert checkpoint.generation == 2
        for partition in PARTITIONS:
            line = f"{partition}: checkpoint not believed (other_record): starting at 0, generation 2"
            assert line in workers.log(second)
        takeovers = 'tidegate_takeovers_total{checkpoint="other_record",topic="completions"} 2.0'
        assert takeovers in await metrics(port)
        assert workers.ended() == []
    await store.close()
    report.sent = report.decided = BEFORE + AFTER
    write_report(report, began)


async def test_a_new_cluster_under_the_old_store_is_decided_from_start(own_stack: Stack, tmp_path: Path) -> None:
    """Its topic is longer than the old one: the checkpoint names the id of a cluster that is gone."""
    title, seed, began = "another Kafka under the same Redis", zlib.crc32(b"cluster_replaced"), time.monotonic()
    report, old = Report("cluster_replaced", title, servers(own_stack), seed), own_stack
    report.did = f"Kafka with {BEFORE} counted replaced by another with {AFTER}, under the same Redis"
    with type(own_stack)() as new:
        env = {**new.env(), "TIDEGATE_REDIS": old.redis, "TIDEGATE_USER_KEY": old.env()["TIDEGATE_USER_KEY"]}
        for folder in ("old", "new"):
            (tmp_path / folder).mkdir()
        for stack in (old, new):
            await make_topics(stack.kafka, 1)
        with fleet(tmp_path / "old", old.env()) as workers:
            workers.start()
            await send(old.kafka, [event(n, "before") for n in range(BEFORE)])
            assert (await wait_until_counted(old.redis, BEFORE, 60)).totals["decided"] == BEFORE
        with fleet(tmp_path / "new", env) as workers:
            sent, started = set(await send(new.kafka, [event(n, "after") for n in range(AFTER)])), time.monotonic()
            only = workers.start()
            await wait_until_counted(old.redis, BEFORE + AFTER, 60)
            report.recovered_s = round(time.monotonic() - started, 1)
            seen = await account(new.kafka, AFTER, 60)
            assert (seen.positions, seen.duplicates) == (sent, 0)
            assert "checkpoint not believed (other_cluster): starting at 0, generation 2" in workers.log(only)
        assert (await read_counts(old.redis)).totals["decided"] == BEFORE + AFTER
    report.sent = report.decided = BEFORE + AFTER
    write_report(report, began)


# --- rewound by ops


async def rewind_group(real: Real, partitions: int) -> dict[int, int]:
    """Resets all offsets of the group to the start of the topic, as ops do. Returns the offsets before."""
    tps = [KafkaPartition("completions", p) for p in range(partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=real.kafka, group_id=GROUP, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(tps)
        before = {tp.partition: int(await consumer.committed(tp) or 0) for tp in tps}
    finally:
        await consumer.stop()
    tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
    to_start = ["--reset-offsets", "--to-earliest", "--topic", "completions", "--execute"]
    await asyncio.to_thread(real.cluster.tool, tool, "--bootstrap-server", real.kafka, "--group", GROUP, *to_start)
    return before


async def test_a_group_that_is_rewound_counts_nothing_again(own_real: Real, tmp_path: Path) -> None:
    """On Apache Kafka only: the embedded broker refuses offsets from outside a group that once had members."""
    async with scene(own_real, tmp_path, "group_rewound", "the group rewound to the topic's start") as s:
        await s.wait_for_alert()
        async with s.trouble("both workers stopped, the group's offsets all reset to the earliest, both started"):
            await stop_all(s)
            before = await rewind_group(own_real, s.partitions)
            assert min(before.values()) > 0, "nothing was committed: there is nothing to rewind"
            checkpoints = await s.checkpoints()
            again = [s.workers.start(), s.workers.start()]
        await s.account(duplicates=False)
        logs = "".join(map(s.workers.log, again))
        for partition, next_ in checkpoints.items():
            assert f"completions[{partition}]: taken over at {next_}," in logs, "not where the checkpoint stood"
        assert s.workers.ended() == []


async def tidegate(stack: Stack, *arguments: str) -> str:
    """Runs `tidegate …`, which must exit with 0. Returns its standard output."""
    command = [sys.executable, "-m", "tidegate", *arguments]
    ran = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=ROOT,
        env={**os.environ, **stack.env()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(arguments)}: {ran.stdout}{ran.stderr}"
    return str(ran.stdout)


async def test_a_rewound_checkpoint_counts_again_what_follows_it(own_stack: Stack, tmp_path: Path) -> None:
    """And nothing else."""
    back = 100
    async with scene(
        own_stack, tmp_path, "checkpoint_rewound", "a checkpoint rewound by `tidegate checkpoint reset`"
    ) as s:
        await s.wait_for_alert()
        partition = s.rng.randrange(s.partitions)
        did = f"both workers stopped, the checkpoint of completions[{partition}] reset to {back} records before"
        async with s.trouble(f"{did}, both started: by design those are decided again, and counted twice"):
            await stop_all(s)
            to = (await s.checkpoints())[partition] - back
            output = await tidegate(
                own_stack, "checkpoint", "reset", "--partition", f"completions-{partition}", "--to", str(to), "--yes"
            )
            assert f"next is {to}, generation 2" in output
            s.workers.start()
            s.workers.start()
        sent = await s.sent()
        redis = await wait_until_counted(own_stack.redis, len(sent) + back, 120)
        seen = await account(own_stack.kafka, len(sent), 120)
        assert seen.positions == sent
        decided_twice = {position for position, found in seen.decisions.items() if len(found) > 1}
        assert decided_twice == {(partition, offset) for offset in range(to, to + back)}
        assert seen.duplicates == back
        # Each once, and those `back` once more: under the old epoch and under the new.
        all_decisions = [decision for found in seen.decisions.values() for decision in found]
        assert redis.totals["decided"] == len(all_decisions) == len(sent) + back
        for action in ("allow", "flag", "review", "block"):
            assert redis.series[f"action.{action}|all"] == sum(d["action"] == action for d in all_decisions), action
        report = s.report
        report.sent, report.decided, report.duplicates = len(sent), len(sent), back
        states = [alert["state"] for alert in await s.alerts()]
        assert states.count("firing") == 1
        assert "resolved" not in states
        report.alert = "fired once, never resolved"
        assert s.workers.ended() == []
