"""The store: what Tidegate writes outside Kafka. Checkpoints, counts, leases, alert states, scope names.

`redis.py` and `memory.py` implement it, and one contract test runs on both. `docs/reference/redis.md` lists every key.
A partition here is a partition of a source topic: the unit of ownership, of counting, and of a cluster slot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from tidegate.streams.core.partition import Copy as Copy
from tidegate.streams.core.partition import TopicPartition as TopicPartition
from tidegate.streams.core.rates.aggregate import Aggregate as Aggregate  # re-exported: it is part of this interface
from tidegate.streams.core.strikes import Crossing, StrikeBalance, Terms

KEPT_MS = 8 * 86_400_000  # longer than any topic retains a completion; the Lua repeats it


@dataclass(frozen=True, slots=True)
class Marker:
    """The last record applied. A takeover compares it with the log before it trusts the checkpoint."""

    offset: int
    timestamp_ms: int
    sha256: str  # of the value's bytes, 16 hex digits


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was counted: every offset below `next`, and none at or above it."""

    next: int
    cluster: str
    generation: int  # +1 each time the checkpoint was not trusted and was moved
    marker: Marker | None  # None until a record is applied in this generation


@dataclass(frozen=True, slots=True)
class Claim:
    """A takeover: the partition's new epoch (a fencing token), above any before, and what the last owner left."""

    epoch: int
    checkpoint: Checkpoint | None
    unclean: int  # owners in a row that left this checkpoint without a release: a record may be killing its workers
    in_hand: int | None  # offset of the record that the last owner had in hand when it died, if it wrote one


class DecidedCopies(NamedTuple):
    """The copies of a partition that were decided, keyed by the offset of their origin."""

    complete: bool  # False: some may be missing, which were decided before the store lost its data
    decided: Mapping[int, Copy]


@dataclass(frozen=True, slots=True)
class Apply:
    """A record range to be counted: offsets [start, end) of a partition, by the owner that holds `epoch`."""

    partition: TopicPartition
    epoch: int
    start: int
    end: int
    marker: Marker | None  # None: no record of it can be read, and the checkpoint keeps its marker
    aggregate: Aggregate
    watermark_ms: int  # greatest record timestamp in the record range
    lag: int  # records between `end` and the fetch high-water mark
    # Bucket + longest window + allowed lateness. A bucket expires this long after its last write, by the store's clock:
    # a backlog's buckets are old, and the ruler has yet to read them.
    keep_ms: int
    copies: Sequence[Copy] = ()  # those that the record range decides: `apply` marks their origins


class Applied(StrEnum):
    """What `apply` did."""

    APPLIED = "applied"
    ALREADY = "already"  # end <= next: counted before, nothing done
    OVERLAP = "overlap"  # start < next < end: nothing done; trim to `next` and apply again
    GAP = (
        "gap"  # start > next, or no checkpoint: the store lost its last writes, or this came early; seek back to `next`
    )
    NOT_OWNER = "not_owner"  # another worker holds a newer epoch: drop the partition
    COPIED = "copied"  # an earlier copy of an origin was decided: nothing done; read again from `next`


class ApplyOutcome(NamedTuple):
    """What `apply` did, and the checkpoint's `next` afterwards (-1 where there is no checkpoint)."""

    applied: Applied
    next: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a partition, as its owner last wrote it."""

    watermark_ms: int  # 0 before any record
    lag: int  # records behind the fetch high-water mark; 0: idle
    seen_ms: int  # store time of the owner's last write; 0: never owned
    owner: str | None  # None after a release
    unreadable_at: int | None = None  # stopped at a batch there that cannot be decoded: the ruler does not wait for it


class UnreadableWait(NamedTuple):
    """How long a partition has been stopped at a batch that cannot be decoded, by the store's clock."""

    tries: int  # of all its owners, this one included
    since_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run the ruler until it expires, and the store's clock."""

    epoch: int  # +1 with each new holder
    now_ms: int


class Queued(NamedTuple):
    """A crossing in a partition's outbox, and the entry that identifies it."""

    entry: str
    crossing: Crossing


class Outbox(NamedTuple):
    """A partition's unpublished crossings: the oldest of them, and how many there are."""

    queued: Sequence[Queued]
    waiting: int


@dataclass(frozen=True, slots=True)
class Undo:
    """Strikes of one user to be taken back, with author and reason."""

    id: str  # of the enforcement that publishes it; the same id again changes nothing
    weight: float | None  # None: all of them
    terms: Terms
    author: str
    reason: str


