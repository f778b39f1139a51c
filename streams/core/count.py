"""What a span of decisions adds to the counts. Pure: no store, no clock.

`aggregate` is on the hot path: it tallies decisions that count alike first, and names series once a tally.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What one span adds: all sums, so that the store runs few commands.

    counts: bucket start (ms) -> series -> n. A series is `<counter>|<scope>`, as `windows.py` splits it.
    users: bucket start (ms) -> series -> hashed users among its hits (only series that a rule asks users of).
    totals: counter -> n, for ever: decided, faults, dead_letters, too_late, ...
    """

    counts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    users: Mapping[int, Mapping[str, Collection[str]]] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
