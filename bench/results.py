"""Rows of `results.csv`: one number each, with the commit and the machine that made it."""

from __future__ import annotations

import csv
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
COLUMNS = ("when", "commit", "machine", "what", "metric", "value", "unit", "runs")


@dataclass
class Results:
    """The results of one `python -m bench`. `add` also prints them."""

    path: Path
    commit: str = field(default_factory=lambda: commit())  # as it was when this began
    rows: list[tuple[str, str, float, str, int]] = field(default_factory=list)

    def add(self, what: str, metric: str, value: float, unit: str, runs: int = 1) -> None:
        """what: "worker zeros"; metric: "cpu"; unit: "us/event". value: a median, or as metric says."""
        self.rows.append((what, metric, value, unit, runs))
        print(f"  {what:<28} {metric:<24} {value:>12,.4g} {unit}" + (f"   ({runs} runs)" if runs > 1 else ""))

    def save(self) -> None:
        """Appends the rows."""
        new = not self.path.exists()
        when, on = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(COLUMNS)
            for what, metric, value, unit, runs in self.rows:
                writer.writerow((when, self.commit, on, what, metric, f"{value:.5g}", unit, runs))


def commit() -> str:
    """Returns the checkout's commit, 12 digits; `+` after it where a file of the program differs from it."""
    try:
        at = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "streams", "classifiers", "bench/*.py")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return at + ("+" if changed else "")


def machine() -> str:
    """Returns the CPU model and the number of cores."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass  # no Linux: the platform's name is enough
    return f"{model}, {os.cpu_count()} cores"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments],  # noqa: S607 - the developer's own git
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
