"""The account of a run too long to hold in memory: one entry a position, compared with what Redis counted.

`fleet.assert_account_closes` holds every decision; here a position stores only what it was counted as. Old buckets have
expired by the end, so Redis is checked by its totals, which never expire, and by every bucket that is left.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import redis.asyncio as aioredis

from tests.drills.fleet import keys
from tests.drills.reading import read_topic
from tidegate.streams.topics import ALERTS, DEAD_LETTERS, DECISIONS

ACTIONS = ("allow", "flag", "review", "redact", "block")
OUT = (DECISIONS, DEAD_LETTERS)


class Counts(NamedTuple):
    """How one decision is counted. Few differ, so positions share them."""

    epoch: int
    bucket_ms: int
    outcome: str  # an action, `fault`, or `producer_failed`


@dataclass
class OutputTally:
    """The outputs by source position: the decision with the highest epoch counts."""

    bucket_ms: int
    best: dict[tuple[int, int], Counts] = field(default_factory=dict)
    dead: set[tuple[int, int]] = field(default_factory=set)
    redriven: set[tuple[int, int]] = field(default_factory=set)  # of those
    decisions: int = 0
    twice: int = 0  # positions decided two ways under one epoch: a bug
    _shared: dict[Counts, Counts] = field(default_factory=dict)

    @property
    def positions(self) -> set[tuple[int, int]]:
        return self.best.keys() | self.dead

    @property
    def duplicates(self) -> int:
        """Decisions beyond one a position."""
        return self.decisions - len(self.best)

    def add(self, topic: str, value: bytes) -> None:
        output = json.loads(value)
        source = output["source"]
        if source["topic"] != "completions":
            return
        position = (source["partition"], source["offset"])
        if topic == "dead-letters":
            self.dead.add(position)
            if output.get("reason") == "redriven":
                self.redriven.add(position)
            return
        self.decisions += 1
        outcome = (
            "fault"
            if output["fault"] is not None
            else output["action"]
            if output["status"] == "ok"
            else "producer_failed"
        )
        counts = Counts(output["epoch"], output["at_ms"] // self.bucket_ms * self.bucket_ms, outcome)
        counts = self._shared.setdefault(counts, counts)
        newest = self.best.get(position)
        if newest is None or counts.epoch > newest.epoch:
            self.best[position] = counts
        elif counts.epoch == newest.epoch and counts != newest:
            self.twice += 1

    def series(self) -> Counter[tuple[int, int, str]]:
        """(partition, bucket start, `scored` or `action.<action>`) -> the n that Redis must have."""
        found: Counter[tuple[int, int, str]] = Counter()
        for (partition, _), counts in self.best.items():
            if counts.outcome in ACTIONS:
                found[partition, counts.bucket_ms, "scored"] += 1
                found[partition, counts.bucket_ms, f"action.{counts.outcome}"] += 1
        return found


async def tally(kafka: str, bucket_ms: int) -> OutputTally:
    """Reads every record of the output topics."""
    seen = OutputTally(bucket_ms)
    for topic in OUT:
        async for record in read_topic(kafka, topic):
            seen.add(topic, record.value)
    return seen


async def redis_counts(url: str) -> tuple[Counter[str], dict[tuple[int, int], dict[str, int]]]:
    """Returns totals over every partition, and (partition, bucket start) -> series -> n of the live buckets."""
    totals: Counter[str] = Counter()
    buckets: dict[tuple[int, int], dict[str, int]] = {}
    async with aioredis.Redis.from_url(url, decode_responses=True) as client:
        for key in await keys(client, "tidegate:{completions-*"):
            partition = int(key[key.index("{") + len("{completions-") : key.index("}")])
            if key.endswith(":totals"):
                totals.update({name: int(n) for name, n in (await client.hgetall(key)).items()})
            elif ":b:" in key and (found := await client.hgetall(key)):
                buckets[partition, int(key.rpartition(":")[2])] = {name: int(n) for name, n in found.items()}
    return totals, buckets


def disagreements(
    sent: set[tuple[int, int]],
    seen: OutputTally,
    totals: Counter[str],
    buckets: dict[tuple[int, int], dict[str, int]],
) -> list[str]:
    """One line for each difference; empty where the account closes."""
    faults = sum(counts.outcome == "fault" for counts in seen.best.values())
    wrong = [
        f"{name}: found {found:,}; expected {expected:,}"
        for name, found, expected in (
            ("sent and neither decided nor dead", len(sent - seen.positions), 0),
            ("decided or dead and never sent", len(seen.positions - sent), 0),
            ("both decided and dead", len(seen.best.keys() & seen.dead), 0),
            ("decided two ways under one epoch", seen.twice, 0),
            ("Redis's total of decided", totals["decided"], len(seen.best) - faults),
            ("Redis's total of faults", totals["faults"], faults),
            ("Redis's total of dead letters", totals["dead_letters"], len(seen.dead - seen.redriven)),
            ("Redis's total of redriven", totals["redriven"], len(seen.redriven)),
        )
        if found != expected
    ]
    expected = seen.series()
    for (partition, start), series in sorted(buckets.items()):
        for name in ("scored", *(f"action.{action}" for action in ACTIONS)):
            found, wanted = series.get(f"{name}|all", 0), expected[partition, start, name]
            if found != wanted:
                wrong.append(f"Redis's bucket {start} of partition {partition}, {name}: {found}; expected {wanted}")
    if not buckets:
        wrong.append("Redis holds no bucket any more; expected those of the last minutes")
    return wrong


async def alert_states(kafka: str, scope: str) -> list[str]:
    """The states of the alert on a scope, each transition once, in order."""
    alerts = [json.loads(record.value) async for record in read_topic(kafka, ALERTS)]
    found = {alert["id"]: (alert["sequence"], alert["state"]) for alert in alerts if alert["scope"] == scope}
    return [state for _, state in sorted(found.values())]
