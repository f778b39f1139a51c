"""The last run of `make test-clients`, as a section of docs/reliability.md: which client, which version, which tests.

`python -m tests.clients.report` writes the section into the page; `python -m tests.drills.reliability` makes it too.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.results import commit, machine
from tests.clients.environments import ROOT, version_of

REPORT = ROOT / "build" / "drills" / "clients.json"
PAGE = ROOT / "docs" / "reliability.md"
HEADING, NEXT = "## Real clients", "## Made to fail"
NONE = "**no report**\n"


class Outcomes:
    """A plugin of pytest: how many tests of each file passed, and how many did not."""

    def __init__(self) -> None:
        self.commit = commit()
        self.passed, self.failed = Counter[str](), Counter[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        if report.when == "call" and report.passed:
            self.passed[file] += 1
        elif not report.passed:
            self.failed[file] += 1

    def save(self, path: Path = REPORT) -> None:
        """Writes the report: a row a client that a file of tests names."""
        rows = []
        for file in sorted(self.passed | self.failed):
            for environment, package, what in clients_of(ROOT / file):
                counts = {"passed": self.passed[file], "failed": self.failed[file]}
                version = version_of(environment, package)
                rows.append({"client": package, "npm": environment == "npm", "version": version, "what": what,
                             "file": file, **counts})  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        when = f"{datetime.now(UTC):%Y-%m-%d}"
        path.write_text(json.dumps({"commit": self.commit, "when": when, "machine": machine(), "clients": rows}))


def clients_of(file: Path) -> list[tuple[str, str, str]]:
    """The clients that a file of tests names in its CLIENTS: environment, package, what of ours it calls."""
    for line in ast.parse(file.read_text("utf-8")).body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "CLIENTS":
            return list(ast.literal_eval(line.value))
    raise ValueError(f"{file}: no CLIENTS")


def section(report: Any) -> str:
    """The section's text, without its heading. report: None for no report."""
    if report is None:
        return NONE
    lines = [
        "`make test-clients` runs other people's clients, from locked environments of their own, against a process of",
        "`tidegate serve` with the model that comes with Tidegate. A client's user must see the scores of",
        "`/v1/decide`, its own exceptions, the request's id, and an answer where it waits out a 429.\n",
        f"Run {report['when']} (UTC) at {report['commit']}, on {report['machine']}.\n",
        "| client | version | what of ours it calls | passed, of its file |",
        "| --- | --- | --- | ---: |",
    ]
    for row in report["clients"]:
        name = f"{row['client']} (npm)" if row["npm"] else row["client"]
        of = row["passed"] + row["failed"]
        passed = f"{row['passed']} of {of}" if row["failed"] else str(of)
        lines.append(f"| [{name}](../{row['file']}) | {row['version']} | {row['what']} | {passed} |")
    return "\n".join(lines) + "\n"


def read_report(path: Path = REPORT) -> Any:
    """The last report; None: there is none."""
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def main() -> int:
    report = read_report()
    if report is None:
        print(f"{REPORT.relative_to(ROOT)}: no report; make test-clients makes it", file=sys.stderr)
        return 1
    before, heading, rest = PAGE.read_text("utf-8").partition(f"{HEADING}\n")
    _, following, after = rest.partition(NEXT) if heading else ("", *before.partition(NEXT)[1:])
    before = before if heading else before.partition(NEXT)[0]
    PAGE.write_text(f"{before}{HEADING}\n\n{section(report)}\n{following}{after}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
