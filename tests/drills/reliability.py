"""Writes docs/reliability.md from the reports of the fault drills: `python -m tests.drills.reliability`.

A row is a drill that passed, with its account. The command names each drill without a report and exits with 1.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.results import machine
from tests.clients import report as clients
from tests.drills.fleet import ROOT
from tests.drills.soak.watch import GROWTH

FAULTS = ROOT / "tests" / "drills" / "faults"
REPORTS = ROOT / "build" / "drills"
PAGE = ROOT / "docs" / "reliability.md"
INTRODUCTION = Path(__file__).with_suffix(".md")  # the text before the tables
NAME_ARGUMENT = {"scene": (2, "drill"), "Report": (0, "drill")}  # call -> where the drill's name is among its arguments
GROUPS = {
    "Workers": ("workers", "frozen", "enforced", "scale"),
    "Brokers": ("brokers", "serve"),
    "Network": ("network",),
    "Redis": ("store", "store_lost"),
    "Topics, the group, the checkpoint": ("topics", "corrupt"),
    "Traffic and time": ("traffic",),
}
COUNTS = ("sent", "decided", "faults", "dead letters", "duplicates", "recovered in")
FIELDS = ("sent", "decided", "faults", "dead_letters", "duplicates")
COLUMNS = ("drill", "what was done", *COUNTS, "alert", "seed")
SHORT_COLUMNS = ("drill", *COUNTS, "alert")


@dataclass(frozen=True)
class Drill:
    """One fault drill of the tree."""

    name: str
    file: Path
    real_only: bool  # it needs what the embedded stack cannot do

    @property
    def group(self) -> str:
        stem = self.file.stem.removeprefix("test_")
        return next((group for group, stems in GROUPS.items() if stem in stems), "Others")


def find_drills(folder: Path = FAULTS) -> list[Drill]:
    """Every fault drill, by group, then by file. Raises ValueError where the name of one is no literal."""
    drills = [drill for file in sorted(folder.glob("test_*.py")) for drill in _drills_in(file)]
    order = [*GROUPS, "Others"]
    return sorted(drills, key=lambda drill: order.index(drill.group))


def _drills_in(file: Path) -> Iterable[Drill]:
    for test in ast.parse(file.read_text("utf-8")).body:
        if not (isinstance(test, ast.AsyncFunctionDef | ast.FunctionDef) and test.name.startswith("test_")):
            continue
        parameters = {argument.arg for argument in test.args.args}
        names = [name for call in ast.walk(test) if isinstance(call, ast.Call) for name in _names(call, test)]
        if not names:
            raise ValueError(f"{file.name}: {test.name}: expected a literal drill name, or one of its parameters")
        yield from (Drill(name, file, "own_real" in parameters) for name in names)


def _names(call: ast.Call, test: ast.AsyncFunctionDef | ast.FunctionDef) -> list[str]:
    """The drill's names that a call gives: a literal, or every value of the test's parameter."""
    if not (isinstance(call.func, ast.Name) and call.func.id in NAME_ARGUMENT):
        return []
    at, keyword = NAME_ARGUMENT[call.func.id]
    given = [*call.args[at : at + 1], *(k.value for k in call.keywords if k.arg == keyword)]
    match given:
        case [ast.Constant(str(name))]:
            return [name]
        case [ast.Name(parameter)]:
            decorators = (
                decorator
                for decorator in test.decorator_list
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("parametrize")
            )
            return [name for decorator in decorators for name in _values(decorator, parameter)]
    return []


def _values(decorator: ast.Call, parameter: str) -> list[str]:
    """The values that `parametrize` gives a parameter."""
    try:
        names = ast.literal_eval(decorator.args[0])
    except ValueError:
        return []
    names = names.replace(" ", "").split(",") if isinstance(names, str) else list(names)
    if parameter not in names or not isinstance(decorator.args[1], ast.List):
        return []
    at = names.index(parameter)
    rows = [row.elts if isinstance(row, ast.Tuple) else [row] for row in decorator.args[1].elts]
    return [str(row[at].value) for row in rows if isinstance(row[at], ast.Constant)]


def rows_of(page: str) -> dict[str, str]:
    """Drill -> the file that its row in the page's first tables links to."""
    real = page.partition("## On the embedded stack")[0]
    links = (line.split("|")[1].strip() for line in real.splitlines() if line.startswith("| [`"))
    return {link[2 : link.index("`]")]: link[link.index("(") + 1 : -1] for link in links}


