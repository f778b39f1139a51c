"""Breaks Tidegate in a copy, one guard at a time, and shows which drill catches it.

    python -m tests.drills.mutations                     all of them, some minutes
    python -m tests.drills.mutations checkpoint "commit bef"  those whose name begins so

A drill that passes proves something only where it fails when the guard is gone. Nothing in the working tree is
changed. Exit code 1 where a mutation was not caught, 2 where its text is no longer in the file.
"""

# ruff: noqa: T201 - a command: it prints what came of each
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


class Change(NamedTuple):
    """A text that is in a file exactly once, and what stands there in the copy."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    name: str
    drill: str
    changes: tuple[Change, ...]


MUTATIONS = (
    Mutation(
        "checkpoint check removed: a span is counted whatever was counted before it",
        f"{FAULTS}/test_workers.py::test_answers_of_redis_are_lost",
        (
            Change(
                "streams/store/scripts.py",
                "if to <= next then return {'already', f[2]} end\n"
                "if from < next then return {'overlap', f[2]} end\n"
                "if from > next then return {'gap', f[2]} end\n",
                "",
            ),
        ),
    ),
    Mutation(
        "epoch check removed: `apply` counts for whoever asks",
        f"{FAULTS}/test_frozen.py::test_a_frozen_worker_comes_to_count_before_the_new_owner",
        (Change("streams/store/scripts.py", "if f[1] ~= ARGV[1] then return {'not_owner', f[2]} end\n", ""),),
    ),
    Mutation(
        "heartbeat check removed: a worker publishes whether or not the group still knows it",
        f"{FAULTS}/test_frozen.py::test_a_worker_is_frozen_and_thawed",
        (Change("streams/worker/pipeline.py", "if not self._ingest.may_publish():", "if False:"),),
    ),
    Mutation(
        "commit before apply: what was read is committed, and the next owner starts there",
        f"{FAULTS}/test_workers.py::test_a_worker_is_killed",
        (
            Change(
                "streams/ingest/commits.py",
                "KafkaPartition(*own.partition): own.applied",
                "KafkaPartition(*own.partition): own.position",
            ),
            Change(
                "streams/ingest/takeover.py",
                "if belief is CheckpointTrust.BELIEVED and claim.checkpoint is not None:",
                "if committed is None and belief is CheckpointTrust.BELIEVED and claim.checkpoint is not None:",
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Outcome:
    mutation: str
    changed: str  # file:line
    drill: str
    caught: bool
    said: str  # by which assertion, or what came instead of one
    took_s: float


class TextGone(Exception):
    """A mutation's text is not in its file exactly once: write the mutation anew."""


def main(words: Sequence[str]) -> int:
    """Runs the mutations whose name begins with one of the words, or all; what others came to before is kept."""
    chosen = [mutation for mutation in MUTATIONS if not words or mutation.name.startswith(tuple(words))]
    missed = 0
    for mutation in chosen:
        try:
            outcome = run(mutation)
        except TextGone as gone:
            print(gone, file=sys.stderr)
            return 2
        print(table(outcome), flush=True)
        missed += not outcome.caught
        keep(outcome)
    print(f"{len(chosen) - missed} of {len(chosen)} mutations were caught; {REPORT.relative_to(ROOT)}")
    return 1 if missed or not chosen else 0


def keep(outcome: Outcome) -> None:
    """Writes the outcome beside what others came to."""
    known = {row["mutation"]: row for row in (json.loads(REPORT.read_text()) if REPORT.exists() else [])}
    known[outcome.mutation] = asdict(outcome)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    rows = [known[each.name] for each in MUTATIONS if each.name in known]
    REPORT.write_text(json.dumps(rows, indent=1) + "\n")


def run(mutation: Mutation) -> Outcome:
    """What the mutation's drill says of a copy that has it. Raises TextGone."""
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
        caught, said = judged(results, drill.stdout)
    return Outcome(mutation.name, changed, mutation.drill, caught, said, round(time.monotonic() - began, 1))


def apply(change: Change, copy: Path) -> str:
    """Writes the change; where it is, as file:line. Raises TextGone."""
    path = copy / change.file
    text = path.read_text()
    if (times := text.count(change.old)) != 1:
        raise TextGone(f"{change.file}: {times} times {change.old!r}; expected once; the mutation was not run")
    path.write_text(text.replace(change.old, change.new))
    return f"{change.file}:{text[: text.index(change.old)].count(chr(10)) + 1}"


def judged(results: Path, output: str) -> tuple[bool, str]:
    """Whether the account did not close, and what it said; a drill that could not run, or says of itself that it proved
    nothing, caught nothing.
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


def table(o: Outcome) -> str:
    """A few lines: what was changed, which drill ran, and what it said."""
    return (
        f"{'caught' if o.caught else 'MISSED'}  {o.mutation}\n"
        f"        {o.changed}\n        {o.drill.rpartition('::')[2]}, {o.took_s:g} s\n        {o.said}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
