"""Numbers and tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

NONE = "–"  # too few texts to say, or nothing to say it of
NUMBERS = re.compile(r"[\d.,%/×–\- ]*")


def number(value: float | None, places: int = 3) -> str:
    """`0.912`; a dash for None."""
    return NONE if value is None else f"{value:.{places}f}"


def percent(value: float | None, places: int = 1) -> str:
    """`91.2%`; a dash for None."""
    return NONE if value is None else f"{value:.{places}%}"


def count(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns of numbers are set to the right; "None." where there is no row."""
    if not rows:
        return "None."
    rule = ["---:" if all(NUMBERS.fullmatch(row[i]) for row in rows) else "---" for i in range(len(head))]
    lines = [list(head), rule, *map(list, rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
