"""Whether the account closes: everything sent came out exactly once, and is what Redis counted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Position = tuple[int, int]  # partition and offset in `completions`
Kind = Literal["decided", "faults", "dead_letters", "redriven"]
KINDS: tuple[Kind, ...] = ("decided", "faults", "dead_letters", "redriven")
SHOWN = 5  # positions named in a problem


class CompletionOutcome(NamedTuple):
    """What came out of one completion: a record of `decisions` or of `dead-letters`."""

    epoch: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Account:
    """What was sent and what became of it. problems: what does not close, a line each; empty where it closes."""

    sent: int
    decided: int
    faults: int
    dead_letters: int
    feedback: int
    problems: tuple[str, ...]
    redriven: int = 0


def settle(
    sent: Collection[Position],
    outcomes: Mapping[Position, Sequence[CompletionOutcome]],
    totals: Mapping[str, int],
    feedback_sent: int,
    feedback_totals: Mapping[str, int],
) -> Account:
    """The account of what was acknowledged, what the topics hold, and Redis' totals of `completions` and `feedback`.

    Of several outcomes of one position the highest epoch's counts, as for every consumer: an owner that lost its
    partition may have published before the next one did. Two under one epoch are one too many.
    """
    acknowledged = set(sent)
    problems = [
        *_named("sent, and neither decided nor a dead letter", acknowledged - outcomes.keys()),
        *_named("came out, and were never sent", outcomes.keys() - acknowledged),
    ]
    counted: Counter[Kind] = Counter()
    twice = []
    for position, found in outcomes.items():
        epoch = max(outcome.epoch for outcome in found)
        newest = [outcome for outcome in found if outcome.epoch == epoch]
        counted[newest[0].kind] += 1
        if len(newest) > 1:
            twice.append(position)
    problems += _named("came out more than once under one epoch", twice)
    for kind in KINDS:
        if totals.get(kind, 0) != counted[kind]:
            word = kind.replace("_", " ")
            problems.append(f"Redis counted {totals.get(kind, 0):,} {word}, the topics hold {counted[kind]:,}")
    heard = feedback_totals.get("feedback", 0)
    if heard != feedback_sent:
        problems.append(f"{feedback_sent:,} feedback events were sent, Redis counted {heard:,}")
    return Account(
        sent=len(acknowledged),
        decided=counted["decided"],
        faults=counted["faults"],
        dead_letters=counted["dead_letters"],
        feedback=feedback_sent,
        problems=tuple(problems),
        redriven=counted["redriven"],
    )


def _named(what: str, positions: Iterable[Position]) -> list[str]:
    found = sorted(positions)
    if not found:
        return []
    names = ", ".join(f"completions[{partition}]@{offset}" for partition, offset in found[:SHOWN])
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return [f"{len(found):,} {what}: {names}{more}"]
