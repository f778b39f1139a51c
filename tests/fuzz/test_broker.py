"""Hostile records of every kind between ordinary ones: each ordinary one is decided, and the account closes.

`HYPOTHESIS_PROFILE=long` tries new ones, forty times as many.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from pathlib import Path

import pytest
import redis

from tests.drills.fleet import (
    ACCOUNT,
    OutputsByPosition,
    account,
    assert_account_closes,
    fleet,
    make_topics,
    wait_until_counted,
)
from tests.drills.probes import all_ready
from tests.fuzz.hostile_records import KINDS, PARTITIONS, traffic
from tests.fuzz.profile import LONG, TIMES
from tests.real.stack import Real
from tests.support.raw_batches import producing
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack

RECORDS = 2_000 * (TIMES if LONG else 1)
WITHIN_S = 60.0 * (TIMES if LONG else 1)
Position = tuple[int, int]


def test_the_same_seed_makes_the_same_traffic_of_every_kind() -> None:
    one, again = ([*traffic(7, 500, 1_800_000_000_000)] for _ in range(2))
    assert one == again
    assert {sent.kind for sent in one} == {*KINDS, "broken"}
    assert sum(len(sent.ordinary) for sent in one) == 500
    #  each partition's offsets follow one another: [first, first + records) and so on
    for partition in range(PARTITIONS):
        ends = 0
        for sent in one:
            if sent.partition == partition:
                assert sent.first == ends
                ends += sent.records


@pytest.fixture
def on_kafka(request: pytest.FixtureRequest) -> Real:
    if request.config.getoption("--servers") != "real":
        pytest.skip("what the embedded broker accepts is in another test: `make test-kafka` runs this")
    found: Real = request.getfixturevalue("own_real")
    return found


@pytest.mark.drill
@pytest.mark.timeout(240 * (TIMES if LONG else 1))
async def test_hostile_records_cost_no_ordinary_one(own_embedded: EmbeddedStack, tmp_path: Path) -> None:
    await make_topics(own_embedded.kafka, PARTITIONS)
    seed = secrets.randbits(32) if LONG else 11
    await send_and_check(own_embedded, tmp_path, seed, RECORDS)


@pytest.mark.integration
@pytest.mark.timeout(240 * (TIMES if LONG else 1))
@pytest.mark.parametrize("timestamps", ["CreateTime", "LogAppendTime"])
async def test_hostile_records_that_kafka_accepts(on_kafka: Real, tmp_path: Path, timestamps: str) -> None:
    """No drill, so that `make test-kafka` runs it."""
    config = {"message.timestamp.type": timestamps, "message.timestamp.after.max.ms": str(2**63 - 1)}
    await make_topics(on_kafka.kafka, PARTITIONS, {"completions": config})
    seed = secrets.randbits(32) if LONG else 13
    await send_and_check(on_kafka, tmp_path, seed, RECORDS // 5)


async def send_and_check(stack: Stack, folder: Path, seed: int, records: int) -> None:
    """Sends them to a running worker and checks the account."""
    now_ms = int(time.time() * 1000)
    ordinary, sent, undecodable, kinds = set[Position](), set[Position](), set[Position](), dict[Position, str]()
    with fleet(folder, stack.env(), unreadable_tries="2", unreadable_minutes="0") as workers:
        only = workers.start()
        async with producing(stack.kafka, "completions") as put:
            for sent_batch in traffic(seed, records, now_ms, checked=isinstance(stack, Real)):
                assert await put(sent_batch.partition, sent_batch.data) == sent_batch.first
                places = {(sent_batch.partition, sent_batch.first + n) for n in range(sent_batch.records)}
                sent |= places
                undecodable |= places if sent_batch.undecodable else set()
                ordinary |= {(sent_batch.partition, offset) for offset in sent_batch.ordinary}
                kinds |= dict.fromkeys(places, sent_batch.kind)
        began = time.monotonic()
        redis_ = await wait_until_counted(stack.redis, len(sent), WITHIN_S)
        details = f"seed {seed}: {workers.log(only)[-3000:]}"
        assert workers.ended() == [], details
        seen = await account(stack.kafka, len(sent), max(5.0, WITHIN_S - (time.monotonic() - began)))
        missing = Counter(kinds[place] for place in sent - seen.positions)
        assert not missing, f"nothing came of {missing}, {details}"
        undecided = {(kinds[place], *dead_letter_reasons(seen, place)) for place in ordinary - seen.decisions.keys()}
        assert not undecided, f"{undecided}, {details}"
        found = {place: seen.decisions[place][0] for place in ordinary}
        assert {(d["action"], d["fault"]) for d in found.values()} == {("block", None)}, details
        assert_account_closes(sent, seen, redis_)
        assert seen.duplicates == 0
        stepped = {place for place, letter in seen.dead.items() if letter[0]["reason"] == "unreadable_batch"}
        assert stepped == undecodable, details
        assert sum(redis_.totals[name] for name in ACCOUNT) == len(sent)
        assert redis_.totals["redriven"] > 0, "no copy was one of a record that was decided: copies prove nothing"
        await all_ready(workers, within_s=20)
        assert_ttls(stack.redis)
        assert "ordinary toxicity" not in workers.log(only)


def dead_letter_reasons(seen: OutputsByPosition, place: Position) -> tuple[str, ...]:
    return tuple(letter["reason"] for letter in seen.dead.get(place, ()))


def assert_ttls(url: str) -> None:
    """Fails where a key has a wrong TTL."""
    from tests.support.ttls import strange_ttls

    with redis.Redis.from_url(url) as client:
        assert strange_ttls(client, "tidegate") == []
