"""What Tidegate keeps outside Kafka, as one interface: fences, counts, leases, alert states, scope names.

`redis.py` and `memory.py` implement it; one contract test runs on both. `docs/operations.md` lists every key.
A part is one partition of one source topic: the unit of ownership, of counting, and of a cluster slot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from tidegate.streams.core.partition import Copy as Copy
from tidegate.streams.core.partition import Part as Part
from tidegate.streams.core.rates.aggregate import Aggregate as Aggregate  # re-exported: it is part of this interface
from tidegate.streams.core.strikes import Crossing, Standing, Terms

KEPT_MS = 8 * 86_400_000  # longer than any completion is kept on its topic; scripts.py says it once more


@dataclass(frozen=True, slots=True)
class Mark:
    """The last record applied, so that a fence can be checked against the log it stands in."""

    offset: int
    timestamp_ms: int
    sha256: str  # of the value's bytes, 16 hex digits


@dataclass(frozen=True, slots=True)
class Fence:
    """The truth about what was counted: every offset below `next` was, none at or above it."""

    next: int
    cluster: str
    generation: int  # +1 each time the fence could not be believed and was moved
    mark: Mark | None  # None until a record was applied in this generation


@dataclass(frozen=True, slots=True)
class Claim:
    """A part taken over: the owner's token, greater than any before it, and what the last owner left."""

    token: int
    fence: Fence | None
    unclean: int  # owners in a row that left this same fence without a release: a span may be killing its workers
    trying: int | None  # offset of the one record that the last owner had in hand when it died, if it said so


class Marks(NamedTuple):
    """The copies of a part that were decided, by the offset of their origin."""

    whole: bool  # False: some may be missing, which were decided before the store lost what it knew
    decided: Mapping[int, Copy]


@dataclass(frozen=True, slots=True)
class Apply:
    """One span to be counted: offsets [start, end) of a part, by the owner that holds `token`."""

    part: Part
    token: int
    start: int
    end: int
    mark: Mark | None  # None: no record of it can be read; the fence keeps the mark it has
    aggregate: Aggregate
    watermark_ms: int  # greatest record timestamp in the span
    lag: int  # records between `end` and the fetch high-water mark
    keep_ms: int  # bucket + longest window + allowed lateness: a bucket expires this long after it began, or was last
    # written where that is later (a backlog's buckets are old, and the tick has yet to see them)
    copies: Sequence[Copy] = ()  # those that the span decides: their origins are marked


class Applied(StrEnum):
    """What `apply` did."""

    APPLIED = "applied"
    ALREADY = "already"  # end <= next: counted before, nothing done
    OVERLAP = "overlap"  # start < next < end: nothing done; trim to `next` and apply again
    GAP = "gap"  # start > next, or no fence: the store lost its tail, or this came early; seek back to `next`
    NOT_OWNER = "not_owner"  # another worker holds a newer token: forget the part
    COPIED = "copied"  # a copy before one of `copies` was decided: nothing done; read them again from `next`


class Outcome(NamedTuple):
    """What `apply` did, and the fence's `next` afterwards (-1 where there is no fence)."""

    applied: Applied
    next: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a part has come, as its owner last said."""

    watermark_ms: int  # 0 before any record
    lag: int  # records behind the fetch high-water mark; 0: idle
    seen_ms: int  # store time of the owner's last word; 0: never owned
    owner: str | None  # None after a release
    unreadable_at: int | None = None  # it stands at a batch there that cannot be decoded: nobody waits for it


class UnreadableWait(NamedTuple):
    """How a part stands at a batch that cannot be decoded, by the store's clock."""

    tries: int  # of all its owners, this one too
    since_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run the tick until it expires, and the store's clock."""

    epoch: int  # +1 with each new holder
    now_ms: int


class Queued(NamedTuple):
    """A crossing in a part's outbox, and what the store knows it by."""

    entry: str
    crossing: Crossing


