"""Takes over a partition: claims a new epoch, and resumes from the stored checkpoint only if the record it names is
still in the log.

Knows the store and a `RecordLookup`, and no Kafka client.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tidegate.streams.core.partition import Record, TopicPartition, UnreadableRange, content_hash
from tidegate.streams.core.times import record_time
from tidegate.streams.errors import UnreadableBatch
from tidegate.streams.store import Checkpoint, Claim, Marker

log = logging.getLogger(__name__)

KILLS_BEFORE_QUARANTINE = 3  # after this many deaths in a row at one checkpoint, records are scored one at a time...
QUARANTINE_RECORDS = 2048  # ...for this many records: as many as a worker may have in hand
FUTURE_MS = 60_000  # a record's timestamp further ahead of our clock does not move the watermark


class RecordLookup(Protocol):
    """What a takeover reads from Kafka. Raises BrokerUnavailable if no broker answers: that is not a 'no'."""

    async def read(self, partition: TopicPartition, offset: int) -> Record | None:
        """Returns the record at that offset, or None if the log shows that there is none."""

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """Returns [start, end): the oldest retained offset, and the fetch high-water mark."""


class Ownership(Protocol):
    """What a takeover needs of the store (`store/__init__.py` describes it)."""

    async def claim(self, partitions: Sequence[TopicPartition], worker: str) -> list[Claim]: ...

    async def reset(self, partition: TopicPartition, epoch: int, checkpoint: Checkpoint) -> bool: ...

    async def totals(self, partitions: Sequence[TopicPartition]) -> dict[str, int]: ...


class NoHeartbeat(Exception):
    """The group may have given our partitions away: nothing is taken over until it answers."""


class CheckpointTrust(StrEnum):
    """Whether a takeover trusts the stored checkpoint, and if not, why."""

    BELIEVED = "believed"
    NO_CHECKPOINT = "no_checkpoint"
    OTHER_CLUSTER = "other_cluster"
    MISSING_RECORD = "missing_record"  # the log holds nothing at the marker: expired, or or the topic was recreated
    OTHER_RECORD = "other_record"  # the log holds something else there: the topic was recreated


@dataclass(slots=True, eq=False)
class OwnedPartition:
    """A partition that this worker owns, until `valid` turns False: then nothing more is published or counted."""

    partition: TopicPartition
    epoch: int
    position: int  # the next offset to be handed out
    applied: int  # every offset below was counted
    trust: CheckpointTrust
    quarantine_until: int = 0  # records below this offset are scored one at a time
    poison_offset: int | None = None  # offset of the record that killed its workers: a fault, never scored again
    valid: bool = True

    @property
    def quarantined(self) -> bool:
        return self.applied < self.quarantine_until


class LostCounts(Protocol):
    """Counts again what Redis lost (`rebuild.py`). Raises StoreUnavailable and BrokerUnavailable."""

    async def start_offset(self, partition: TopicPartition) -> int:
        """Returns the offset to count a partition from, if Redis holds nothing of it."""

    async def rebuild(self, partition: TopicPartition, epoch: int, start: int, end: int) -> int:
        """Counts what was published of [start, end), and returns the checkpoint's `next`."""


