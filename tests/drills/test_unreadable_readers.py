"""Every reader steps over a range that has a dead letter: commands, another worker, a restarted one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, Ran
from tests.drills.fleet import account, fleet, make_topics, read_counts, wait_until_counted
from tests.drills.probes import all_ready
from tests.drills.reading import read_topic
from tests.drills.test_batches import AT_ONCE, SOON_S, completion, dead_letters_of, now_ms, send_good
from tests.support.raw_batches import Raw, batch, produce
from tidegate.streams.embedded import EmbeddedStack
from tidegate.streams.topics import DEAD_LETTERS

pytestmark = pytest.mark.drill
LOST = 3  # records of the batch that nobody can decode
NEXT = "schema_version = 1\nlabels = { toxicity = { flag = 0.1 } }\n"


async def run(cli: Cli, *args: str) -> Ran:
    return await asyncio.to_thread(cli, *args)


async def test_commands_step_over_a_range_and_redrive_leaves_it_out(
    own_embedded: EmbeddedStack, tmp_path: Path
) -> None:
    stack = own_embedded
    await make_topics(stack.kafka, 1)
    sent = await send_good(stack.kafka, 0, range(5))
    bad = await produce(
        stack.kafka, "completions", 0, batch([completion(900 + n) for n in range(LOST)], at_ms=now_ms(), crc=7)
    )
    unread = await produce(stack.kafka, "completions", 0, batch([Raw(b"no completion")], at_ms=now_ms()))
    sent |= await send_good(stack.kafka, 0, range(5, 10))
    in_all = len(sent) + LOST + 1
    next_ = tmp_path / "next.toml"
    next_.write_text(NEXT)
    with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
        first = workers.start()
        await wait_until_counted(stack.redis, in_all, 60)
        assert await workers.leave(first) == 0
        workers.start()  # it takes over the partition behind the range
        sent |= await send_good(stack.kafka, 0, range(10, 15))
        in_all += 5
        await wait_until_counted(stack.redis, in_all, 60)
        await all_ready(workers)
        cli = Cli({**stack.env(), "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted"}, golden=False)
        tailed = (await run(cli, "tail", "completions", "--until-end", "--json")).out
        assert tailed.count('"said toxicity=0.95"') == len(sent)
        for more in ((), ("--model", "tests.support.scorers:scripted")):
            ran = await run(cli, "replay", "--from", "1h", "--json", *more)
            assert (ran.code, ran.jsonl[0]["closes"], ran.jsonl[0]["decided"]) == (0, True, len(sent)), ran.err
        ran = await run(cli, "policy", "what-if", str(next_), "--since", "1h", "--json")
        assert ran.code == 0, ran.err
        letters = (await run(cli, "dead-letters", "list", "--json")).jsonl
        assert {letter["reason"] for letter in letters} == {"unreadable_batch", "not_json"}
        ran = await run(cli, "dead-letters", "redrive", "--all", "--yes")
        assert ran.code == 0, ran.err
        assert "1 sent again" in ran.out + ran.err
        redis = await wait_until_counted(stack.redis, in_all + 1, 30)
        seen = await account(stack.kafka, in_all + 1, SOON_S)
        assert workers.ended() == []
    assert seen.decisions.keys() == sent
    assert dead_letters_of(seen.dead)[0, bad] == ("unreadable_batch", LOST)
    assert dead_letters_of(seen.dead)[0, unread] == ("not_json", 1)
    assert (seen.duplicates, len(seen.dead)) == (0, 3)  # that one again
    assert (redis.totals["decided"], redis.totals["dead_letters"]) == (len(sent), LOST + 2)


async def test_feedback_is_stepped_over_as_completions_are(own_embedded: EmbeddedStack, tmp_path: Path) -> None:
    stack = own_embedded
    await make_topics(stack.kafka, 1)

    def thumbs(first: int, n: int) -> list[Raw]:
        given = ({"id": f"f{i}", "completion_id": f"c{i}", "kind": "thumb_up"} for i in range(first, first + n))
        return [Raw(json.dumps(thumb).encode()) for thumb in given]

    await produce(stack.kafka, "feedback", 0, batch(thumbs(0, 4), at_ms=now_ms(), compression="zstd"))
    bad = await produce(stack.kafka, "feedback", 0, batch(thumbs(4, LOST), at_ms=now_ms(), compression="lz4", crc=7))
    odd = [Raw(raw.value, headers=[(b"trac\xff", b"1")]) for raw in thumbs(7, 2)]
    await produce(stack.kafka, "feedback", 0, batch(odd, at_ms=now_ms()))
    sent = await send_good(stack.kafka, 0, range(5))
    with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
        workers.start()
        assert (await wait_until_counted(stack.redis, len(sent), 60)).totals["decided"] == len(sent)
        async with asyncio.timeout(60):
            while (feedback := await read_counts(stack.redis, "feedback")).totals["feedback"] < 6:
                await asyncio.sleep(0.2)
        await all_ready(workers)
        letters: list[Any] = [json.loads(record.value) async for record in read_topic(stack.kafka, DEAD_LETTERS)]
        assert workers.ended() == []
    assert (feedback.totals["feedback"], feedback.totals["dead_letters"], feedback.series["thumb_up|all"]) == (
        6,
        LOST,
        6,
    )
    source = {"topic": "feedback", "partition": 0, "offset": bad}
    assert [(found["source"], found["reason"], found["offsets"]) for found in letters] == [
        (source, "unreadable_batch", LOST)
    ]
