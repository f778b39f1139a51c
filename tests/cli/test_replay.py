"""A range of completions replayed: by the command line, against decisions that a worker's process made."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from aiokafka import AIOKafkaProducer

from tests.cli.conftest import Cli
from tests.drills.fleet import ROOT, account, fleet, wait_until_counted
from tests.support.stacks import Stack
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Decision, FaultReason
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import digest, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.embedded import EmbeddedStack
from tidegate.streams.kafka.reader import RangeReader, end_offsets, read_all
from tidegate.streams.operations.replay.range import OffsetRange
from tidegate.streams.operations.replay.run import Replays
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.topics import TOPICS

pytestmark = pytest.mark.drill
PARTITIONS = 2
T0 = (int(time.time()) - 1800) * 1000  # of the first record; one a second after it
SENT = 120
WORKERS_POLICY = """
schema_version = 1
prompt_labels = { toxicity = { review = 0.6 } }
[labels]
toxicity = { flag = 0.5, redact = 0.7, block = 0.9 }
stereotype = { flag = 0.5 }
[faults.routes]
kids = "closed"
"""
ANOTHER = """
schema_version = 1
prompt_labels = { toxicity = { flag = 0.2 } }
[labels]
toxicity = { flag = 0.1, review = 0.4 }
insult = { redact = 0.3 }
[[scopes]]
tenant = "t1"
labels = { toxicity = { flag = 0.6, review = 0.6, block = 0.65 } }
"""


def text(n: int) -> bytes | None:
    """Every way a record can go: four in ten score something, a few are failed, poison, garbage or nothing."""
    if n % 20 == 3:
        return b"\xff not a completion"
    if n % 20 == 11:
        return None
    said: dict[str, Any] = {"id": f"c{n}", "tenant": f"t{n % 3}", "user": f"u{n % 7}", "route": "kids"}
    if n % 20 == 5:
        return json.dumps({**said, "status": "failed"}).encode()
    if n % 20 == 7:
        return json.dumps({**said, "completion": "RAISE"}).encode()
    score = (n * 37 % 100) / 100
    words = f"number {n} toxicity={score:.2f} insult={1 - score:.2f} stereotype={score / 2:.2f}"
    completion: Any = [words, f"toxicity={score / 3:.2f}"] if n % 6 == 0 else words
    return json.dumps({**said, "completion": completion, "prompt": f"toxicity={score:.2f}"}).encode()


@dataclass
class World:
    """What a worker made of it, and a command line beside it. The worker has ended."""

    cli: Cli
    at: dict[tuple[int, int], int] = field(default_factory=dict)  # timestamp by (partition, offset)
    decided: dict[tuple[int, int], Decision] = field(default_factory=dict)  # those of the highest epoch
    dead: set[tuple[int, int]] = field(default_factory=set)

    def replayed(self, epoch: int) -> list[tuple[Any, Decision]]:
        """Of one run, in the topic's order: the record, and the decision in it."""

        async def work() -> list[tuple[Any, Decision]]:
            read = [r async for r in read_all(self.cli.settings.kafka, "replays")]
            return [(r, d) for r in read if (d := Decision.model_validate_json(r.value)).epoch == epoch]

        return asyncio.run(work())

    def within(self, from_ms: int, to_ms: int) -> set[tuple[int, int]]:
        return {place for place, at_ms in self.at.items() if from_ms <= at_ms < to_ms}


def place(decision: Decision) -> tuple[int, int]:
    return decision.source.partition, decision.source.offset


