"""What the ruler says of itself, for metrics."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Stats:
    """What the ruler has done since it was made, and how it stands: for metrics."""

    evaluations: int = 0
    boundaries: int = 0
    skipped: int = 0  # boundaries never looked at: nobody ticked for longer than the longest window
    buckets_read: int = 0
    rates: int = 0
    tombstones: int = 0
    rates_waiting: int = 0  # scopes whose rates changed and are not said yet
    leading: bool = False
    incomplete: bool = False
    behind_ms: int = 0  # from where all partitions are counted to where they could be
    evaluated_ms: int = 0  # the last boundary looked at
    took_s: dict[str, float] = field(default_factory=dict)  # stage -> seconds, last tick
