"""Fences as the store has them, read and moved for the operator: what `fence.py` shows and asks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.streams.cli.errors import ExitCode, fail
from tidegate.streams.topics import SOURCES

if TYPE_CHECKING:
    from tidegate.streams.core.partition import Part
    from tidegate.streams.settings.settings import Settings
    from tidegate.streams.store import Fence, Progress

ANSWER_S = 15.0  # no answer in this time: the broker is away
OWNER_TIMEOUT_S = 10  # an owner beats once a second; one that is silent for this long is gone


@dataclass(frozen=True)
class Row:
    """What the store knows of one part."""

    part: Part
    fence: Fence | None
    progress: Progress
    now_ms: int

    @property
    def owner(self) -> str | None:
        """The worker that holds it and is alive."""
        alive = self.now_ms - self.progress.seen_ms < OWNER_TIMEOUT_S * 1000
        return self.progress.owner if alive else None

    def told(self) -> dict[str, object]:
        fence, mark = self.fence, self.fence.mark if self.fence else None
        return {
            "part": f"{self.part.topic}-{self.part.partition}",
            "next": fence.next if fence else None,
            "generation": fence.generation if fence else None,
            "cluster": fence.cluster if fence else None,
            "mark_offset": mark.offset if mark else None,
            "mark_ms": mark.timestamp_ms if mark else None,
            "owner": self.owner,
            "lag": self.progress.lag if self.progress.seen_ms else None,
            "seen_ms": self.progress.seen_ms or None,
            "unreadable_at": self.progress.unreadable_at,
        }


async def rows(settings: Settings, wanted: Sequence[Part] | None = None) -> list[Row]:
    from tidegate.streams.core.partition import Part
    from tidegate.streams.errors import TopicsMissing
    from tidegate.streams.kafka.lookup import partition_counts
    from tidegate.streams.store.redis import RedisStore

    counts = await partition_counts(settings.brokers)
    if missing := [topic for topic in SOURCES if topic not in counts]:
        raise TopicsMissing(
            f"kafka {settings.brokers}: no topic {', '.join(missing)}; expected `tidegate topics` first"
        )
    parts = [Part(topic, p) for topic in SOURCES for p in range(counts[topic])]
    if wanted is not None:
        if strange := [part for part in wanted if part not in parts]:
            fail(f"{strange[0]}: {strange[0].topic} has {counts[strange[0].topic]} partitions", ExitCode.WRONG)
        parts = list(wanted)
    store = RedisStore(settings.store, settings.namespace)
    try:
        now_ms = await store.now_ms()
        fences, progress = await store.fences(parts), await store.progress(parts)
    finally:
        await store.close()
    return [Row(*of, now_ms) for of in zip(parts, fences, progress, strict=True)]


async def prepare(settings: Settings, part: Part, to: str) -> tuple[Row, int, int, int]:
    """The part as it stands, the bounds of its partition, and the offset meant."""
    from tidegate.streams.kafka.lookup import Source

    (row,) = await rows(settings, [part])
    source = Source(settings.brokers)
    try:
        start, end = await source.bounds(part)
    finally:
        await source.stop()
    if to == "committed":
        return row, start, end, await _committed(settings, part)
    if not to.isdecimal():
        fail(f"--to {to}: expected an offset in [{start}, {end}], or committed; nothing moved", ExitCode.WRONG)
    return row, start, end, int(to)


async def _committed(settings: Settings, part: Part) -> int:
    from tidegate.streams.kafka.lookup import committed

    group = f"{settings.group}-{part.topic}"
    found = await committed(settings.brokers, group, part)
    if found is None:
        fail(f"{part}: group {group} has committed nothing; expected an offset; nothing moved")
    return found


async def move(settings: Settings, row: Row, offset: int) -> Fence:
    """The fence where it is now. Its part is claimed and let go: a worker that held it takes it over again."""
    from tidegate.streams.kafka.lookup import cluster_id
    from tidegate.streams.store import Fence
    from tidegate.streams.store.redis import RedisStore

    cluster = await cluster_id(settings.brokers)
    store = RedisStore(settings.store, settings.namespace)
    try:
        (claim,) = await store.claim([row.part], f"tidegate-fence-reset-{time.time_ns()}")
        # Over 1: it was put there on purpose, also where there was none, and nothing before it is lost (fence.py).
        generation = (claim.fence.generation if claim.fence else 1) + 1
        moved = Fence(offset, cluster, generation, None)
        if not await store.reset(row.part, claim.token, moved):
            fail(f"{row.part}: a worker took it meanwhile; nothing moved; run it again")
        await store.release(row.part, claim.token)
        return moved
    finally:
        await store.close()
