"""Every bad input becomes a dead letter or a well-defined decision, and its neighbours are decided."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.drills.fleet import POLICY, account, assert_account_closes, event, fleet, make_topics, wait_until_counted
from tests.support.stacks import Stack

pytestmark = pytest.mark.drill
LARGEST = 1_000_000  # bytes: the broker's and our own limit
DAY_MS = 86_400_000


def native(n: int, **fields: Any) -> bytes:
    return json.dumps({"id": f"bad{n}", "completion": "said", **fields}).encode()


def largest() -> bytes:
    empty = len(native(0, completion=""))
    return native(0, completion="x" * (LARGEST - empty - 100))


NOW_MS = int(time.time() * 1000)
# name -> bytes, and the dead letter's reason or None for a decision
BAD: dict[str, tuple[bytes | None, str | None]] = {
    "not JSON": (b"{nope", "not_json"),
    "not UTF-8": (b'{"id":"\xff\xfe"}', "not_utf8"),
    "empty": (b"", "not_json"),
    "null bytes": (b"\x00\x00\x00", "not_json"),
    "a JSON string": (b'"said"', "not_an_object"),
    "a JSON array": (b"[1, 2]", "not_an_object"),
    "wrong types": (native(1, completion=17), "invalid"),
    "missing text": (b'{"id": "x"}', "invalid"),
    "missing id": (b'{"completion": "x"}', None),
    "unknown schema version": (native(2, schema_version=99), "unknown_version"),
    "a nested bomb": (b'{"id":"x","completion":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    "NaN": (b'{"id":"x","completion":"x","at_ms":NaN}', None),
    "infinity": (b'{"id":"x","completion":"x","at_ms":1e999}', None),
    "a tombstone": (None, "tombstone"),
    "a stream chunk": (
        json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": []}).encode(),
        "stream_chunk",
    ),
    "an unknown object": (b'{"hello": "world"}', "unknown_form"),
    "the future": (native(3, at_ms=NOW_MS + 30 * DAY_MS), None),
    "1970": (native(4, at_ms=1), None),
    "before 1970": (native(5, at_ms=-1), None),
    "lone surrogates": (b'{"id":"bad6","completion":"a\\ud800b"}', None),
    "an empty completion": (native(7, completion=""), None),
    "null bytes in the text": (native(8, completion="a\x00b"), None),
    "null bytes in the id": (json.dumps({"id": "a\x00", "completion": "x"}).encode(), None),
    "odd in what decides nothing": (
        native(9, tenant=["t"], user={}, prompt=7, status=[], route="a|b"),
        None,
    ),
    "as large as the broker takes": (largest(), None),
}


async def test_bad_input_is_a_dead_letter_or_a_decision(own_stack: Stack, tmp_path: Path) -> None:
    """It stops no partition."""
    await make_topics(own_stack.kafka, 3)
    producer = AIOKafkaProducer(bootstrap_servers=own_stack.kafka, max_request_size=LARGEST + 10_000)
    await producer.start()
    position_of: dict[str, tuple[int, int]] = {}
    neighbours: set[tuple[int, int]] = set()
    for n, (name, (value, _)) in enumerate(BAD.items()):
        meta = await producer.send_and_wait("completions", value, key=b"k", partition=n % 3)
        position_of[name] = (meta.partition, meta.offset)
        meta = await producer.send_and_wait("completions", event(n, "said toxicity=0.95"), partition=n % 3)
        neighbours.add((meta.partition, meta.offset))
    twice = [await producer.send_and_wait("completions", event(9_000, f"toxicity=0.{s}"), partition=0) for s in (1, 95)]
    await producer.stop()
    sent = {*position_of.values(), *neighbours, *((m.partition, m.offset) for m in twice)}
    with fleet(tmp_path, own_stack.env()) as workers:
        workers.start()
        redis = await wait_until_counted(own_stack.redis, len(sent), 60)
        seen = await account(own_stack.kafka, len(sent), 30)
        assert workers.ended() == []
        logs = workers.logs()
    assert_account_closes(sent, seen, redis)
    for name, (_, reason) in BAD.items():
        if reason is None:
            (decision,) = seen.decisions[position_of[name]]
            assert decision["fault"] is None, name
        else:
            (letter,) = seen.dead[position_of[name]]
            assert letter["reason"] == reason, name
            assert letter["expected"], name
            assert letter["value_base64"] is None, name
    for position in neighbours:
        assert seen.decisions[position][0]["action"] == "block"
    for name in ("missing id", "null bytes in the id"):
        partition, offset = position_of[name]
        assert seen.decisions[position_of[name]][0]["id"] == f"completions[{partition}]@{offset}"
    odd = seen.decisions[position_of["odd in what decides nothing"]][0]
    assert sorted(odd["dropped"]) == ["prompt", "route", "status", "tenant", "user"]
    assert seen.decisions[position_of["the future"]][0]["time"] == "future"
    for name in ("1970", "before 1970", "NaN", "infinity"):
        assert seen.decisions[position_of[name]][0]["time"] == "replaced", name
    # one id twice: two positions, two decisions, each of its own text
    assert [seen.decisions[m.partition, m.offset][0]["action"] for m in twice] == ["allow", "block"]
    assert "too_late" not in redis.totals
    assert "said" not in logs.replace("store said", "")


async def test_a_million_distinct_routes_are_bounded(own_stack: Stack, tmp_path: Path) -> None:
    """The limit bounds them, not their number: 20,000 routes are 400 times a limit of 50."""
    routes, limit = 20_000, 50
    await make_topics(own_stack.kafka, 3)
    producer = AIOKafkaProducer(bootstrap_servers=own_stack.kafka, linger_ms=5)
    await producer.start()
    acks = [
        await producer.send("completions", event(n, "said", route=f"/r/{n}"), key=str(n).encode())
        for n in range(routes)
    ]
    sent = {((await ack).partition, (await ack).offset) for ack in acks}
    await producer.stop()
    with fleet(tmp_path, own_stack.env(), policy=POLICY, live_scopes=str(limit)) as workers:
        workers.start()
        redis = await wait_until_counted(own_stack.redis, routes, 90)
        seen = await account(own_stack.kafka, routes, 60)
    assert_account_closes(sent, seen, redis)
    route_series = {name for name in redis.series if "|route=" in name}
    assert 0 < len({name.partition("|")[2] for name in route_series}) <= limit
    assert (
        redis.series["scored|route:other"] + sum(redis.series[n] for n in route_series if n.startswith("scored|"))
        == routes
    )
