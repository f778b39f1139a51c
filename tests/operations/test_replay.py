"""What a replay makes of what was recorded, on a log in memory: the command line's tests have a broker."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.operations.test_range import Logged, P, T, decided, letter
from tests.support.scorers import scripted
from tests.support.tomorrow import of_tomorrow
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Decision, Source, TimeSource
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.operations.replay import run as replaying
from tidegate.streams.operations.replay.range import ReplayRange, offset_ranges, survey
from tidegate.streams.operations.replay.run import Replay, ReplayAccount, Replays

LIVE = LivePolicy("file-0123abcd", parse({"labels": {"toxicity": {"flag": 0.5}, "insult": {"flag": 0.5}}}, "p"))
EPOCH = 1_767_268_899_999


class Acknowledged:
    """A `Publisher` that keeps what it was given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        self.messages += messages

    @property
    def decisions(self) -> list[Decision]:
        return [Decision.model_validate_json(m.value or b"") for m in self.messages]


async def replayed(log: Logged, to_ms: int = 1000) -> tuple[ReplayAccount, Acknowledged, list[int]]:
    """The account, what was published, and what the bar was told."""
    within, out, told = ReplayRange(T, T + to_ms, T + to_ms), Acknowledged(), list[int]()
    found = await survey(log, await offset_ranges(log, within, whole=()), within, lambda n: None)
    account = ReplayAccount(found.read)
    await Replay(log, Replays(cast(Publisher, out)), found.recorded, LIVE, EPOCH, account).decide_again(told.append)
    return account, out, told


async def test_records_go_out_in_their_order() -> None:
    """Wherever their decisions stand."""
    #  a checkpoint was moved back from 4 to 1, and skipped from 3 to 5; an owner that froze published 3 and 4 late
    #  place      0  1  2  3  4  5  6  7  8
    #  offset     0  1  2  1  2  5  6  3  4
    #  epoch      1  1  1  2  2  3  3  1  1
    log = Logged()
    for offset in range(7):
        log.put("completions", 0, offset, offset)
    for place, (offset, epoch) in enumerate([(0, 1), (1, 1), (2, 1), (1, 2), (2, 2), (5, 3), (6, 3), (3, 1), (4, 1)]):
        log.put("decisions", 0, place, offset, decided(offset, epoch, score=epoch / 4, at_ms=offset))
    account, out, told = await replayed(log)
    assert [d.source.offset for d in out.decisions] == [0, 1, 2, 3, 4, 5, 6]
    #  epochs that count: 1 2 2 1 1 3 3; flag from 0.5 = 2 / 4 on
    flags = [d.action is Action.FLAG for d in out.decisions]
    assert flags == [False, True, True, False, False, True, True]
    assert (account.decided, account.closes, sum(told)) == (7, True, 7)


async def test_decisions_with_a_field_of_tomorrow_are_decided_again() -> None:
    log = Logged()
    for offset, score in enumerate((0.1, 0.7)):
        log.put("completions", 0, offset, offset)
        log.put("decisions", 0, offset, offset, of_tomorrow(decided(offset, 1, score, offset), first=offset == 0))
    account, out, _ = await replayed(log)
    assert [(d.source.offset, d.action) for d in out.decisions] == [(0, Action.ALLOW), (1, Action.FLAG)]
    assert (account.decided, account.without_decision, account.closes) == (2, 0, True)


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(1, 3)), max_size=60), st.integers(1, 9))
async def test_what_was_recorded_comes_out_once_in_order(notes: list[tuple[int, int]], chunk: int) -> None:
    """Chunk by chunk."""
    log = Logged()
    for offset in range(20):
        log.put("completions", 0, offset, offset)
    for place, (offset, epoch) in enumerate(notes):
        log.put("decisions", 0, place, offset, decided(offset, epoch, score=epoch / 4, at_ms=offset))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "CHUNK", chunk)
        account, out, told = await replayed(log)
    best = {offset: max(e for o, e in notes if o == offset) for offset, _ in notes}
    assert [(d.source.offset, d.scores["toxicity"] * 4) for d in out.decisions] == sorted(best.items())
    assert {d.epoch for d in out.decisions} <= {EPOCH}
    assert (account.decided, account.without_decision, account.closes) == (len(best), 20 - len(best), True)
    assert sum(told) == 20


