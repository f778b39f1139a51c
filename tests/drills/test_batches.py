"""Batches that no client of ours would make: whatever Kafka took, a worker lives, and every good record is decided.

Header names that are not UTF-8 are read with replacement. A batch that cannot be decoded is stepped over with one dead
letter, and it alone: what stands before it, behind it and in other partitions is decided. How it is waited for is in
test_unreadable.py.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.drills.fleet import Fleet, account, event, fleet, make_topics, settled
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


def said(n: int, text: str = "said toxicity=0.95") -> Raw:
    return Raw(event(n, text), key=b"k")


async def put(kafka: str, partition: int, made: bytes, records: int) -> set[Position]:
    """The positions that a batch took."""
    first = await produce(kafka, "completions", partition, made)
    return {(partition, offset) for offset in range(first, first + records)}


async def good(kafka: str, partition: int, ns: Sequence[int], codec: str = "none") -> set[Position]:
    made = batch([said(n) for n in ns], at_ms=now_ms(), compression=codec)
    return await put(kafka, partition, made, len(ns))


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
            made = batch([said(n + 1), odd, said(n + 2)], at_ms=now_ms(), compression=codec)
            sent |= await put(own_stack.kafka, n % 3, made, 3)
            sent |= await good(own_stack.kafka, (n + 1) % 3, [n + 3, n + 4])
            n += 5
        began = time.monotonic()
        redis = await settled(own_stack.redis, len(sent), SOON_S)
        assert redis.totals["decided"] == len(sent), f"{redis.totals} after {time.monotonic() - began:.1f} s"
        assert workers.ended() == []
        await all_ready(workers, within_s=5)
        seen = await account(own_stack.kafka, len(sent), SOON_S)
    assert seen.positions == sent
    assert (seen.dead, seen.duplicates) == ({}, 0)
    assert {d["action"] for d in seen.counted()} == {"block"}
    tenants = {d["id"]: d["scopes"]["tenant"] for d in seen.counted()}
    ours = [*NAMES].index("one of ours") * 5
    assert tenants[f"c{ours}"] == "acme"  # the gateway's word
    assert tenants[f"c{ours + 5}"] == f"t{(ours + 5) % 3}"  # another name, so nobody's word


# --- batches that cannot be decoded


def undecodable() -> dict[str, tuple[bytes, int]]:
    """What -> a batch that the embedded broker keeps, and the offsets it takes. Its CRC is wrong where it says so."""
    three = [said(n) for n in range(900, 903)]
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
    """That batch under another format's number, which no CRC covers."""
    return made[:16] + bytes([magic]) + made[17:]


def letters_of(dead: dict[Position, list[dict[str, Any]]]) -> dict[Position, tuple[str, int]]:
    """Position -> the reason and the number of offsets of its dead letter; each has one."""
    for position, found in dead.items():
        assert len(found) == 1, f"{position}: {len(found)} dead letters"
    return {position: (found[0]["reason"], found[0].get("offsets", 1)) for position, found in dead.items()}


async def test_each_kind_that_cannot_be_decoded_is_stepped_over_alone(
    own_embedded: EmbeddedStack, tmp_path: Path
) -> None:
    """Good ones stand before, between and behind them, and in a partition that has none."""
    await make_topics(own_embedded.kafka, 2)
    sent, bad, n = set[Position](), dict[Position, tuple[str, int]](), 0
    for made, offsets in undecodable().values():
        sent |= await good(own_embedded.kafka, 0, [n, n + 1])
        first = await produce(own_embedded.kafka, "completions", 0, made)
        bad[0, first] = ("unreadable_batch", offsets)
        sent |= await good(own_embedded.kafka, 1, [n + 2])
        n += 3
    sent |= await good(own_embedded.kafka, 0, [n])
    in_all = len(sent) + sum(offsets for _, offsets in bad.values())
    with fleet(tmp_path, own_embedded.env(), **AT_ONCE) as workers:
        workers.start()
        redis = await settled(own_embedded.redis, in_all, 90)
        assert workers.ended() == [], workers.logs()[-3000:]
        await all_ready(workers)
        seen = await account(own_embedded.kafka, in_all, 20)
        stepped = await metric_of(workers, "unreadable_batches_total", outcome="stepped_over")
    assert seen.decisions.keys() == sent
    assert seen.duplicates == 0
    assert letters_of(seen.dead) == bad
    assert (redis.totals["decided"], redis.totals["dead_letters"]) == (len(sent), in_all - len(sent))
    assert stepped == len(bad)


