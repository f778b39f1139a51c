"""Record batches of Kafka's format v2 made byte by byte: what no client of ours would make, and a broker may hold.

What is kept of one, found out by trying (tests/support/test_raw_batches.py holds each line):

| a batch                                    | the embedded broker         | Apache Kafka 4                         |
| ------------------------------------------ | --------------------------- | -------------------------------------- |
| header names that are not UTF-8, any bytes | as it is                    | as it is                               |
| its CRC is wrong                           | as it is                    | refused: CorruptRecordException        |
| an unknown codec, 5 to 7                   | refused: UnknownError       | refused: UnknownError                  |
| its payload is nothing, of whatever codec  | as it is                    | refused: UnknownError                  |
| its count is not that of its records       | as it is; offsets by count  | refused: UnknownError                  |
| no records, a count of 0                   | as it is; the next refused  | refused: UnknownError                  |
| a timestamp over an hour ahead             | as it is                    | refused: InvalidTimestampError (note)  |
| a timestamp before 1970                    | as it is                    | the header's max becomes -1            |
| its max timestamp is not the latest one    | as it is                    | with the right one                     |
| LogAppendTime, set by the producer         | of now, its CRC wrong       | without that bit                       |
| on a topic with a `compression.type`       | as it is                    | compressed so                          |
| on a topic of LogAppendTime                | as it is                    | with that bit, its max timestamp is now |

Note: but for a topic with a larger `message.timestamp.after.max.ms`. So the embedded broker takes almost everything;
in Apache Kafka's files bytes are flipped (segments.py), and before either one a proxy may do it (corrupting.py).
"""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import cramjam
from aiokafka import TopicPartition as KafkaPartition
from aiokafka import codec
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_BYTES = HEADER.size  # 61: a record's bytes begin there
_CRC_AT, _AFTER_CRC = 17, 21
_TIMESTAMP_TYPE = 0x08  # of the attributes: LogAppendTime, the batch's max timestamp is that of each record
ANSWER_MS = 10_000

Header = tuple[bytes, bytes | None]  # a name is bytes: of what encoding nobody says