async def send(kafka: str) -> dict[tuple[int, int], int]:
    """One record a second of the past; of every ten the last two change places. (partition, offset) -> timestamp."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    try:
        order = [n ^ 1 if n % 10 > 7 else n for n in range(SENT)]
        sent = [
            await producer.send_and_wait(
                "completions", text(n), key=b"k", partition=n % PARTITIONS if n % 10 < 8 else 0,
                timestamp_ms=T0 + n * 1000,
            )
            for n in order
        ]  # fmt: skip
    finally:
        await producer.stop()
    return {(meta.partition, meta.offset): T0 + n * 1000 for n, meta in zip(order, sent, strict=True)}


@pytest.fixture(scope="module")
def world(module_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("replay")
    stack = module_stack
    with fleet(folder, stack.env(), policy=WORKERS_POLICY) as workers:
        workers.start()
        at = asyncio.run(send(stack.kafka))
        seen = asyncio.run(account(stack.kafka, SENT, 60))
        asyncio.run(wait_until_counted(stack.redis, SENT, 30))
    assert seen.positions == set(at)
    env = {**stack.env(), "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted", "TIDEGATE_SCORE_THREADS": "1"}
    made = World(Cli(env), at, dead=set(seen.dead))
    decided = {p: Decision.model_validate(found[0]) for p, found in seen.decisions.items()}
    # A second owner decided three of them otherwise: later and higher counts, later and lower does not.
    higher = decided_otherwise(decided[0, 4], 9, {**decided[0, 4].scores, "toxicity": 1.0})
    fewer = decided_otherwise(decided[0, 6], 9, {"toxicity": 0.5})
    lower = decided_otherwise(decided[1, 0], -9, {"toxicity": 1.0})
    asyncio.run(write(stack.kafka, [higher, fewer, lower]))
    made.decided = {**decided, (0, 4): higher, (0, 6): fewer}
    return made


def decided_otherwise(decision: Decision, epochs: int, scores: dict[str, float]) -> Decision:
    policy = parse(tomllib.loads(WORKERS_POLICY), "the worker's")
    inputs = Inputs.of(decision)._replace(epoch=decision.epoch + epochs, scores=scores)
    return decide(inputs, LivePolicy(decision.policy_version, policy))


async def write(kafka: str, decisions: list[Decision]) -> None:
    """And garbage, and a forged decision: on another partition than its source's."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    try:
        for d in decisions:
            await producer.send_and_wait("decisions", d.model_dump_json().encode(), partition=d.source.partition)
        await producer.send_and_wait("decisions", b"garbage", partition=0)
        forged = decisions[0].model_copy(update={"epoch": 2**62, "action": Action.FLAG})
        await producer.send_and_wait("decisions", forged.model_dump_json().encode(), partition=1)
    finally:
        await producer.stop()


def moment(at_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms / 1000))


ALL = ("--from", moment(T0))


def replay(world: World, *args: str, **env: str) -> tuple[dict[str, Any], list[tuple[Any, Decision]]]:
    """The account of a run that closes, and what it wrote."""
    ran = world.cli("replay", *args, "--json", **env)
    assert ran.code == 0, ran.err
    (told,) = ran.jsonl
    assert told["closes"]
    assert told["read"] == told["decided"] + told["faults"] + told["dead_letters"] + told["without_decision"]
    written = world.replayed(told["epoch"])
    assert len(written) == told["decided"] + told["faults"]
    return told, written


# --- decided again


def test_the_same_policy_gives_the_same_decisions(world: World) -> None:
    """But for the epoch."""
    told, written = replay(world, *ALL)
    assert {place(d) for _, d in written} == set(world.decided)
    for _, d in written:
        before = world.decided[place(d)]
        assert d.model_copy(update={"epoch": before.epoch}) == before
        assert d.epoch > before.epoch
    faults = sum(d.fault is not None for d in world.decided.values())
    assert (told["read"], told["faults"], told["dead_letters"]) == (SENT, faults, len(world.dead))
    assert (faults, len(world.dead), told["without_decision"]) == (6, 12, 0)
    assert told["model"] is None
    assert told["policy"] == world.decided[0, 0].policy_version
    assert all(c["recorded"] == c["replayed"] for c in told["changes"])


def test_another_policy_decides_the_recorded_scores(world: World, tmp_path: Path) -> None:
    """What `decide` makes of them."""
    file = tmp_path / "another.toml"
    file.write_text(ANOTHER)
    policy = read_policy(file)
    live = LivePolicy(f"file-{digest(policy)}", policy)
    told, written = replay(world, *ALL, "--policy", str(file))
    for _, d in written:
        assert d == decide(Inputs.of(world.decided[place(d)])._replace(epoch=told["epoch"]), live)
    tally = Counter((world.decided[place(d)].action.value, d.action.value) for _, d in written)
    assert {(c["recorded"], c["replayed"]): c["completions"] for c in told["changes"]} == tally
    assert sum(n for (was, now), n in tally.items() if was != now) > 20
    assert told["policy"] == live.version


