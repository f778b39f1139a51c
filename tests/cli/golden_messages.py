"""What commands say, as golden files: `messages/policy-set.txt` holds every case that a test drives of `policy set`.

Each call of `Cli` is compared with its command's file: the arguments, the exit code, and both outputs, without what
varies from run to run (`stable`). A case is one of the file's, whatever ran before it: tests may run alone and in any
order. After a change of a message: `python -m tests.cli.goldens`, and read the diff.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

FOLDER = Path(__file__).with_name("messages")
ROOT = Path(__file__).parents[2]
COLLECT = "GOLDEN_MESSAGES"  # a folder: each process of the run saves there what it collected, and compares nothing
LONGEST = 200  # characters of a command line
AGAIN = "run: python -m tests.cli.goldens"

# What varies, and what stands for it; in this order.
_VARIES: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), stands_for)
    for pattern, stands_for in (
        (re.escape(str(ROOT)), "<root>"),
        (r"/\S*?/pytest-of-[^/\s]+/pytest-[^/\s]+(/popen-gw\d+)?/[^/\s]+", "<tmp>"),
        (r"\b(127\.0\.0\.1|localhost):(?!1/0|1\b)\d+", r"\1:<port>"),
        (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "<time>"),
        (r"\bin (\d+[dhms] ?)+(?=\s|$)", "in <duration>  "),
        (r"\b(\d+[dhms] )?\d+[dhms] ago\b", "<duration> ago"),
        (r"\b(alive|pending|firing|silent) for (\d+[dhms] ?)+", r"\1 for <duration>"),
        (r"\((\d+[dhms] ?){1,2}\)", "(<duration>)"),
        (r"\b\d+-[0-9a-f]{8}\b", "<version>"),
        (r"\b(key|TIDEGATE_USER_KEY is|fingerprint is) [0-9a-f]{8}\b", r"\1 <fingerprint>"),
        (r"(?<=\]@)\d{3,}", "<offset>"),
        (r"\bs-[0-9a-f]{8}\b", "<silence>"),
        (r"(?<=\('127\.0\.0\.1', )\d{4,}", "<port>"),
        (r"\b1\d{12}\b", "<ms>"),
        (r"\btdg_[0-9a-f]{8}_[0-9a-f]{64}\b", "<secret>"),
        (r"\bid [0-9a-f]{8}\b|(?<=  )[0-9a-f]{8}(?=  )", "id <id>"),
        (r"\b[0-9a-f]{16,64}\b", "<hash>"),
        (r"(?<=policies@)\d+", "<offset>"),
        (r"^ *\d+(?=  (applied|lost|invalid|silenced|shadowed|dropped))", "<offset>"),
        (r"\bError \d+ connecting", "Error <errno> connecting"),  # each system has its own
        (r"[ \t]{2,}", "  "),  # columns are as wide as what varies in them
        (r"[ \t]+$", ""),
    )
]

_collected: dict[str, set[str]] = {}  # file -> its cases, of this run
_stored: dict[str, set[str]] = {}
enabled = True  # off on real servers, which word some errors otherwise


def stable(text: str) -> str:
    """The text with a name in place of what varies: paths, ports, times, versions, offsets, hashes.

    Of a JSON object its keys are left: its values are the tests' to assert. Lines that repeat stand once.
    """
    lines: list[str] = []
    for line in text.splitlines():
        line = _keys(line) if line.startswith("{") else line
        for pattern, stands_for in _VARIES:
            line = pattern.sub(stands_for, line)
        if lines[-1:] != [line]:
            lines.append(line)
    return "\n".join(lines)


def _keys(line: str) -> str:
    try:
        return f"JSON: {', '.join(json.loads(line))}"
    except ValueError:
        return line


def shortened(command: str) -> str:
    """A command line of at most LONGEST characters."""
    return command if len(command) <= LONGEST else command[:LONGEST] + "…"


def case(args: Sequence[str], env: Mapping[str, str], code: int, out: str, err: str) -> str:
    """One call, as its golden file holds it."""
    variables = [f"{name}={value}" for name, value in sorted(env.items())]
    command = " ".join([*variables, *map(shlex.quote, args)]).replace("\n", "\\n")
    lines = [f"$ {shortened(stable(command))}", f"exit code {code}"]
    for name, text in (("out", out), ("err", err)):
        lines += [f"{name}| {line}".rstrip() for line in stable(text).splitlines()]
    return "\n".join(lines) + "\n"


def file_of(args: Sequence[str], commands: Sequence[Sequence[str]]) -> str:
    """`policy-set.txt` of `policy set …`; what is no command at all goes to `tidegate.txt`."""
    found = [path for path in commands if tuple(args[: len(path)]) == tuple(path)]
    return ("-".join(max(found, key=len)) if found else "tidegate") + ".txt"


def read(file: str) -> set[str]:
    """The cases of a golden file."""
    if file not in _stored:
        path = FOLDER / file
        text = path.read_text("utf-8") if path.exists() else ""
        _stored[file] = {found + "\n" for found in text.split("\n\n") if found.strip()}
    return {found.rstrip("\n") + "\n" for found in _stored[file]}


def compare(file: str, found: str) -> None:
    """Fails the test where a call is none of its golden file's cases; collects it where they are to be written."""
    if not enabled:
        return
    if COLLECT in os.environ:
        _collected.setdefault(file, set()).add(found)
        return
    if found not in read(file):
        near = [stored for stored in sorted(read(file)) if stored.partition("\n")[0] == found.partition("\n")[0]]
        was = "\n".join(near) if near else f"no case of it in messages/{file}\n"
        pytest.fail(
            f"this is not what messages/{file} holds; {AGAIN}\n--- now\n{found}--- golden\n{was}", pytrace=False
        )


def save_collected(folder: Path) -> None:
    """Writes what this process collected into the folder; `write_golden_files` joins those of all processes."""
    cases = {file: sorted(found) for file, found in _collected.items()}
    (folder / f"{os.getpid()}.json").write_text(json.dumps(cases), "utf-8")


def write_golden_files(folder: Path) -> None:
    """Writes the golden files, one a command, from what the processes of a run saved in a folder."""
    every: dict[str, set[str]] = {}
    for saved in folder.glob("*.json"):
        for file, cases in json.loads(saved.read_text("utf-8")).items():
            every.setdefault(file, set()).update(cases)
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for file, found in every.items():
        (FOLDER / file).write_text("\n".join(sorted(found)), "utf-8")
