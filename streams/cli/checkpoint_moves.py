"""Checkpoints as the store has them, read and moved for the operator: what `checkpoint.py` shows and asks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.streams.cli.errors import ExitCode, fail
from tidegate.streams.topics import SOURCES

if TYPE_CHECKING:
    from tidegate.streams.core.partition import TopicPartition
    from tidegate.streams.settings.settings import Settings
    from tidegate.streams.store import Checkpoint, Progress

ANSWER_S = 15.0  # no answer in this time: the broker is unavailable
OWNER_TIMEOUT_S = 10  # an owner heartbeats once a second; one that is silent for this long is gone


@dataclass(frozen=True)
class CheckpointRow:
    """What the store knows of one partition."""

    partition: TopicPartition
    checkpoint: Checkpoint | None
    progress: Progress
    now_ms: int

    @property
    def owner(self) -> str | None:
        """The worker that holds it and is alive."""
        alive = self.now_ms - self.progress.seen_ms < OWNER_TIMEOUT_S * 1000
        return self.progress.owner if alive else None

    def told(self) -> dict[str, object]:
        checkpoint, marker = self.checkpoint, self.checkpoint.marker if self.checkpoint else None
        return {
            "part": f"{self.partition.topic}-{self.partition.partition}",
            "next": checkpoint.next if checkpoint else None,
            "generation": checkpoint.generation if checkpoint else None,
            "cluster": checkpoint.cluster if checkpoint else None,
            "marker_offset": marker.offset if marker else None,
            "marker_ms": marker.timestamp_ms if marker else None,
            "owner": self.owner,
            "lag": self.progress.lag if self.progress.seen_ms else None,
            "seen_ms": self.progress.seen_ms or None,
            "unreadable_at": self.progress.unreadable_at,
        }


async def rows(settings: Settings, wanted: Sequence[TopicPartition] | None = None) -> list[CheckpointRow]:
    from tidegate.streams.core.partition import TopicPartition
    from tidegate.streams.errors import TopicsMissing
    from tidegate.streams.kafka.lookup import partition_counts
    from tidegate.streams.store.redis import RedisStore

    counts = await partition_counts(settings.brokers)
    if missing := [topic for topic in SOURCES if topic not in counts]:
        raise TopicsMissing(
            f"kafka {settings.brokers}: no topic {', '.join(missing)}; expected `tidegate topics` first"
        )
    partitions = [TopicPartition(topic, p) for topic in SOURCES for p in range(counts[topic])]
    if wanted is not None:
        if strange := [partition for partition in wanted if partition not in partitions]:
            fail(f"{strange[0]}: {strange[0].topic} has {counts[strange[0].topic]} partitions", ExitCode.WRONG)
        partitions = list(wanted)
    store = RedisStore(settings.store, settings.namespace)
    try:
        now_ms = await store.now_ms()
        checkpoints, progress = await store.checkpoints(partitions), await store.progress(partitions)
    finally:
        await store.close()
    return [CheckpointRow(*of, now_ms) for of in zip(partitions, checkpoints, progress, strict=True)]


async def prepare(settings: Settings, partition: TopicPartition, to: str) -> tuple[CheckpointRow, int, int, int]:
    """The partition as it stands, the bounds of its partition, and the offset meant."""
    from tidegate.streams.kafka.lookup import KafkaLookup

    (row,) = await rows(settings, [partition])
    source = KafkaLookup(settings.brokers)
    try:
        start, end = await source.bounds(partition)
    finally:
        await source.stop()
    if to == "committed":
        return row, start, end, await _committed(settings, partition)
    if not to.isdecimal():
        fail(f"--to {to}: expected an offset in [{start}, {end}], or committed; nothing moved", ExitCode.WRONG)
    return row, start, end, int(to)


async def _committed(settings: Settings, partition: TopicPartition) -> int:
    from tidegate.streams.kafka.lookup import committed_offset

    group = f"{settings.group}-{partition.topic}"
    found = await committed_offset(settings.brokers, group, partition)
    if found is None:
        fail(f"{partition}: group {group} has committed nothing; expected an offset; nothing moved")
    return found


async def move(settings: Settings, row: CheckpointRow, offset: int) -> Checkpoint:
    """The checkpoint where it is now. Its partition is claimed and let go: a worker that held it takes it over again."""
    from tidegate.streams.kafka.lookup import cluster_id
    from tidegate.streams.store import Checkpoint
    from tidegate.streams.store.redis import RedisStore

    cluster = await cluster_id(settings.brokers)
    store = RedisStore(settings.store, settings.namespace)
    try:
        (claim,) = await store.claim([row.partition], f"tidegate-checkpoint-reset-{time.time_ns()}")
        # Over 1: it was put there on purpose, also where there was none, and nothing before it is lost (checkpoint.py).
        generation = (claim.checkpoint.generation if claim.checkpoint else 1) + 1
        moved = Checkpoint(offset, cluster, generation, None)
        if not await store.reset(row.partition, claim.epoch, moved):
            fail(f"{row.partition}: a worker took it meanwhile; nothing moved; run it again")
        await store.release(row.partition, claim.epoch)
        return moved
    finally:
        await store.close()
