"""The account of a run too long to hold in memory: one number a position, held against what Redis counted.

`fleet.closes` holds every decision; here a position keeps what it was counted as. Old buckets have expired by the end,
so Redis is held by its totals, which never expire, and by every bucket that is still there.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import redis.asyncio as aioredis

from tests.drills.fleet import keys
from tests.drills.reading import everything
from tidegate.streams.topics import ALERTS, DEAD_LETTERS, DECISIONS

ACTIONS = ("allow", "flag", "review", "redact", "block")
OUT = (DECISIONS, DEAD_LETTERS)


class Counts(NamedTuple):
    """How one decision is counted. Few differ: positions share them."""

    epoch: int
    bucket_ms: int
    of: str  # an action, `fault`, or `producer_failed`


@dataclass
class Tally:
    """What came out, by source position: the decision with the highest epoch counts."""

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
        out = json.loads(value)
        source = out["source"]
        if source["topic"] != "completions":
            return
        position = (source["partition"], source["offset"])
        if topic == "dead-letters":
            self.dead.add(position)
            if out.get("reason") == "redriven":
                self.redriven.add(position)
            return
        self.decisions += 1
        of = "fault" if out["fault"] is not None else out["action"] if out["status"] == "ok" else "producer_failed"
        counts = Counts(out["epoch"], out["at_ms"] // self.bucket_ms * self.bucket_ms, of)
        counts = self._shared.setdefault(counts, counts)
        was = self.best.get(position)
        if was is None or counts.epoch > was.epoch:
            self.best[position] = counts
        elif counts.epoch == was.epoch and counts != was:
            self.twice += 1

    def series(self) -> Counter[tuple[int, int, str]]:
        """(partition, bucket start, `scored` or `action.<action>`) -> n, as Redis has to have them."""
        found: Counter[tuple[int, int, str]] = Counter()
        for (partition, _), counts in self.best.items():
            if counts.of in ACTIONS:
                found[partition, counts.bucket_ms, "scored"] += 1
                found[partition, counts.bucket_ms, f"action.{counts.of}"] += 1
        return found


async def tally(kafka: str, bucket_ms: int) -> Tally:
    """Everything on the output topics."""
    seen = Tally(bucket_ms)
    for topic in OUT:
        async for record in everything(kafka, topic):
            seen.add(topic, record.value)
    return seen


async def redis_counts(url: str) -> tuple[Counter[str], dict[tuple[int, int], dict[str, int]]]:
    """Totals over every partition, and (partition, bucket start) -> series -> n of the buckets that are there."""
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
    seen: Tally,
    totals: Counter[str],
    buckets: dict[tuple[int, int], dict[str, int]],
) -> list[str]:
    """Where the account does not close; empty where it does."""
    faults = sum(counts.of == "fault" for counts in seen.best.values())
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
    """The states that the alert on a scope went through, each transition once, in order."""
    alerts = [json.loads(record.value) async for record in everything(kafka, ALERTS)]
    found = {alert["id"]: (alert["sequence"], alert["state"]) for alert in alerts if alert["scope"] == scope}
    return [state for _, state in sorted(found.values())]
