"""Faults of three brokers: killed, restarted, a full disk. Guarantees 1, 2 and 7. On Apache Kafka only."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.drills.faults.disk_limit import WRITE_ERROR, can_limit_files, limit_files
from tests.drills.scene import scene
from tests.real.cluster import Cluster
from tests.real.needed import missing
from tests.real.stack import Real

pytestmark = [pytest.mark.drill, pytest.mark.fault, pytest.mark.integration, pytest.mark.timeout(480)]
UNAVAILABLE_S = 10.0  # longer than a session of the group, and of a broker


async def leader(kafka: str) -> int:
    """The broker that leads most partitions of `completions`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics(["completions"])
        return Counter(int(partition["leader"]) for partition in topic["partitions"]).most_common(1)[0][0]
    finally:
        await admin.close()


async def coordinator(kafka: str) -> int:
    """The broker that coordinates the workers' group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        return int(await admin.find_coordinator("tidegate-ingest-completions"))
    finally:
        await admin.close()


async def kill_for_a_while(cluster: Cluster, n: int) -> None:
    cluster.kill_broker(n)
    await asyncio.sleep(UNAVAILABLE_S)
    await asyncio.to_thread(cluster.start_broker, n)


async def test_one_broker_of_three_is_killed(own_real: Real, tmp_path: Path) -> None:
    async with scene(own_real, tmp_path, "broker_killed", "one broker of three killed") as s:
        await s.wait_for_alert()
        which = s.rng.randrange(3)
        async with s.trouble(f"broker {which} of three killed with -9, started again {UNAVAILABLE_S:g} s later"):
            await kill_for_a_while(own_real.cluster, which)
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_the_leader_is_killed(own_real: Real, tmp_path: Path) -> None:
    async with scene(own_real, tmp_path, "leader_killed", "the leader killed, and the group's coordinator") as s:
        await s.wait_for_alert()
        did = "the broker that leads most partitions killed with -9, then the one that coordinates the group"
        async with s.trouble(f"{did}; each started again {UNAVAILABLE_S:g} s later"):
            await kill_for_a_while(own_real.cluster, await leader(own_real.kafka))
            await s.wait_for_counts(200)
            await kill_for_a_while(own_real.cluster, await coordinator(own_real.kafka))
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_all_brokers_are_restarted_in_order(own_real: Real, tmp_path: Path) -> None:
    async with scene(own_real, tmp_path, "brokers_restarted", "all brokers restarted, one after another") as s:
        await s.wait_for_alert()
        async with s.trouble("each broker stopped in order and started again, one after another"):
            for n in range(3):
                await asyncio.to_thread(own_real.cluster.stop_broker, n)
                await asyncio.to_thread(own_real.cluster.start_broker, n)
                await s.wait_for_counts(200)
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_all_brokers_are_killed_at_once(own_real: Real, tmp_path: Path) -> None:
    async with scene(own_real, tmp_path, "brokers_killed", "all brokers killed at once") as s:
        await s.wait_for_alert()
        async with s.trouble(f"all three brokers killed with -9 at once, started again {UNAVAILABLE_S:g} s later", 120):
            for n in range(3):
                own_real.cluster.kill_broker(n)
            await asyncio.sleep(UNAVAILABLE_S)
            await asyncio.to_thread(own_real.cluster.mend)
        await s.account(duplicates=True)
        assert s.workers.ended() == []


async def test_a_broker_has_a_full_disk(own_real: Real, tmp_path: Path) -> None:
    """Its only log directory goes offline, so the broker ends by itself."""
    if not can_limit_files():
        missing("no limit can be set on a process that runs; expected Linux")
    cluster = own_real.cluster
    async with scene(own_real, tmp_path, "disk_full", "a broker's disk full") as s:
        await s.wait_for_alert()
        which = await leader(own_real.kafka)
        did = f"files of broker {which}, which leads most partitions, may not grow: writes fail, and it ends by itself"
        async with s.trouble(f"{did}; room made and started again {UNAVAILABLE_S:g} s later"):
            limit_files(cluster, which)
            async with asyncio.timeout(60):
                while cluster.broker(which).running():
                    await asyncio.sleep(0.2)
            assert WRITE_ERROR in cluster.log(which), "it ended, but not because of the full disk"
            await asyncio.sleep(UNAVAILABLE_S)
            await asyncio.to_thread(cluster.start_broker, which)
        await s.account(duplicates=True)
        assert s.workers.ended() == []
