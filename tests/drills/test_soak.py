"""The checks of a soak: the account finds each difference, and a fitted line shows whether memory grew."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.drills.soak.tally import OutputTally, disagreements
from tests.drills.soak.watch import Sample, flatness, growth

BUCKET_MS = 10_000
SENT = {(0, 0), (0, 1), (0, 2)}


def decision(offset: int, epoch: int = 1, action: str = "allow", **more: Any) -> bytes:
    source = {"topic": "completions", "partition": 0, "offset": offset}
    return json.dumps({"source": source, "epoch": epoch, "action": action, "fault": None, "status": "ok",
                       "at_ms": 12_345} | more).encode()  # fmt: skip


def account(*decisions: bytes, totals: dict[str, int] | None = None, scored: int = 2, blocked: int = 0) -> list[str]:
    """Differences where 0 and 1 are decided, 2 is a dead letter, and Redis has the given counts."""
    seen = OutputTally(BUCKET_MS)
    for value in decisions or (decision(0), decision(1)):
        seen.add("decisions", value)
    seen.add("dead-letters", json.dumps({"source": {"topic": "completions", "partition": 0, "offset": 2}}).encode())
    # 12345 falls into the bucket that begins at 10000
    counts = {"scored|all": scored, "action.allow|all": scored - blocked, "action.block|all": blocked}
    redis_totals = Counter({"decided": 2, "dead_letters": 1} if totals is None else totals)
    return disagreements(SENT, seen, redis_totals, {(0, 10_000): counts})


def test_an_account_that_closes_has_no_difference() -> None:
    assert account() == []
    assert account(decision(0), decision(0, epoch=2, action="block"), decision(1), blocked=1) == []  # the higher counts


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (account(decision(0)), "sent and neither decided nor dead: found 1; expected 0"),
        (account(decision(0), decision(1), decision(9)), "decided or dead and never sent: found 1; expected 0"),
        (account(decision(0), decision(1), decision(2)), "both decided and dead: found 1; expected 0"),
        (account(decision(0), decision(0, action="block"), decision(1)), "decided two ways under one epoch: found 1"),
        (account(totals={"decided": 3, "dead_letters": 1}), "Redis's total of decided: found 3; expected 2"),
        (account(totals={"decided": 2}), "Redis's total of dead letters: found 0; expected 1"),
        (account(scored=3), "Redis's bucket 10000 of partition 0, scored: 3; expected 2"),
        (account(decision(0, fault="bad_scores"), decision(1)), "Redis's total of faults: found 0; expected 1"),
    ],
)
def test_an_account_that_does_not_close_says_where(wrong: list[str], expected: str) -> None:
    assert any(line.startswith(expected) for line in wrong), wrong


def test_growth_is_the_rise_of_a_fitted_line() -> None:
    assert growth([(t, 200.0) for t in range(20)]) == pytest.approx(0)
    assert growth([(t, 200.0 + t) for t in range(21)]) == pytest.approx(0.1)  # 200 -> 220
    assert growth([(t, 200.0) for t in range(9)]) is None


def samples(rss_per_s: float = 0.0, redis_per_s: float = 0.0, buckets: int = 80) -> list[Sample]:
    return [Sample(t, {"w1": 200 + rss_per_s * t}, 2 + redis_per_s * t, buckets) for t in range(0, 1200, 5)]


def test_constant_memory_is_flat_and_growing_memory_is_not() -> None:
    assert flatness(samples(), "w1")[1] == []
    # 0.1 MB/s: from 260 MB at 600 s to 319.5 at 1195 s, 22.9% more
    assert any("worker w1 grew by 22.9%" in line for line in flatness(samples(rss_per_s=0.1), "w1")[1])
    assert any("memory of redis grew" in line for line in flatness(samples(redis_per_s=0.01), "w1")[1])
    assert any("too few" in line for line in flatness([], "w1")[1])
