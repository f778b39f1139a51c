"""The ruler's statistics, for metrics."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Stats:
    """What the ruler did since the process started, and its state."""

    evaluations: int = 0
    boundaries: int = 0
    skipped: int = 0  # boundaries never evaluated: no ruler ran for longer than the longest window
    buckets_read: int = 0
    rates: int = 0
    tombstones: int = 0
    rates_waiting: int = 0  # scopes whose rates changed and are not published yet
    leading: bool = False
    incomplete: bool = False
    behind_ms: int = 0  # from the lowest watermark to where it could be
    evaluated_ms: int = 0  # the last boundary evaluated
    took_s: dict[str, float] = field(default_factory=dict)  # stage -> seconds, last evaluation
