"""Reconciles the account: everything sent came out exactly once, and equals what Redis counted. Pure.

Completions come by two doors. What a producer sends by Kafka lies on `completions`, at the position that was
acknowledged. What a client asks over HTTP has a record on `moderations`, and a client knows its id alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tidegate.streams.topics import COMPLETIONS, DECIDED, FEEDBACK, MODERATIONS

Kind = Literal["decided", "faults", "dead_letters", "redriven"]
KINDS: tuple[Kind, ...] = ("decided", "faults", "dead_letters", "redriven")
SHOWN = 5  # positions or ids listed in a problem


class Position(NamedTuple):
    """Where a record of a source topic lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Outcome(NamedTuple):
    """What came out of one record: a record of `decisions` or of `dead-letters`."""

    epoch: int
    kind: Kind
    id: str = ""  # the decision's; a dead letter has none


@dataclass(frozen=True, slots=True)
class Sent:
    """What went in by both doors."""

    positions: Collection[Position]  # acknowledged on `completions`, and read from `moderations`
    answered: Collection[str] = ()  # the id of the decision that each 200 over HTTP promises
    not_200: int = 0  # tries over HTTP without a 200: each may have left a record that its client does not know
    given_up: int = 0  # texts over HTTP that no try got a 200 for
    feedback: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """What was sent and what came out. problems: a line for each mismatch; empty where the account closes."""

    by_kafka: int
    over_http: int  # records on `moderations`: each 200, and what is unanswered
    decided: int
    faults: int
    dead_letters: int
    feedback: int
    problems: tuple[str, ...]
    redriven: int = 0
    unanswered: int = 0  # decisions over HTTP whose client got no 200, and tried again

    @property
    def sent(self) -> int:
        """By both doors."""
        return self.by_kafka + self.over_http


def reconcile(
    sent: Sent, outcomes: Mapping[Position, Sequence[Outcome]], totals: Mapping[str, Mapping[str, int]]
) -> Account:
    """Returns the account of what was sent, the topics' outcomes, and Redis' totals of each source topic.

    Of several outcomes of one position the one of the highest epoch counts, as for every consumer: an owner that lost
    its partition may have published before the next one did. Two under one epoch are one too many.
    """
    positions = set(sent.positions)
    problems = [
        *_some("sent, and neither decided nor a dead letter", positions - outcomes.keys()),
        *_some("came out, and were never sent", outcomes.keys() - positions),
    ]
    counted: dict[str, Counter[Kind]] = {topic: Counter() for topic in DECIDED}
    decided_ids: Counter[str] = Counter()  # over HTTP
    twice = []
    for position, published in outcomes.items():
        epoch = max(outcome.epoch for outcome in published)
        newest = [outcome for outcome in published if outcome.epoch == epoch]
        counted[position.topic][newest[0].kind] += 1
        if position.topic == MODERATIONS and newest[0].id:
            decided_ids[newest[0].id] += 1
        if len(newest) > 1:
            twice.append(position)
    problems += _some("came out more than once under one epoch", twice)
    for topic, found in counted.items():
        for kind in KINDS:
            in_redis = totals.get(topic, {}).get(kind, 0)
            if in_redis != found[kind]:
                name = kind.replace("_", " ")
                problems.append(f"Redis counted {in_redis:,} {name} of {topic}, the topics hold {found[kind]:,}")
    unanswered = sum(n for id, n in decided_ids.items() if id not in sent.answered)
    problems += _over_http(sent, decided_ids, unanswered)
    counted_feedback = totals.get(FEEDBACK, {}).get("feedback", 0)
    if counted_feedback != sent.feedback:
        problems.append(f"{sent.feedback:,} feedback events were sent, Redis counted {counted_feedback:,}")
    both = sum(counted.values(), Counter[Kind]())
    by_topic = Counter(position.topic for position in positions)
    return Account(
        by_kafka=by_topic[COMPLETIONS],
        over_http=by_topic[MODERATIONS],
        decided=both["decided"],
        faults=both["faults"],
        dead_letters=both["dead_letters"],
        feedback=sent.feedback,
        problems=tuple(problems),
        redriven=both["redriven"],
        unanswered=unanswered,
    )


def _over_http(sent: Sent, decided_ids: Mapping[str, int], unanswered: int) -> list[str]:
    """Returns what is wrong between the client's 200s and the decisions, by id."""
    answered = Counter(sent.answered)
    problems = [
        *_some("given to several answers over HTTP", {id for id, n in answered.items() if n > 1}),
        *_some("answered with 200 over HTTP, and not decided", answered.keys() - decided_ids.keys()),
        *_some("answered with 200 over HTTP, and decided more than once", {i for i in answered if decided_ids[i] > 1}),
    ]
    if sent.given_up:
        problems.append(f"{sent.given_up:,} never answered with 200 over HTTP")
    if unanswered > sent.not_200:
        problems.append(f"{unanswered:,} decided over HTTP, and not answered; expected {sent.not_200:,} at most")
    return problems


def _some(what: str, found: Iterable[Position] | Iterable[str]) -> list[str]:
    ordered = sorted(found)
    if not ordered:
        return []
    more = f" and {len(ordered) - SHOWN:,} more" if len(ordered) > SHOWN else ""
    return [f"{len(ordered):,} {what}: {', '.join(map(str, ordered[:SHOWN]))}{more}"]
