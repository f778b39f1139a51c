"""Reconciles the account: everything sent came out exactly once, and equals what Redis counted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Position = tuple[int, int]  # partition and offset in `completions`
Kind = Literal["decided", "faults", "dead_letters", "redriven"]
KINDS: tuple[Kind, ...] = ("decided", "faults", "dead_letters", "redriven")
SHOWN = 5  # positions listed in a problem


class CompletionOutcome(NamedTuple):
    """What came out of one completion: a record of `decisions` or of `dead-letters`."""

    epoch: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Account:
    """What was sent and what came out. problems: a line for each mismatch; empty where the account closes."""

    sent: int
    decided: int
    faults: int
    dead_letters: int
    feedback: int
    problems: tuple[str, ...]
    redriven: int = 0


def reconcile(
    sent: Collection[Position],
    outcomes: Mapping[Position, Sequence[CompletionOutcome]],
    totals: Mapping[str, int],
    feedback_sent: int,
    feedback_totals: Mapping[str, int],
) -> Account:
    """Returns the account of acknowledged positions, the topics' outcomes, and Redis' totals of both source topics.

    Of several outcomes of one position the one of the highest epoch counts, as for every consumer: an owner that lost
    its partition may have published before the next one did. Two under one epoch are one too many.
    """
    acknowledged = set(sent)
    problems = [
        *_list_positions("sent, and neither decided nor a dead letter", acknowledged - outcomes.keys()),
        *_list_positions("came out, and were never sent", outcomes.keys() - acknowledged),
    ]
    counted: Counter[Kind] = Counter()
    twice = []
    for position, published in outcomes.items():
        epoch = max(outcome.epoch for outcome in published)
        newest = [outcome for outcome in published if outcome.epoch == epoch]
        counted[newest[0].kind] += 1
        if len(newest) > 1:
            twice.append(position)
    problems += _list_positions("came out more than once under one epoch", twice)
    for kind in KINDS:
        if totals.get(kind, 0) != counted[kind]:
            name = kind.replace("_", " ")
            problems.append(f"Redis counted {totals.get(kind, 0):,} {name}, the topics hold {counted[kind]:,}")
    counted_feedback = feedback_totals.get("feedback", 0)
    if counted_feedback != feedback_sent:
        problems.append(f"{feedback_sent:,} feedback events were sent, Redis counted {counted_feedback:,}")
    return Account(
        sent=len(acknowledged),
        decided=counted["decided"],
        faults=counted["faults"],
        dead_letters=counted["dead_letters"],
        feedback=feedback_sent,
        problems=tuple(problems),
        redriven=counted["redriven"],
    )


def _list_positions(what: str, positions: Iterable[Position]) -> list[str]:
    ordered = sorted(positions)
    if not ordered:
        return []
    names = ", ".join(f"completions[{partition}]@{offset}" for partition, offset in ordered[:SHOWN])
    more = f" and {len(ordered) - SHOWN:,} more" if len(ordered) > SHOWN else ""
    return [f"{len(ordered):,} {what}: {names}{more}"]