async def test_decisions_deleted_meanwhile_leave_it_open() -> None:
    """They are missing from the account."""
    log = Logged()
    for offset in range(3):
        log.put("completions", 0, offset, offset)
        log.put("decisions", 0, offset, offset, decided(offset, 1, 0.0, offset))
    within, out = ReplayRange(T, T + 1000, T + 1000), Acknowledged()
    found = await survey(log, await offset_ranges(log, within, whole=()), within, lambda n: None)
    del log.partitions[P._replace(topic="decisions")][1]
    account = ReplayAccount(found.read)
    await Replay(log, Replays(cast(Publisher, out)), found.recorded, LIVE, EPOCH, account).decide_again(lambda n: None)
    assert [d.source.offset for d in out.decisions] == [0, 2]
    assert (account.read, account.done, account.closes) == (3, 2, False)


async def test_what_is_scored_again_keeps_its_arrival() -> None:
    """Records without a timestamp, of the year 2100 and in µs: no clock of the replay's may move them."""
    log, stamps = Logged(), (0, -T - 1, 4_102_444_800_000 - T, (T + 30) * 1000 - T, 40)
    for offset, at_ms in enumerate(stamps):
        log.put(
            "completions", 0, offset, at_ms, json.dumps({"id": f"c{offset}", "completion": "toxicity=0.9"}).encode()
        )
        source = Source(topic="completions", partition=0, offset=offset)
        came = {
            "arrived_ms": T + offset * 10,
            "arrived_by": TimeSource.WORKER if offset in (1, 2) else TimeSource.RECORD,
        }
        inputs = Inputs(f"c{offset}", source, 1, T + at_ms, "m", scores={"toxicity": 0.1})._replace(**came)
        if offset < 4:  # nothing is recorded of the last
            log.put("decisions", 0, offset, offset, decide(inputs, LIVE).model_dump_json().encode())
    within, out = ReplayRange(T, T + 1000, T + 1000), Acknowledged()
    found = await survey(log, await offset_ranges(log, within, whole=()), within, lambda n: None)
    account = ReplayAccount(found.read)
    scoring = Scoring(1, 60)
    moderator = Moderator(scoring, LiveScorer(scripted(), lambda _: None).under)
    try:
        await Replay(log, Replays(cast(Publisher, out)), found.recorded, LIVE, EPOCH, account).score_again(
            RecordModerator(moderator, UserKey(b"0" * 16)), lambda n: None
        )
    finally:
        scoring.close()
    assert [(d.at_ms - T, d.arrived_by) for d in out.decisions[:4]] == [
        (0, "record"), (10, "worker"), (20, "worker"), (30, "record"),
    ]  # fmt: skip
    assert [d.scores["toxicity"] for d in out.decisions] == [0.9] * 5
    assert account.closes


async def test_the_account_names_what_is_not_recorded() -> None:
    """What was not scored, and what is not recorded."""
    log = Logged()
    for offset in range(4):
        log.put("completions", 0, offset, offset)
    log.put("decisions", 0, 0, 0, decided(0, 1, 0.7, 0))
    log.put("decisions", 0, 1, 1, decided(1, 1, 0.95, 1))  # was block
    log.put("dead-letters", 0, 0, 2, letter(2, 1, 2))
    account, _, _ = await replayed(log)
    assert (account.decided, account.dead_letters, account.without_decision) == (2, 1, 1)
    assert account.changes == {(Action.ALLOW, Action.FLAG): 1, (Action.BLOCK, Action.FLAG): 1}
    assert account.without_label == {"insult": 2}


async def test_a_replay_writes_one_topic() -> None:
    """Nothing goes to any topic but `replays`, on the source's partition."""
    log = Logged()
    for offset in range(3):
        log.put("completions", 1, offset, offset)
        log.put("decisions", 1, offset, offset, decided(offset, 1, 0.0, offset, partition=1))
    _, out, _ = await replayed(log)
    assert {(m.topic, m.partition, m.key) for m in out.messages} == {
        ("replays", 1, b"unknown:c0"), ("replays", 1, b"unknown:c1"), ("replays", 1, b"unknown:c2"),
    }  # fmt: skip


def test_the_code_makes_messages_in_one_place_and_for_one_topic() -> None:
    """No argument names a topic to write: a message is made once, of a constant."""
    tree = ast.parse(inspect.getsource(replaying))
    made = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "Message"]
    assert [ast.unparse(call.args[0]) for call in made] == ["REPLAYS"]
    assert replaying.REPLAYS == "replays"
    sends = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func).endswith("publish")]
    assert len(sends) == 1
