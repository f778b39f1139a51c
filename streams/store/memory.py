"""The store's in-memory twin: the same contract, one process, for tests of code that uses a store."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence

from tidegate.streams.core.partition import Copy, TopicPartition
from tidegate.streams.core.strikes import StrikeBalance
from tidegate.streams.errors import StoreRefused
from tidegate.streams.store import (
    KEPT_MS,
    Applied,
    Apply,
    ApplyOutcome,
    Checkpoint,
    Claim,
    DecidedCopies,
    Lease,
    Outbox,
    Progress,
    Queued,
    Undo,
    UnreadableWait,
)
from tidegate.streams.store.memory_partition import PartitionState


class MemoryStore:
    """A `Store` in memory. clock: the store's own time, milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.partitions: dict[TopicPartition, PartitionState] = defaultdict(PartitionState)
        self._user_key: str | None = None
        self._lease: tuple[str, int, int] = ("", 0, 0)  # worker, epoch, until_ms
        self._alerts: dict[str, str] = {}
        self._names: dict[str, dict[str, int]] = defaultdict(dict)
        self._policies: tuple[int, str] | None = None
        self._statuses: dict[str, tuple[int, str]] = {}

    def snapshot(self) -> dict[TopicPartition, PartitionState]:
        """Returns what a copy of the append-only file would hold."""
        return copy.deepcopy(dict(self.partitions))

    def roll_back(self, snapshot: dict[TopicPartition, PartitionState]) -> None:
        """Restores a snapshot: a store that came back older."""
        self.partitions = defaultdict(PartitionState, copy.deepcopy(snapshot))

    async def check(self, user_key_fingerprint: str) -> None:
        if self._user_key not in (None, user_key_fingerprint):
            raise StoreRefused(f"counts were made with user key {self._user_key}, not {user_key_fingerprint}")
        self._user_key = user_key_fingerprint

    async def user_key(self) -> str | None:
        return self._user_key

    async def close(self) -> None:
        """Nothing to close."""

    async def now_ms(self) -> int:
        return self._clock()

    # --- owners

    async def claim(self, partitions: Sequence[TopicPartition], worker: str) -> list[Claim]:
        return [self._claim(self.partitions[partition], worker) for partition in partitions]

    def _claim(self, own: PartitionState, worker: str) -> Claim:
        own.epoch = max(own.epoch + 1, self._clock())
        not_moved = own.unclean_at == own.next
        if own.owner == worker:  # the same worker again: none died since
            own.unclean = own.unclean if not_moved else 0
        else:
            own.unclean = (own.unclean + 1 if not_moved else 1) if own.owner else 0
        own.unclean_at, own.owner, own.seen_ms, own.lag = own.next, worker, self._clock(), -1
        return Claim(own.epoch, own.checkpoint, own.unclean, own.in_hand)

    def _owned_state(self, partition: TopicPartition, epoch: int) -> PartitionState | None:
        own = self.partitions[partition]
        return own if own.epoch == epoch and own.epoch else None  # 0: not claimed yet

    async def release(self, partition: TopicPartition, epoch: int) -> None:
        if own := self._owned_state(partition, epoch):
            own.owner, own.in_hand, own.unclean = None, None, 0

    async def heartbeat(
        self, partition: TopicPartition, epoch: int, lag: int, watermark_ms: int, counted: int = 0
    ) -> bool:
        own = self._owned_state(partition, epoch)
        if own is None or (own.next or 0) < counted:
            return False
        own.seen_ms, own.lag, own.watermark_ms = self._clock(), lag, max(own.watermark_ms, watermark_ms)
        return True

    async def in_hand(self, partition: TopicPartition, epoch: int, offset: int | None) -> None:
        if own := self._owned_state(partition, epoch):
            own.in_hand = offset

    async def unreadable(self, partition: TopicPartition, epoch: int, offset: int) -> UnreadableWait | None:
        own = self._owned_state(partition, epoch)
        if own is None:
            return None
        at, tries, since_ms = own.unreadable or (-1, 0, 0)
        own.unreadable = (offset, tries + 1, since_ms) if at == offset else (offset, 1, self._clock())
        return UnreadableWait(*own.unreadable[1:], self._clock())

    async def reset(self, partition: TopicPartition, epoch: int, checkpoint: Checkpoint) -> bool:
        if own := self._owned_state(partition, epoch):
            own.next, own.cluster, own.generation, own.marker = (
                checkpoint.next,
                checkpoint.cluster,
                checkpoint.generation,
                checkpoint.marker,
            )
            own.in_hand = own.unreadable = None
        return own is not None

    async def checkpoints(self, partitions: Sequence[TopicPartition]) -> list[Checkpoint | None]:
        return [self.partitions[partition].checkpoint for partition in partitions]

    # --- counting

    async def apply(self, ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        return [self._apply(record_range) for record_range in ranges]

    def _apply(self, record_range: Apply) -> ApplyOutcome:
        own = self.partitions[record_range.partition]
        if own.next is None:
            return ApplyOutcome(Applied.GAP, -1)
        if own.epoch != record_range.epoch:
            return ApplyOutcome(Applied.GAP if own.epoch < record_range.epoch else Applied.NOT_OWNER, own.next)
        if record_range.end <= own.next:
            return ApplyOutcome(Applied.ALREADY, own.next)
        if record_range.start != own.next:
            return ApplyOutcome(Applied.OVERLAP if record_range.start < own.next else Applied.GAP, own.next)
        if own.copies.conflict(record_range.copies, self._clock()):
            return ApplyOutcome(Applied.COPIED, own.next)
        own.copies.mark(record_range.copies, self._clock())
        own.next, own.marker, own.lag, own.seen_ms = (
            record_range.end,
            record_range.marker or own.marker,
            record_range.lag,
            self._clock(),
        )
        own.watermark_ms = max(own.watermark_ms, record_range.watermark_ms)
        if own.in_hand is not None and own.in_hand < record_range.end:
            own.in_hand = None
        if own.unreadable is not None and own.unreadable[0] < record_range.end:
            own.unreadable = None
        own.totals.update(record_range.aggregate.totals)
        self._expire(own)
        now = self._clock()
        for start, series in record_range.aggregate.counts.items():
            if now - KEPT_MS < start < now + record_range.keep_ms:
                own.counts.setdefault(start, Counter()).update(series)
                own.touch[start] = f"{record_range.epoch}:{record_range.end}"
                own.expires[start] = now + record_range.keep_ms
        for start, by_series in record_range.aggregate.users.items():
            for name, users in by_series.items():
                if start in own.counts:
                    own.users[start, name].update(users)
        if record_range.aggregate.new_strikes is not None:
            own.strikes.add(record_range.aggregate.new_strikes, now)
        return ApplyOutcome(Applied.APPLIED, own.next)

    def _expire(self, own: PartitionState) -> None:
        for start in [start for start, at in own.expires.items() if at <= self._clock()]:
            del own.expires[start], own.counts[start], own.touch[start]
            for key in [key for key in own.users if key[0] == start]:
                del own.users[key]

    async def totals(self, partitions: Sequence[TopicPartition]) -> dict[str, int]:
        return dict(sum((self.partitions[partition].totals for partition in partitions), Counter()))

    async def copies(self, requested: Sequence[tuple[TopicPartition, Collection[int]]]) -> list[DecidedCopies]:
        return [self.partitions[partition].copies.decided(origins, self._clock()) for partition, origins in requested]

    async def mark_copies(
        self, partition: TopicPartition, epoch: int, copies: Sequence[tuple[Copy, int]], *, complete: bool
    ) -> bool:
        if own := self._owned_state(partition, epoch):
            own.copies.restore(copies, complete, self._clock())
        return own is not None

    # --- reading

    async def progress(self, partitions: Sequence[TopicPartition]) -> list[Progress]:
        return [
            Progress(own.watermark_ms, own.lag, own.seen_ms, own.owner, own.unreadable and own.unreadable[0])
            for own in map(self.partitions.__getitem__, partitions)
        ]

    async def bucket_versions(self, partitions: Sequence[TopicPartition]) -> list[dict[int, str]]:
        return [dict(self.partitions[partition].touch) for partition in partitions]

    async def counts(self, buckets: Sequence[tuple[TopicPartition, int]]) -> list[dict[str, int]]:
        for partition, _ in buckets:
            self._expire(self.partitions[partition])
        return [dict(self.partitions[partition].counts.get(start, {})) for partition, start in buckets]

    async def users(self, partitions: Sequence[TopicPartition], series: str, starts: Iterable[int]) -> int:
        wanted = list(starts)
        return len(
            {
                user
                for partition in partitions
                for start in wanted
                for user in self.partitions[partition].users[start, series]
            }
        )

    # --- strikes

    async def outboxes(self, partitions: Sequence[TopicPartition], at_most: int) -> list[Outbox]:
        return [self.partitions[partition].strikes.outbox(at_most) for partition in partitions]

    async def ack_outbox(self, partition: TopicPartition, queued: Sequence[Queued]) -> None:
        self.partitions[partition].strikes.ack_outbox(queued)

    async def user_strikes(self, partitions: Sequence[TopicPartition], user: str) -> list[StrikeBalance | None]:
        return [self.partitions[partition].strikes.user_strikes(user, self._clock()) for partition in partitions]

    async def all_strikes(self) -> AsyncIterator[tuple[TopicPartition, str, StrikeBalance]]:
        for partition, own in list(self.partitions.items()):
            for user, balance in own.strikes.all_strikes(self._clock()).items():
                yield partition, user, balance

    async def undo(self, partition: TopicPartition, user: str, undo: Undo) -> tuple[float, float] | None:
        return self.partitions[partition].strikes.undo(user, undo, self._clock())

    # --- the ruler

    async def lease(self, worker: str, ttl_ms: int) -> Lease | None:
        holder, epoch, until_ms = self._lease
        if holder != worker:
            if until_ms > self._clock():
                return None
            epoch = max(epoch + 1, self._clock())
        self._lease = (worker, epoch, self._clock() + ttl_ms)
        return Lease(epoch, self._clock())

    async def release_lease(self, worker: str) -> None:
        if self._lease[0] == worker:
            self._lease = (worker, self._lease[1], 0)

    async def alerts(self) -> dict[str, str]:
        return dict(self._alerts)

    async def save_alerts(self, lease: Lease, states: Mapping[str, str | None]) -> bool:
        if lease.epoch != self._lease[1]:
            return False
        for fingerprint, state in states.items():
            if state:
                self._alerts[fingerprint] = state
            else:
                self._alerts.pop(fingerprint, None)
        return True

    # --- policies and workers

    async def save_policies(self, next_: int, state: str) -> None:
        if self._policies is None or next_ >= self._policies[0]:
            self._policies = (next_, state)

    async def load_policies(self) -> str | None:
        return self._policies[1] if self._policies else None

    async def put_status(self, worker: str, state: str, keep_ms: int) -> None:
        now = self._clock()
        self._statuses[worker] = (now, state)
        for silent in [name for name, (seen_ms, _) in self._statuses.items() if now - seen_ms > keep_ms]:
            del self._statuses[silent]

    async def statuses(self) -> dict[str, tuple[int, str]]:
        return dict(self._statuses)

    # --- scope names

    async def admit(self, kind: str, names: Collection[str], limit: int) -> set[str]:
        live = self._names[kind]
        for name in names:
            if name not in live and len(live) < limit:
                live[name] = self._clock()
        return {name for name in names if name in live}

    async def retain(self, kind: str, live: Collection[str], quiet_ms: int) -> int:
        names = self._names[kind]
        names.update(dict.fromkeys(live, self._clock()))
        for name in [name for name, seen_ms in names.items() if self._clock() - seen_ms > quiet_ms]:
            del names[name]
        return len(names)

    async def names(self, kind: str) -> set[str]:
        return set(self._names[kind])