@dataclass(frozen=True)
class Raw:
    """One record as it will stand in a batch."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[Header] = ()
    after_ms: int = 0  # its timestamp, from the batch's first one on; may be negative

    def bytes(self, offset_delta: int) -> bytes:
        fields = [b"\0", varint(self.after_ms), varint(offset_delta), _sized(self.key), _sized(self.value)]
        fields.append(varint(len(self.headers)))
        for name, value in self.headers:
            fields += [_sized(name), _sized(value)]
        body = b"".join(fields)
        return varint(len(body)) + body


def batch(
    records: Sequence[Raw],
    *,
    at_ms: int,
    max_ms: int | None = None,
    compression: str | int = "none",
    log_append_time: bool = False,
    payload: bytes | None = None,
    count: int | None = None,
    offsets: int | None = None,
    crc: int | None = None,
) -> bytes:
    """A batch at offset 0, as a producer sends it: a broker puts its own offset in, which no CRC covers.

    at_ms: the first timestamp, of any sign and size that 64 bits hold. max_ms: by default the latest of the records.
    compression: a name of CODECS, or an id; one that is unknown (5 to 7) leaves the records as they are.
    payload: stands for the records' bytes, whatever they would be. count: what the header says of them.
    offsets: how many the batch takes, by default `count`; more where a compaction took the last ones out.
    crc: by default the right one.
    """
    id_ = CODECS[compression] if isinstance(compression, str) else compression
    if payload is None:
        payload = compressed(b"".join(record.bytes(n) for n, record in enumerate(records)), id_)
    declared = len(records) if count is None else count
    if max_ms is None:
        max_ms = at_ms + max((record.after_ms for record in records), default=0)
    attributes = id_ | (_TIMESTAMP_TYPE if log_append_time else 0)
    length = HEADER_BYTES - 12 + len(payload)  # counted from after itself
    head = HEADER.pack(
        0,
        length,
        -1,
        2,
        0,
        attributes,
        (declared if offsets is None else offsets) - 1,
        at_ms,
        max_ms,
        -1,
        -1,
        -1,
        declared,
    )
    made = bytearray(head + payload)
    struct.pack_into(">I", made, _CRC_AT, right_crc(made) if crc is None else crc)
    return bytes(made)


def right_crc(made: bytes | bytearray) -> int:
    """CRC-32C of what follows it in a batch."""
    return int(calc_crc32c(bytes(made[_AFTER_CRC:])))


def compressed(records: bytes, codec_id: int) -> bytes:
    """As Kafka's own clients do it: snappy in xerial's frames, lz4 and zstd as frames."""
    match codec_id:
        case 1:
            return gzip.compress(records, mtime=0)  # the same bytes at any time
        case 2:
            return bytes(codec.snappy_encode(records))
        case 3:
            return bytes(codec.lz4_encode(records))
        case 4:
            return bytes(cramjam.zstd.compress(records))
        case _:
            return records


def varint(n: int) -> bytes:
    """A signed number of up to 64 bits, zigzag and seven bits a byte."""
    left, out = (n << 1) ^ (n >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


def _sized(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


# --- at a broker


async def produce(bootstrap: str, topic: str, partition: int, made: bytes) -> int:
    """The base offset at which the broker put it. Raises the broker's error where it refuses.

    A partition of a topic that was just made has no leader for a moment: that is waited for.
    """
    async with producing(bootstrap, topic) as put:
        return await put(partition, made)


@asynccontextmanager
async def producing(bootstrap: str, topic: str) -> AsyncIterator[Callable[[int, bytes], Awaitable[int]]]:
    """`await put(partition, made)` is `produce` over one connection."""
    async with _client(bootstrap, topic) as client:

        async def put(partition: int, made: bytes) -> int:
            async with asyncio.timeout(ANSWER_MS / 1000):
                while True:
                    request = ProduceRequest(None, -1, ANSWER_MS, [(topic, [(partition, made)])])
                    answer = await client.send(await _leader(client, topic, partition), request)
                    ((_, ((_, code, offset, *_),)),) = answer.topics
                    if not code:
                        return int(offset)
                    error = for_code(code)
                    if not error.invalid_metadata:
                        raise error(f"{topic}[{partition}]: a batch of {len(made)} bytes")
                    await asyncio.sleep(0.1)
                    await client.force_metadata_update()

        yield put


async def kept(bootstrap: str, topic: str, partition: int, offset: int = 0) -> bytes:
    """The bytes with which the broker answers a fetch at that offset: batches, the last one perhaps cut off."""
    async with _client(bootstrap, topic) as client, asyncio.timeout(ANSWER_MS / 1000):
        request = FetchRequest(500, 1, 64 << 20, 0, [(topic, [(partition, offset, 64 << 20)])])
        answer = await client.send(await _leader(client, topic, partition), request)
    ((_, ((_, code, *_, records),)),) = answer.topics
    if code:
        raise for_code(code)(f"{topic}[{partition}]@{offset}")
    return bytes(records or b"")


def split(fetched: bytes) -> list[bytes]:
    """The batches in it, by the lengths that their headers give; what is cut off is left out."""
    found, at = [], 0
    while at + HEADER_BYTES <= len(fetched):
        (length,) = struct.unpack_from(">i", fetched, at + 8)
        if at + 12 + length > len(fetched):
            break
        found.append(fetched[at : at + 12 + length])
        at += 12 + length
    return found


@asynccontextmanager
async def _client(bootstrap: str, topic: str) -> AsyncIterator[Any]:
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS)
    try:
        await client.bootstrap()
        await client._wait_on_metadata(topic)
        yield client
    finally:
        await client.close()


async def _leader(client: Any, topic: str, partition: int) -> int:
    while True:
        leader = client.cluster.leader_for_partition(KafkaPartition(topic, partition))
        if leader is not None and leader >= 0:
            return int(leader)
        await client.force_metadata_update()
        await asyncio.sleep(0.1)
