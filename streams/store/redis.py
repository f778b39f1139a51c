"""The store in Redis (or Valkey): thin calls of the scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import Any, cast

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import StoreRefused
from tidegate.streams.store import (
    Applied,
    Apply,
    ApplyOutcome,
    Checkpoint,
    Claim,
    Lease,
    Marker,
    Progress,
    UnreadableWait,
    scripts,
    shared_scripts,
)
from tidegate.streams.store.keys import SKETCH_COPY_MS
from tidegate.streams.store.redis_client import CLUSTER_WITHOUT
from tidegate.streams.store.redis_client import text as _text
from tidegate.streams.store.redis_copies import RedisCopies


class RedisStore(RedisCopies):
    """A `Store` on one Redis, or on a Redis Cluster."""

    async def check(self, user_key_fingerprint: str) -> None:
        async with self._translate_errors():
            for address, node in (await self._nodes()).items():
                await self._check_node(address, node)
            await self._redis.hsetnx(self._keys.meta, "user_key", user_key_fingerprint)
            stored = _text(await self._redis.hget(self._keys.meta, "user_key"))
            if stored != user_key_fingerprint:
                raise StoreRefused(
                    f"redis {self._address}: counts there were made with user key {stored}, "
                    f"TIDEGATE_USER_KEY is {user_key_fingerprint}; set the key they were made with, "
                    "or another TIDEGATE_NAMESPACE"
                )

    async def _check_node(self, address: str, node: Any) -> None:
        if not self._cluster and (await node.execute_command("INFO", "server")).get("redis_mode") == "cluster":
            raise StoreRefused(CLUSTER_WITHOUT.format(address=address))
        policy = (await node.execute_command("INFO", "memory")).get("maxmemory_policy")
        if policy != "noeviction":
            raise StoreRefused(
                f"redis {address}: maxmemory-policy is {policy}; expected noeviction, "
                "else counts and checkpoints vanish in silence; set it and start again"
            )

    async def user_key(self) -> str | None:
        async with self._translate_errors():
            stored = await cast(Awaitable[bytes | None], self._redis.hget(self._keys.meta, "user_key"))
            return None if stored is None else _text(stored)

    async def now_ms(self) -> int:
        (reply,) = await self._eval(
            [(scripts.CLOCK, [self._keys.lease], [])]
        )  # a cluster has many clocks: the ruler's node
        return int(reply)

    # --- owners

    async def claim(self, partitions: Sequence[TopicPartition], worker: str) -> list[Claim]:
        replies = await self._eval(
            [(scripts.CLAIM, [self._keys.checkpoint(partition)], [worker]) for partition in partitions]
        )
        return [
            Claim(int(reply[0]), _checkpoint(reply[1:7]), int(reply[7]), None if reply[8] is None else int(reply[8]))
            for reply in replies
        ]

    async def _run_as_owner(self, script: str, partition: TopicPartition, epoch: int, *args: Any) -> bool:
        (reply,) = await self._eval([(script, [self._keys.checkpoint(partition)], [epoch, *args])])
        return bool(reply)

    async def release(self, partition: TopicPartition, epoch: int) -> None:
        await self._run_as_owner(scripts.RELEASE, partition, epoch)

    async def heartbeat(
        self, partition: TopicPartition, epoch: int, lag: int, watermark_ms: int, counted: int = 0
    ) -> bool:
        return await self._run_as_owner(scripts.HEARTBEAT, partition, epoch, lag, watermark_ms, counted)

    async def in_hand(self, partition: TopicPartition, epoch: int, offset: int | None) -> None:
        await self._run_as_owner(scripts.IN_HAND, partition, epoch, "" if offset is None else offset)

    async def unreadable(self, partition: TopicPartition, epoch: int, offset: int) -> UnreadableWait | None:
        (reply,) = await self._eval([(scripts.UNREADABLE, [self._keys.checkpoint(partition)], [epoch, offset])])
        return None if reply is None else UnreadableWait(*map(int, reply))

    async def reset(self, partition: TopicPartition, epoch: int, checkpoint: Checkpoint) -> bool:
        where = checkpoint.next, checkpoint.cluster, checkpoint.generation
        return await self._run_as_owner(scripts.RESET, partition, epoch, *where, *_marker_args(checkpoint.marker))

    async def checkpoints(self, partitions: Sequence[TopicPartition]) -> list[Checkpoint | None]:
        fields = ["next", "cluster", "generation", "marker_offset", "marker_ms", "marker_sha"]
        return [
            _checkpoint(reply)
            for reply in await self._pipelined("hmget", [(self._keys.checkpoint(p), fields) for p in partitions])
        ]

    # --- counting

    async def apply(self, ranges: Sequence[Apply]) -> list[ApplyOutcome]:
        replies = await self._eval([self._apply_call(record_range) for record_range in ranges])
        return [ApplyOutcome(Applied(_text(status)), int(next_)) for status, next_ in replies]

    def _apply_call(self, record_range: Apply) -> tuple[str, list[str], list[Any]]:
        partition, sums = record_range.partition, record_range.aggregate
        keys = [self._keys.checkpoint(partition), self._keys.totals(partition), self._keys.touch(partition)]
        args: list[Any] = [record_range.epoch, record_range.start, record_range.end, *_marker_args(record_range.marker)]
        args += [
            record_range.watermark_ms,
            record_range.lag,
            record_range.keep_ms,
            len(sums.totals),
            *_flat(sums.totals),
            len(sums.counts),
        ]
        for start, series in sums.counts.items():
            keys.append(self._keys.bucket(partition, start))
            args += [start, len(series), *_flat(series)]
        sketches = [(start, s, users) for start, by in sums.users.items() for s, users in by.items() if users]
        args.append(len(sketches))
        for start, name, users in sketches:
            keys.append(self._keys.users(partition, start, name))
            args += [start, len(users), *users]
        strike_keys, strike_args = self._strike_args(partition, sums.new_strikes)
        copy_keys, copy_args = self._copy_args(partition, record_range.copies)
        return scripts.APPLY, keys + strike_keys + copy_keys, args + strike_args + copy_args

    async def totals(self, partitions: Sequence[TopicPartition]) -> dict[str, int]:
        totals: dict[str, int] = {}
        for reply in await self._pipelined("hgetall", [(self._keys.totals(partition),) for partition in partitions]):
            for counter, n in _counts(reply).items():
                totals[counter] = totals.get(counter, 0) + n
        return totals

    # --- reading

    async def progress(self, partitions: Sequence[TopicPartition]) -> list[Progress]:
        fields = ["watermark_ms", "lag", "seen_ms", "owner", "unreadable_at"]
        replies = await self._pipelined(
            "hmget", [(self._keys.checkpoint(partition), fields) for partition in partitions]
        )
        return [
            Progress(int(w or 0), int(lag or 0), int(s or 0), _text(o) if o else None, None if u is None else int(u))
            for w, lag, s, o, u in replies
        ]

    async def bucket_versions(self, partitions: Sequence[TopicPartition]) -> list[dict[int, str]]:
        replies = await self._pipelined("hgetall", [(self._keys.touch(partition),) for partition in partitions])
        return [{int(start): _text(record_range) for start, record_range in reply.items()} for reply in replies]

    async def counts(self, buckets: Sequence[tuple[TopicPartition, int]]) -> list[dict[str, int]]:
        return [
            _counts(r) for r in await self._pipelined("hgetall", [(self._keys.bucket(*bucket),) for bucket in buckets])
        ]

    async def users(self, partitions: Sequence[TopicPartition], series: str, starts: Iterable[int]) -> int:
        # Sketches of one partition share a slot and merge there. The merged are copied to the ruler's slot and counted.
        # Commands by name: redis-py has no methods for them in a cluster's pipeline, since keys could be in any slot.
        wanted = list(starts)
        merged = [self._keys.merged_sketch(partition) for partition in partitions]
        sources = [[self._keys.users(partition, start, series) for start in wanted] for partition in partitions]
        async with self._translate_errors():
            pipe = self._redis.pipeline(transaction=False)
            for key, source in zip(merged, sources, strict=True):
                pipe.delete(key)
                pipe.execute_command("PFMERGE", key, *source)
                pipe.get(key)
                pipe.delete(key)
            sketches = [value for value in (await pipe.execute())[2::4] if value]
            pipe = self._redis.pipeline(transaction=False)
            copied = [self._keys.sketch_copy(n) for n in range(len(sketches))]
            for key, sketch in zip(copied, sketches, strict=True):
                pipe.set(key, sketch, px=SKETCH_COPY_MS)
            if copied:
                pipe.execute_command("PFCOUNT", *copied)
            return int((await pipe.execute())[-1]) if copied else 0

    # --- the ruler

    async def lease(self, worker: str, ttl_ms: int) -> Lease | None:
        (reply,) = await self._eval([(shared_scripts.LEASE, [self._keys.lease], [worker, ttl_ms])])
        return None if reply is None else Lease(int(reply[0]), int(reply[1]))

    async def release_lease(self, worker: str) -> None:
        await self._eval([(shared_scripts.RELEASE_LEASE, [self._keys.lease], [worker])])

    async def alerts(self) -> dict[str, str]:
        async with self._translate_errors():
            states = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(self._keys.alerts))
            return {_text(k): _text(v) for k, v in states.items()}

    async def save_alerts(self, lease: Lease, states: Mapping[str, str | None]) -> bool:
        args = [lease.epoch, *(x for fingerprint, state in states.items() for x in (fingerprint, state or ""))]
        (reply,) = await self._eval([(shared_scripts.SAVE_ALERTS, [self._keys.lease, self._keys.alerts], args)])
        return bool(reply)

    # --- policies and workers

    async def save_policies(self, next_: int, state: str) -> None:
        await self._eval([(shared_scripts.SAVE_POLICIES, [self._keys.policies], [next_, state])])

    async def load_policies(self) -> str | None:
        async with self._translate_errors():
            state = await cast(Awaitable[bytes | None], self._redis.hget(self._keys.policies, "state"))
            return None if state is None else _text(state)

    async def put_status(self, worker: str, state: str, keep_ms: int) -> None:
        await self._eval([(shared_scripts.PUT_STATUS, [self._keys.workers], [worker, state, keep_ms])])

    async def statuses(self) -> dict[str, tuple[int, str]]:
        async with self._translate_errors():
            stored = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(self._keys.workers))
        fields = {_text(worker): _text(status).partition("|") for worker, status in stored.items()}
        return {worker: (int(seen_ms), status) for worker, (seen_ms, _, status) in fields.items()}

    # --- scope names

    async def admit(self, kind: str, names: Collection[str], limit: int) -> set[str]:
        requested = list(names)
        (reply,) = await self._eval([(shared_scripts.ADMIT, [self._keys.names(kind)], [limit, *requested])])
        return {name for name, admitted in zip(requested, reply, strict=True) if admitted}

    async def retain(self, kind: str, live: Collection[str], quiet_ms: int) -> int:
        (reply,) = await self._eval([(shared_scripts.RETAIN, [self._keys.names(kind)], [quiet_ms, *live])])
        return int(reply)

    async def names(self, kind: str) -> set[str]:
        async with self._translate_errors():
            return {
                _text(name) for name in await cast(Awaitable[list[bytes]], self._redis.hkeys(self._keys.names(kind)))
            }


def _marker_args(marker: Marker | None) -> tuple[Any, Any, Any]:
    """Returns the marker's arguments; empty ones for none."""
    return ("", "", "") if marker is None else (marker.offset, marker.timestamp_ms, marker.sha256)


def _flat(counts: Mapping[str, int]) -> Iterable[Any]:
    return (x for entry in counts.items() for x in entry)


def _counts(reply: Mapping[bytes, bytes]) -> dict[str, int]:
    return {_text(name): int(n) for name, n in reply.items()}


def _checkpoint(fields: Sequence[Any]) -> Checkpoint | None:
    next_, cluster, generation, offset, timestamp_ms, sha256 = fields
    if next_ is None:
        return None
    marker = None if offset is None else Marker(int(offset), int(timestamp_ms), _text(sha256))
    return Checkpoint(int(next_), _text(cluster), int(generation), marker)
