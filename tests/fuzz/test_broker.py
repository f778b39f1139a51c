"""Hostile records of every kind at a broker, between ordinary ones: each of these is decided, and the account closes.

`HYPOTHESIS_PROFILE=long` tries new ones, forty times as many.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from pathlib import Path

import pytest
import redis

from tests.drills.fleet import ACCOUNT, Account, account, closes, fleet, make_topics, settled
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
        pytest.skip("what the embedded broker takes is another test's: `make test-kafka` runs this")
    found: Real = request.getfixturevalue("own_real")
    return found


@pytest.mark.drill
@pytest.mark.timeout(240 * (TIMES if LONG else 1))
async def test_hostile_records_cost_no_ordinary_one_and_the_account_closes(
    own_embedded: EmbeddedStack, tmp_path: Path
) -> None:
    await make_topics(own_embedded.kafka, PARTITIONS)
    seed = secrets.randbits(32) if LONG else 11
    await hostile_records_cost_nothing(own_embedded, tmp_path, seed, RECORDS)


@pytest.mark.integration
@pytest.mark.timeout(240 * (TIMES if LONG else 1))
@pytest.mark.parametrize("timestamps", ["CreateTime", "LogAppendTime"])
async def test_hostile_records_that_kafka_takes(on_kafka: Real, tmp_path: Path, timestamps: str) -> None:
    """No drill, so that `make test-kafka` runs it."""
    config = {"message.timestamp.type": timestamps, "message.timestamp.after.max.ms": str(2**63 - 1)}
    await make_topics(on_kafka.kafka, PARTITIONS, {"completions": config})
    seed = secrets.randbits(32) if LONG else 13
    await hostile_records_cost_nothing(on_kafka, tmp_path, seed, RECORDS // 5)


async def hostile_records_cost_nothing(stack: Stack, folder: Path, seed: int, records: int) -> None:
    """Sends them to a running worker and holds everything against everything else."""
    now_ms = int(time.time() * 1000)
    ordinary, sent, lost, kinds = set[Position](), set[Position](), set[Position](), dict[Position, str]()
    with fleet(folder, stack.env(), unreadable_tries="2", unreadable_minutes="0") as workers:
        only = workers.start()
        async with producing(stack.kafka, "completions") as put:
            for made in traffic(seed, records, now_ms, checked=isinstance(stack, Real)):
                assert await put(made.partition, made.made) == made.first
                places = {(made.partition, made.first + n) for n in range(made.records)}
                sent |= places
                lost |= places if made.undecodable else set()
                ordinary |= {(made.partition, offset) for offset in made.ordinary}
                kinds |= dict.fromkeys(places, made.kind)
        began = time.monotonic()
        redis_ = await settled(stack.redis, len(sent), WITHIN_S)
        said = f"seed {seed}: {workers.log(only)[-3000:]}"
        assert workers.ended() == [], said
        seen = await account(stack.kafka, len(sent), max(5.0, WITHIN_S - (time.monotonic() - began)))
        missing = Counter(kinds[place] for place in sent - seen.positions)
        assert not missing, f"nothing came of {missing}, {said}"
        undecided = {(kinds[place], *why(seen, place)) for place in ordinary - seen.decisions.keys()}
        assert not undecided, f"{undecided}, {said}"
        found = {place: seen.decisions[place][0] for place in ordinary}
        assert {(d["action"], d["fault"]) for d in found.values()} == {("block", None)}, said
        closes(sent, seen, redis_)
        assert seen.duplicates == 0
        stepped = {place for place, letter in seen.dead.items() if letter[0]["reason"] == "unreadable_batch"}
        assert stepped == lost, said
        assert sum(redis_.totals[name] for name in ACCOUNT) == len(sent)
        assert redis_.totals["redriven"] > 0, "no copy was one of a record that was decided: copies prove nothing"
        await all_ready(workers, within_s=20)
        no_key_lives_too_long(stack.redis)
        assert "ordinary toxicity" not in workers.log(only)


def why(seen: Account, place: Position) -> tuple[str, ...]:
    return tuple(letter["reason"] for letter in seen.dead.get(place, ()))


def no_key_lives_too_long(url: str) -> None:
    """Fails where a key has not the TTL that it should have."""
    from tests.support.ttls import strange_ttls

    with redis.Redis.from_url(url) as client:
        assert strange_ttls(client, "tidegate") == []
