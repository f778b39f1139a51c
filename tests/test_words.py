"""One word for one thing (docs/glossary.md): the words that the field has others for stay out of code and documents."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_NAME = 60  # characters, of a test

# Old word -> the field's, for whoever meets it in an old branch. Looked for in names, comments, strings and documents.
OLD = {
    r"(?<![a-z])fences?(?![a-z])": "checkpoint",
    r"(?<![a-z])(store|broker)_?away(?![a-z])|\b(is|are|was|were) away\b": "unavailable",
    r"(?<![a-z])ticks?(?![a-z])|(?<![a-z])ticked(?![a-z])": "evaluation, ruler",
    r"(?<![a-z])beat(?![a-z])": "heartbeat",
    r"\bof itself\b|\bsaid so\b": "say what it is",
    r"\banew\b": "again",
    r"\bwhoever\b": "who",
    r"(?<![a-z])culprits?(?![a-z])": "poison offset",
    r"\bembedded pair\b|(?<![a-z])own_pair(?![a-z])": "stack",
    r"\b(a|each|every|its|the owned|no) part's?\b(?! of)": "partition",
}

# (file, old word): why it stays. At most ten, with those below.
ALLOWED: dict[tuple[str, str], str] = {}

# Class name -> why it stands twice.
TWICE = {"Span": "a piece of a text, in both packages: `classifiers/` imports nothing of `streams/`"}

SKIPPED = ("training/", "classifiers/", "docs/models.md", "CHANGELOG.md", "tests/classifiers/", "tests/training/")


def texts() -> list[str]:
    kinds = ("*.py", "*.md", "*.yml", "*.toml", "*.txt", "Makefile", "Dockerfile")
    found = {
        str(path.relative_to(ROOT))
        for top in ("streams", "tests", "bench", "docs", "tools", "deploy")
        for kind in kinds
        for path in (ROOT / top).rglob(kind)
    } | {str(path.relative_to(ROOT)) for kind in kinds for path in ROOT.glob(kind)}
    return sorted(file for file in found if not file.startswith(SKIPPED) and file != "tests/test_words.py")


@pytest.mark.parametrize("old", OLD)
def test_old_words_stay_out(old: str) -> None:
    pattern = re.compile(old, re.IGNORECASE)
    places = [
        f"{file}:{number}: {line.strip()[:100]}"
        for file in texts()
        if (file, old) not in ALLOWED
        for number, line in enumerate((ROOT / file).read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert places == [], f"the field's word is: {OLD[old]}"


def test_few_places_are_allowed() -> None:
    assert len(ALLOWED) + len(TWICE) <= 10


def test_a_public_class_name_has_one_meaning() -> None:
    """Over both packages: a name that means two things has to be looked up each time."""
    names: Counter[str] = Counter()
    for top in ("streams", "classifiers"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    names[node.name] += 1
    assert {name for name, n in names.items() if n > 1} == set(TWICE)


def test_a_tests_name_is_short() -> None:
    """The rule is in its docstring: a name of over 60 characters is a sentence that nobody reads."""
    named = [
        f"{file.relative_to(ROOT)}: {node.name}"
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if len(node.name) > LONGEST_NAME
    ]
    assert named == []