class Outbox(NamedTuple):
    """A part's crossings that were not published yet: the oldest of them, and how many there are."""

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
    """Raises StoreAway where the server cannot be reached: wait and call again, every call is safe to repeat."""

    async def check(self, user_key_fingerprint: str) -> None:
        """Refuses (StoreRefused) a server that may evict keys, or one used with another user key."""

    async def user_key(self) -> str | None:
        """The fingerprint of the user key that users here are hashed with; None before any."""

    async def close(self) -> None: ...

    async def now_ms(self) -> int:
        """The store's clock: the one that ticks, leases and owners are judged by."""

    # --- owners: one per part

    async def claim(self, parts: Sequence[Part], worker: str) -> list[Claim]: ...

    async def release(self, part: Part, token: int) -> None:
        """Says that the owner leaves cleanly. No-op for an old token."""

    async def beat(self, part: Part, token: int, lag: int, watermark_ms: int, counted: int = 0) -> bool:
        """The owner's word that the part is alive though nothing may have been applied.

        counted: where the owner knows the fence to be. False: no longer the owner, or the store came back older.
        """

    async def trying(self, part: Part, token: int, offset: int | None) -> None:
        """Says which single record is in hand, before it is scored (None: none)."""

    async def unreadable(self, part: Part, token: int, offset: int) -> UnreadableWait | None:
        """Counts one try to read the batch at that offset, until it is applied or reset. None: no longer the owner."""

    async def reset(self, part: Part, token: int, fence: Fence) -> bool:
        """Moves a fence that could not be believed. False: no longer the owner."""

    async def fences(self, parts: Sequence[Part]) -> list[Fence | None]: ...

    # --- counting

    async def apply(self, spans: Sequence[Apply]) -> list[Outcome]:
        """Counts each span exactly once; one pipelined round trip. Row i belongs to span i."""

    async def totals(self, parts: Sequence[Part]) -> dict[str, int]:
        """Counter -> n over the parts, for ever."""

    # --- copies: records sent again. `apply` marks the origins of those that it counts as decided

    async def copies(self, asked: Sequence[tuple[Part, Collection[int]]]) -> list[Marks]:
        """Row i: which of the origins asked of part i have a decided copy."""

    async def mark_copies(self, part: Part, token: int, copies: Sequence[tuple[Copy, int]], *, whole: bool) -> bool:
        """Marks copies that were decided, each with when (ms); an origin that is marked stays as it is.

        whole: no other was. False: no longer the owner.
        """

    # --- reading, by the tick and the CLI

    async def progress(self, parts: Sequence[Part]) -> list[Progress]: ...

    async def touched(self, parts: Sequence[Part]) -> list[dict[int, str]]:
        """Per part: bucket start (ms) -> which span wrote it last. Changed since you looked: read it again."""

    async def counts(self, buckets: Sequence[tuple[Part, int]]) -> list[dict[str, int]]:
        """Per (part, bucket start): series -> n; empty where it expired."""

    async def users(self, parts: Sequence[Part], series: str, starts: Iterable[int]) -> int:
        """Distinct users among the hits of a series in those buckets: an estimate, about 1%."""

    # --- strikes: made by `apply`; crossings wait in an outbox of the part until they are published

    async def outboxes(self, parts: Sequence[Part], at_most: int) -> list[Outbox]:
        """Row i is part i's, with at_most crossings, oldest first."""

    async def drained(self, part: Part, queued: Sequence[Queued]) -> None:
        """Removes what was published. What is no longer there is no error: another worker published it too."""

    async def standing(self, parts: Sequence[Part], user: str) -> list[Standing | None]:
        """How `tenant:hmac(user)` stands in each part; None where there is nothing."""

    def standings(self) -> AsyncIterator[tuple[Part, str, Standing]]:
        """Every user with strikes, in no order, some perhaps twice: it looks while others write."""

    async def undo(self, part: Part, user: str, undo: Undo) -> tuple[float, float] | None:
        """Takes strikes back and queues that it was done, in one step. The strikes before and after, by the store's
        clock; None where there are none."""

    # --- the tick: one worker at a time

    async def lease(self, worker: str, ttl_ms: int) -> Lease | None:
        """Takes or renews the tick's lease; None while another worker holds it."""

    async def unlease(self, worker: str) -> None: ...

    async def alerts(self) -> dict[str, str]:
        """Fingerprint -> alert state, as JSON that `tick.py` wrote; and the key `@`: the tick's own state."""

    async def save_alerts(self, lease: Lease, states: Mapping[str, str | None]) -> bool:
        """Writes (or removes, None) alert states in one step. False: the lease went to another worker."""

    # --- what outlives the log of policies, and who reads it

    async def keep_policies(self, next_: int, state: str) -> None:
        """Keeps what the `policies` log said up to `next_`, unless what is kept reaches further."""

    async def kept_policies(self) -> str | None:
        """What `keep_policies` kept last."""

    async def report(self, worker: str, state: str, keep_ms: int) -> None:
        """A worker's word of itself. Those who gave none for keep_ms are forgotten."""

    async def reports(self) -> dict[str, tuple[int, str]]:
        """Worker -> when it gave its last word (store time), and that word."""

    # --- scope names: bounded

    async def admit(self, kind: str, names: Collection[str], limit: int) -> set[str]:
        """Those of the names that count under their own name: live already, or admitted below the limit."""

    async def retain(self, kind: str, live: Collection[str], quiet_ms: int) -> int:
        """Forgets names that were neither live nor admitted for quiet_ms. Returns how many are left."""

    async def names(self, kind: str) -> set[str]:
        """The names of a kind that count under their own name now."""
