"""What Tidegate keeps outside Kafka, as one interface: checkpoints, counts, leases, alert states, scope names.

`redis.py` and `memory.py` implement it; one contract test runs on both. `docs/reference/redis.md` lists every key.
A partition is one partition of one source topic: the unit of ownership, of counting, and of a cluster slot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from tidegate.streams.core.partition import Copy as Copy
from tidegate.streams.core.partition import TopicPartition as TopicPartition
from tidegate.streams.core.rates.aggregate import Aggregate as Aggregate  # re-exported: it is part of this interface
from tidegate.streams.core.strikes import Crossing, Standing, Terms

KEPT_MS = 8 * 86_400_000  # longer than any completion is kept on its topic; scripts.py says it once more


@dataclass(frozen=True, slots=True)
class Marker:
    """The last record applied, so that a checkpoint can be checked against the log it stands in."""

    offset: int
    timestamp_ms: int
    sha256: str  # of the value's bytes, 16 hex digits


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The truth about what was counted: every offset below `next` was, none at or above it."""

    next: int
    cluster: str
    generation: int  # +1 each time the checkpoint could not be believed and was moved
    marker: Marker | None  # None until a record was applied in this generation


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition taken over: the owner's epoch, greater than any before it, and what the last owner left."""

    epoch: int
    checkpoint: Checkpoint | None
    unclean: int  # owners in a row that left this same checkpoint without a release: a record range may be killing its workers
    in_hand: int | None  # offset of the one record that the last owner had in hand when it died, if it said so


class DecidedCopies(NamedTuple):
    """The copies of a partition that were decided, by the offset of their origin."""

    whole: bool  # False: some may be missing, which were decided before the store lost what it knew
    decided: Mapping[int, Copy]


@dataclass(frozen=True, slots=True)
class Apply:
    """One record range to be counted: offsets [start, end) of a partition, by the owner that holds `epoch`."""

    partition: TopicPartition
    epoch: int
    start: int
    end: int
    marker: Marker | None  # None: no record of it can be read; the checkpoint keeps the marker it has
    aggregate: Aggregate
    watermark_ms: int  # greatest record timestamp in the record range
    lag: int  # records between `end` and the fetch high-water mark
    keep_ms: int  # bucket + longest window + allowed lateness: a bucket expires this long after it began, or was last
    # written where that is later (a backlog's buckets are old, and the ruler has yet to see them)
    copies: Sequence[Copy] = ()  # those that the record range decides: their origins are marked


class Applied(StrEnum):
    """What `apply` did."""

    APPLIED = "applied"
    ALREADY = "already"  # end <= next: counted before, nothing done
    OVERLAP = "overlap"  # start < next < end: nothing done; trim to `next` and apply again
    GAP = "gap"  # start > next, or no checkpoint: the store lost its tail, or this came early; seek back to `next`
    NOT_OWNER = "not_owner"  # another worker holds a newer epoch: forget the partition
    COPIED = "copied"  # a copy before one of `copies` was decided: nothing done; read them again from `next`


class ApplyOutcome(NamedTuple):
    """What `apply` did, and the checkpoint's `next` afterwards (-1 where there is no checkpoint)."""

    applied: Applied
    next: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition has come, as its owner last said."""

    watermark_ms: int  # 0 before any record
    lag: int  # records behind the fetch high-water mark; 0: idle
    seen_ms: int  # store time of the owner's last word; 0: never owned
    owner: str | None  # None after a release
    unreadable_at: int | None = None  # it stands at a batch there that cannot be decoded: nobody waits for it


class UnreadableWait(NamedTuple):
    """How a partition stands at a batch that cannot be decoded, by the store's clock."""

    tries: int  # of all its owners, this one too
    since_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run the ruler until it expires, and the store's clock."""

    epoch: int  # +1 with each new holder
    now_ms: int


class Queued(NamedTuple):
    """A crossing in a partition's outbox, and what the store knows it by."""

    entry: str
    crossing: Crossing


class Outbox(NamedTuple):
    """A partition's crossings that were not published yet: the oldest of them, and how many there are."""

    queued: Sequence[Queued]
    waiting: int


@dataclass(frozen=True, slots=True)
class Undo:
    """Strikes of one user to be taken back, by whom and why."""

    id: str  # of the enforcement that says so; the same again changes nothing
    weight: float | None  # None: all of them
    terms: Terms
    author: str
    reason: str


