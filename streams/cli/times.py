"""Moments in time, as an operator writes them."""

from __future__ import annotations

import re
from datetime import datetime

from tidegate.streams.cli.errors import ExitCode, fail
from tidegate.streams.cli.silence import duration_s

_DURATION = re.compile(r"[0-9dhms]+")


def moment_ms(option: str, text: str, now_ms: int) -> int:
    """`2026-01-31T12:00:00Z`, `2h` for two hours ago, or `now`; in ms since 1970. Ends the command where it is none."""
    if text == "now":
        return now_ms
    if _DURATION.fullmatch(text) and not text.isdecimal():
        return now_ms - duration_s(text) * 1000
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        why = "not a moment" if found is None else "a moment without its zone"
        fail(
            f"{option} {text}: {why}; expected one such as 2026-01-31T12:00:00Z, or 2h for two hours ago, or now; "
            "nothing done",
            ExitCode.WRONG,
        )
    return max(0, int(found.timestamp() * 1000))