async def metric_of(workers: Fleet, name: str, **labels: str) -> int:
    return sum((await metric(workers, name, **labels)).values())


async def test_a_record_that_was_small_while_compressed_costs_no_neighbour(
    own_embedded: EmbeddedStack, tmp_path: Path
) -> None:
    """30 MB of one letter, a few kilobytes on the wire: a decision or a dead letter, and neither is in its way."""
    await make_topics(own_embedded.kafka, 2)
    large = batch([said(900), said(901, "x" * LARGE_BYTES), said(902)], at_ms=now_ms(), compression="zstd")
    with fleet(tmp_path, own_embedded.env()) as workers:
        workers.start()
        await workers.joined()
        sent = await good(own_embedded.kafka, 0, range(5))
        first = await produce(own_embedded.kafka, "completions", 0, large)
        sent |= {(0, first), (0, first + 2)} | await good(own_embedded.kafka, 0, range(5, 10))
        sent |= await good(own_embedded.kafka, 1, range(10, 20))
        redis = await settled(own_embedded.redis, len(sent) + 1, 3 * SOON_S)
        seen = await account(own_embedded.kafka, len(sent) + 1, SOON_S)
        assert workers.ended() == []
        await all_ready(workers)
    assert sent <= seen.decisions.keys()
    assert seen.positions - sent == {(0, first + 1)}
    assert redis.totals["decided"] + redis.totals["dead_letters"] == len(sent) + 1


#  name -> (base offset, length) as the header then says, of what they are: neither is covered by the CRC
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
async def test_a_header_that_lies_of_place_or_length_costs_its_own_batch_alone(tmp_path: Path) -> None:
    """Its range ends where the next sound batch begins, which is found by looking. A partition for each lie."""
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, len(LIES))
        sent, bad, markers = set[Position](), dict[Position, tuple[str, int]](), dict[bytes, bytes]()
        for partition, lie in enumerate(LIES.values()):
            pad = "." * partition  # no two begin alike
            made = batch([said(n, pad) for n in range(900, 903)], at_ms=now_ms())
            sent |= await good(stack.kafka, partition, range(20))
            first = await produce(stack.kafka, "completions", partition, made)
            for n in range(20, 40, 2):
                sent |= await good(stack.kafka, partition, [n, n + 1])
            bad[partition, first] = ("unreadable_batch", 3)
            markers[place(first, len(made) - 12)] = place(*lie(first, len(made) - 12))
        proxy.corrupt = markers
        with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
            workers.start()
            redis = await settled(stack.redis, len(sent) + 3 * len(bad), 60)
            seen = await account(stack.kafka, len(sent) + 3 * len(bad), SOON_S)
            await all_ready(workers)
            assert workers.ended() == []
    stepped = letters_of(seen.dead)
    assert {name for n, name in enumerate(LIES) if stepped.get((n, 20)) != ("unreadable_batch", 3)} == set()
    assert (stepped, seen.decisions.keys()) == (bad, sent)
    assert {d["id"] for d in seen.counted()} == {f"c{n}" for n in range(40)}
    assert (redis.totals["decided"], redis.totals["dead_letters"]) == (len(sent), 3 * len(bad))


def place(base_offset: int, length: int) -> bytes:
    """How a batch begins."""
    return struct.pack(">qi", base_offset, length)


@pytest.mark.usefixtures("_wheels")
async def test_the_last_batch_of_a_partition_ends_at_its_high_water_mark(tmp_path: Path) -> None:
    """Behind it nothing stands by which to find its end; what comes later is decided."""
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, 1)
        sent = await good(stack.kafka, 0, [0])
        first = await produce(stack.kafka, "completions", 0, batch([said(n) for n in range(900, 907)], at_ms=5, crc=7))
        with fleet(tmp_path, stack.env(), **AT_ONCE) as workers:
            workers.start()
            await settled(stack.redis, 8, 60)
            sent |= await good(stack.kafka, 0, [1, 2])
            redis = await settled(stack.redis, 10, 30)
            seen = await account(stack.kafka, 10, SOON_S)
            await all_ready(workers)
    assert (seen.decisions.keys(), redis.totals["dead_letters"]) == (sent, 7)
    assert letters_of(seen.dead) == {(0, first): ("unreadable_batch", 7)}
