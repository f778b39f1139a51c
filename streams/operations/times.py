"""A moment as people read it, in messages and tables."""

from __future__ import annotations

from datetime import UTC, datetime

from tidegate.streams.core.times import LATEST_MS, parse_time


def clock(at_ms: int | None) -> str:
    """`2026-01-31 12:00:05Z`, or a dash. Beyond the year 9999 it is a time in another unit: what that is."""
    if at_ms is not None and at_ms > LATEST_MS:
        at_ms = parse_time(at_ms)
    return "-" if not at_ms or at_ms < 0 else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