def test_a_replay_has_its_decisions_partition_and_key(world: World) -> None:
    """And stands in order."""
    _, written = replay(world, *ALL)
    offsets: dict[int, list[int]] = {}
    for record, d in written:
        assert record.partition == d.source.partition
        assert record.key == f"{d.scopes.tenant}:{d.user}".encode()
        offsets.setdefault(record.partition, []).append(d.source.offset)
    assert all(found == sorted(set(found)) for found in offsets.values())
    assert len(offsets) == PARTITIONS


@pytest.mark.parametrize(("start", "end"), [(10, 20), (8, 9), (9, 10), (0, 1), (118, 120), (3, 4)])
@pytest.mark.parametrize("model", [(), ("--model", "tests.support.scorers:scripted")])
def test_a_range_holds_from_and_not_to(world: World, start: int, end: int, model: tuple[str, ...]) -> None:
    #  s   8  9 10  …  19 20      of every ten seconds the last two came the other way round
    #         [---------)
    within = T0 + start * 1000, T0 + end * 1000
    told, written = replay(world, "--from", moment(within[0]), "--to", moment(within[1]), *model)
    wanted = world.within(*within)
    assert {place(d) for _, d in written} == wanted - world.dead
    assert (told["read"], told["dead_letters"]) == (end - start, len(wanted & world.dead))
    assert (told["from_ms"], told["to_ms"]) == within


def test_labels_that_were_not_scored_then_are_said(world: World, tmp_path: Path) -> None:
    file = tmp_path / "more.toml"
    file.write_text("labels = { toxicity = { flag = 0.5 }, sexual = { flag = 0.5 } }")
    at_ms = world.at[0, 6]
    asked = ("--from", moment(at_ms), "--to", moment(at_ms + 2000), "--policy", str(file))
    told, written = replay(world, *asked)
    assert [len(d.scores) for _, d in written] == [1]  # the other is garbage
    assert told["without_label"] == {"sexual": 1}
    assert "1 of them have no score of sexual, which the policy names" in world.cli("replay", *asked).err


# --- scored again


def test_the_same_model_gives_the_same_scores(world: World) -> None:
    """And poison is a fault."""
    told, written = replay(world, *ALL, "--model", "tests.support.scorers:scripted")
    decided = {place(d): d for _, d in written}
    assert decided.keys() == world.decided.keys()
    twice = {(0, 4), (0, 6)}
    for at, d in decided.items():
        if at not in twice:  # those had other scores put beside them
            assert d.model_copy(update={"epoch": world.decided[at].epoch}) == world.decided[at]
    assert decided[0, 4].scores["toxicity"] == 0.33  # 9 * 37 % 100
    assert (told["read"], told["dead_letters"], told["without_decision"]) == (SENT, len(world.dead), 0)
    assert told["faults"] == sum(d.fault is FaultReason.CLASSIFIER_ERROR for d in decided.values()) == 6
    assert told["model"] == "scripted@1"


def test_another_model_gives_other_scores_and_its_name(world: World) -> None:
    told, written = replay(world, *ALL, "--model", "tests.support.scorers:zeros")
    assert {d.model_version for _, d in written} == {"zeros@1"} == {told["model"]}
    assert {score for _, d in written for score in d.scores.values()} == {0.0}
    assert (told["faults"], told["decided"]) == (0, SENT - len(world.dead))
    assert {c["replayed"] for c in told["changes"]} == {"allow"}


