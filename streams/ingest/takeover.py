"""Takes a part over: claims its token, and believes its fence only where the log still agrees with it.

Knows the store and one question to the log (`Log.read`); knows no Kafka client.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tidegate.streams.core.partition import Part, Record, UnreadableRange, content_hash
from tidegate.streams.core.times import stamped
from tidegate.streams.errors import UnreadableBatch
from tidegate.streams.store import Fence, Mark, Store

log = logging.getLogger(__name__)

KILLS_BEFORE_CAREFUL = 3  # a fence where this many workers died in a row is left one record at a time...
CAREFUL_RECORDS = 2048  # ...for this many records: as many as a worker may have had in hand
FUTURE_MS = 60_000  # a record's timestamp further ahead of our clock says nothing of how far its part has come


class Log(Protocol):
    """What a takeover asks of Kafka. Raises BrokerAway where it gets no answer: no answer is not a 'no'."""

    async def read(self, part: Part, offset: int) -> Record | None:
        """The record at that offset, or None where the log says that there is none."""

    async def bounds(self, part: Part) -> tuple[int, int]:
        """[start, end): the oldest offset kept, and the fetch high-water mark."""


class Belief(StrEnum):
    """What a takeover made of the fence it found."""

    BELIEVED = "believed"
    NO_FENCE = "no_fence"
    OTHER_CLUSTER = "other_cluster"
    MISSING_RECORD = "missing_record"  # the log holds nothing at the mark: expired, or another topic of that name
    OTHER_RECORD = "other_record"  # the log holds something else there: the topic was made anew


@dataclass(slots=True, eq=False)
class Owned:
    """A part in this worker's hands, until `valid` turns False: from then on nothing is published or counted for it."""

    part: Part
    token: int
    position: int  # the next offset to be handed out
    applied: int  # everything below was counted
    belief: Belief
    careful_until: int = 0  # records below this offset are scored one at a time
    culprit: int | None = None  # offset of the record that killed its workers: a fault, never scored again
    valid: bool = True

    @property
    def careful(self) -> bool:
        return self.applied < self.careful_until


class Lost(Protocol):
    """What counts again that Redis lost (`rebuild.py`). Raises StoreAway and BrokerAway."""

    async def begins(self, part: Part) -> int:
        """Where a part is counted from, of which Redis holds nothing."""

    async def rebuild(self, part: Part, token: int, start: int, end: int) -> int:
        """The fence's `next`, once what was published of [start, end) is counted."""


async def take_over(
    store: Store, source: Log, part: Part, worker: str, cluster: str, committed: int | None, lost: Lost | None = None
) -> Owned:
    """The part, claimed, with the offset to start at. committed: the group's offset; None where it has none.

    Everything before that offset was counted once. Where the store is behind it, or empty, `lost` counts again.
    Raises StoreAway and BrokerAway: try again, a claim may be repeated.
    """
    (claim,) = await store.claim([part], worker)
    belief = await _believe(source, part, claim.fence, cluster)
    if belief is Belief.BELIEVED and claim.fence is not None:
        start = claim.fence.next
        behind = committed is not None and start < committed and not _moved(claim.fence)
    else:
        kept, end = await source.bounds(part)
        known = committed is not None and kept <= committed <= end
        start = committed if known and committed is not None else kept
        # Totals without a fence: somebody deleted that key alone, and what was counted stands.
        behind = lost is not None and known and belief is Belief.NO_FENCE and not await store.totals([part])
        if lost is not None and behind:
            start = max(kept, min(start, await lost.begins(part)))
        generation = (claim.fence.generation if claim.fence else 0) + 1
        await store.reset(part, claim.token, Fence(start, cluster, generation, None))
        say = log.info if belief is Belief.NO_FENCE else log.warning
        say("%s: fence not believed (%s): starting at %d, generation %d", part, belief.value, start, generation)
    if lost is not None and behind and committed is not None:
        start = await lost.rebuild(part, claim.token, start, committed)
    log.info("%s: taken over at %d, epoch %d", part, start, claim.token)
    owned = Owned(part, claim.token, position=start, applied=start, belief=belief)
    # Only a careful owner notes what it tries: that one moved the fence, and died of the record it had in hand.
    noted = belief is Belief.BELIEVED and claim.trying is not None and claim.trying >= start
    if claim.unclean >= KILLS_BEFORE_CAREFUL or (claim.unclean and noted):
        owned.careful_until = start + CAREFUL_RECORDS
        owned.culprit = claim.trying if noted else None
        log.warning("%s@%d: killed %d workers in a row; read one record at a time", part, start, claim.unclean)
    return owned


def _moved(fence: Fence) -> bool:
    """Whether it stands where somebody put it, to have a range decided again: nothing was counted since."""
    return fence.mark is None and fence.generation > 1


async def _believe(source: Log, part: Part, fence: Fence | None, cluster: str) -> Belief:
    if fence is None:
        return Belief.NO_FENCE
    if fence.cluster != cluster:
        return Belief.OTHER_CLUSTER
    if fence.mark is None:
        return Belief.BELIEVED  # nothing was applied since the fence was set: nothing to compare
    try:
        record = await source.read(part, fence.mark.offset)
    except UnreadableBatch as error:
        log.warning("%s; it was counted before, and the fence is believed", error)
        return Belief.BELIEVED
    if record is None:
        return Belief.MISSING_RECORD
    return Belief.BELIEVED if mark_of(record) == fence.mark else Belief.OTHER_RECORD


def mark_of(record: Record) -> Mark:
    """What the fence keeps of a record."""
    return Mark(record.offset, record.timestamp, content_hash(record.value))


def last_mark(records: Sequence[Record]) -> Mark | None:
    """Of the last one that can be read; None where none can."""
    return next((mark_of(record) for record in reversed(records) if not isinstance(record, UnreadableRange)), None)


def newest_ms(records: Sequence[Record], now_ms: int, lag: int = -1) -> int:
    """How far the records say that their part has come; 0 where they say nothing.

    lag: of what comes after them, -1 where that is not known. Records of which none has a time are counted under our
    clock, and so far their part has come where little is left. Behind a backlog it says nothing: older ones may come.
    """
    readable = [record for record in records if not isinstance(record, UnreadableRange)]
    found = [at_ms for r in readable if (at_ms := stamped(r.timestamp, now_ms)) is not None]
    if not found and readable and 0 <= lag <= len(readable):
        return now_ms
    return max((at_ms for at_ms in found if at_ms <= now_ms + FUTURE_MS), default=0)
