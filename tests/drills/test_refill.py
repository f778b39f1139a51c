"""Guarantee 4: a topic made anew and refilled past its fence is read from its start, not from the old fence."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.embedded import Embedded, free_port
from streams.store import Part
from streams.store.redis import RedisStore
from tests.drills.fleet import account, counted, event, fleet, make_topics, positions, send, settled
from tests.pairs import Pair

pytestmark = pytest.mark.drill
BEFORE, AFTER = 300, 900  # AFTER is more in every part: each old fence stands in the middle of the new topic
PARTS = [Part("completions", 0), Part("completions", 1)]


async def make_anew(kafka: str) -> None:
    """`completions` deleted and created; `decisions` too, so that what is on it is of the new topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics(["completions", "decisions"])
    await admin.create_topics([NewTopic(name, len(PARTS), 1) for name in ("completions", "decisions")])
    await admin.close()


async def metrics(port: int) -> str:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def test_a_topic_made_anew_and_refilled_past_its_fence_is_decided_from_its_start(
    own_pair: Pair, tmp_path: Path
) -> None:
    pair = own_pair
    store = RedisStore(pair.redis, "tidegate")
    await make_topics(pair.kafka, len(PARTS))
    with fleet(tmp_path, pair.env()) as workers:
        first = workers.start()
        await send(pair.kafka, [event(n, "before") for n in range(BEFORE)])
        assert (await settled(pair.redis, BEFORE, 60)).totals["decided"] == BEFORE
        workers.workers[first].terminate()
        await asyncio.to_thread(workers.workers.pop(first).wait, 30)
        before = await store.fences(PARTS)
        assert [fence and (fence.generation, fence.mark is not None) for fence in before] == [(1, True)] * len(PARTS)

        await make_anew(pair.kafka)
        sent = set(await send(pair.kafka, [event(n, "after toxicity=0.95") for n in range(BEFORE, BEFORE + AFTER)]))
        assert sent == await positions(pair.kafka)
        for part, fence in zip(PARTS, before, strict=True):
            assert fence is not None
            assert 0 < fence.next < max(offset for p, offset in sent if p == part.partition)

        port = free_port()
        second = workers.start(http_port=str(port))
        redis = await settled(pair.redis, BEFORE + AFTER, 60)
        seen = await account(pair.kafka, AFTER, 60)
        assert seen.positions == sent, f"never decided: {sorted(sent - seen.positions)[:5]}"
        assert {d["id"] for d in seen.counted()} == {f"c{n}" for n in range(BEFORE, BEFORE + AFTER)}
        assert redis.totals["decided"] == BEFORE + AFTER
        assert redis.series["action.block|all"] == AFTER  # each new one once, none of the old twice

        for fence in await store.fences(PARTS):
            assert fence is not None
            assert fence.generation == 2
        for part in PARTS:
            said = f"{part}: fence not believed (other_record): starting at 0, generation 2"
            assert said in workers.log(second)
        taken = 'tidegate_takeovers_total{fence="other_record",topic="completions"} 2.0'
        assert taken in await metrics(port)
        assert workers.ended() == []
    await store.close()


async def test_a_new_cluster_under_the_old_store_is_decided_from_its_start(tmp_path: Path, _wheels: None) -> None:
    """Longer than the old topic, under another cluster's id: the fence is of a cluster that is gone."""
    with Embedded(appendonly=True) as old, Embedded() as new:
        env = {**new.env(), "TIDEGATE_REDIS": old.redis, "TIDEGATE_USER_KEY": old.env()["TIDEGATE_USER_KEY"]}
        for folder in ("old", "new"):
            (tmp_path / folder).mkdir()
        for pair in (old, new):
            await make_topics(pair.kafka, 1)
        with fleet(tmp_path / "old", old.env()) as workers:
            workers.start()
            await send(old.kafka, [event(n, "before") for n in range(BEFORE)])
            assert (await settled(old.redis, BEFORE, 60)).totals["decided"] == BEFORE
        with fleet(tmp_path / "new", env) as workers:
            sent = set(await send(new.kafka, [event(n, "after") for n in range(AFTER)]))
            only = workers.start()
            await settled(old.redis, BEFORE + AFTER, 60)
            assert (await account(new.kafka, AFTER, 60)).positions == sent
            assert "fence not believed (other_cluster): starting at 0, generation 2" in workers.log(only)
        assert (await counted(old.redis)).totals["decided"] == BEFORE + AFTER
