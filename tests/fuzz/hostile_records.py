"""Record batches of hostile or careless producers: each kind of fault that production has.

`traffic` mixes them with ordinary completions, which every worker must decide. hostile.py and forms.py have hostile
values; here are codecs, keys, headers, timestamps, sizes, forms, copies and broken batches.
"""

from __future__ import annotations

import base64
import copy
import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.drills.fleet import event
from tests.fuzz import todays_forms
from tests.fuzz.forms import BINARY, COMPLETIONS, GATEWAY, NATIVE
from tests.fuzz.hostile import NUMBERS, WORDS
from tests.support.raw_batches import CODECS, Raw, batch

LARGE_BYTES = (99_000, 400_000, 900_000)
LARGE_EVERY = 100  # records of that kind: one in a hundred of them is large
LONGEST_MS = 2**62  # further from now no neighbour's timestamp fits beside one
FIRST_MS, LAST_MS = -(2**63), 2**63 - 1
YEAR_2100_MS, YEAR_9999_MS = 4_102_444_800_000, 253_402_300_799_999
BROKEN_EVERY = 400  # records: each stops its partition until its retries are over


@dataclass
class HostileRecord:
    """One hostile record, and the options of its batch."""

    record: Raw
    at_ms: int | None = None  # the batch's; None: now
    options: dict[str, Any] = field(default_factory=dict)  # of `batch`
    undecodable: bool = False


@dataclass(frozen=True)
class SentBatch:
    """A batch to send, and its contents."""

    kind: str
    partition: int
    first: int  # the offset that it gets if nothing else writes
    records: int
    data: bytes
    ordinary: tuple[int, ...]  # offsets of the records that must be decided
    undecodable: bool


@dataclass
class PartitionContents:
    """The records of a partition so far: a copy names one of them."""

    values: list[tuple[int, bytes | None]] = field(default_factory=list)
    end: int = 0


# From random numbers, a number of the record, now (ms) and the partition's contents.
Kind = Callable[[random.Random, int, int, PartitionContents], HostileRecord]


# --- kinds


