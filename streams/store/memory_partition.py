"""The state of one partition in the in-memory twin: what Redis holds in the partition's slot."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tidegate.streams.store import Checkpoint, Marker
from tidegate.streams.store.memory_copies import PartitionCopies
from tidegate.streams.store.memory_strikes import PartitionStrikes


@dataclass
class PartitionState:
    """One partition's checkpoint, counts, strikes and copies. `MemoryStore` writes it."""

    next: int | None = None
    cluster: str = ""
    generation: int = 0
    marker: Marker | None = None
    epoch: int = 0
    owner: str | None = None
    seen_ms: int = 0
    unclean: int = 0
    unclean_at: int | None = None
    in_hand: int | None = None
    unreadable: tuple[int, int, int] | None = None  # offset, tries, since_ms
    watermark_ms: int = 0
    lag: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    touch: dict[int, str] = field(default_factory=dict)
    counts: dict[int, Counter[str]] = field(default_factory=dict)
    users: dict[tuple[int, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    expires: dict[int, int] = field(default_factory=dict)
    strikes: PartitionStrikes = field(default_factory=PartitionStrikes)
    copies: PartitionCopies = field(default_factory=PartitionCopies)

    @property
    def checkpoint(self) -> Checkpoint | None:
        return None if self.next is None else Checkpoint(self.next, self.cluster, self.generation, self.marker)
