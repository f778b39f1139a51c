"""Removes one guard at a time from a copy of Tidegate, and shows which drill catches it.

    python -m tests.drills.mutations                     all, in some minutes
    python -m tests.drills.mutations checkpoint "commit bef"  those whose name begins so

A drill proves a guard only if it fails without that guard. Nothing in the working tree changes.
Exit code 1: a mutation was not caught; 2: its text is no longer in the file.
"""

# ruff: noqa: T201 - a command: it prints each outcome
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "build" / "drills" / "mutations.json"
COPIED = ("tidegate", "streams", "classifiers", "tests", "pyproject.toml", "policy.toml")
FAULTS = "tests/drills/faults"


class TextChange(NamedTuple):
    """A text that is in a file exactly once, and its replacement in the copy."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    name: str
    drill: str
    changes: tuple[TextChange, ...]


MUTATIONS = (
    Mutation(
        "checkpoint check removed: a record range is counted whatever was counted before it",
        f"{FAULTS}/test_workers.py::test_answers_of_redis_are_lost",
        (
            TextChange(
                "streams/store/scripts.py",
                "if to <= next then return {'already', f[2]} end\n"
                "if from < next then return {'overlap', f[2]} end\n"
                "if from > next then return {'gap', f[2]} end\n",
                "",
            ),
        ),
    ),
    Mutation(
        "epoch check removed: `apply` counts for a worker that lost the partition",
        f"{FAULTS}/test_frozen.py::test_a_frozen_worker_comes_to_count_before_the_new_owner",
        (TextChange("streams/store/scripts.py", "if f[1] ~= ARGV[1] then return {'not_owner', f[2]} end\n", ""),),
    ),
    Mutation(
        "heartbeat check removed: a worker publishes after the group removed it",
        f"{FAULTS}/test_frozen.py::test_a_worker_is_frozen_and_thawed",
        (TextChange("streams/worker/pipeline.py", "if not self._ingest.may_publish():", "if False:"),),
    ),
    Mutation(
        "commit before apply: the read position is committed, and the next owner starts there",
        f"{FAULTS}/test_workers.py::test_a_worker_is_killed",
        (
            TextChange(
                "streams/ingest/commits.py",
                "own.partition: own.applied",
                "own.partition: own.position",
            ),
            TextChange(
                "streams/ingest/takeover.py",
                "if trust is CheckpointTrust.BELIEVED and claim.checkpoint is not None:",
                "if committed is None and trust is CheckpointTrust.BELIEVED and claim.checkpoint is not None:",
            ),
        ),
    ),
)


@dataclass(frozen=True)
class MutationOutcome:
    mutation: str
    changed: str  # file:line
    drill: str
    caught: bool
    message: str  # of the failed assertion, or why there was none
    took_s: float


class TextNotFound(Exception):
    """A mutation's text is not in its file exactly once: update the mutation."""


def main(prefixes: Sequence[str]) -> int:
    """Runs the mutations whose name begins with a prefix, or all. Outcomes of others stay in the report."""
    chosen = [mutation for mutation in MUTATIONS if not prefixes or mutation.name.startswith(tuple(prefixes))]
    missed = 0
    for mutation in chosen:
        try:
            outcome = run(mutation)
        except TextNotFound as error:
            print(error, file=sys.stderr)
            return 2
        print(format_outcome(outcome), flush=True)
        missed += not outcome.caught
        write_outcome(outcome)
    print(f"{len(chosen) - missed} of {len(chosen)} mutations were caught; {REPORT.relative_to(ROOT)}")
    return 1 if missed or not chosen else 0


def write_outcome(outcome: MutationOutcome) -> None:
    """Writes the outcome into the report, beside those of other mutations."""
    row_of = {row["mutation"]: row for row in (json.loads(REPORT.read_text()) if REPORT.exists() else [])}
    row_of[outcome.mutation] = asdict(outcome)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    rows = [row_of[each.name] for each in MUTATIONS if each.name in row_of]
    REPORT.write_text(json.dumps(rows, indent=1) + "\n")


def run(mutation: Mutation) -> MutationOutcome:
    """Runs the mutation's drill on a copy that has it. Raises TextNotFound."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tidegate-mutation-") as folder:
        copy = Path(folder)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, copy / name)
        changed = ", ".join([apply(change, copy) for change in mutation.changes])
        results = copy / "results.xml"
        drill = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}", mutation.drill],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
        )
        caught, message = read_result(results, drill.stdout)
    return MutationOutcome(mutation.name, changed, mutation.drill, caught, message, round(time.monotonic() - began, 1))


def apply(change: TextChange, copy: Path) -> str:
    """Writes the change into the copy. Returns its place as file:line. Raises TextNotFound."""
    path = copy / change.file
    text = path.read_text()
    if (times := text.count(change.old)) != 1:
        raise TextNotFound(f"{change.file}: {times} times {change.old!r}; expected once; the mutation was not run")
    path.write_text(text.replace(change.old, change.new))
    return f"{change.file}:{text[: text.index(change.old)].count(chr(10)) + 1}"


def read_result(results: Path, output: str) -> tuple[bool, str]:
    """Whether the account did not close, and the message of its assertion.

    A drill that did not run, or that reports that it proved nothing, caught nothing.
    """
    if not results.exists():
        return False, f"the drill did not run: {output[-300:]}"
    (case,) = ET.parse(results).getroot().iter("testcase")  # noqa: S314 - pytest wrote it a moment ago
    failure = case.find("failure")
    if failure is None:
        return False, "passed" if case.find("error") is None else "the drill could not begin"
    message = failure.get("message", "").splitlines()[0]
    caught = message.startswith("AssertionError") and "proved nothing" not in message
    return caught, message.removeprefix("AssertionError: ")[:200]


def format_outcome(o: MutationOutcome) -> str:
    """A few lines: the mutation, its place, the drill that ran, and its message."""
    return (
        f"{'caught' if o.caught else 'MISSED'}  {o.mutation}\n"
        f"        {o.changed}\n        {o.drill.rpartition('::')[2]}, {o.took_s:g} s\n        {o.message}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