def test_the_users_key_must_be_the_workers(world: World) -> None:
    other = world.cli(
        "replay", *ALL, "--model", "tests.support.scorers:zeros", TIDEGATE_USER_KEY="another key, 16 and more"
    )
    assert (other.code, "expected the key that the workers have; nothing replayed" in other.err) == (2, True)
    none = world.cli("replay", *ALL, "--model", "tests.support.scorers:zeros", TIDEGATE_USER_KEY="")
    assert (none.code, none.err.startswith("TIDEGATE_USER_KEY: not set")) == (2, True)
    unavailable = world.cli(
        "replay", *ALL, "--model", "tests.support.scorers:zeros", TIDEGATE_REDIS="redis://127.0.0.1:1/0"
    )
    assert unavailable.code == 3
    assert replay(world, *ALL, TIDEGATE_USER_KEY="", TIDEGATE_REDIS="redis://127.0.0.1:1/0")  # no user is hashed


# --- what it touches


def ends(world: World, *topics: str) -> dict[str, dict[int, int]]:
    """Per topic and partition; every topic of ours where none is named."""

    async def work() -> dict[str, dict[int, int]]:
        kafka = world.cli.settings.kafka
        names = topics or [topic.name for topic in TOPICS]
        return {name: {tp.partition: n for tp, n in (await end_offsets(kafka, name)).items()} for name in names}

    return asyncio.run(work())


def stored(world: World) -> dict[bytes, bytes | None]:
    client = redis.Redis.from_url(world.cli.settings.redis)
    try:
        return {key: client.dump(key) for key in client.keys("*")}  # type: ignore[union-attr]
    finally:
        client.close()


@pytest.mark.parametrize("args", [(), ("--model", "tests.support.scorers:scripted")])
def test_nothing_is_written_but_replays(world: World, args: tuple[str, ...]) -> None:
    before, kept = ends(world), stored(world)
    told, written = replay(world, *ALL, *args)
    after = ends(world)
    assert sum(after["replays"].values()) - sum(before["replays"].values()) == len(written)
    assert {name: n for name, n in after.items() if name != "replays"} == {
        k: before[k] for k in before if k != "replays"
    }
    now = stored(world)
    assert {key: value for key, value in now.items() if kept.get(key) != value} == {}  # keys may expire, none is new
    assert kept
    assert told["read"] == SENT


def test_a_dry_run_counts_and_writes_nothing(world: World) -> None:
    before = ends(world, "replays")
    told = world.cli("replay", *ALL, "--dry-run", "--json").jsonl
    decided = SENT - len(world.dead)
    assert told == [
        {"from_ms": T0, "to_ms": told[0]["to_ms"], "read": SENT, "decided": decided, "dead_letters": 12,
         "without_decision": 0}
    ]  # fmt: skip
    ran = world.cli("replay", *ALL, "--dry-run")
    assert "108 with a recorded decision, 12 dead letters, 0 with neither" in ran.out
    assert ran.err.endswith("nothing written\n")
    assert ends(world, "replays") == before


def test_two_runs_side_by_side_do_not_disturb_each_other(world: World) -> None:
    command = [sys.executable, "-m", "tidegate", "replay", *ALL, "--json"]
    env = {**os.environ, **world.cli.env}
    both = [
        subprocess.Popen([*command, *more], cwd=ROOT, env=env, stdout=subprocess.PIPE)
        for more in ((), ("--model", "tests.support.scorers:zeros"))
    ]
    told = [json.loads(run.communicate(timeout=60)[0]) for run in both]
    assert [run.returncode for run in both] == [0, 0]
    assert told[0]["epoch"] != told[1]["epoch"]
    for account_, model in zip(told, ("scripted@1", "zeros@1"), strict=True):
        written = world.replayed(account_["epoch"])
        assert {place(d) for _, d in written} == set(world.decided)
        assert {d.model_version for _, d in written} == {model}


