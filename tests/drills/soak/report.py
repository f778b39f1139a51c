"""The output of a soak: a line a minute, and a report."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.drills.scene import REPORTS, Report

HEAD = "min  load  sent/s  counted/s     lag  w1, MB   others  redis MB  buckets  drill                    recovered"


@dataclass
class SoakReport(Report):
    """A fault drill's report, with the fields of a soak."""

    minutes: float = 0.0
    capacity_per_s: float = 0.0  # measured: two workers, one producer, on this machine, beside its other load
    load_per_s: float = 0.0  # the mean over the run: a shared machine has less to give at times
    loads: list[float] = field(default_factory=list)  # of each minute
    drills: list[dict[str, float | str | None]] = field(default_factory=list)
    lag_at_end: int = 0  # 30 s after the traffic's end
    grew: dict[str, float | None] = field(default_factory=dict)  # over the second half, as a fraction
    rss_mb: dict[str, float] = field(default_factory=dict)  # of the worker that never died: first, last, most
    redis_mb: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)  # empty: passed


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def minute_line(
    *,
    minute: int,
    load_per_s: float,
    sent_per_s: float,
    counted_per_s: float,
    lag: int,
    oldest_mb: float,
    others_mb: list[float],
    redis_mb: float,
    buckets: int,
    drill: str,
    recovered_s: float | None,
) -> None:
    """Prints a row under `HEAD`. recovered_s None: not within the minute."""
    others = "+".join(f"{mb:.0f}" for mb in others_mb)
    recovered = "not yet" if recovered_s is None else f"{recovered_s:.1f} s"
    say(
        f"{minute:>3}  {load_per_s:>4.0f}  {sent_per_s:>6.0f}  {counted_per_s:>9.0f}  {lag:>6}  {oldest_mb:>6.0f}"
        f"  {others:>7}  {redis_mb:>8.2f}  {buckets:>7}  {drill:<23}  {recovered}"
    )


def write_report(report: SoakReport) -> Path:
    """Writes the report. Returns its path."""
    path = REPORTS / report.servers / "soak.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(report), indent=1) + "\n")
    return path
