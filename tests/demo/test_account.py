"""The account closes only where everything sent came out exactly once and is what Redis counted, by both doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tidegate.streams.demo.account import Account, Outcome, Position, Sent, reconcile


def kafka(partition: int, offset: int) -> Position:
    return Position("completions", partition, offset)


def http(offset: int) -> Position:
    return Position("moderations", 0, offset)


def asked(id: str) -> list[Outcome]:
    return [Outcome(7, "decided", id)]


DECIDED, FAULT, DEAD = Outcome(7, "decided", "c-1"), Outcome(7, "faults", "c-2"), Outcome(7, "dead_letters")
A, B, C, D = kafka(0, 0), kafka(0, 1), kafka(1, 0), kafka(1, 1)
OUT: dict[Position, list[Outcome]] = {
    A: [DECIDED], B: [FAULT], C: [DEAD], D: [DECIDED], http(0): asked("http-a"), http(1): asked("http-b"),
}  # fmt: skip
SENT = Sent(positions=[A, B, C, D, http(0), http(1)], answered=("http-a", "http-b"), feedback=3)
BY_KAFKA, OVER_HTTP = {"decided": 2, "faults": 1, "dead_letters": 1}, {"decided": 2}
TOTALS = {"completions": BY_KAFKA, "moderations": OVER_HTTP, "feedback": {"feedback": 3}}
WITHOUT_C = {position: found for position, found in OUT.items() if position != C}


def closed(
    sent: Sent = SENT, outcomes: Mapping[Position, Sequence[Outcome]] = OUT, **totals: Mapping[str, int]
) -> Account:
    return reconcile(sent, outcomes, {**TOTALS, **totals})


def test_an_account_that_closes_has_no_problems() -> None:
    found = closed()
    assert found == Account(by_kafka=4, over_http=2, decided=4, faults=1, dead_letters=1, feedback=3, problems=())
    assert found.sent == 6


def test_of_two_epochs_the_highest_counts() -> None:
    # an owner that lost its partition decided A under 5; the next one found it to be a fault
    outcomes = {**OUT, A: [Outcome(7, "faults", "c-1"), Outcome(5, "decided", "c-1")]}
    found = closed(outcomes=outcomes, completions={"decided": 1, "faults": 2, "dead_letters": 1})
    assert (found.decided, found.faults, found.problems) == (3, 2, ())


def test_redriven_completions_are_counted_apart() -> None:
    outcomes = {**OUT, D: [Outcome(7, "redriven")]}
    found = closed(outcomes=outcomes, completions={"decided": 1, "faults": 1, "dead_letters": 1, "redriven": 1})
    assert (found.sent, found.decided, found.dead_letters, found.redriven, found.problems) == (6, 3, 1, 1, ())
    assert closed(outcomes=outcomes, completions={"decided": 1, "faults": 1, "dead_letters": 2}).problems != ()


def test_a_try_without_a_200_may_have_a_decision() -> None:
    """Its client tried again, and knows the id of the second one."""
    sent = replace(SENT, positions=[*SENT.positions, http(2)], not_200=1)
    outcomes = {**OUT, http(2): asked("http-lost")}
    found = closed(sent, outcomes, moderations={"decided": 3})
    assert (found.over_http, found.unanswered, found.problems) == (3, 1, ())
    assert closed(replace(sent, not_200=0), outcomes, moderations={"decided": 3}).problems == (
        "1 decided over HTTP, and not answered; expected 0 at most",
    )


@pytest.mark.parametrize(
    ("changed", "totals", "problem"),
    [
        ({"outcomes": WITHOUT_C}, {"completions": {"decided": 2, "faults": 1}},
         "1 sent, and neither decided nor a dead letter: completions[1]@0"),
        ({"outcomes": {**OUT, kafka(1, 2): [DECIDED]}}, {"completions": {**BY_KAFKA, "decided": 3}},
         "1 came out, and were never sent: completions[1]@2"),
        ({"outcomes": {**OUT, A: [DECIDED, DECIDED]}}, {},
         "1 came out more than once under one epoch: completions[0]@0"),
        ({"outcomes": {**OUT, C: [DEAD, DECIDED]}}, {},
         "1 came out more than once under one epoch: completions[1]@0"),
        ({"outcomes": {**OUT, http(0): asked("http-a") * 2}}, {},
         "1 came out more than once under one epoch: moderations[0]@0"),
        ({}, {"completions": {**BY_KAFKA, "decided": 3}}, "Redis counted 3 decided of completions, the topics hold 2"),
        ({}, {"completions": {**BY_KAFKA, "faults": 0}}, "Redis counted 0 faults of completions, the topics hold 1"),
        ({}, {"completions": {"decided": 2, "faults": 1}},
         "Redis counted 0 dead letters of completions, the topics hold 1"),
        ({}, {"moderations": {"decided": 1}}, "Redis counted 1 decided of moderations, the topics hold 2"),
        ({}, {"feedback": {"feedback": 2}}, "3 feedback events were sent, Redis counted 2"),
        # over HTTP, where a client knows the id alone
        ({"sent": replace(SENT, answered=("http-a", "http-b", "http-c"))}, {},
         "1 answered with 200 over HTTP, and not decided: http-c"),
        ({"outcomes": {**OUT, http(1): [DEAD]}}, {"moderations": {"decided": 1, "dead_letters": 1}},
         "1 answered with 200 over HTTP, and not decided: http-b"),
        ({"sent": replace(SENT, positions=[*SENT.positions, http(2)]), "outcomes": {**OUT, http(2): asked("http-b")}},
         {"moderations": {"decided": 3}}, "1 answered with 200 over HTTP, and decided more than once: http-b"),
        ({"sent": replace(SENT, answered=("http-a", "http-b", "http-b"))}, {},
         "1 given to several answers over HTTP: http-b"),
        ({"sent": replace(SENT, given_up=1)}, {}, "1 never answered with 200 over HTTP"),
    ],
)  # fmt: skip
def test_an_account_that_does_not_close_lists_its_problems(
    changed: dict[str, Any], totals: dict[str, Mapping[str, int]], problem: str
) -> None:
    assert closed(**changed, **totals).problems == (problem,)


def test_only_the_first_positions_are_named() -> None:
    found = reconcile(Sent([kafka(0, n) for n in range(1000)]), {}, {})
    assert found.problems == (
        "1,000 sent, and neither decided nor a dead letter: completions[0]@0, completions[0]@1, completions[0]@2, "
        "completions[0]@3, completions[0]@4 and 995 more",
    )