async def take_over(
    store: Ownership,
    source: RecordLookup,
    partition: TopicPartition,
    worker: str,
    cluster: str,
    committed: int | None,
    lost: LostCounts | None = None,
) -> OwnedPartition:
    """Claims the partition. Returns it with the offset to start at. committed: the group's offset; None if it has none.

    Everything before the committed offset was counted once. If the store is behind it, or empty, `lost` counts again.
    Raises StoreUnavailable and BrokerUnavailable: try again, a claim may be repeated.
    """
    (claim,) = await store.claim([partition], worker)
    trust = await _check(source, partition, claim.checkpoint, cluster)
    if trust is CheckpointTrust.BELIEVED and claim.checkpoint is not None:
        start = claim.checkpoint.next
        behind = committed is not None and start < committed and not _moved_by_hand(claim.checkpoint)
    else:
        oldest, end = await source.bounds(partition)
        in_log = committed is not None and oldest <= committed <= end
        start = committed if in_log and committed is not None else oldest
        # Totals without a checkpoint: only that key was deleted, and what was counted stands.
        behind = (
            lost is not None
            and in_log
            and trust is CheckpointTrust.NO_CHECKPOINT
            and not await store.totals([partition])
        )
        if lost is not None and behind:
            start = max(oldest, min(start, await lost.start_offset(partition)))
        generation = (claim.checkpoint.generation if claim.checkpoint else 0) + 1
        await store.reset(partition, claim.epoch, Checkpoint(start, cluster, generation, None))
        log_at = log.info if trust is CheckpointTrust.NO_CHECKPOINT else log.warning
        log_at(
            "%s: checkpoint not believed (%s): starting at %d, generation %d",
            partition,
            trust.value,
            start,
            generation,
        )
    if lost is not None and behind and committed is not None:
        start = await lost.rebuild(partition, claim.epoch, start, committed)
    log.info("%s: taken over at %d, epoch %d", partition, start, claim.epoch)
    owned = OwnedPartition(partition, claim.epoch, position=start, applied=start, trust=trust)
    # Only an owner in quarantine writes the record in hand: it moved the checkpoint, and died of that record.
    has_poison = trust is CheckpointTrust.BELIEVED and claim.in_hand is not None and claim.in_hand >= start
    if claim.unclean >= KILLS_BEFORE_QUARANTINE or (claim.unclean and has_poison):
        owned.quarantine_until = start + QUARANTINE_RECORDS
        owned.poison_offset = claim.in_hand if has_poison else None
        log.warning("%s@%d: killed %d workers in a row; read one record at a time", partition, start, claim.unclean)
    return owned


def _moved_by_hand(checkpoint: Checkpoint) -> bool:
    """Returns whether an operator moved the checkpoint, to have a range decided again: nothing was counted since."""
    return checkpoint.marker is None and checkpoint.generation > 1


async def _check(
    source: RecordLookup, partition: TopicPartition, checkpoint: Checkpoint | None, cluster: str
) -> CheckpointTrust:
    if checkpoint is None:
        return CheckpointTrust.NO_CHECKPOINT
    if checkpoint.cluster != cluster:
        return CheckpointTrust.OTHER_CLUSTER
    if checkpoint.marker is None:
        return CheckpointTrust.BELIEVED  # nothing was applied since the checkpoint was set: nothing to compare
    try:
        record = await source.read(partition, checkpoint.marker.offset)
    except UnreadableBatch as error:
        log.warning("%s; it was counted before, and the checkpoint is believed", error)
        return CheckpointTrust.BELIEVED
    if record is None:
        return CheckpointTrust.MISSING_RECORD
    return CheckpointTrust.BELIEVED if marker_of(record) == checkpoint.marker else CheckpointTrust.OTHER_RECORD


def marker_of(record: Record) -> Marker:
    """Returns the checkpoint's marker of a record."""
    return Marker(record.offset, record.timestamp, content_hash(record.value))


def last_marker(records: Sequence[Record]) -> Marker | None:
    """Returns the marker of the last record that can be read; None if none can."""
    return next((marker_of(record) for record in reversed(records) if not isinstance(record, UnreadableRange)), None)


def watermark_ms(records: Sequence[Record], now_ms: int, lag: int = -1) -> int:
    """Returns the watermark that the records give their partition; 0 if they give none.

    lag: of the records after them, -1 if it is unknown. If no record has a timestamp they are counted under our clock,
    and it is the watermark if the lag is small. Behind a backlog there is no watermark: older records may come.
    """
    readable = [record for record in records if not isinstance(record, UnreadableRange)]
    times = [at_ms for r in readable if (at_ms := record_time(r.timestamp, now_ms)) is not None]
    if not times and readable and 0 <= lag <= len(readable):
        return now_ms
    return max((at_ms for at_ms in times if at_ms <= now_ms + FUTURE_MS), default=0)
