"""The account closes only where everything sent came out exactly once and is what Redis counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tidegate.streams.demo.account import Account, CompletionOutcome, Position, reconcile

DECIDED, FAULT, DEAD = (
    CompletionOutcome(7, "decided"),
    CompletionOutcome(7, "faults"),
    CompletionOutcome(7, "dead_letters"),
)
SENT = [(0, 0), (0, 1), (1, 0), (1, 1)]
OUT: dict[Position, list[CompletionOutcome]] = {(0, 0): [DECIDED], (0, 1): [FAULT], (1, 0): [DEAD], (1, 1): [DECIDED]}
TOTALS = {"decided": 2, "faults": 1, "dead_letters": 1}


def closed(
    outcomes: Mapping[Position, Sequence[CompletionOutcome]] = OUT,
    totals: Mapping[str, int] = TOTALS,
    counted_feedback: int = 3,
) -> Account:
    return reconcile(SENT, outcomes, totals, 3, {"feedback": counted_feedback})


def test_an_account_that_closes_has_no_problems() -> None:
    assert closed() == Account(sent=4, decided=2, faults=1, dead_letters=1, feedback=3, problems=())


def test_of_two_epochs_the_highest_counts() -> None:
    # an owner that lost its partition decided (0, 0) under 5; the next one found it to be a fault
    outcomes = {**OUT, (0, 0): [CompletionOutcome(7, "faults"), CompletionOutcome(5, "decided")]}
    found = closed(outcomes, {"decided": 1, "faults": 2, "dead_letters": 1})
    assert (found.decided, found.faults, found.problems) == (1, 2, ())


def test_redriven_completions_are_counted_apart() -> None:
    outcomes = {**OUT, (1, 1): [CompletionOutcome(7, "redriven")]}
    found = closed(outcomes, {"decided": 1, "faults": 1, "dead_letters": 1, "redriven": 1})
    assert (found.sent, found.decided, found.dead_letters, found.redriven, found.problems) == (4, 1, 1, 1, ())
    assert closed(outcomes, {"decided": 1, "faults": 1, "dead_letters": 2}).problems != ()


@pytest.mark.parametrize(
    ("outcomes", "totals", "counted_feedback", "problem"),
    [
        ({p: o for p, o in OUT.items() if p != (1, 0)}, {**TOTALS, "dead_letters": 0}, 3,
         "1 sent, and neither decided nor a dead letter: completions[1]@0"),
        ({**OUT, (1, 2): [DECIDED]}, {**TOTALS, "decided": 3}, 3, "1 came out, and were never sent: completions[1]@2"),
        ({**OUT, (0, 0): [DECIDED, DECIDED]}, TOTALS, 3, "1 came out more than once under one epoch: completions[0]@0"),
        ({**OUT, (1, 0): [DEAD, DECIDED]}, TOTALS, 3, "1 came out more than once under one epoch: completions[1]@0"),
        (OUT, {**TOTALS, "decided": 3}, 3, "Redis counted 3 decided, the topics hold 2"),
        (OUT, {**TOTALS, "faults": 0}, 3, "Redis counted 0 faults, the topics hold 1"),
        (OUT, {"decided": 2, "faults": 1}, 3, "Redis counted 0 dead letters, the topics hold 1"),
        (OUT, TOTALS, 2, "3 feedback events were sent, Redis counted 2"),
    ],
)  # fmt: skip
def test_an_account_that_does_not_close_lists_its_problems(
    outcomes: Mapping[Position, Sequence[CompletionOutcome]],
    totals: Mapping[str, int],
    counted_feedback: int,
    problem: str,
) -> None:
    assert closed(outcomes, totals, counted_feedback).problems == (problem,)


def test_only_the_first_positions_are_named() -> None:
    found = reconcile([(0, n) for n in range(1000)], {}, {}, 0, {})
    assert found.problems == (
        "1,000 sent, and neither decided nor a dead letter: completions[0]@0, completions[0]@1, completions[0]@2, "
        "completions[0]@3, completions[0]@4 and 995 more",
    )
