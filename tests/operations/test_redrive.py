"""Which dead letters are sent again: each origin once, none that was decided, none that cannot be read anyway."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Source
from tidegate.streams.core.partition import Copy, TopicPartition
from tidegate.streams.operations.redrive import COPIES, DECIDED, NEVER, OLD, Letters, Origin, Plan

P = TopicPartition("completions", 3)
SHA = hashlib.sha256(b"junk").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def letter(
    offset: int,
    of: int | None = None,
    epoch: int = 5,
    sha256: str = SHA,
    reason: str = "not_json",
    partition: TopicPartition = P,
) -> DeadLetter:
    source = Source(topic=partition.topic, partition=partition.partition, offset=offset)
    return DeadLetter(
        id=str(source), source=source, epoch=epoch, reason=DeadLetterReason(reason), where="byte 0", expected="JSON",
        length=4, sha256=sha256, record_ms=offset, origin=None if of is None else f"{partition}@{of}",
    )  # fmt: skip


def plan(*letters: DeadLetter, only: tuple[int, ...] = (), since_ms: int = 0) -> Plan:
    """Each was written at ten times its offset. only: offsets of those that were chosen."""
    known = Letters()
    for each in letters:
        known.add(each, each.source.offset * 10)
    chosen = [x for x in known.in_order() if not only or x.source.offset in only]
    return Plan.of(known, chosen, since_ms)


def sent(made: Plan) -> list[int]:
    return sorted(origin.offset for origin in made.send)


def decision(offset: int, epoch: int, of: int | None = None, sha256: str = SHA) -> dict[str, Any]:
    source = {"topic": P.topic, "partition": P.partition, "offset": offset}
    origin = None if of is None else {**source, "offset": of}
    return {"source": source, "epoch": epoch, "origin": origin, "origin_sha256": origin and sha256[:16]}


def test_each_origin_is_sent_once() -> None:
    """However many dead letters it has."""
    # five that cannot be read, sent again twice: five once more, not fifteen
    rounds = [letter(n) for n in range(5)] + [letter(n, of=n % 5) for n in range(5, 15)]
    made = plan(*rounds)
    assert (sent(made), made.left_out[COPIES]) == ([0, 1, 2, 3, 4], 10)
    assert [x.source.offset for x in made.send[Origin(P, 0, SHA)]] == [10, 5, 0]  # the newest is looked for first


def test_copies_stand_for_an_origin_that_is_gone() -> None:
    """Whose own dead letter is gone."""
    made = plan(letter(7, of=2), letter(9, of=2))
    assert list(made.send) == [Origin(P, 2, SHA)]


@pytest.mark.parametrize("reason", ["redriven"])
def test_what_can_never_be_sent_is_left_out_with_why(reason: str) -> None:
    made = plan(letter(1, reason=reason))
    assert (sent(made), made.left_out_phrases()) == ([], [f"1 {NEVER[reason]}"])


def test_a_redriven_one_says_that_its_origin_was_decided() -> None:
    made = plan(letter(1), letter(7, of=1, reason="redriven"), letter(2))
    assert (sent(made), made.left_out[DECIDED]) == ([2], 1)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (decision(9, 6, of=1), []),  # a copy that has no dead letter was decided
        (decision(9, 6, of=1, sha256=OTHER), [1]),  # of other bytes: another record
        (decision(9, 6, of=2), [1]),
        (decision(9, 6), [1]),
        (decision(1, 6), []),  # the record itself, later: an owner that could read it took over
        (decision(1, 4), [1]),  # before: the later owner could not read it
        (decision(7, 6), []),  # its copy, likewise
        (decision(7, 4, of=1), [1]),  # its copy, by an owner whose word does not count
    ],
)
def test_what_decisions_say_was_decided_is_left_out(said: dict[str, Any], left: list[int]) -> None:
    made = plan(letter(1), letter(7, of=1))
    made.add_decision(said)
    assert (sent(made), made.left_out[DECIDED]) == (left, 1 - len(left))


def test_feedback_on_its_way_is_left_out() -> None:
    """Unless that copy became a dead letter too."""
    partition = TopicPartition("feedback", 0)
    made = plan(letter(1, partition=partition), letter(2, partition=partition), letter(7, of=2, partition=partition))
    made.copied(partition, Copy(1, SHA[:16], 6))
    made.copied(partition, Copy(2, SHA[:16], 7))
    assert sent(made) == [2]
    assert (made.partitions("feedback"), made.partitions("completions")) == ({0}, set())


def test_a_false_claim_is_no_copy_and_takes_nothing_with_it() -> None:
    # 7 says that it is a copy of 1, whose dead letter has other bytes: each is sent, as its own
    made = plan(letter(1), letter(7, of=1, sha256=OTHER))
    assert list(made.send) == [Origin(P, 1, SHA), Origin(P, 7, OTHER)]
    made.add_decision(decision(9, 6, of=1, sha256=OTHER))
    assert sent(made) == [1, 7]


@pytest.mark.parametrize("claim", ["nonsense", "completions[4]@1", "feedback[3]@1"])
def test_a_claim_of_another_partition_is_none(claim: str) -> None:
    made = plan(letter(7).model_copy(update={"origin": claim}))
    assert list(made.send) == [Origin(P, 7, SHA)]


def test_dead_letters_older_than_marks_are_left_out() -> None:
    made = plan(letter(1), letter(2), letter(3), since_ms=15)
    assert (sent(made), made.left_out[OLD], made.written_ms) == ([2, 3], 1, 20)


def test_what_is_chosen_is_sent_and_looked_for_in_all_its_copies() -> None:
    made = plan(letter(1), letter(2), letter(7, of=2), only=(2,))
    assert [x.source.offset for x in made.send[Origin(P, 2, SHA)]] == [7, 2]
    assert (sent(made), made.left_out_phrases()) == ([2], [])


def test_of_two_epochs_the_later_dead_letter_stands() -> None:
    known = Letters()
    for epoch in (2, 4, 3):
        known.add(letter(1, epoch=epoch), epoch)
    assert [x.epoch for x in known.in_order()] == [4]
