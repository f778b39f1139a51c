"""The Lua scripts against their twin: any sequence of calls to the store has the same answers and state on both.

Leases and epochs come from each store's clock, so calls name them by their order. Event times lie far ahead, where
neither clock is read. Numbers stay under 2^53: below it Lua counts exactly, and no offset or time gets further.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.fuzz.profile import fuzzed
from tests.support.stacks import Stack
from tidegate.streams.core.partition import Copy, TopicPartition
from tidegate.streams.core.strikes import Crossing, NewStrikes, Strike, Terms
from tidegate.streams.store import Aggregate, Apply, Checkpoint, Claim, Marker, Outbox, Store, Undo
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.redis import RedisStore

T = TypeVar("T")
PARTITIONS = [TopicPartition("completions", 0), TopicPartition("completions", 11), TopicPartition("feedback", 0)]
AHEAD_MS = (int(time.time()) + 86_400) * 1000  # of both clocks, so that nothing decays, and within the accepted future
FAR_MS = 4_102_444_800_000  # the year 2100: no bucket
LARGEST = 2**53 - 1
KEEP_MS = 3 * 86_400_000
SERIES = ("scored|all", "label.toxicity|tenant=acme", "a|model={x}", "fault|tenant:other")

names = st.one_of(
    st.sampled_from(
        ["w1", "w2", "w3", "acme:ab12", "{", "}{", "a|b", "a:b:c", "-", "%d", "\x00", "a\nb", "é𝒳", "'\"\\"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.just("x" * 10_000),
)
small = st.sampled_from(["acme:u1", "acme:u2", "b{c}:\x00"])
partitions = st.sampled_from(PARTITIONS)
numbers = st.one_of(st.integers(0, 50), st.sampled_from([2**31, 2**40, LARGEST]))
counts = st.integers(1, 2**40)
weights = st.one_of(st.floats(0.001, 1000), st.sampled_from([0.1, 1.0, 1000.0]))
terms = st.builds(
    Terms,
    half_life_ms=st.sampled_from([60_000, 86_400_000, 2_592_000_000]),
    throttle=st.one_of(st.none(), st.sampled_from([0.001, 1.0, 3.5])),
    suspend=st.one_of(st.none(), st.sampled_from([4.0, 1_000_000.0])),
    negligible=st.sampled_from([1e-6, 1e-3]),
    policy_version=st.just("3-0123abcd"),
)
times = st.one_of(st.integers(AHEAD_MS, AHEAD_MS + 10**8), st.just(AHEAD_MS))
strikes = st.lists(st.builds(Strike, id=names, user=small, at_ms=times, weight=weights, reason=names), max_size=4)
# One copy of an origin in a record range, as the pipeline sends them.
copies = st.lists(
    st.builds(Copy, st.integers(0, 4), st.sampled_from(["0" * 16, "a1" * 8]), st.one_of(st.integers(5, 9), numbers)),
    max_size=3,
    unique_by=lambda copy: copy.origin,
)
# The epoch of a call: one that a claim returned, or one that never existed.
which = st.one_of(st.integers(0, 5), st.sampled_from(["none", "negative", "future"]))


@st.composite
def aggregates(draw: st.DrawFn) -> Aggregate:
    starts = st.sampled_from([AHEAD_MS, AHEAD_MS + 10_000, FAR_MS, 253_402_300_790_000, 0, 1_000, -10_000])
    series = st.one_of(st.sampled_from(SERIES), names)
    buckets = draw(st.dictionaries(starts, st.dictionaries(series, counts, min_size=1, max_size=3), max_size=3))
    users = {
        start: {SERIES[0]: draw(st.lists(names, max_size=4))} for start in buckets if draw(st.booleans())
    }  # users are hits of a bucket's own series
    totals = draw(
        st.dictionaries(st.sampled_from(["decided", "faults", "dead_letters", "x" * 10_000]), counts, max_size=3)
    )
    struck = NewStrikes(draw(terms), tuple(found)) if (found := draw(strikes)) else None
    return Aggregate(buckets, users, totals, struck)


class Stores(RuleBasedStateMachine):
    """Two stores, side by side."""

    url: ClassVar[str]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryStore(lambda: int(time.time() * 1000))
        self.redis = RedisStore(self.url, f"f{secrets.token_hex(6)}")
        self.epochs: dict[TopicPartition, list[tuple[int, int]]] = {partition: [] for partition in PARTITIONS}
        self.leases: list[tuple[Any, Any]] = []
        self.next: dict[TopicPartition, int] = dict.fromkeys(PARTITIONS, 0)

    def teardown(self) -> None:
        try:
            self.the_same_state()
        finally:
            self.run(self.redis.close())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def both(self, call: Any) -> tuple[Any, Any]:
        """The results of `call(store)` on Redis and in memory."""
        return self.run(call(self.redis)), self.run(call(self.memory))

    def same(self, call: Any) -> Any:
        redis, memory = self.both(call)
        assert redis == memory
        return redis

    def epoch(self, partition: TopicPartition, which: int | str) -> tuple[int, int]:
        if which == "future":
            return LARGEST, LARGEST
        given = self.epochs[partition]
        if isinstance(which, str) or not given:
            return (0, 0) if which == "none" else (-1, -1)
        return given[-1 - which % len(given)]  # 0: the newest

    def with_epoch(self, partition: TopicPartition, which: int | str, call: Any) -> Any:
        """The same answer from `call(store, epoch)` on both, each with its own epoch."""
        of_redis, of_memory = self.epoch(partition, which)
        redis, memory = self.run(call(self.redis, of_redis)), self.run(call(self.memory, of_memory))
        assert redis == memory
        return redis

    # --- owners

    @rule(partition=partitions, worker=names)
    def claim(self, partition: TopicPartition, worker: str) -> None:
        redis, memory = self.both(lambda store: store.claim([partition], worker))
        self.epochs[partition].append((redis[0].epoch, memory[0].epoch))
        assert _less_epoch(redis[0]) == _less_epoch(memory[0])
        assert self.epochs[partition] == sorted(set(self.epochs[partition])), "an epoch is greater than any before it"

    @rule(partition=partitions, which=which)
    def release(self, partition: TopicPartition, which: int | str) -> None:
        self.with_epoch(partition, which, lambda store, epoch: store.release(partition, epoch))

    @rule(partition=partitions, which=which, lag=numbers, watermark_ms=numbers, counted=numbers)
    def heartbeat(self, partition: TopicPartition, which: int | str, lag: int, watermark_ms: int, counted: int) -> None:
        self.with_epoch(
            partition, which, lambda store, epoch: store.heartbeat(partition, epoch, lag, watermark_ms, counted)
        )

    @rule(partition=partitions, which=which, offset=st.one_of(st.none(), numbers))
    def in_hand(self, partition: TopicPartition, which: int | str, offset: int | None) -> None:
        self.with_epoch(partition, which, lambda store, epoch: store.in_hand(partition, epoch, offset))

    @rule(
        partition=partitions,
        which=which,
        next_=numbers,
        cluster=names,
        generation=st.integers(0, 9),
        marked=st.booleans(),
        sha=names,
    )
    def reset(
        self,
        partition: TopicPartition,
        which: int | str,
        next_: int,
        cluster: str,
        generation: int,
        marked: bool,
        sha: str,
    ) -> None:
        checkpoint = Checkpoint(
            next_, cluster, generation, Marker(max(0, next_ - 1), AHEAD_MS, sha) if marked else None
        )
        if self.with_epoch(partition, which, lambda store, epoch: store.reset(partition, epoch, checkpoint)):
            self.next[partition] = next_

    # --- counting

    @rule(
        partition=partitions,
        which=st.one_of(st.just(0), st.just(0), st.just(0), which),
        gap=st.sampled_from([0, 0, 0, 0, 1, -1, -7, 1000]),
        length=st.sampled_from([1, 3, 250, 0]),
        aggregate=aggregates(),
        sha=names,
        watermark_ms=numbers,
        lag=numbers,
        copied=copies,
    )
    def apply(
        self,
        partition: TopicPartition,
        which: int | str,
        gap: int,
        length: int,
        aggregate: Aggregate,
        sha: str,
        watermark_ms: int,
        lag: int,
        copied: list[Copy],
    ) -> None:
        start = max(0, self.next[partition] + gap)

        def record_range(epoch: int) -> Apply:
            marker = Marker(max(0, start + length - 1), AHEAD_MS, sha)
            return Apply(partition, epoch, start, start + length, marker, aggregate, watermark_ms, lag, KEEP_MS, copied)

        (outcome,) = self.with_epoch(partition, which, lambda store, epoch: store.apply([record_range(epoch)]))
        self.next[partition] = max(0, outcome.next)

    @rule(
        partition=partitions,
        which=which,
        copied=copies,
        complete=st.booleans(),
        ago_ms=st.sampled_from([0, 1000, 10**12]),
    )
    def mark_copies(
        self, partition: TopicPartition, which: int | str, copied: list[Copy], complete: bool, ago_ms: int
    ) -> None:
        at_ms = int(time.time() * 1000) - ago_ms
        found = [(copy, at_ms) for copy in copied]
        self.with_epoch(
            partition, which, lambda store, epoch: store.mark_copies(partition, epoch, found, complete=complete)
        )

    # --- strikes

    @rule(
        partition=partitions,
        user=small,
        id=names,
        weight=st.one_of(st.none(), weights),
        terms=terms,
        author=names,
        reason=names,
    )
    def undo(
        self,
        partition: TopicPartition,
        user: str,
        id: str,
        weight: float | None,
        terms: Terms,
        author: str,
        reason: str,
    ) -> None:
        self.same(lambda store: store.undo(partition, user, Undo(id, weight, terms, author, reason)))

    @rule(partition=partitions, many=st.integers(1, 3))
    def drain(self, partition: TopicPartition, many: int) -> None:
        async def work(store: Store) -> None:
            (box,) = await store.outboxes([partition], many)
            await store.ack_outbox(partition, box.queued)
            await store.ack_outbox(partition, box.queued)  # another worker published them too

        self.both(work)

    # --- the ruler, and what outlives the log

    @rule(worker=names, ttl_ms=st.sampled_from([-1, 0, 10**9]))
    def lease(self, worker: str, ttl_ms: int) -> None:
        redis, memory = self.both(lambda store: store.lease(worker, ttl_ms))
        assert (redis is None) == (memory is None)
        if redis is not None:
            self.leases.append((redis, memory))

    @rule(worker=names)
    def release_lease(self, worker: str) -> None:
        self.both(lambda store: store.release_lease(worker))

    @precondition(lambda self: self.leases)
    @rule(
        back=st.integers(0, 3),
        states=st.dictionaries(names, st.one_of(st.none(), st.text("a{}\x00\"'", max_size=9)), max_size=4),
    )
    def save_alerts(self, back: int, states: dict[str, str | None]) -> None:
        of_redis, of_memory = self.leases[-1 - back % len(self.leases)]
        redis, memory = (
            self.run(self.redis.save_alerts(of_redis, states)),
            self.run(self.memory.save_alerts(of_memory, states)),
        )
        assert redis == memory

    @rule(next_=numbers, state=names)
    def save_policies(self, next_: int, state: str) -> None:
        self.same(lambda store: store.save_policies(next_, state))

    @rule(worker=names, state=names, keep_ms=st.sampled_from([-1, 10**9]))
    def put_status(self, worker: str, state: str, keep_ms: int) -> None:
        self.same(lambda store: store.put_status(worker, state, keep_ms))

    # --- names

    @rule(
        kind=st.sampled_from(["tenant", "model"]),
        requested=st.lists(names, max_size=4, unique=True),
        limit=st.integers(-1, 5),
    )
    def admit(self, kind: str, requested: list[str], limit: int) -> None:
        self.same(lambda store: store.admit(kind, requested, limit))

    @rule(
        kind=st.sampled_from(["tenant", "model"]),
        live=st.lists(names, max_size=3),
        quiet_ms=st.sampled_from([-1, 10**9]),
    )
    def retain(self, kind: str, live: list[str], quiet_ms: int) -> None:
        self.same(lambda store: store.retain(kind, live, quiet_ms))

    # --- the same state

    @invariant()
    def the_same_checkpoints(self) -> None:
        self.same(lambda store: store.checkpoints(PARTITIONS))

    def the_same_state(self) -> None:
        """Compares everything else. Only at the end: it takes a dozen calls."""
        self.same(lambda store: store.totals(PARTITIONS))
        self.same(lambda store: store.copies([(partition, range(5)) for partition in PARTITIONS]))
        self.same(lambda store: store.alerts())
        self.same(lambda store: store.load_policies())
        self.same(lambda store: store.names("tenant"))
        redis, memory = self.both(lambda store: store.progress(PARTITIONS))
        assert [p.__class__(p.watermark_ms, p.lag, 0, p.owner) for p in redis] == [
            p.__class__(p.watermark_ms, p.lag, 0, p.owner) for p in memory
        ]
        redis, memory = self.both(lambda store: store.bucket_versions(PARTITIONS))
        assert list(map(_less_epochs, redis)) == list(map(_less_epochs, memory))
        buckets = [(partition, start) for partition, found in zip(PARTITIONS, memory, strict=True) for start in found]
        self.same(lambda store: store.counts(buckets))
        self.same(lambda store: store.users(PARTITIONS, SERIES[0], [start for _, start in buckets]))
        redis, memory = self.both(lambda store: store.outboxes(PARTITIONS, 100))
        assert list(map(_crossings, redis)) == list(map(_crossings, memory))
        for user in ("acme:u1", "acme:u2", "b{c}:\x00"):
            self.same(lambda store, user=user: store.user_strikes(PARTITIONS, user))
        redis, memory = self.both(lambda store: store.statuses())
        assert {w: status for w, (_, status) in redis.items()} == {w: status for w, (_, status) in memory.items()}


def _less_epoch(claim: Claim) -> tuple[Any, ...]:
    return claim.checkpoint, claim.unclean, claim.in_hand


def _less_epochs(versions: dict[int, str]) -> dict[int, str]:
    return {start: record_range.partition(":")[2] for start, record_range in versions.items()}


def _crossings(box: Outbox) -> tuple[list[Crossing], int]:
    return [one.crossing for one in box.queued], box.waiting


def test_redis_and_its_twin_answer_alike(shared_stack: Stack) -> None:
    Stores.url, Stores.loop = shared_stack.redis, asyncio.new_event_loop()
    try:
        run_state_machine_as_test(Stores, settings=fuzzed(8, steps=20))
    finally:
        Stores.loop.close()