class Store(Protocol):
    """Raises StoreUnavailable where the server cannot be reached: wait and call again, every call is safe to repeat."""

    async def check(self, user_key_fingerprint: str) -> None:
        """Refuses (StoreRefused) a server that may evict keys, or one used with another user key."""

    async def user_key(self) -> str | None:
        """The fingerprint of the user key that users here are hashed with; None before any."""

    async def close(self) -> None: ...

    async def now_ms(self) -> int:
        """The store's clock: the one that evaluations, leases and owners are judged by."""

    # --- owners: one per partition

    async def claim(self, partitions: Sequence[TopicPartition], worker: str) -> list[Claim]: ...

    async def release(self, partition: TopicPartition, epoch: int) -> None:
        """Says that the owner leaves cleanly. No-op for an old epoch."""

    async def heartbeat(
        self, partition: TopicPartition, epoch: int, lag: int, watermark_ms: int, counted: int = 0
    ) -> bool:
        """The owner's word that the partition is alive though nothing may have been applied.

        counted: where the owner knows the checkpoint to be. False: no longer the owner, or the store came back older.
        """

    async def in_hand(self, partition: TopicPartition, epoch: int, offset: int | None) -> None:
        """Says which single record is in hand, before it is scored (None: none)."""

    async def unreadable(self, partition: TopicPartition, epoch: int, offset: int) -> UnreadableWait | None:
        """Counts one try to read the batch at that offset, until it is applied or reset. None: no longer the owner."""

    async def reset(self, partition: TopicPartition, epoch: int, checkpoint: Checkpoint) -> bool:
        """Moves a checkpoint that could not be believed. False: no longer the owner."""

    async def checkpoints(self, partitions: Sequence[TopicPartition]) -> list[Checkpoint | None]: ...

    # --- counting

    async def apply(self, ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        """Counts each record range exactly once; one pipelined round trip. Row i belongs to record range i."""

    async def totals(self, partitions: Sequence[TopicPartition]) -> dict[str, int]:
        """Counter -> n over the partitions, for ever."""

    # --- copies: records sent again. `apply` marks the origins of those that it counts as decided

    async def copies(self, asked: Sequence[tuple[TopicPartition, Collection[int]]]) -> list[DecidedCopies]:
        """Row i: which of the origins asked of partition i have a decided copy."""

    async def mark_copies(
        self, partition: TopicPartition, epoch: int, copies: Sequence[tuple[Copy, int]], *, whole: bool
    ) -> bool:
        """Marks copies that were decided, each with when (ms); an origin that is marked stays as it is.

        whole: no other was. False: no longer the owner.
        """

    # --- reading, by the ruler and the CLI

    async def progress(self, partitions: Sequence[TopicPartition]) -> list[Progress]: ...

    async def bucket_versions(self, partitions: Sequence[TopicPartition]) -> list[dict[int, str]]:
        """Per part: bucket start (ms) -> which record range wrote it last. Changed since you looked: read it again."""

    async def counts(self, buckets: Sequence[tuple[TopicPartition, int]]) -> list[dict[str, int]]:
        """Per (part, bucket start): series -> n; empty where it expired."""

    async def users(self, partitions: Sequence[TopicPartition], series: str, starts: Iterable[int]) -> int:
        """Distinct users among the hits of a series in those buckets: an estimate, about 1%."""

    # --- strikes: made by `apply`; crossings wait in an outbox of the partition until they are published

    async def outboxes(self, partitions: Sequence[TopicPartition], at_most: int) -> list[Outbox]:
        """Row i is partition i's, with at_most crossings, oldest first."""

    async def ack_outbox(self, partition: TopicPartition, queued: Sequence[Queued]) -> None:
        """Removes what was published. What is no longer there is no error: another worker published it too."""

    async def standing(self, partitions: Sequence[TopicPartition], user: str) -> list[Standing | None]:
        """How `tenant:hmac(user)` stands in each partition; None where there is nothing."""

    def standings(self) -> AsyncIterator[tuple[TopicPartition, str, Standing]]:
        """Every user with strikes, in no order, some perhaps twice: it looks while others write."""

    async def undo(self, partition: TopicPartition, user: str, undo: Undo) -> tuple[float, float] | None:
        """Takes strikes back and queues that it was done, in one step. The strikes before and after, by the store's
        clock; None where there are none."""

    # --- the ruler: one worker at a time

    async def lease(self, worker: str, ttl_ms: int) -> Lease | None:
        """Takes or renews the ruler's lease; None while another worker holds it."""

    async def release_lease(self, worker: str) -> None: ...

    async def alerts(self) -> dict[str, str]:
        """Fingerprint -> alert state, as JSON that `ruler.py` wrote; and the key `@`: the ruler's own state."""

    async def save_alerts(self, lease: Lease, states: Mapping[str, str | None]) -> bool:
        """Writes (or removes, None) alert states in one step. False: the lease went to another worker."""

    # --- what outlives the log of policies, and who reads it

    async def save_policies(self, next_: int, state: str) -> None:
        """Keeps what the `policies` log said up to `next_`, unless what is kept reaches further."""

    async def load_policies(self) -> str | None:
        """What `save_policies` kept last."""

    async def put_status(self, worker: str, state: str, keep_ms: int) -> None:
        """A worker's word of itself. Those who gave none for keep_ms are forgotten."""

    async def statuses(self) -> dict[str, tuple[int, str]]:
        """Worker -> when it gave its last word (store time), and that word."""

    # --- scope names: bounded

    async def admit(self, kind: str, names: Collection[str], limit: int) -> set[str]:
        """Those of the names that count under their own name: live already, or admitted below the limit."""

    async def retain(self, kind: str, live: Collection[str], quiet_ms: int) -> int:
        """Forgets names that were neither live nor admitted for quiet_ms. Returns how many are left."""

    async def names(self, kind: str) -> set[str]:
        """The names of a kind that count under their own name now."""
