"""`policy status`: workers' words beside the log, and an exit code for scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.cli.conftest import POLICY as FILE
from tests.cli.conftest import TWIN, Cli
from tests.support.stacks import Stack
from tidegate.streams.core.policy.snapshot import PolicySnapshot, content_hash, to_json
from tidegate.streams.core.worker_status import WorkerStatus
from tidegate.streams.kafka import policies as policies_topic
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.operations import worker_status
from tidegate.streams.policy_log.history import read_log
from tidegate.streams.store.redis import RedisStore

WHY = ("--reason", "a test", "--author", "ada")


@pytest.fixture
def own(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A pair of this test's own, with policy.toml live; nobody waits for who is behind."""
    monkeypatch.setattr(worker_status, "STATUS_S", 0.0)
    monkeypatch.setattr(policies_topic, "SHRUNK_S", 0.2)
    asyncio.run(ensure_topics(own_stack.kafka, 1, own_stack.replication))
    cli = Cli({**own_stack.env(), **TWIN})
    assert cli("policy", "apply", str(FILE), *WHY).code == 0
    return cli


def in_store(cli: Cli, work: Callable[[RedisStore], Awaitable[None]]) -> None:
    async def run() -> None:
        store = RedisStore(cli.settings.redis, cli.settings.namespace)
        await work(store)
        await store.close()

    asyncio.run(run())


def says(cli: Cli, worker: str, **said: object) -> None:
    """That worker's word."""
    known = {"name": worker, "started_ms": 1, "model": "twin@1", "file": "same", "probes": "http://127.0.0.1:8077"}
    report = WorkerStatus.model_validate({**known, **said})
    in_store(cli, lambda store: store.put_status(f"{worker}-1", report.model_dump_json(), 60_000))


def live(cli: Cli) -> str:
    version: str = cli("policy", "show", "--json").jsonl[0]["version"]
    return version


def test_without_workers_there_is_nobody_to_ask_for(own: Cli) -> None:
    ran = own("policy", "status")
    assert (ran.code, ran.err) == (1, "no worker has said anything in the last 10 minutes\n")
    assert ran.out.startswith(f"policy {live(own)} is live, by ada at ")


def test_a_current_worker_is_shown_with_its_file(own: Cli) -> None:
    """And with what it waits for."""
    says(own, "w1", version=live(own), next=1)
    says(own, "w2", version=live(own), next=1, file="ignored", waiting_for={"redis": "away"})
    ran = own("policy", "status")
    assert (ran.code, ran.err) == (0, "")
    _, head, *rows = ran.out.splitlines()
    assert head.split() == ["worker", "version", "behind", "since", "shadow", "model", "file", "log", "state"]
    assert [row.split(maxsplit=8) for row in rows] == [
        ["w1-1", live(own), "0", "-", "-", "twin@1", "same", "whole", "ready"],
        ["w2-1", live(own), "0", "-", "-", "twin@1", "ignored", "whole", "waits for redis: away"],
    ]


def test_who_is_behind_is_named_and_the_exit_code_says_so(own: Cli) -> None:
    before = live(own)
    for block in ("0.97", "0.96"):
        own("policy", "set", "labels.toxicity.block", block, *WHY)
    says(own, "w1", version=before, next=1)
    says(own, "w2", version=live(own), next=3)
    ran = own("policy", "status", "--json")
    assert (ran.code, ran.err) == (1, "w1-1: 2 changes behind\n")
    assert [(w["worker"], w["behind"], w["ready"], w["live"]) for w in ran.jsonl] == [
        ("w1-1", 2, True, live(own)),
        ("w2-1", 0, True, live(own)),
    ]


def test_redis_unavailable_is_said(own: Cli, own_stack: Stack) -> None:
    own_stack.kill_store()
    ran = own("policy", "status")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("redis 127.0.0.1:")
    assert own("policy", "show").code == 0  # a whole log needs no Redis


# --- a log that was recreated: commands arrive where workers arrive


async def recreate_policies(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics(["policies"])
    await admin.create_topics([NewTopic("policies", 1, 1)])
    await admin.close()


def keep(cli: Cli) -> None:
    """What a worker would have kept of the log."""
    log = asyncio.run(read_log(cli.settings)).log
    kept = PolicySnapshot(log, content_hash(b"the last record"))
    in_store(cli, lambda store: store.save_policies(kept.order, to_json(kept)))


def test_on_a_recreated_topic_the_snapshot_is_the_parent(own: Cli, own_stack: Stack) -> None:
    """A change is made against what was kept in Redis."""
    own("policy", "set", "labels.toxicity.block", "0.97", *WHY)
    was = live(own)
    keep(own)
    asyncio.run(recreate_policies(own_stack.kafka))
    ran = own("policy", "show")
    assert ran.out.startswith(f"# Policy {was}, by - at -: kept in Redis; the log lost the record of it\n")
    ran = own("policy", "set", "labels.toxicity.block", "0.96", *WHY)
    assert (ran.code, ran.out) == (0, "labels.toxicity.block: 0.97 -> 0.96\n")
    assert live(own).startswith("0-")
    assert [e["verdict"] for e in own("policy", "history", "--json").jsonl] == ["applied", "applied"]


def test_without_redis_and_a_policy_nothing_is_written(own: Cli, own_stack: Stack) -> None:
    """Redis is unavailable, and the log by itself names no policy: a snapshot may hold one."""
    keep(own)
    asyncio.run(recreate_policies(own_stack.kafka))
    own_stack.kill_store()
    ran = own("policy", "apply", str(FILE), *WHY)
    assert ran.code == 3
    assert ran.err.endswith("the policies log names no policy by itself, and one may be kept there\n")
    own_stack.start_store()
    assert own("policy", "history", "--json").jsonl[1:] == []  # the kept one alone