def render_page(drills: Sequence[Drill], reports: Path = REPORTS) -> tuple[str, list[str]]:
    """Returns the page and a line for each report that is missing."""
    missing: list[str] = []
    real = {d.name: _read(reports / "real" / f"{d.name}.json") for d in drills}
    embedded = {d.name: _read(reports / "embedded" / f"{d.name}.json") for d in drills if not d.real_only}
    missing += [f"{name}: no report in build/drills" for name, report in real.items() if report is None]
    missing += [f"{name}: no report of the embedded stack" for name, report in embedded.items() if report is None]
    mutations = _read(reports / "mutations.json")
    if mutations is None:
        missing.append("mutations: no build/drills/mutations.json")
    sections = [INTRODUCTION.read_text("utf-8"), _provenance(reports)]
    for group in dict.fromkeys(drill.group for drill in drills):
        sections.append(f"## {group}\n")
        sections.append(_table(COLUMNS, [_row(d, real[d.name], COLUMNS) for d in drills if d.group == group]))
    soak = _read(reports / "real" / "soak.json")
    passed = soak is not None and not soak["wrong"]
    missing += [] if passed else ["soak: no report of one that passed in build/drills; `make soak` makes it"]
    sections += ["## For twenty minutes\n", _soak(soak) if passed else "**no report**\n"]
    of_clients = _read(reports / clients.REPORT.name)
    missing += [] if of_clients else ["clients: no build/drills/clients.json; `make test-clients` makes it"]
    sections += [f"{clients.HEADING}\n", clients.section(of_clients)]
    sections.append("## Made to fail\n")
    sections.append(
        "A drill that cannot fail proves nothing. `python -m tests.drills.mutations` takes one check out of the"
    )
    sections.append("program, and the account of a drill has to catch it.\n")
    sections.append(_mutations(mutations))
    sections.append("## On the embedded stack\n")
    sections.append(
        "The same drills on the broker and the store from wheels, where these can do what is asked of them.\n"
    )
    sections.append(
        _table(SHORT_COLUMNS, [_row(d, embedded[d.name], SHORT_COLUMNS) for d in drills if not d.real_only])
    )
    return "\n".join(sections), missing


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _provenance(reports: Path) -> str:
    files = sorted(reports.glob("*/*.json"), key=lambda file: file.stat().st_mtime)
    days = [f"{datetime.fromtimestamp(file.stat().st_mtime, UTC):%Y-%m-%d}" for file in files]
    when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
    at = dict.fromkeys(commit for file in files if (commit := _read(file).get("commit")))
    return (
        f"Measured {when} (UTC) at {', '.join(at) or 'an unknown commit'}, on {machine()}, which ran the servers too.\n"
    )


def _soak(report: Any) -> str:
    n = {name: f"{report[name]:,}" for name in ("load_per_s", *FIELDS)}
    troubles = Counter(drill["drill"] for drill in report["drills"])
    rss, growth = report["rss_mb"], {name: by for name, by in report["grew"].items() if by is not None}
    return f"""\
`make soak` breaks something every minute, at random, while two workers carry 70% of what was measured that they can
do. Then the account must close as above, no lag be left, and the memory of the worker that lived all the while, and
of Redis, have grown by no more than {GROWTH:.0%} in the second half.

- {report["minutes"]:g} minutes at {n["load_per_s"]} completions a second, seed {report["seed"]}: {n["sent"]} sent =
  {n["decided"]} decided + {n["faults"]} faults + {n["dead_letters"]} dead letters, {n["duplicates"]} duplicates.
- {troubles.total()} troubles: {", ".join(f"{name} ({of})" if of > 1 else name for name, of in troubles.items())}.
  The longest was over after {report["recovered_s"]:.1f} s. The alert {report["alert"]}.
- The worker took {rss["first"]:.0f} MB at first and {rss["last"]:.0f} MB at the end; in the second half
  {", ".join(f"{name} {by:+.1%}" for name, by in growth.items())}.
"""


def _row(drill: Drill, report: Any, columns: Sequence[str]) -> list[str]:
    link = f"[`{drill.name}`](../{drill.file.relative_to(ROOT).as_posix()})"
    if report is None:
        return [link, "**no report**", *[""] * (len(columns) - 2)]
    cells = {
        "drill": link,
        "what was done": report["did"],
        "sent": f"{report['sent']:,}",
        "decided": f"{report['decided']:,}",
        "faults": f"{report['faults']:,}",
        "dead letters": f"{report['dead_letters']:,}",
        "duplicates": f"{report['duplicates']:,}",
        "recovered in": "" if report["recovered_s"] is None else f"{report['recovered_s']:.1f} s",
        "alert": report["alert"],
        "seed": str(report["seed"]),
    }
    return [cells[column].replace("|", "\\|") for column in columns]


def _mutations(outcomes: Any) -> str:
    if outcomes is None:
        return "**no report**\n"
    rows = [
        [m["mutation"], f"`{m['changed']}`", f"`{m['drill']}`", "yes" if m["caught"] else "**no**", m["message"]]
        for m in outcomes
    ]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return _table(("mutation", "changed", "drill", "caught", "what the account said"), cells)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---:" if column in (*COUNTS, "seed") else "---" for column in columns]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, rule, *rows))


# Sections of runs of their own, and how a missing report of theirs is named.
OTHER_RUNS = {
    "## For twenty minutes": "soak:",
    clients.HEADING: "clients:",
    "## Made to fail": "mutations:",
    "## On the embedded stack": "embedded stack",
}


def keep_sections(page: str, before: str, missing: Sequence[str]) -> str:
    """Returns the page with the sections of the page before, where their runs were not made again: they say when."""
    old, new = _sections(before), _sections(page)
    measured = next((line for line in old[""].splitlines() if line.startswith("Measured ")), "")
    for heading, sign in OTHER_RUNS.items():
        if heading in old and any(sign in line for line in missing):
            kept = old[heading]
            dated = "\nMeasured " in kept or heading == clients.HEADING
            new[heading] = kept if dated else f"\n\n{measured}\n{kept[1:]}"
    return "".join(heading + text for heading, text in new.items())


def _sections(page: str) -> dict[str, str]:
    """Heading -> what stands under it; "" -> what stands before the first."""
    found = {"": ""}
    for line in page.splitlines(keepends=True):
        if line.startswith("## "):
            found[line.rstrip("\n")] = "\n"
        else:
            found[list(found)[-1]] += line
    return found


def main() -> int:
    page, missing = render_page(find_drills())
    if PAGE.exists():
        page = keep_sections(page, PAGE.read_text("utf-8"), missing)
    PAGE.write_text(page, "utf-8")
    sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    for what in missing:
        sys.stderr.write(f"missing: {what}; expected it: run the drill, and this again\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
