"""Takes a partition over: claims its epoch, and believes its checkpoint only where the log still agrees with it.

Knows the store and one question to the log (`RecordLookup.read`); knows no Kafka client.
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
from tidegate.streams.store import Checkpoint, Marker, Store

log = logging.getLogger(__name__)

KILLS_BEFORE_QUARANTINE = 3  # a checkpoint where this many workers died in a row is left one record at a time...
QUARANTINE_RECORDS = 2048  # ...for this many records: as many as a worker may have had in hand
FUTURE_MS = 60_000  # a record's timestamp further ahead of our clock says nothing of how far its partition has come


class RecordLookup(Protocol):
    """What a takeover asks of Kafka. Raises BrokerUnavailable where it gets no answer: no answer is not a 'no'."""

    async def read(self, partition: TopicPartition, offset: int) -> Record | None:
        """The record at that offset, or None where the log says that there is none."""

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """[start, end): the oldest offset kept, and the fetch high-water mark."""


class CheckpointTrust(StrEnum):
    """What a takeover made of the checkpoint it found."""

    BELIEVED = "believed"
    NO_CHECKPOINT = "no_checkpoint"
    OTHER_CLUSTER = "other_cluster"
    MISSING_RECORD = "missing_record"  # the log holds nothing at the marker: expired, or another topic of that name
    OTHER_RECORD = "other_record"  # the log holds something else there: the topic was made anew


@dataclass(slots=True, eq=False)
class OwnedPartition:
    """A partition in this worker's hands, until `valid` turns False: from then on nothing is published or counted for it."""

    partition: TopicPartition
    epoch: int
    position: int  # the next offset to be handed out
    applied: int  # everything below was counted
    belief: CheckpointTrust
    quarantine_until: int = 0  # records below this offset are scored one at a time
    poison_offset: int | None = None  # offset of the record that killed its workers: a fault, never scored again
    valid: bool = True

    @property
    def quarantined(self) -> bool:
        return self.applied < self.quarantine_until


class LostCounts(Protocol):
    """What counts again that Redis lost (`rebuild.py`). Raises StoreUnavailable and BrokerUnavailable."""

    async def begins(self, partition: TopicPartition) -> int:
        """Where a partition is counted from, of which Redis holds nothing."""

    async def rebuild(self, partition: TopicPartition, epoch: int, start: int, end: int) -> int:
        """The checkpoint's `next`, once what was published of [start, end) is counted."""


async def take_over(
    store: Store,
    source: RecordLookup,
    partition: TopicPartition,
    worker: str,
    cluster: str,
    committed: int | None,
    lost: LostCounts | None = None,
) -> OwnedPartition:
    """The partition, claimed, with the offset to start at. committed: the group's offset; None where it has none.

    Everything before that offset was counted once. Where the store is behind it, or empty, `lost` counts again.
    Raises StoreUnavailable and BrokerUnavailable: try again, a claim may be repeated.
    """
    (claim,) = await store.claim([partition], worker)
    belief = await _check(source, partition, claim.checkpoint, cluster)
    if belief is CheckpointTrust.BELIEVED and claim.checkpoint is not None:
        start = claim.checkpoint.next
        behind = committed is not None and start < committed and not _moved(claim.checkpoint)
    else:
        kept, end = await source.bounds(partition)
        known = committed is not None and kept <= committed <= end
        start = committed if known and committed is not None else kept
        # Totals without a checkpoint: somebody deleted that key alone, and what was counted stands.
        behind = (
            lost is not None
            and known
            and belief is CheckpointTrust.NO_CHECKPOINT
            and not await store.totals([partition])
        )
        if lost is not None and behind:
            start = max(kept, min(start, await lost.begins(partition)))
        generation = (claim.checkpoint.generation if claim.checkpoint else 0) + 1
        await store.reset(partition, claim.epoch, Checkpoint(start, cluster, generation, None))
        say = log.info if belief is CheckpointTrust.NO_CHECKPOINT else log.warning
        say(
            "%s: checkpoint not believed (%s): starting at %d, generation %d",
            partition,
            belief.value,
            start,
            generation,
        )
    if lost is not None and behind and committed is not None:
        start = await lost.rebuild(partition, claim.epoch, start, committed)
    log.info("%s: taken over at %d, epoch %d", partition, start, claim.epoch)
    owned = OwnedPartition(partition, claim.epoch, position=start, applied=start, belief=belief)
    # Only a careful owner notes what it tries: that one moved the checkpoint, and died of the record it had in hand.
    noted = belief is CheckpointTrust.BELIEVED and claim.in_hand is not None and claim.in_hand >= start
    if claim.unclean >= KILLS_BEFORE_QUARANTINE or (claim.unclean and noted):
        owned.quarantine_until = start + QUARANTINE_RECORDS
        owned.poison_offset = claim.in_hand if noted else None
        log.warning("%s@%d: killed %d workers in a row; read one record at a time", partition, start, claim.unclean)
    return owned


def _moved(checkpoint: Checkpoint) -> bool:
    """Whether it stands where somebody put it, to have a range decided again: nothing was counted since."""
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
    """What the checkpoint keeps of a record."""
    return Marker(record.offset, record.timestamp, content_hash(record.value))


def last_marker(records: Sequence[Record]) -> Marker | None:
    """Of the last one that can be read; None where none can."""
    return next((marker_of(record) for record in reversed(records) if not isinstance(record, UnreadableRange)), None)


def watermark_ms(records: Sequence[Record], now_ms: int, lag: int = -1) -> int:
    """How far the records say that their part has come; 0 where they say nothing.

    lag: of what comes after them, -1 where that is not known. Records of which none has a time are counted under our
    clock, and so far their part has come where little is left. Behind a backlog it says nothing: older ones may come.
    """
    readable = [record for record in records if not isinstance(record, UnreadableRange)]
    found = [at_ms for r in readable if (at_ms := record_time(r.timestamp, now_ms)) is not None]
    if not found and readable and 0 <= lag <= len(readable):
        return now_ms
    return max((at_ms for at_ms in found if at_ms <= now_ms + FUTURE_MS), default=0)
