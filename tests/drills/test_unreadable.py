"""A batch that cannot be decoded: /readyz names it and the remedy; it is waited for, stepped over or restored."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.drills.fleet import account, fleet, make_topics, wait_until_counted
from tests.drills.probes import all_ready, all_wait_for, waiting_for
from tests.drills.test_batches import (
    AT_ONCE,
    SOON_S,
    completion,
    dead_letters_of,
    metric_of,
    now_ms,
    produce_batch,
    send_good,
)
from tests.support.corrupting import Corrupting, recoded, spoilt
from tests.support.raw_batches import Raw, batch, produce
from tidegate.streams.embedded import EmbeddedStack

pytestmark = pytest.mark.drill


@pytest.mark.usefixtures("_wheels")
async def test_an_unknown_codec_is_waited_for_or_stepped_over(tmp_path: Path) -> None:
    """`wait` never steps over it, also after a restart; `skip` then does at once: tries and minutes went on."""
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, 2)
        sent = await send_good(stack.kafka, 0, [0, 1])
        made = batch([completion(900), completion(901)], at_ms=now_ms())
        first = await produce(stack.kafka, "completions", 0, made)
        proxy.corrupt = recoded(made, 6)
        sent |= await send_good(stack.kafka, 0, [2]) | await send_good(stack.kafka, 1, range(3, 23))
        with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
            waiting = workers.start(unreadable_batch="wait")
            await wait_until_counted(stack.redis, len(sent) - 1, SOON_S)
            await all_wait_for(workers, f"completions[0]@{first}", SOON_S)
            text = " ".join((await waiting_for(workers, waiting)).values())
            for expected in ("codec is 6", "tries", "TIDEGATE_UNREADABLE_BATCH"):  # why, how often, and what to do
                assert expected in text, text
            sent |= await send_good(stack.kafka, 1, range(23, 43))
            redis = await wait_until_counted(stack.redis, len(sent) - 1, SOON_S)
            assert redis.totals["decided"] == len(sent) - 1  # all but the record behind it
            assert redis.totals["dead_letters"] == 0
            assert await metric_of(workers, "unreadable_batches_total", outcome="waited") > 0
            assert workers.ended() == []
            workers.kill(waiting)
            workers.start(unreadable_batch="skip")
            redis = await wait_until_counted(stack.redis, len(sent) + 2, 60)
            await all_ready(workers)
            seen = await account(stack.kafka, len(sent) + 2, SOON_S)
    assert seen.decisions.keys() == sent
    assert dead_letters_of(seen.dead) == {(0, first): ("unreadable_batch", 2)}
    assert (redis.totals["decided"], redis.totals["dead_letters"]) == (len(sent), 2)


@pytest.mark.usefixtures("_wheels")
async def test_a_batch_that_can_be_decoded_again_was_never_lost(tmp_path: Path) -> None:
    """Corrupted on the way, and later not: everything is decided, and there is no dead letter."""
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, 2)
        sent = await send_good(stack.kafka, 0, [0, 1])
        corrupted = await produce_batch(
            stack.kafka, 0, batch([completion(2), completion(3, "MARKER"), completion(4)], at_ms=now_ms()), 3
        )
        proxy.corrupt = spoilt(b"MARKER")
        after = await send_good(stack.kafka, 0, [5, 6])
        with fleet(tmp_path, stack.env(), unreadable_tries="3", unreadable_minutes="60") as workers:
            only = workers.start()
            await all_wait_for(workers, f"completions[0]@{min(corrupted)[1]}")
            sent |= await send_good(stack.kafka, 1, range(7, 27))
            redis = await wait_until_counted(stack.redis, len(sent), SOON_S)
            assert (redis.totals["decided"], redis.totals["dead_letters"]) == (len(sent), 0)
            proxy.corrupt = {}
            sent |= corrupted | after
            redis = await wait_until_counted(stack.redis, len(sent), 60)
            await all_ready(workers)
            seen = await account(stack.kafka, len(sent), SOON_S)
            assert "MARKER" not in workers.log(only)
    assert (seen.decisions.keys(), seen.dead, seen.duplicates) == (sent, {}, 0)
    assert redis.totals["decided"] == len(sent)


# --- `policies`


@pytest.mark.usefixtures("_wheels")
async def test_policies_is_never_stepped_over(tmp_path: Path) -> None:
    """A worker waits for a batch of `policies` that cannot be decoded, says so, and decides once it can."""
    change = {"parent": None, "policy": {"schema_version": 1, "labels": {"toxicity": {"flag": 0.1}}}}
    why = {"author": "ann", "reason": "MARKER", "at_ms": now_ms(), "schema_version": 1}
    value = json.dumps({**change, **why}).encode()
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, 1)
        await produce(stack.kafka, "policies", 0, batch([Raw(value, key=b"live")], at_ms=now_ms()))
        proxy.corrupt = spoilt(b"MARKER")
        sent = await send_good(stack.kafka, 0, range(5))
        with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
            only = workers.start()
            await all_wait_for(workers, "policies[0]@0")
            await asyncio.sleep(3)  # more than the tries and the minutes of other topics
            assert (await wait_until_counted(stack.redis, 0, 0)).totals["decided"] == 0
            assert workers.ended() == []
            proxy.corrupt = {}
            redis = await wait_until_counted(stack.redis, len(sent), 60)
            seen = await account(stack.kafka, len(sent), SOON_S)
            assert await workers.leave(only) == 0
    assert redis.totals["decided"] == len(sent)
    assert (seen.decisions.keys(), seen.dead) == (sent, {})
    assert {d["action"] for d in seen.counted()} == {"flag"}  # by the policy of the batch
