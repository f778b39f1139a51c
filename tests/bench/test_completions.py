"""What the bench measures with, and what it writes down."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path

from bench import completions
from bench.results import COLUMNS, Results
from tidegate.streams.core.events import Completion


def test_completions_are_the_same_for_the_same_seed() -> None:
    assert list(completions.events(50, at_ms=1)) == list(completions.events(50, at_ms=1))
    assert list(completions.texts(50, seed=1)) != list(completions.texts(50, seed=2))


def test_completions_have_a_median_of_700_characters() -> None:
    lengths = [len(text) for text in completions.texts(4000)]
    assert 660 < statistics.median(lengths) < 740  # 1.25 * 0.6 * 700 / sqrt(4000) = 8 is one standard error
    assert completions.SHORTEST <= min(lengths) <= max(lengths) <= completions.LONGEST


def test_events_are_completions_of_several_tenants_and_users() -> None:
    read = [Completion.model_validate(json.loads(value)) for _, value in completions.events(500, at_ms=1)]
    assert {c.tenant for c in read} == set(completions.TENANTS)
    assert {c.route for c in read} == set(completions.ROUTES)
    assert len({c.user for c in read}) > 100


def test_results_are_appended_under_one_header(tmp_path: Path) -> None:
    for value in (1.25, 2.5):
        results = Results(tmp_path / "results.csv")
        results.add("worker zeros", "cpu", value, "us/event", 5)
        results.save()
    header, *rows = list(csv.reader((tmp_path / "results.csv").read_text().splitlines()))
    assert tuple(header) == COLUMNS
    assert [row[3:] for row in rows] == [["worker zeros", "cpu", v, "us/event", "5"] for v in ("1.25", "2.5")]