def test_an_end_before_its_time_says_how_far_it_came(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []

    async def stopped(self: Replays, decisions: Any) -> None:
        writes.append(len(decisions))
        if len(writes) > 1:
            raise KeyboardInterrupt
        await as_it_is(self, decisions)

    as_it_is = Replays.write
    monkeypatch.setattr(Replays, "write", stopped)
    ran = world.cli("replay", *ALL)
    assert ran.code == 130
    assert f"ended after {writes[0] + 12} of {SENT} records; {writes[0]} decisions are on replays" in ran.err
    assert "run it again: it starts over, under another epoch" in ran.err


def test_what_is_deleted_meanwhile_leaves_the_account_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it says so."""

    async def shorter(self: RangeReader, stretch: OffsetRange) -> Any:
        looked.append(stretch.partition)
        again = looked.count(stretch.partition) > 1
        async for records in as_it_is(self, stretch):
            yield [r for r in records if not (again and r.offset == 0)]

    looked: list[TopicPartition] = []
    as_it_is = RangeReader.read
    monkeypatch.setattr(RangeReader, "read", shorter)
    ran = world.cli("replay", *ALL)
    assert ran.code == 1
    assert "the account does not close: 120 read, 118 accounted for" in ran.err


# --- bad input


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--from", "1h", "--to", "2h"), 2, ", not before "),
        (("--from", "yesterday"), 2, "--from yesterday: not a moment; expected one such as 2026-01-31T12:00:00Z"),
        (("--from", "2026-01-31T12:00:00"), 2, "--from 2026-01-31T12:00:00: a moment without its zone"),
        (("--from", "1h", "--to", "5"), 2, "--to 5: not a moment"),
        (("--from", "2031-01-31T12:00:00Z"), 2, ", not before "),
        (("--from", "2001-01-01T00:00:00Z", "--to", "2001-01-02T00:00:00Z"), 2, "no record on completions from 2001"),
        ((*ALL, "--model", "nobodys-model"), 2, "nobodys-model"),
        ((*ALL, "--model", "tests.support.scorers:nobody"), 2, "--model: tests.support.scorers:nobody: module"),
        ((*ALL, "--policy", "no/such.toml"), 2, "no/such.toml: No such file"),
    ],
)
def test_bad_input_is_refused_with_its_reason(world: World, args: tuple[str, ...], code: int, said: str) -> None:
    before = ends(world, "replays")
    ran = world.cli("replay", *args)
    assert (ran.code, said in ran.err, ran.out) == (code, True, ""), ran.err
    assert ends(world, "replays") == before


@pytest.mark.parametrize("model", [(), ("--model", "tests.support.scorers:scripted")])
def test_a_policy_with_a_label_nobody_gives_is_refused(world: World, tmp_path: Path, model: tuple[str, ...]) -> None:
    file = tmp_path / "typo.toml"
    file.write_text("labels = { toxicity = { flag = 0.5 }, taxicity = { flag = 0.5 } }")
    ran = world.cli("replay", *ALL, "--policy", str(file), *model)
    assert (ran.code, ran.err.startswith(f"{file}: "), "taxicity" in ran.err) == (2, True, True)
    assert "does not give it" in ran.err
    assert "expected one of toxicity" in ran.err


def test_unavailable_kafka_and_unfit_topics_are_refused(offline: Cli, own_embedded: EmbeddedStack) -> None:
    """Topics that are missing, or of different numbers of partitions."""
    unavailable = offline("replay", "--from", "1h", "--dry-run", TIDEGATE_KAFKA="127.0.0.1:1")
    assert (unavailable.code, unavailable.err.startswith("kafka 127.0.0.1:1: ")) == (3, True)
    own = Cli({**offline.env, **own_embedded.env()})
    missing = own("replay", "--from", "1h", "--dry-run")
    assert (missing.code, "no topic completions, decisions, dead-letters, replays" in missing.err) == (3, True)


def test_it_reads_as_a_person_reads(world: World) -> None:
    ran = world.cli("replay", *ALL)
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{SENT} completions from {moment(T0)[:10]} ")
    assert lines[0].endswith(" = 102 decided + 6 faults + 12 dead letters + 0 without a recorded decision")
    assert lines[1].startswith("108 decisions are on replays under epoch ")
    assert lines[3].split() == ["recorded", "replayed", "completions"]
    assert ran.err.splitlines() == [
        "2 records on decisions or dead-letters are neither; left out",
        "1 of them have no score of stereotype, which the policy names: their model did not give it",
    ]
