"""A raw batch is one that aiokafka reads; and what brokers make of those that it does not, line by line."""

from __future__ import annotations

import time

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import CorruptRecordException, InvalidTimestampError, KafkaError, UnknownError
from aiokafka.record.default_records import DefaultRecordBatch

from tests.real.stack import Real
from tests.support.raw_batches import CODECS, HEADER, HEADER_BYTES, Raw, batch, kept, produce, right_crc, split, varint
from tests.support.stacks import Stack

NOW_MS = int(time.time() * 1000)
TWO = [Raw(b"value " * 9, b"key", [(b"name", b"\xff\x00"), (b"", None)], after_ms=5), Raw(None, after_ms=-7)]
NAMED = [Raw(b"value", headers=[(b"trac\xff", b"1")])]
CRC, CODEC, FIRST_MS, MAX_MS = 4, 5, 7, 8  # places in HEADER


async def topic(stack: Stack, name: str, **config: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    settings = {key.replace("_", "."): value for key, value in config.items()}
    await admin.create_topics([NewTopic(name, 1, stack.replication, topic_configs=settings)])
    await admin.close()
    return name


@pytest.mark.parametrize("compression", CODECS)
def test_a_raw_batch_is_read_as_it_was_written(compression: str) -> None:
    made = DefaultRecordBatch(batch(TWO, at_ms=NOW_MS, compression=compression))
    assert made.validate_crc()
    assert (made.next_offset, made.compression_type, made.first_timestamp) == (2, CODECS[compression], NOW_MS)
    assert made.max_timestamp == NOW_MS + 5
    first, second = [*made]
    assert (first.key, first.value, first.timestamp) == (b"key", b"value " * 9, NOW_MS + 5)
    assert first.headers == [("name", b"\xff\x00"), ("", None)]
    assert (second.key, second.value, second.timestamp, second.headers) == (None, None, NOW_MS - 7, [])


#  zigzag: 0, -1, 1, -2, … are 0, 1, 2, 3, …; seven bits a byte, the lowest first
@pytest.mark.parametrize(
    ("n", "bytes_"),
    [
        (0, b"\x00"),
        (-1, b"\x01"),
        (64, b"\x80\x01"),  # 128 = 1 * 128 + 0
        (2**63 - 1, b"\xfe" + b"\xff" * 8 + b"\x01"),
        (-(2**63), b"\xff" * 9 + b"\x01"),
    ],
)
def test_a_varint_holds_any_64_bits(n: int, bytes_: bytes) -> None:
    assert varint(n) == bytes_


def test_a_given_field_replaces_the_right_one() -> None:
    made = batch(TWO, at_ms=-5, max_ms=3, compression=6, log_append_time=True, payload=b"none", count=7, offsets=9)
    fields = HEADER.unpack(made[:HEADER_BYTES])
    #                    length         magic            codec 6 | 8   last offset      first  max     count
    assert fields == (0, 49 + 4, -1, 2, right_crc(made), 14, 8, -5, 3, -1, -1, -1, 7)
    assert made[HEADER_BYTES:] == b"none"
    assert HEADER.unpack(batch(TWO, at_ms=0, crc=7)[:HEADER_BYTES])[4] == 7


def test_batches_are_split_and_a_cut_one_left_out() -> None:
    one, other = batch(TWO, at_ms=1), batch(NAMED, at_ms=2, crc=7)
    assert split(one + other + one[:70]) == [one, other]


AS_IT_IS = "as it is"
HOUR_AHEAD_MS = NOW_MS + 2 * 3_600_000
# what -> (the batch, of the embedded broker, of Apache Kafka)
TAKEN: dict[str, tuple[bytes, object, object]] = {
    "good": (batch(TWO, at_ms=NOW_MS), AS_IT_IS, AS_IT_IS),
    **{f"good, {c}": (batch(TWO, at_ms=NOW_MS, compression=c), AS_IT_IS, AS_IT_IS) for c in CODECS},
    "a header's name": (batch(NAMED, at_ms=NOW_MS), AS_IT_IS, AS_IT_IS),
    "CRC": (batch(TWO, at_ms=NOW_MS, crc=7), AS_IT_IS, CorruptRecordException),
    "CRC, lz4": (batch(TWO, at_ms=NOW_MS, crc=7, compression="lz4"), AS_IT_IS, CorruptRecordException),
    **{f"codec {c}": (batch(TWO, at_ms=NOW_MS, compression=c), UnknownError, UnknownError) for c in (5, 6, 7)},
    **{
        f"nothing, {c}": (batch(TWO, at_ms=NOW_MS, compression=c, payload=b"\x01nothing"), AS_IT_IS, UnknownError)
        for c in CODECS
    },
    "count too large": (batch(TWO, at_ms=NOW_MS, count=5), AS_IT_IS, UnknownError),
    "count too small": (batch(TWO, at_ms=NOW_MS, count=1), AS_IT_IS, UnknownError),
    "an hour ahead": (batch(NAMED, at_ms=HOUR_AHEAD_MS), AS_IT_IS, InvalidTimestampError),
    "microseconds": (batch(NAMED, at_ms=NOW_MS * 1000), AS_IT_IS, InvalidTimestampError),
    "the last timestamp": (batch(NAMED, at_ms=2**63 - 1), AS_IT_IS, InvalidTimestampError),
    "before 1970": (batch(NAMED, at_ms=-5), AS_IT_IS, {FIRST_MS: -5, MAX_MS: -1}),
    "max is not the latest": (batch(TWO, at_ms=NOW_MS, max_ms=7), AS_IT_IS, {FIRST_MS: NOW_MS, MAX_MS: NOW_MS + 5}),
    "LogAppendTime": (batch(TWO, at_ms=5, log_append_time=True), {CODEC: 8}, {CODEC: 0, FIRST_MS: 5}),
}


@pytest.mark.parametrize("what", TAKEN)
async def test_a_broker_keeps_or_refuses_it(shared_stack: Stack, namespace: str, what: str) -> None:
    made, embedded, real = TAKEN[what]
    expected = real if isinstance(shared_stack, Real) else embedded
    name = await topic(shared_stack, namespace)
    if isinstance(expected, type) and issubclass(expected, KafkaError):
        with pytest.raises(expected):
            await produce(shared_stack.kafka, name, 0, made)
        return
    assert await produce(shared_stack.kafka, name, 0, made) == 0
    (found,) = split(await kept(shared_stack.kafka, name, 0))
    if expected == AS_IT_IS:
        assert (found[:12], found[16:]) == (made[:12], made[16:])  # but for the leader's epoch
    else:
        assert isinstance(expected, dict)
        fields = HEADER.unpack(found[:HEADER_BYTES])
        assert {place: fields[place] for place in expected} == expected
        assert (fields[CRC] == right_crc(found)) is isinstance(shared_stack, Real)  # the embedded one puts none right


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_topics_own_codec_is_kafkas_alone(shared_stack: Stack, namespace: str, compression: str) -> None:
    name = await topic(shared_stack, namespace, compression_type=compression)
    await produce(shared_stack.kafka, name, 0, batch([Raw(b"value " * 90)], at_ms=NOW_MS))
    (found,) = split(await kept(shared_stack.kafka, name, 0))
    expected = CODECS[compression] if isinstance(shared_stack, Real) else 0
    assert HEADER.unpack(found[:HEADER_BYTES])[CODEC] == expected


async def test_a_topic_may_take_any_timestamp_of_the_future(shared_stack: Stack, namespace: str) -> None:
    name = await topic(shared_stack, namespace, message_timestamp_after_max_ms=str(2**63 - 1))
    for at_ms in (NOW_MS * 1000, NOW_MS * 1_000_000, 4_102_444_800_000, 253_402_300_799_999):
        offset = await produce(shared_stack.kafka, name, 0, batch(NAMED, at_ms=at_ms))
        (found,) = split(await kept(shared_stack.kafka, name, 0, offset))  # each may begin a segment of its own
        assert HEADER.unpack(found[:HEADER_BYTES])[FIRST_MS] == at_ms


async def test_a_batch_without_records_is_kept_by_the_embedded_broker(shared_stack: Stack, namespace: str) -> None:
    """It takes no offset, so that what comes behind it is refused once: its place is taken."""
    name, empty, two = await topic(shared_stack, namespace), batch([], at_ms=NOW_MS), batch(TWO, at_ms=NOW_MS)
    assert await produce(shared_stack.kafka, name, 0, two) == 0
    if isinstance(shared_stack, Real):
        with pytest.raises(UnknownError):
            await produce(shared_stack.kafka, name, 0, empty)
        return
    assert await produce(shared_stack.kafka, name, 0, empty) == 2
    with pytest.raises(UnknownError):
        await produce(shared_stack.kafka, name, 0, two)
    assert await produce(shared_stack.kafka, name, 0, two) == 4
    found = split(await kept(shared_stack.kafka, name, 0))
    assert [HEADER.unpack(each[:HEADER_BYTES])[0] for each in found] == [0, 2, 4]


async def test_a_plain_consumer_reads_what_was_produced_raw(shared_stack: Stack, namespace: str) -> None:
    name, tp = await topic(shared_stack, namespace), KafkaPartition(namespace, 0)
    for compression in CODECS:
        await produce(shared_stack.kafka, name, 0, batch(TWO, at_ms=NOW_MS, compression=compression))
    consumer = AIOKafkaConsumer(bootstrap_servers=shared_stack.kafka, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        consumer.assign([tp])
        read = [await consumer.getone(tp) for _ in range(2 * len(CODECS))]
    finally:
        await consumer.stop()
    assert [record.offset for record in read] == [*range(2 * len(CODECS))]
    assert {record.value for record in read} == {b"value " * 9, None}
