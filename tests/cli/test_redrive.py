"""What could not be read is sent again, and again, and once a worker can read it each record counts once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.cli.conftest import PARTITIONS, TWIN, Cli, stored
from tests.cli.test_running import ready, until
from tests.support.stacks import Stack
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.embedded import free_port
from tidegate.streams.embedded.child_process import ChildProcess
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.kafka.writing import producer

TOMORROW = {"TIDEGATE_CLASSIFIER": "tests.cli.tomorrow:make"}
EVERY_PARTITION = [TopicPartition(topic, p) for topic in ("completions", "feedback") for p in range(PARTITIONS)]


@pytest.fixture
def own(own_stack: Stack) -> Cli:
    asyncio.run(ensure_topics(own_stack.kafka, PARTITIONS, own_stack.replication))
    return Cli({**own_stack.env(), **TWIN})


@contextlib.contextmanager
def worker(cli: Cli, **env: str) -> Iterator[None]:
    port = free_port()
    with ChildProcess(
        "worker", env={**cli.env, "TIDEGATE_HTTP_PORT": str(port), "TIDEGATE_LOG_LEVEL": "warning", **env}
    ):
        until(lambda: ready(port))
        yield


def send(cli: Cli, *records: tuple[str, int, dict[str, Any], dict[str, str]]) -> None:
    """Topic, partition, value, headers; each under its id as its key."""

    async def work() -> None:
        async with producer(cli.settings) as out:
            for topic, partition, value, headers in records:
                await out.send_and_wait(
                    topic, json.dumps(value).encode(), key=value["id"].encode(), partition=partition,
                    headers=[(name, text.encode()) for name, text in headers.items()],
                )  # fmt: skip

    asyncio.run(work())


def read(cli: Cli, topic: str) -> list[Any]:
    async def work() -> list[Any]:
        return [record async for record in read_all(cli.settings.kafka, topic)]

    return asyncio.run(work())


def totals(cli: Cli, topic: str) -> Counter[str]:
    async def work(store: Any) -> Counter[str]:
        return Counter(await store.totals([partition for partition in EVERY_PARTITION if partition.topic == topic]))

    return Counter(stored(cli, work))


def counted(cli: Cli, topic: str) -> int:
    found = totals(cli, topic)
    return sum(found[name] for name in ("decided", "faults", "dead_letters", "redriven", "feedback"))


def everything_is_counted(cli: Cli) -> None:
    for topic in ("completions", "feedback"):
        until(lambda topic=topic: counted(cli, topic) >= len(read(cli, topic)))  # type: ignore[misc]


def version_2(id_: str) -> dict[str, Any]:
    return {"schema_version": 2, "id": id_, "completion": "toxicity=0.95"}


COMPLAINT = {"schema_version": 2, "id": "f1", "completion_id": "c0", "kind": "complaint"}


def test_redriven_again_and_again_a_record_counts_once(own: Cli) -> None:
    """Once it can be read."""
    # 4 that cannot be read today: 3 completions, 1 feedback; beside them one that can
    send(
        own,
        ("completions", 0, version_2("c0"), {"tidegate-tenant": "acme", "trace": "t-0"}),
        ("completions", 1, version_2("c1"), {}),
        ("completions", 1, {"id": "plain", "completion": "toxicity=0.95"}, {}),
        ("completions", 1, version_2("c2"), {}),
        ("feedback", 1, COMPLAINT, {}),
    )
    with worker(own):
        everything_is_counted(own)
        for round_ in range(3):
            ran = own("dead-letters", "redrive", "--all", "--yes")
            assert (ran.code, ran.err.splitlines()[-1]) == (0, "4 sent again")  # not 8, not 16
            assert (f"{4 * round_} copies of those that are sent" in ran.err) == (round_ > 0)
            everything_is_counted(own)
        # of each origin its own dead letter and three more
        assert totals(own, "completions") == {"decided": 1, "dead_letters": 12}
        assert totals(own, "feedback") == {"dead_letters": 4}

    first, *again = [r for r in read(own, "completions") if r.key == b"c0"]
    assert {(r.partition, r.value) for r in again} == {(0, first.value)}
    assert {r.headers for r in again} == {(*first.headers, ("tidegate-origin", b"completions[0]@0"))}
    listed = own("dead-letters", "list", "--json").jsonl
    assert Counter(x["origin"] for x in listed if x["source"]["topic"] == "feedback") == {None: 1, "feedback[1]@0": 3}
    assert "completions[1]@2" in own("dead-letters", "list").out
    assert json.loads(own("dead-letters", "show", "completions[0]@1").out)["origin"] == "completions[0]@0"

    # nobody reads: what is on its way is not known to be decided, and is sent twice more. Of feedback it is
    # enough that a copy is on its way.
    assert "4 sent again" in own("dead-letters", "redrive", "--all", "--yes").err
    twice = own("dead-letters", "redrive", "--all", "--yes")
    assert ("3 sent again" in twice.err, "1 decided already" in twice.err) == (True, True)
    with worker(own, **TOMORROW):
        everything_is_counted(own)
        assert totals(own, "completions") == {"decided": 4, "dead_letters": 12, "redriven": 3}
        assert totals(own, "feedback") == {"feedback": 1, "dead_letters": 4}
        decided = [json.loads(r.value) for r in read(own, "decisions")]
        assert Counter(d["id"] for d in decided) == {"plain": 1, "c0": 1, "c1": 1, "c2": 1}
        (c0,) = [d for d in decided if d["id"] == "c0"]
        assert (c0["origin"], c0["scopes"]["tenant"]) == ({"topic": "completions", "partition": 0, "offset": 0}, "acme")

        ran = own("dead-letters", "redrive", "--all", "--yes")
        assert (ran.code, ran.err.splitlines()[-1]) == (0, "0 sent again")
        assert "4 decided already" in ran.err
        assert "3 copies of what was decided" in ran.err
        named = own("dead-letters", "redrive", "completions[0]@0")
        assert (named.code, named.err) == (0, "left out: 1 decided already\n0 sent again\n")


def test_after_a_lost_redis_no_copy_is_decided_twice(own: Cli) -> None:
    copy = ("completions", 0, {"id": "c0", "completion": "toxicity=0.95"}, {"tidegate-origin": "completions[0]@0"})
    said = ("feedback", 1, {**COMPLAINT, "schema_version": 1}, {"tidegate-origin": "feedback[1]@0"})
    first: Any = ("completions", 0, {"id": "x", "completion": "", "schema_version": 2}, {})
    forged = ("completions", 0, {"id": "c1", "completion": "toxicity=0.95"}, copy[3])
    send(own, first, copy, ("feedback", 1, COMPLAINT, {}), said)
    with worker(own):
        everything_is_counted(own)
        assert totals(own, "completions") == {"decided": 1, "dead_letters": 1}
    with redis.Redis.from_url(own.settings.redis) as client:
        client.flushall()
    send(own, copy, forged, said)
    with worker(own):
        until(lambda: totals(own, "completions")["redriven"] and totals(own, "feedback")["redriven"])
        until(lambda: totals(own, "completions")["decided"] == 2)
    (c0, c1) = sorted((json.loads(r.value) for r in read(own, "decisions")), key=lambda d: str(d["id"]))
    assert (c0["id"], c1["id"], c1["action"], c1["origin"]) == ("c0", "c1", "review", None)
    letters = [json.loads(r.value) for r in read(own, "dead-letters")]
    again = {x["id"]: x["origin"] for x in letters if x["reason"] == "redriven"}
    assert again == {"completions[0]@2": "completions[0]@0", "feedback[1]@2": "feedback[1]@0"}
