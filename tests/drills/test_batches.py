"""Batches that none of our clients writes: whatever Kafka accepted, workers live, and every good record is decided.

Header names that are not UTF-8 are read with replacement. A batch that cannot be decoded is stepped over with one dead
letter, and only that batch: records before it, behind it and in other partitions are decided. test_unreadable.py tests
how it is waited for.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.drills.fleet import Fleet, account, event, fleet, make_topics, wait_until_counted
from tests.drills.probes import all_ready
from tests.drills.published import metric
from tests.support.corrupting import Corrupting
from tests.support.raw_batches import CODECS, Raw, batch, compressed, produce
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack

pytestmark = pytest.mark.drill
SOON_S = 10.0
AT_ONCE = {"unreadable_tries": "2", "unreadable_minutes": "0"}
BOMB_BYTES = 200 << 20  # of zeros, which are less than the 1 MB that a broker takes once they are compressed
LARGE_BYTES = 30 << 20  # likewise, of a text
Position = tuple[int, int]


def now_ms() -> int:
    return int(time.time() * 1000)


def completion(n: int, text: str = "said toxicity=0.95") -> Raw:
    return Raw(event(n, text), key=b"k")


async def produce_batch(kafka: str, partition: int, made: bytes, records: int) -> set[Position]:
    """Writes a batch. Returns its positions."""
    first = await produce(kafka, "completions", partition, made)
    return {(partition, offset) for offset in range(first, first + records)}


async def send_good(kafka: str, partition: int, ns: Sequence[int], codec: str = "none") -> set[Position]:
    made = batch([completion(n) for n in ns], at_ms=now_ms(), compression=codec)
    return await produce_batch(kafka, partition, made, len(ns))


# --- header names


NAMES = {
    "not UTF-8": b"trac\xff",
    "a lone surrogate": b"\xed\xa0\x80",
    "an overlong zero": b"\xc0\x80",
    "empty": b"",
    "null bytes": b"\x00\x00",
    "Latin-1": "größe".encode("latin-1"),
    "UTF-16": "trace".encode("utf-16"),
    "long": b"\xff" * 100_000,
    "one of ours": b"tidegate-tenant",
    "nearly one of ours": b"tidegate-tenant\xff",
}


@pytest.mark.parametrize("codec", ["none", "zstd"])
async def test_a_header_of_any_name_costs_no_worker_and_no_neighbour(
    own_stack: Stack, tmp_path: Path, codec: str
) -> None:
    """Beside each, in its batch, behind it, and in other partitions, everything is decided within 10 s."""
    await make_topics(own_stack.kafka, 3)
    with fleet(tmp_path, own_stack.env()) as workers:
        workers.start()
        await workers.joined()
        sent, n = set[Position](), 0
        for name in NAMES.values():
            odd = Raw(event(n, "said toxicity=0.95"), headers=[(b"trace", b"1"), (name, b"acme"), (name, None)])
            made = batch([completion(n + 1), odd, completion(n + 2)], at_ms=now_ms(), compression=codec)
            sent |= await produce_batch(own_stack.kafka, n % 3, made, 3)
            sent |= await send_good(own_stack.kafka, (n + 1) % 3, [n + 3, n + 4])
            n += 5
        began = time.monotonic()
        redis = await wait_until_counted(own_stack.redis, len(sent), SOON_S)
        assert redis.totals["decided"] == len(sent), f"{redis.totals} after {time.monotonic() - began:.1f} s"
        assert workers.ended() == []
        await all_ready(workers, within_s=5)
        seen = await account(own_stack.kafka, len(sent), SOON_S)
    assert seen.positions == sent
    assert (seen.dead, seen.duplicates) == ({}, 0)
    assert {d["action"] for d in seen.counted()} == {"block"}
    tenants = {d["id"]: d["scopes"]["tenant"] for d in seen.counted()}
    ours = [*NAMES].index("one of ours") * 5
    assert tenants[f"c{ours}"] == "acme"  # as the gateway's header has it
    assert tenants[f"c{ours + 5}"] == f"t{(ours + 5) % 3}"  # another header name: ignored


# --- batches that cannot be decoded


def undecodable() -> dict[str, tuple[bytes, int]]:
    """Fault -> a batch that the embedded broker accepts, and its number of offsets. Only `CRC, …` have a wrong CRC."""
    three = [completion(n) for n in range(900, 903)]
    bad_crc = {f"CRC, {c}": (batch(three, at_ms=now_ms(), compression=c, crc=7), 3) for c in CODECS}
    nothing = {
        f"payload, {c}": (batch(three, at_ms=now_ms(), compression=c, payload=b"\x01nothing that is anything"), 3)
        for c in CODECS
    }
    zeros = bytes(BOMB_BYTES)
    bombs = {
        f"a bomb, {c}": (batch(three, at_ms=now_ms(), compression=c, payload=compressed(zeros, CODECS[c])), 3)
        for c in ("gzip", "zstd", "lz4")
    }
    counts = {
        "a format of tomorrow": (of_format(3, batch(three, at_ms=now_ms())), 3),
        "a count too large": (batch(three, at_ms=now_ms(), count=5), 5),
        "a record's length too large": (batch(three, at_ms=now_ms(), payload=b"\xfe\xff\xff\xff\x0f" + b"x" * 30), 3),
        "a record without an end": (batch(three, at_ms=now_ms(), payload=b"\xff" * 40), 3),
    }
    return {**bad_crc, **nothing, **bombs, **counts}


def of_format(magic: int, made: bytes) -> bytes:
    """The batch with another magic byte, which no CRC covers."""
    return made[:16] + bytes([magic]) + made[17:]


def dead_letters_of(dead: dict[Position, list[dict[str, Any]]]) -> dict[Position, tuple[str, int]]:
    """Position -> the reason and the number of offsets of its one dead letter."""
    for position, found in dead.items():
        assert len(found) == 1, f"{position}: {len(found)} dead letters"
    return {position: (found[0]["reason"], found[0].get("offsets", 1)) for position, found in dead.items()}


async def test_each_kind_that_cannot_be_decoded_is_stepped_over_alone(
    own_embedded: EmbeddedStack, tmp_path: Path
) -> None:
    """Good batches are before, between and behind them, and in a partition that has none of them."""
    await make_topics(own_embedded.kafka, 2)
    sent, bad, n = set[Position](), dict[Position, tuple[str, int]](), 0
    for made, offsets in undecodable().values():
        sent |= await send_good(own_embedded.kafka, 0, [n, n + 1])
        first = await produce(own_embedded.kafka, "completions", 0, made)
        bad[0, first] = ("unreadable_batch", offsets)
        sent |= await send_good(own_embedded.kafka, 1, [n + 2])
        n += 3
    sent |= await send_good(own_embedded.kafka, 0, [n])
    in_all = len(sent) + sum(offsets for _, offsets in bad.values())
    with fleet(tmp_path, own_embedded.env(), **AT_ONCE) as workers:
        workers.start()
        redis = await wait_until_counted(own_embedded.redis, in_all, 90)
        assert workers.ended() == [], workers.logs()[-3000:]
        await all_ready(workers)
        seen = await account(own_embedded.kafka, in_all, 20)
        stepped = await metric_of(workers, "unreadable_batches_total", outcome="stepped_over")
    assert seen.decisions.keys() == sent
    assert seen.duplicates == 0
    assert dead_letters_of(seen.dead) == bad
    assert (redis.totals["decided"], redis.totals["dead_letters"]) == (len(sent), in_all - len(sent))
    assert stepped == len(bad)


async def metric_of(workers: Fleet, name: str, **labels: str) -> int:
    return sum((await metric(workers, name, **labels)).values())


async def test_a_record_that_was_small_compressed_costs_no_neighbour(
    own_embedded: EmbeddedStack, tmp_path: Path
) -> None:
    """30 MB of one letter, a few kilobytes on the wire: it becomes a decision or a dead letter."""
    await make_topics(own_embedded.kafka, 2)
    large = batch(
        [completion(900), completion(901, "x" * LARGE_BYTES), completion(902)], at_ms=now_ms(), compression="zstd"
    )
    with fleet(tmp_path, own_embedded.env()) as workers:
        workers.start()
        await workers.joined()
        sent = await send_good(own_embedded.kafka, 0, range(5))
        first = await produce(own_embedded.kafka, "completions", 0, large)
        sent |= {(0, first), (0, first + 2)} | await send_good(own_embedded.kafka, 0, range(5, 10))
        sent |= await send_good(own_embedded.kafka, 1, range(10, 20))
        redis = await wait_until_counted(own_embedded.redis, len(sent) + 1, 3 * SOON_S)
        seen = await account(own_embedded.kafka, len(sent) + 1, SOON_S)
        assert workers.ended() == []
        await all_ready(workers)
    assert sent <= seen.decisions.keys()
    assert seen.positions - sent == {(0, first + 1)}
    assert redis.totals["decided"] + redis.totals["dead_letters"] == len(sent) + 1


#  name -> the (base offset, length) of the header, from the true ones: the CRC covers neither
LIES: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "longer": lambda base, length: (base, length + 100),
    "as long as two": lambda base, length: (base, 2 * length + 12),
    "shorter": lambda base, length: (base, length - 10),
    "none": lambda base, length: (base, 0),
    "negative": lambda base, length: (base, -length),
    "huge": lambda base, length: (base, 2**31 - 1),
    "of offsets before": lambda base, length: (base - 10, length),
    "of the next batch's offsets": lambda base, length: (base + 3, length),
    "of offsets far ahead": lambda base, length: (base + 10**6, length),
    "of negative offsets": lambda base, length: (-base - 1, length),
}


@pytest.mark.usefixtures("_wheels")
async def test_a_header_that_lies_costs_only_its_own_batch(tmp_path: Path) -> None:
    """It lies about offset or length. Its range ends where a search finds the next good batch. A partition a lie."""
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, len(LIES))
        sent, bad, markers = set[Position](), dict[Position, tuple[str, int]](), dict[bytes, bytes]()
        for partition, lie in enumerate(LIES.values()):
            pad = "." * partition  # no two begin alike
            made = batch([completion(n, pad) for n in range(900, 903)], at_ms=now_ms())
            sent |= await send_good(stack.kafka, partition, range(20))
            first = await produce(stack.kafka, "completions", partition, made)
            for n in range(20, 40, 2):
                sent |= await send_good(stack.kafka, partition, [n, n + 1])
            bad[partition, first] = ("unreadable_batch", 3)
            markers[place(first, len(made) - 12)] = place(*lie(first, len(made) - 12))
        proxy.corrupt = markers
        with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
            workers.start()
            redis = await wait_until_counted(stack.redis, len(sent) + 3 * len(bad), 60)
            seen = await account(stack.kafka, len(sent) + 3 * len(bad), SOON_S)
            await all_ready(workers)
            assert workers.ended() == []
    stepped = dead_letters_of(seen.dead)
    assert {name for n, name in enumerate(LIES) if stepped.get((n, 20)) != ("unreadable_batch", 3)} == set()
    assert (stepped, seen.decisions.keys()) == (bad, sent)
    assert {d["id"] for d in seen.counted()} == {f"c{n}" for n in range(40)}
    assert (redis.totals["decided"], redis.totals["dead_letters"]) == (len(sent), 3 * len(bad))


def place(base_offset: int, length: int) -> bytes:
    """The first bytes of a batch."""
    return struct.pack(">qi", base_offset, length)


@pytest.mark.usefixtures("_wheels")
async def test_the_last_batch_ends_at_the_high_water_mark(tmp_path: Path) -> None:
    """No later batch shows its end; what comes later is decided."""
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, 1)
        sent = await send_good(stack.kafka, 0, [0])
        first = await produce(
            stack.kafka, "completions", 0, batch([completion(n) for n in range(900, 907)], at_ms=5, crc=7)
        )
        with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
            workers.start()
            await wait_until_counted(stack.redis, 8, 60)
            sent |= await send_good(stack.kafka, 0, [1, 2])
            redis = await wait_until_counted(stack.redis, 10, 30)
            seen = await account(stack.kafka, 10, SOON_S)
            await all_ready(workers)
    assert (seen.decisions.keys(), redis.totals["dead_letters"]) == (sent, 7)
    assert dead_letters_of(seen.dead) == {(0, first): ("unreadable_batch", 7)}
