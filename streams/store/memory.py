"""The store's in-memory twin: the same contract, one process, for the tests of what stands on a store."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence

from tidegate.streams.core.partition import Copy, Part
from tidegate.streams.core.strikes import Standing
from tidegate.streams.errors import StoreRefused
from tidegate.streams.store import (
    KEPT_MS,
    Applied,
    Apply,
    Claim,
    Fence,
    Lease,
    Marks,
    Outbox,
    Outcome,
    Progress,
    Queued,
    Undo,
    UnreadableWait,
)
from tidegate.streams.store.memory_part import PartState


class MemoryStore:
    """A `Store` in a dict. clock: milliseconds, the store's own time. `state` may be copied and put back."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.parts: dict[Part, PartState] = defaultdict(PartState)
        self._user_key: str | None = None
        self._lease: tuple[str, int, int] = ("", 0, 0)  # worker, epoch, until_ms
        self._alerts: dict[str, str] = {}
        self._names: dict[str, dict[str, int]] = defaultdict(dict)
        self._policies: tuple[int, str] | None = None
        self._reports: dict[str, tuple[int, str]] = {}

    def snapshot(self) -> dict[Part, PartState]:
        """What a copy of the append-only file would hold."""
        return copy.deepcopy(dict(self.parts))

    def roll_back(self, snapshot: dict[Part, PartState]) -> None:
        self.parts = defaultdict(PartState, copy.deepcopy(snapshot))

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

    async def claim(self, parts: Sequence[Part], worker: str) -> list[Claim]:
        return [self._claim(self.parts[part], worker) for part in parts]

    def _claim(self, own: PartState, worker: str) -> Claim:
        own.token = max(own.token + 1, self._clock())
        here = own.unclean_at == own.next
        if own.owner == worker:  # itself again: nobody died since
            own.unclean = own.unclean if here else 0
        else:
            own.unclean = (own.unclean + 1 if here else 1) if own.owner else 0
        own.unclean_at, own.owner, own.seen_ms, own.lag = own.next, worker, self._clock(), -1
        return Claim(own.token, own.fence, own.unclean, own.trying)

    def _owned(self, part: Part, token: int) -> PartState | None:
        own = self.parts[part]
        return own if own.token == token and own.token else None  # 0: nobody claimed it yet

    async def release(self, part: Part, token: int) -> None:
        if own := self._owned(part, token):
            own.owner, own.trying, own.unclean = None, None, 0

    async def beat(self, part: Part, token: int, lag: int, watermark_ms: int, counted: int = 0) -> bool:
        own = self._owned(part, token)
        if own is None or (own.next or 0) < counted:
            return False
        own.seen_ms, own.lag, own.watermark_ms = self._clock(), lag, max(own.watermark_ms, watermark_ms)
        return True

    async def trying(self, part: Part, token: int, offset: int | None) -> None:
        if own := self._owned(part, token):
            own.trying = offset

    async def unreadable(self, part: Part, token: int, offset: int) -> UnreadableWait | None:
        own = self._owned(part, token)
        if own is None:
            return None
        at, tries, since_ms = own.unreadable or (-1, 0, 0)
        own.unreadable = (offset, tries + 1, since_ms) if at == offset else (offset, 1, self._clock())
        return UnreadableWait(*own.unreadable[1:], self._clock())

    async def reset(self, part: Part, token: int, fence: Fence) -> bool:
        if own := self._owned(part, token):
            own.next, own.cluster, own.generation, own.mark = fence.next, fence.cluster, fence.generation, fence.mark
            own.trying = own.unreadable = None
        return own is not None

    async def fences(self, parts: Sequence[Part]) -> list[Fence | None]:
        return [self.parts[part].fence for part in parts]

    # --- counting

    async def apply(self, spans: Sequence[Apply]) -> list[Outcome]:
        return [self._apply(span) for span in spans]

    def _apply(self, span: Apply) -> Outcome:
        own = self.parts[span.part]
        if own.next is None:
            return Outcome(Applied.GAP, -1)
        if own.token != span.token:
            return Outcome(Applied.GAP if own.token < span.token else Applied.NOT_OWNER, own.next)
        if span.end <= own.next:
            return Outcome(Applied.ALREADY, own.next)
        if span.start != own.next:
            return Outcome(Applied.OVERLAP if span.start < own.next else Applied.GAP, own.next)
        if own.copies.met(span.copies, self._clock()):
            return Outcome(Applied.COPIED, own.next)
        own.copies.mark(span.copies, self._clock())
        own.next, own.mark, own.lag, own.seen_ms = span.end, span.mark or own.mark, span.lag, self._clock()
        own.watermark_ms = max(own.watermark_ms, span.watermark_ms)
        if own.trying is not None and own.trying < span.end:
            own.trying = None
        if own.unreadable is not None and own.unreadable[0] < span.end:
            own.unreadable = None
        own.totals.update(span.aggregate.totals)
        self._expire(own)
        now = self._clock()
        for start, series in span.aggregate.counts.items():
            if now - KEPT_MS < start < now + span.keep_ms:
                own.counts.setdefault(start, Counter()).update(series)
                own.touch[start] = f"{span.token}:{span.end}"
                own.expires[start] = now + span.keep_ms
        for start, by_series in span.aggregate.users.items():
            for name, users in by_series.items():
                if start in own.counts:
                    own.users[start, name].update(users)
        if span.aggregate.struck is not None:
            own.strikes.add(span.aggregate.struck, now)
        return Outcome(Applied.APPLIED, own.next)

    def _expire(self, own: PartState) -> None:
        for start in [start for start, at in own.expires.items() if at <= self._clock()]:
            del own.expires[start], own.counts[start], own.touch[start]
            for key in [key for key in own.users if key[0] == start]:
                del own.users[key]

    async def totals(self, parts: Sequence[Part]) -> dict[str, int]:
        return dict(sum((self.parts[part].totals for part in parts), Counter()))

    async def copies(self, asked: Sequence[tuple[Part, Collection[int]]]) -> list[Marks]:
        return [self.parts[part].copies.look(origins, self._clock()) for part, origins in asked]

    async def mark_copies(self, part: Part, token: int, copies: Sequence[tuple[Copy, int]], *, whole: bool) -> bool:
        if own := self._owned(part, token):
            own.copies.restore(copies, whole, self._clock())
        return own is not None

    # --- reading

    async def progress(self, parts: Sequence[Part]) -> list[Progress]:
        return [
            Progress(own.watermark_ms, own.lag, own.seen_ms, own.owner, own.unreadable and own.unreadable[0])
            for own in map(self.parts.__getitem__, parts)
        ]

    async def touched(self, parts: Sequence[Part]) -> list[dict[int, str]]:
        return [dict(self.parts[part].touch) for part in parts]

    async def counts(self, buckets: Sequence[tuple[Part, int]]) -> list[dict[str, int]]:
        for part, _ in buckets:
            self._expire(self.parts[part])
        return [dict(self.parts[part].counts.get(start, {})) for part, start in buckets]

    async def users(self, parts: Sequence[Part], series: str, starts: Iterable[int]) -> int:
        wanted = list(starts)
        return len({user for part in parts for start in wanted for user in self.parts[part].users[start, series]})

    # --- strikes

    async def outboxes(self, parts: Sequence[Part], at_most: int) -> list[Outbox]:
        return [self.parts[part].strikes.outbox(at_most) for part in parts]

    async def drained(self, part: Part, queued: Sequence[Queued]) -> None:
        self.parts[part].strikes.drained(queued)

    async def standing(self, parts: Sequence[Part], user: str) -> list[Standing | None]:
        return [self.parts[part].strikes.standing(user, self._clock()) for part in parts]

    async def standings(self) -> AsyncIterator[tuple[Part, str, Standing]]:
        for part, own in list(self.parts.items()):
            for user, standing in own.strikes.standings(self._clock()).items():
                yield part, user, standing

    async def undo(self, part: Part, user: str, undo: Undo) -> tuple[float, float] | None:
        return self.parts[part].strikes.undo(user, undo, self._clock())

    # --- the tick

    async def lease(self, worker: str, ttl_ms: int) -> Lease | None:
        holder, epoch, until_ms = self._lease
        if holder != worker:
            if until_ms > self._clock():
                return None
            epoch = max(epoch + 1, self._clock())
        self._lease = (worker, epoch, self._clock() + ttl_ms)
        return Lease(epoch, self._clock())

    async def unlease(self, worker: str) -> None:
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

    async def keep_policies(self, next_: int, state: str) -> None:
        if self._policies is None or next_ >= self._policies[0]:
            self._policies = (next_, state)

    async def kept_policies(self) -> str | None:
        return self._policies[1] if self._policies else None

    async def report(self, worker: str, state: str, keep_ms: int) -> None:
        now = self._clock()
        self._reports[worker] = (now, state)
        for silent in [name for name, (seen_ms, _) in self._reports.items() if now - seen_ms > keep_ms]:
            del self._reports[silent]

    async def reports(self) -> dict[str, tuple[int, str]]:
        return dict(self._reports)

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
