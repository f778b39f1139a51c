"""Checkpoints: what was counted of each source partition, who holds it; and moved, for a person who knows why."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import RequestInvalid, RequestRefused, TopicsMissing
from tidegate.streams.kafka.lookup import KafkaLookup, cluster_id, committed_offset, partition_counts
from tidegate.streams.operations.deployment import Deployment
from tidegate.streams.store import Checkpoint, Progress
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import MODERATIONS, SOURCES

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

    def as_json(self) -> dict[str, object]:
        checkpoint, marker = self.checkpoint, self.checkpoint.marker if self.checkpoint else None
        return {
            "partition": f"{self.partition.topic}-{self.partition.partition}",
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


async def read_checkpoints(
    deployment: Deployment, wanted: Sequence[TopicPartition] | None = None
) -> list[CheckpointRow]:
    """Every source partition's, or those wanted. Raises TopicsMissing, RequestInvalid, Broker- or StoreUnavailable."""
    counts = await partition_counts(deployment.brokers)
    if missing := [topic for topic in SOURCES if topic != MODERATIONS and topic not in counts]:
        raise TopicsMissing(
            f"kafka {deployment.brokers}: no topic {', '.join(missing)}; expected `tidegate topics` first"
        )
    partitions = [TopicPartition(topic, p) for topic in SOURCES for p in range(counts.get(topic, 0))]
    if wanted is not None:
        if strange := [partition for partition in wanted if partition not in partitions]:
            raise RequestInvalid(f"{strange[0]}: {strange[0].topic} has {counts.get(strange[0].topic, 0)} partitions")
        partitions = list(wanted)
    store = RedisStore(deployment.store, deployment.namespace)
    try:
        now_ms = await store.now_ms()
        checkpoints, progress = await store.checkpoints(partitions), await store.progress(partitions)
    finally:
        await store.close()
    return [CheckpointRow(*of, now_ms) for of in zip(partitions, checkpoints, progress, strict=True)]


def source_partition(text: str) -> TopicPartition:
    """`completions-3` or `completions[3]`. Raises RequestInvalid."""
    found = re.fullmatch(r"(.+?)(?:-(\d+)|\[(\d+)\])", text)
    if not found or found[1] not in SOURCES:
        raise RequestInvalid("expected one such as completions-3 or feedback-0; nothing moved")
    return TopicPartition(found[1], int(found[2] or found[3]))


@dataclass(frozen=True)
class Move:
    """A checkpoint that may be moved to `offset`: within what its topic holds, [start, end]."""

    row: CheckpointRow
    start: int
    offset: int

    @property
    def again(self) -> int:
        """Offsets that will be decided and counted a second time."""
        return max(0, self.row.checkpoint.next - self.offset) if self.row.checkpoint else 0

    @property
    def never(self) -> int:
        """Offsets that will never be decided nor counted."""
        return max(0, self.offset - self.row.checkpoint.next) if self.row.checkpoint else 0


async def propose_move(deployment: Deployment, partition: TopicPartition, to: str) -> Move:
    """Where a checkpoint would go: an offset, or `committed`, what the consumer group committed. Moves nothing.

    Raises RequestInvalid where the topic does not hold that offset, RequestRefused where nothing was committed.
    """
    (row,) = await read_checkpoints(deployment, [partition])
    source = KafkaLookup(deployment.brokers)
    try:
        start, end = await source.bounds(partition)
    finally:
        await source.stop()
    if to == "committed":
        offset = await _committed(deployment, partition)
    elif to.isdecimal():
        offset = int(to)
    else:
        raise RequestInvalid(f"--to {to}: expected an offset in [{start}, {end}], or committed; nothing moved")
    if not start <= offset <= end:
        raise RequestInvalid(f"{partition}: {offset} is outside [{start}, {end}], what the topic holds; nothing moved")
    return Move(row, start, offset)


async def _committed(deployment: Deployment, partition: TopicPartition) -> int:
    group = f"{deployment.group}-{partition.topic}"
    found = await committed_offset(deployment.brokers, group, partition)
    if found is None:
        raise RequestRefused(f"{partition}: group {group} has committed nothing; expected an offset; nothing moved")
    return found


async def move_checkpoint(deployment: Deployment, move: Move, *, force: bool = False) -> Checkpoint:
    """The checkpoint where it is now. Its partition is claimed and let go: a worker that held it takes it over again.

    force: also where a worker holds it that is alive. Raises RequestRefused where one does, or took it meanwhile.
    """
    row = move.row
    if row.owner and not force:
        raise RequestRefused(f"{row.partition}: held by {row.owner}; expected nobody; nothing moved")
    cluster = await cluster_id(deployment.brokers)
    store = RedisStore(deployment.store, deployment.namespace)
    try:
        (claim,) = await store.claim([row.partition], f"tidegate-checkpoint-reset-{time.time_ns()}")
        # Over 1: it was put there on purpose, also where there was none, and nothing before it is lost.
        generation = (claim.checkpoint.generation if claim.checkpoint else 1) + 1
        moved = Checkpoint(move.offset, cluster, generation, None)
        if not await store.reset(row.partition, claim.epoch, moved):
            raise RequestRefused(f"{row.partition}: a worker took it meanwhile; nothing moved; run it again")
        await store.release(row.partition, claim.epoch)
        return moved
    finally:
        await store.close()