def _codec(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    return HostileRecord(Raw(event(n, "said " * rng.randrange(200))), options={"compression": rng.choice([*CODECS])})


def _header_names(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    odd = [b"", b"\xff", b"trac\xff", b"\xed\xa0\x80", b"\xc0\x80", b"a\x00b", "ü".encode("latin-1"), "ü".encode()]
    names = [rng.choice([*odd, *(name.encode() for name in (*GATEWAY, *BINARY))]) for _ in range(rng.randrange(1, 9))]
    headers = [(name + rng.randbytes(rng.choice([0, 0, 3, 300])), rng.choice([None, b"", b"v"])) for name in names]
    return HostileRecord(Raw(event(n, "said"), headers=headers), options={"compression": rng.choice([*CODECS])})


def _header_values(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    values = [None, b"", b"\xff\xfe", rng.randbytes(40), b"x" * 5_000, b"null", "\u202e\ufeff".encode(), b"1" * 700]
    names = [rng.choice([*GATEWAY, *BINARY, "content-type", "CE_ID", "Tidegate-User"]) for _ in range(6)]
    return HostileRecord(Raw(event(n, "said"), headers=[(name.encode(), rng.choice(values)) for name in names]))


def _keys(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    return HostileRecord(
        Raw(event(n, "said"), key=rng.choice([None, b"", b"\xff\xfe\x00", rng.randbytes(3_000), b"k" * 99_000]))
    )


def _times(rng: random.Random, n: int, now: int, _before: PartitionContents) -> HostileRecord:
    """Seconds, µs, ns; long ago and far ahead: of one record, or of its batch. Never with LogAppendTime: the embedded
    broker writes a wrong CRC for such a batch.
    """
    magnitudes = [0, 1, -1, -5, now // 1000, now, now * 1000, now * 1_000_000, YEAR_2100_MS, YEAR_9999_MS]
    magnitudes += [YEAR_9999_MS + 1, FIRST_MS, LAST_MS, 2**31, 2**53, now - 10**6, now + 86_400_000, now + 3_600_000]
    at_ms = rng.choice(magnitudes)
    how = rng.randrange(3)
    if how == 0 and abs(at_ms) < LONGEST_MS:
        return HostileRecord(Raw(event(n, "said"), after_ms=at_ms - now))
    return HostileRecord(Raw(event(n, "said")), at_ms, {"max_ms": now} if how == 1 else {})


def _stated_times(rng: random.Random, n: int, now: int, _before: PartitionContents) -> HostileRecord:
    odd = [now // 1000, now * 1000, now * 1_000_000, 0, -1, YEAR_2100_MS, YEAR_9999_MS, LAST_MS, str(now), None, True]
    odd += ["2026-01-31T12:00:00Z", "31/01/2026", "9999-12-31T23:59:59Z", now / 1000, 1e300, [], now + 86_400_000]
    if rng.random() < 0.5:
        return HostileRecord(Raw(event(n, "said", at_ms=rng.choice(odd))))
    chat = {"object": "chat.completion", "choices": [{"message": {"content": "said"}}], "created": rng.choice(odd)}
    return HostileRecord(Raw(json.dumps({"id": f"c{n}", **chat}).encode()))


def _sizes(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    size = rng.choice(LARGE_BYTES) if n % LARGE_EVERY == 0 else rng.choice([0, 1, 63, 64, 8191, 8192, 8193])
    value = rng.choice([b"x" * size, rng.randbytes(size), event(n, "x" * size)])
    return HostileRecord(Raw(value), options={"compression": rng.choice([*CODECS])})


def _forms(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    """Every form, as it should be and with up to three things changed, taken out or put in."""
    found = copy.deepcopy(rng.choice([*COMPLETIONS, *todays_forms.ALL]))
    for _ in range(rng.randrange(4)):
        parents = [place for place in _containers(found) if place]
        if not parents:
            break
        into = rng.choice(parents)
        at = rng.choice([*into]) if isinstance(into, dict) else rng.randrange(len(into))
        if rng.random() < 0.3:
            del into[at]
        else:
            into[at] = rng.choice([None, [], {}, [None], "", rng.choice(WORDS), rng.choice(NUMBERS)])
    if isinstance(found, dict) and "id" in found and rng.random() < 0.5:
        found["id"] = f"c{n}"
    return HostileRecord(Raw(json.dumps(found).encode("utf-8", "surrogatepass")))


def _containers(found: Any) -> Iterator[Any]:
    if isinstance(found, dict | list):
        yield found
        for inner in found.values() if isinstance(found, dict) else found:
            yield from _containers(inner)


def _ignored_fields(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    """Fields that decide nothing: ids of 700 characters, users of every type, nulls in prompts that are not scored."""
    odd: list[Any] = ["x" * 700, "é" * 700, 7, None, True, [], {}, "a|b", "a\x00b", "", ["x"], {"a": None}]
    found = {**NATIVE, "id": f"c{n}"}
    for name in rng.sample(["id", "user", "prompt", "conversation", "locale", "model", "tenant", "route"], 3):
        found[name] = rng.choice([*odd, [None], [{"role": "user", "content": None}]])
    return HostileRecord(Raw(json.dumps(found).encode()))


def _copies(rng: random.Random, n: int, _now: int, before: PartitionContents) -> HostileRecord:
    """`tidegate-origin`: of a stored record, with the same bytes or others; of no record; and malformed."""
    if before.values and rng.random() < 0.5:
        offset, value = rng.choice(before.values[:5])  # few, so that some are copied again and again
        same = value if rng.random() < 0.5 else event(n, "said")
        return HostileRecord(Raw(same, headers=[(b"tidegate-origin", b"completions[%d]@%d" % (_partition(n), offset))]))
    odd = [b"", b"completions", b"completions[0]@-1", b"completions[0]@99999999999999999999", b"decisions[0]@0"]
    odd += [b"completions[9]@0", b"completions[0]@%d" % (before.end + 5), b"\xff\xfe", b"x" * 5_000, b"completions-0@0"]
    origin = rng.choice([*odd, None])
    return HostileRecord(Raw(event(n, "said"), headers=[(b"tidegate-origin", origin)] * rng.choice([1, 1, 3])))


def _repetition(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    token = rng.choice(["a ", "no ", "🙂", "ha", "\n", "가", "the cat sat. ", "=", "x\u200b"])
    return HostileRecord(Raw(event(n, token * rng.choice([2, 3, 100, 1_500, 1_600, 20_000]))))


def _bytes(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    """Tombstones, compressed values, registries' framing, byte order marks, other encodings, nothing and anything."""
    good = event(n, "said")
    avro = b"\x00" + (n).to_bytes(4, "big") + good
    values = [None, b"", gzip.compress(good, mtime=0), avro, b"\xef\xbb\xbf" + good, good.decode().encode("utf-16")]
    values += [rng.randbytes(rng.randrange(99)), b"Obj\x01" + good, base64.b64encode(good), good[:-1], b"null", b"[]"]
    return HostileRecord(Raw(rng.choice(values), key=rng.choice([None, b"k"])))


def _broken(rng: random.Random, n: int, _now: int, _before: PartitionContents) -> HostileRecord:
    """A batch that no consumer can decode, and that the embedded broker accepts."""
    codec = rng.choice([*CODECS])
    how = rng.choice([{"crc": 7}, {"payload": b"\x01nothing that is anything"}])
    return HostileRecord(Raw(event(n, "lost")), options={"compression": codec, **how}, undecodable=True)


KINDS: dict[str, Kind] = {
    "codec": _codec,
    "header names": _header_names,
    "header values": _header_values,
    "keys": _keys,
    "record times": _times,
    "stated times": _stated_times,
    "sizes": _sizes,
    "forms": _forms,
    "ignored fields": _ignored_fields,
    "copies": _copies,
    "repetition": _repetition,
    "bytes": _bytes,
}
PARTITIONS = 3


def _partition(n: int) -> int:
    return n % PARTITIONS


# --- between ordinary ones


def traffic(seed: int, hostile: int, now_ms: int, *, checked: bool = False) -> Iterator[SentBatch]:
    """Yields that many hostile records, of all kinds by turns, with an ordinary one beside, before or behind each.

    checked: none that Apache Kafka refuses, on a topic that accepts any future timestamp.
    """
    rng = random.Random(seed)
    before = [PartitionContents() for _ in range(PARTITIONS)]
    for n in range(hostile):
        contents, broken = before[_partition(n)], not checked and n % BROKEN_EVERY == BROKEN_EVERY // 2
        kind = "broken" if broken else [*KINDS][(n + n // len(KINDS)) % len(KINDS)]
        hostile_record = (_broken if broken else KINDS[kind])(rng, n, now_ms, contents)
        if checked and hostile_record.at_ms in (FIRST_MS, LAST_MS):
            hostile_record.at_ms = YEAR_9999_MS
        at_ms = now_ms if hostile_record.at_ms is None else hostile_record.at_ms
        ordinary = Raw(event(10_000_000 + n, "ordinary toxicity=0.95"), after_ms=now_ms - at_ms)
        together = abs(at_ms) < LONGEST_MS and not hostile_record.undecodable and rng.random() < 0.5
        batches = (
            [([hostile_record.record, ordinary] if rng.random() < 0.5 else [ordinary, hostile_record.record])]
            if together
            else []
        )
        batches = batches or [[hostile_record.record], [ordinary]]
        for records in batches:
            first, contents.end = contents.end, contents.end + len(records)
            options = hostile_record.options if hostile_record.record in records else {}
            at = at_ms if hostile_record.record in records else now_ms
            if not together and records == [ordinary]:
                records = [Raw(ordinary.value)]
            contents.values += [(first + i, r.value) for i, r in enumerate(records) if not hostile_record.undecodable]
            yield SentBatch(
                kind,
                _partition(n),
                first,
                len(records),
                batch(records, at_ms=at, **options),
                tuple(first + i for i, r in enumerate(records) if r.value == ordinary.value),
                hostile_record.undecodable and hostile_record.record in records,
            )
