"""Record batches as bytes: which of a fetch response can be decoded, before aiokafka is shown them.

An exception of aiokafka's decoder costs records of other partitions, and good batches before the bad one. So every
batch is checked first: its CRC, its place, its payload, its records. What is shown to aiokafka is not compressed any
more, and decodes. Pure: no broker.

A v2 batch, big-endian (Kafka's documentation, "Record Batch"): the CRC covers everything from `attributes` on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import calc_crc32c, decode_varint, encode_varint

from tidegate.streams.kafka.codecs import Undecompressed, decompressed

# base_offset length leader_epoch magic crc attributes last_offset_delta first_ms max_ms producer epoch sequence count
HEADER = struct.Struct(">qiibIhiqqqhii")
LOG_OVERHEAD = 12  # base_offset and length, which the length does not count
MAGIC_AT, CRC_FROM = 16, 21
LEGACY_LEAST = 14  # bytes of a message of magic 0
CODEC, CONTROL = 0x07, 0x20  # bits of attributes

# Decompressed, of one partition's response: a hostile batch of 1 MB could fill gigabytes.
MOST_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class BadBatch:
    """A batch that cannot be decoded. Offsets [start, end); end None: its header is not to be believed."""

    start: int
    end: int | None
    why: str  # as it ends the sentence "a batch that cannot be read: ..."
    head: bytes = b""  # its header as it stands; the same bytes again: the same batch


class _Bad(Exception):
    """Why a batch cannot be decoded; believed: its header can be."""

    def __init__(self, why: str, *, believed: bool = False) -> None:
        super().__init__(why)
        self.why, self.believed = why, believed


def checked(data: bytes, position: int, high_water: int) -> tuple[bytes, BadBatch | None]:
    """The batches of a response that aiokafka can decode, up to the first that it cannot; that one, where it is first.

    position: the offset that was asked for. high_water: none reaches it, but what was written while the broker looked,
    which stands right where it was asked for; -1: not known. What a broker cut off at the end of a response is no
    fault. At most MOST_BYTES decompressed come at once, but one batch always does.
    """
    good: list[bytes] = []
    size, at, next_ = 0, 0, position
    while at < len(data):
        end = _end(data, at)
        try:
            if end is None:
                if good:
                    break
                raise _Bad("it is longer than what the broker sent of it")
            shown, next_offset = _shown(data[at:end], next_, high_water)
            _alone(data, at, end, next_, next_offset)
        except _Bad as bad:
            return b"".join(good), None if good else _bad(data, at, position, bad)
        if good and size + len(shown) > MOST_BYTES:
            break
        good.append(shown)
        size, at, next_ = size + len(shown), end, next_offset
    return b"".join(good), None


def records_in(data: bytes) -> int:
    """How many records the batches of a response say that they hold: that is how long they take to be checked."""
    found = at = 0
    while (end := _end(data, at)) is not None:
        found += HEADER.unpack_from(data, at)[12] if data[at + MAGIC_AT] >= 2 else 1
        at = end
    return found


def refused(position: int) -> BadBatch:
    """What stands at that offset, where the broker itself cannot read it (Kafka's error CORRUPT_MESSAGE)."""
    return BadBatch(position, None, "the broker itself finds it corrupt")


def _alone(data: bytes, at: int, end: int, position: int, next_offset: int) -> None:
    """Raises _Bad where a batch beyond its place takes offsets of the one behind it: both cannot be right."""
    if len(data) - end <= MAGIC_AT:
        return
    base, following = (struct.unpack_from(">q", data, place)[0] for place in (at, end))
    if base > position and following < next_offset:
        raise _Bad(f"it says it holds the offsets from {base} on, and so does the next one")


def _end(data: bytes, at: int) -> int | None:
    """Where the batch at that byte ends; None where less of it is there."""
    if len(data) - at <= MAGIC_AT:
        return None
    (length,) = struct.unpack_from(">i", data, at + 8)
    end = at + LOG_OVERHEAD + int(length)
    least = HEADER.size - LOG_OVERHEAD if data[at + MAGIC_AT] >= 2 else LEGACY_LEAST
    return None if length < least or end > len(data) else end


def _bad(data: bytes, at: int, position: int, bad: _Bad) -> BadBatch:
    head = bytes(data[at : at + HEADER.size])
    if not bad.believed:
        return BadBatch(position, None, bad.why, head)
    base, last = _offsets(head)
    return BadBatch(max(position, base), last + 1, bad.why, head)


def _offsets(batch: bytes) -> tuple[int, int]:
    """The first and the last offset of a v2 batch, as its header says."""
    fields = HEADER.unpack_from(batch)
    return fields[0], fields[0] + fields[6]


def _shown(batch: bytes, position: int, high_water: int) -> tuple[bytes, int]:
    """The batch as aiokafka decodes it, and the offset after it. Raises _Bad."""
    if batch[MAGIC_AT] < 2:
        return batch, _legacy(batch, position)
    if batch[MAGIC_AT] > 2:
        raise _Bad(f"its format is {batch[MAGIC_AT]}, which is none that Kafka has")
    fields = HEADER.unpack_from(batch)
    if calc_crc32c(batch[CRC_FROM:]) != fields[4]:
        raise _Bad("its CRC is wrong")
    # The CRC does not cover the base offset: a batch that says it stands elsewhere would cost or double records.
    base, last = _offsets(batch)
    if last < max(base, position) or (last >= high_water >= 0 and base != position):
        raise _Bad(f"it says it holds the offsets {base} to {last}, and stands at {position}")
    attributes = fields[5]
    if attributes & CONTROL:
        return batch, last + 1
    codec = attributes & CODEC
    if codec:
        try:
            batch = _batch(batch, decompressed(codec, batch[HEADER.size :], MOST_BYTES))
        except Undecompressed as error:
            raise _Bad(str(error), believed=True) from error
    if not _decodes(batch):
        batch = _batch(batch, _mended(batch))
        if not _decodes(batch):
            raise _Bad("its records cannot be told apart", believed=True)
    return batch, last + 1


def _batch(batch: bytes, records: bytes) -> bytes:
    """That batch around other records, not compressed. Its CRC is none: whoever reads it has checked the first."""
    fields = list(HEADER.unpack_from(batch))
    fields[1], fields[4], fields[5] = HEADER.size - LOG_OVERHEAD + len(records), 0, fields[5] & ~CODEC
    return HEADER.pack(*fields) + records


def _decodes(batch: bytes) -> bool:
    try:
        for _ in DefaultRecordBatch(batch):
            pass
    except Exception:  # noqa: BLE001 - whatever aiokafka's decoder raises here, it must not raise later
        return False
    return True


def _legacy(batch: bytes, position: int) -> int:
    """The offset after a message of format 0 or 1, which old brokers still keep. Raises _Bad."""
    try:
        found = LegacyRecordBatch(batch, batch[MAGIC_AT])
        sound = found.validate_crc()
        offsets = [record.offset for record in found] if sound else []
    except Exception as error:
        raise _Bad("it is of an old format and cannot be decoded") from error
    if not sound:
        raise _Bad("its CRC is wrong")
    if not offsets or offsets[-1] < position:
        raise _Bad(f"it does not say that it holds the offset {position}, at which it stands")
    return int(offsets[-1]) + 1


# --- header names that are not UTF-8


def _mended(batch: bytes) -> bytes:
    """The records of a batch that is not compressed, with U+FFFD in header names that are not UTF-8. Raises _Bad."""
    records = bytearray()
    data, at = bytearray(batch), HEADER.size
    try:
        for _ in range(HEADER.unpack_from(batch)[12]):
            length, at = decode_varint(data, at)
            if not 0 < length <= len(data) - at:
                raise ValueError(f"a record of {length} bytes")
            record = _mended_record(data[at : at + length])
            encode_varint(len(record), records.append)
            records += record
            at += length
    except (ValueError, IndexError) as error:
        raise _Bad("its records cannot be told apart", believed=True) from error
    if at != len(data):
        raise _Bad("it holds more bytes than its records have", believed=True)
    return bytes(records)


def _mended_record(record: bytearray) -> bytearray:
    """attributes, timestamp and offset deltas, key, value; then headers, whose names are mended."""
    at = 1
    for _ in range(2):
        _, at = decode_varint(record, at)
    for _ in range(2):
        _, at = _field(record, at)
    count, headers_at = decode_varint(record, at)
    mended = bytearray(record[:headers_at])
    at = headers_at
    for _ in range(count):
        name, at = _field(record, at)
        if name is None:
            raise ValueError("a header without a name")
        value_at = at
        _, at = _field(record, at)
        shown = name.decode(errors="replace").encode()
        encode_varint(len(shown), mended.append)
        mended += shown + record[value_at:at]
    if count < 0 or at != len(record):
        raise ValueError("more bytes than its headers have")
    return mended


def _field(record: bytearray, at: int) -> tuple[bytes | None, int]:
    """Bytes after their length, which is negative where there are none; and where they end."""
    length, at = decode_varint(record, at)
    if length < 0:
        return None, at
    if at + length > len(record):
        raise ValueError("cut short")
    return bytes(record[at : at + length]), at + length
