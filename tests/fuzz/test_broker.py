"""Hostile records of every kind at a broker, between ordinary ones: each of these is decided, and the account closes.

`HYPOTHESIS_PROFILE=long` tries new ones, forty times as many.
"""

from __future__ import annotations

import inspect
import secrets
import time
from collections import Counter
from pathlib import Path

import pytest
import redis

from streams.embedded import Embedded
from tests.drills.fleet import account, closes, fleet, make_topics, settled
from tests.drills.pages import all_ready
from tests.fuzz.hostile_records import KINDS, PARTITIONS, traffic
from tests.fuzz.profile import LONG, TIMES
from tests.support.raw_batches import producing

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


@pytest.mark.drill
@pytest.mark.timeout(240 * (TIMES if LONG else 1))
async def test_hostile_records_cost_no_ordinary_one_and_the_account_closes(
    own_embedded: Embedded, tmp_path: Path
) -> None:
    seed = secrets.randbits(32) if LONG else 11
    pair, now_ms = own_embedded, int(time.time() * 1000)
    ordinary, sent, lost, kinds = set[Position](), set[Position](), set[Position](), dict[Position, str]()
    await make_topics(pair.kafka, PARTITIONS)
    with fleet(tmp_path, pair.env(), unreadable_tries="2", unreadable_minutes="0") as workers:
        only = workers.start()
        async with producing(pair.kafka, "completions") as put:
            for made in traffic(seed, RECORDS, now_ms):
                assert await put(made.partition, made.made) == made.first
                places = {(made.partition, made.first + n) for n in range(made.records)}
                sent |= places
                lost |= places if made.undecodable else set()
                ordinary |= {(made.partition, offset) for offset in made.ordinary}
                kinds |= dict.fromkeys(places, made.kind)
        began = time.monotonic()
        totals = await settled(pair.redis, len(sent), WITHIN_S)
        said = f"seed {seed}: {workers.log(only)[-3000:]}"
        assert workers.ended() == [], said
        seen = await account(pair.kafka, len(sent), max(5.0, WITHIN_S - (time.monotonic() - began)))
        missing = Counter(kinds[place] for place in sent - seen.positions)
        assert not missing, f"nothing came of {missing}, {said}"
        decided = {place: found[0] for place, found in seen.decisions.items()}
        undecided = {place: seen.dead.get(place, [{}])[0].get("reason") for place in ordinary - decided.keys()}
        assert not undecided, f"{ {(kinds[place], why) for place, why in undecided.items()} }, {said}"
        assert {(decided[place]["action"], decided[place]["fault"]) for place in ordinary} == {("block", None)}, said
        closes(sent, seen, totals)
        assert seen.duplicates == 0
        stepped = {place for place, found in seen.dead.items() if found[0]["reason"] == "unreadable_batch"}
        assert stepped == lost, said
        assert sum(totals.totals[name] for name in ("decided", "faults", "dead_letters", "redriven")) == len(sent)
        await all_ready(workers, within_s=20)
        await no_key_lives_too_long(pair.redis)
        assert "ordinary toxicity" not in workers.log(only)


async def no_key_lives_too_long(url: str) -> None:
    """Fails where a key has not the TTL that it should have."""
    from tests.support.ttls import strange_ttls

    with redis.Redis.from_url(url, decode_responses=True) as client:
        found = strange_ttls(client, "tidegate")
        strange = await found if inspect.isawaitable(found) else found
    assert strange == []
