"""The bench of `tidegate serve` runs, in short, and says what its limits are about."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.results import Results
from bench.serve import Plan, run
from bench.served import arrivals
from bench.unserved import in_batches, when_due
from tests.support.scorers import ScriptedScorer

LIMITS = (
    ("serve zeros, best_effort", "cpu"),
    ("served / bare model", "rate"),
    ("served, 16 a request, / bare model", "rate"),
    ("served - bare half load", "p99"),
    ("serve 5 times the load", "refused with 429"),
    ("serve 5 times the load", "memory grown, last third"),
    ("serve 5 times the load", "rate in the 5 s after to before"),
)


def test_every_limit_has_a_number(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.csv")
    plan = Plan(runs=1, texts=64, zero_requests=64, half_s=1.2, overload_s=1.5, classifier="tests.serve.slow:scorer")
    run(results, plan)
    found = {(what, metric): value for what, metric, value, _, _ in results.rows}
    assert set(LIMITS) <= set(found)
    assert all(math.isfinite(value) for value in found.values())


def test_arrivals_are_the_same_for_the_same_seed() -> None:
    due = arrivals(200.0, 10.0, seed=1)
    assert due == arrivals(200.0, 10.0, seed=1) == sorted(due)
    assert due != arrivals(200.0, 10.0, seed=2)
    assert 1800 < len(due) < 2200  # 2,000, and 4.5 standard errors of 45


@pytest.mark.parametrize("texts", [1, 64, 65])
def test_the_bare_loop_scores_every_text(texts: int) -> None:
    scored: list[int] = []

    class Counting(ScriptedScorer):
        def score(self, texts, *, explain=False):  # type: ignore[no-untyped-def]
            scored.append(len(texts))
            return super().score(texts, explain=explain)

    assert in_batches(Counting(), ["a"] * texts)["per_s"] > 0
    assert sum(scored) == texts
    assert max(scored) <= 64
    assert len(when_due(Counting(), ["a", "b"], [0.0] * texts)["took_ms"]) == texts
