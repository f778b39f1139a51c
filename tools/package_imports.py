"""Turns imports of `streams` and `classifiers` into those of the one package, `tidegate.streams` and its sibling.

python tools/package_imports.py [FOLDER…]: every .py file under them, by default all of ours; what it changed is
printed. Kept until the moves of files are done: a branch from before is brought up to date by it. It may be run again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDERS = ("streams", "classifiers", "tests", "bench", "training", "docs")

# (what, instead), line by line
RULES = (
    (re.compile(r"^(\s*|.*[\"\n;] ?)from (streams|classifiers)\b(?=[. ])"), r"\1from tidegate.\2"),
    (re.compile(r"^(\s*)import (streams|classifiers)$"), r"\1from tidegate import \2"),
    (re.compile(r"\bimport (streams|classifiers)\."), r"import tidegate.\1."),
    # in strings: loggers, and what is patched by its name
    (re.compile(r"([\"'])(streams|classifiers)\.(?!py\b)(?=[a-z_]+[\"'.])"), r"\1tidegate.\2."),
    (re.compile(r"\"-m\", \"streams\""), '"-m", "tidegate"'),
    (re.compile(r"(?<=-m )streams\b(?!\.)"), "tidegate"),
    (re.compile(r"(?<=-m )streams\."), "tidegate.streams."),
)


def converted(text: str) -> str:
    """The text with each rule applied to each line."""
    lines = []
    for line in text.split("\n"):
        for what, instead in RULES:
            line = what.sub(instead, line)
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    for folder in sys.argv[1:] or FOLDERS:
        for path in sorted(Path(folder).rglob("*.py")):
            text = path.read_text("utf-8")
            if (made := converted(text)) != text:
                path.write_text(made, "utf-8")
                print(path)


if __name__ == "__main__":
    main()