class Store(Protocol):
    """All that `redis.py` and `memory.py` share. Who uses a store declares the methods that it calls, beside itself.

    Raises StoreUnavailable if the server cannot be reached. Wait and call again: every call is safe to repeat.
    """

    async def check(self, user_key_fingerprint: str) -> None:
        """Raises StoreRefused for a server that may evict keys, or one used with another user key."""

    async def user_key(self) -> str | None:
        """Returns the fingerprint of the key that user ids are hashed with; None before the first `check`."""

    async def close(self) -> None: ...

    async def now_ms(self) -> int:
        """Returns the store's clock, by which evaluations, leases and owners are judged."""

    # --- owners: one per partition

    async def claim(self, partitions: Sequence[TopicPartition], worker: str) -> list[Claim]:
        """Takes partitions over: gives each a new epoch, after which every older epoch is refused."""

    async def release(self, partition: TopicPartition, epoch: int) -> None:
        """Records that the owner left cleanly. No-op for an old epoch."""

    async def heartbeat(
        self, partition: TopicPartition, epoch: int, lag: int, watermark_ms: int, counted: int = 0
    ) -> bool:
        """Writes the owner's heartbeat: alive, with this lag, even if nothing was applied.

        counted: the checkpoint's `next` as the owner knows it. Returns False if it is no longer the owner, or the store
        came back older.
        """

    async def in_hand(self, partition: TopicPartition, epoch: int, offset: int | None) -> None:
        """Records which single record is in hand before it is scored (None: none)."""

    async def unreadable(self, partition: TopicPartition, epoch: int, offset: int) -> UnreadableWait | None:
        """Counts one try to read the batch at that offset, until it is applied or reset. None: no longer the owner."""

    async def reset(self, partition: TopicPartition, epoch: int, checkpoint: Checkpoint) -> bool:
        """Moves a checkpoint that was not trusted. Returns False if it is no longer the owner."""

    async def checkpoints(self, partitions: Sequence[TopicPartition]) -> list[Checkpoint | None]: ...

    # --- counting

    async def apply(self, ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        """Counts each record range exactly once, in one pipelined round trip. Row i is the outcome of range i."""

    async def totals(self, partitions: Sequence[TopicPartition]) -> dict[str, int]:
        """Returns counter -> n over the partitions. Totals never expire."""

    # --- copies: records sent again. `apply` marks the origins of those that it counts as decided

    async def copies(self, requested: Sequence[tuple[TopicPartition, Collection[int]]]) -> list[DecidedCopies]:
        """Row i: which of the requested origins of partition i have a decided copy."""

    async def mark_copies(
        self, partition: TopicPartition, epoch: int, copies: Sequence[tuple[Copy, int]], *, complete: bool
    ) -> bool:
        """Marks copies that were decided, each with its time (ms). An origin that is marked stays as it is.

        complete: no other copy was decided. Returns False if it is no longer the owner.
        """

    # --- reading, by the ruler and the CLI

    async def progress(self, partitions: Sequence[TopicPartition]) -> list[Progress]: ...

    async def bucket_versions(self, partitions: Sequence[TopicPartition]) -> list[dict[int, str]]:
        """Per partition: bucket start (ms) -> version, which is the record range that wrote it last."""

    async def counts(self, buckets: Sequence[tuple[TopicPartition, int]]) -> list[dict[str, int]]:
        """Per (partition, bucket start): series -> n; empty if the bucket expired."""

    async def users(self, partitions: Sequence[TopicPartition], series: str, starts: Iterable[int]) -> int:
        """Returns the distinct users among the hits of a series in those buckets: an estimate, about 1%."""

    # --- strikes: made by `apply`; crossings wait in an outbox of the partition until they are published

    async def outboxes(self, partitions: Sequence[TopicPartition], at_most: int) -> list[Outbox]:
        """Row i is partition i's, with at_most crossings, oldest first."""

    async def ack_outbox(self, partition: TopicPartition, queued: Sequence[Queued]) -> None:
        """Removes what was published. An entry that is gone is no error: another worker published it too."""

    async def user_strikes(self, partitions: Sequence[TopicPartition], user: str) -> list[StrikeBalance | None]:
        """Row i: the strikes of `tenant:hmac(user)` in partition i; None if there are none."""

    def all_strikes(self) -> AsyncIterator[tuple[TopicPartition, str, StrikeBalance]]:
        """Yields every user with strikes, in no order, some perhaps twice: it scans while others write."""

    async def undo(self, partition: TopicPartition, user: str, undo: Undo) -> tuple[float, float] | None:
        """Takes strikes back and queues the crossing, in one step. Returns the strikes before and after, by the store's
        clock; None if there are none."""

    # --- the ruler: one worker at a time

    async def lease(self, worker: str, ttl_ms: int) -> Lease | None:
        """Takes or renews the ruler's lease. Returns None while another worker holds it."""

    async def release_lease(self, worker: str) -> None: ...

    async def alerts(self) -> dict[str, str]:
        """Returns fingerprint -> alert state, as JSON that `ruler.py` wrote; the key `@` is the ruler's own state."""

    async def save_alerts(self, lease: Lease, states: Mapping[str, str | None]) -> bool:
        """Writes (or removes, None) alert states in one step. Returns False if another worker has the lease."""

    # --- the snapshot of the policies log, and the status of each worker

    async def save_policies(self, next_: int, state: str) -> None:
        """Stores a snapshot of the `policies` log up to `next_`, unless the stored one is newer."""

    async def load_policies(self) -> str | None:
        """Returns the snapshot that `save_policies` stored last."""

    async def put_status(self, worker: str, state: str, keep_ms: int) -> None:
        """Stores a worker's status. Removes workers that stored none for keep_ms."""

    async def statuses(self) -> dict[str, tuple[int, str]]:
        """Returns worker -> (store time of its status, its status)."""

    # --- scope names: a bounded number of them

    async def admit(self, kind: str, names: Collection[str], limit: int) -> set[str]:
        """Returns the names that count under their own name: live already, or admitted now below the limit."""

    async def retain(self, kind: str, live: Collection[str], quiet_ms: int) -> int:
        """Removes names that were neither live nor admitted for quiet_ms. Returns how many are left."""

    async def names(self, kind: str) -> set[str]:
        """Returns the names of a kind that count under their own name now."""
