"""What the ruler needs of the store: buckets, alert states, its lease. `store/__init__.py` describes each method."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.store import Lease, Progress


class BucketCounts(Protocol):
    """What the windows read."""

    async def bucket_versions(self, partitions: Sequence[TopicPartition]) -> list[dict[int, str]]: ...

    async def counts(self, buckets: Sequence[tuple[TopicPartition, int]]) -> list[dict[str, int]]: ...


class AlertStates(Protocol):
    """What the alerts read and write."""

    async def users(self, partitions: Sequence[TopicPartition], series: str, starts: Iterable[int]) -> int: ...

    async def save_alerts(self, lease: Lease, states: Mapping[str, str | None]) -> bool: ...


class RulerStore(BucketCounts, AlertStates, Protocol):
    """What one worker's ruler reads and writes."""

    async def lease(self, worker: str, ttl_ms: int) -> Lease | None: ...

    async def release_lease(self, worker: str) -> None: ...

    async def alerts(self) -> dict[str, str]: ...

    async def progress(self, partitions: Sequence[TopicPartition]) -> list[Progress]: ...

    async def retain(self, kind: str, live: Collection[str], quiet_ms: int) -> int: ...
