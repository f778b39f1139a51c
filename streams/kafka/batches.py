"""Record batches as bytes: which of a fetch response can be decoded, before aiokafka gets them.

An exception in aiokafka's decoder loses records of other partitions, and good batches before the bad one. So every
batch is checked first: its CRC, offsets, payload and records. What aiokafka gets is decompressed and decodes. Pure: no
broker.

A v2 batch, big-endian (Kafka's documentation, "Record Batch"): the CRC covers everything from `attributes` on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import calc_crc32c, decode_varint, encode_varint

from tidegate.streams.kafka.codecs import DecompressionFailed, decompress

# base_offset length leader_epoch magic crc attributes last_offset_delta first_ms max_ms producer epoch sequence count
HEADER = struct.Struct(">qiibIhiqqqhii")
LOG_OVERHEAD = 12  # base_offset and length, which the length does not count
MAGIC_AT, CRC_FROM = 16, 21
LEGACY_LEAST = 14  # bytes of a message of magic 0
CODEC, CONTROL = 0x07, 0x20  # bits of attributes

# Decompressed, for one partition's response: a hostile batch of 1 MB could fill gigabytes.
MAX_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class BadBatch:
    """A batch that cannot be decoded. Offsets [start, end); end None: its header cannot be trusted."""

    start: int
    end: int | None
    why: str  # completes the sentence "a batch that cannot be read: ..."
    head: bytes = b""  # its header; equal bytes mean the same batch


class _Bad(Exception):
    """Why a batch cannot be decoded. header_valid: its header can be trusted."""

    def __init__(self, why: str, *, header_valid: bool = False) -> None:
        super().__init__(why)
        self.why, self.header_valid = why, header_valid


def decodable_batches(data: bytes, position: int, high_water: int) -> tuple[bytes, BadBatch | None]:
    """Returns the batches of a response up to the first bad one, decompressed; and the bad one if it is the first.

    position: the requested offset. high_water: no batch reaches it, except one at `position` that was written while the
    broker read; -1: unknown. A batch that the broker cut off at the end of a response is not bad. Returns at most
    MAX_BYTES, decompressed, but always one batch.
    """
    good: list[bytes] = []
    size, at, next_ = 0, 0, position
    while at < len(data):
        end = _batch_end(data, at)
        try:
            if end is None:
                if good:
                    break
                raise _Bad("it is longer than what the broker sent of it")
            passed_on, next_offset = _decodable(data[at:end], next_, high_water)
            _check_overlap(data, at, end, next_, next_offset)
        except _Bad as bad:
            return b"".join(good), None if good else _bad_batch(data, at, position, bad)
        if good and size + len(passed_on) > MAX_BYTES:
            break
        good.append(passed_on)
        size, at, next_ = size + len(passed_on), end, next_offset
    return b"".join(good), None


def record_count(data: bytes) -> int:
    """Returns the number of records in a response, as its headers say: the time to check it grows with it."""
    count = at = 0
    while (end := _batch_end(data, at)) is not None:
        count += HEADER.unpack_from(data, at)[12] if data[at + MAGIC_AT] >= 2 else 1
        at = end
    return count


def corrupt_on_broker(position: int) -> BadBatch:
    """Returns the bad batch at an offset where the broker itself answers CORRUPT_MESSAGE."""
    return BadBatch(position, None, "the broker itself finds it corrupt")


def _check_overlap(data: bytes, at: int, end: int, position: int, next_offset: int) -> None:
    """Raises _Bad if a batch that starts after `position` overlaps the next batch: one of the two is wrong."""
    if len(data) - end <= MAGIC_AT:
        return
    base, following = (struct.unpack_from(">q", data, place)[0] for place in (at, end))
    if base > position and following < next_offset:
        raise _Bad(f"it says it holds the offsets from {base} on, and so does the next one")


def _batch_end(data: bytes, at: int) -> int | None:
    """Returns the byte at which the batch at `at` ends; None if the response holds less of it."""
    if len(data) - at <= MAGIC_AT:
        return None
    (length,) = struct.unpack_from(">i", data, at + 8)
    end = at + LOG_OVERHEAD + int(length)
    least = HEADER.size - LOG_OVERHEAD if data[at + MAGIC_AT] >= 2 else LEGACY_LEAST
    return None if length < least or end > len(data) else end


def _bad_batch(data: bytes, at: int, position: int, bad: _Bad) -> BadBatch:
    head = bytes(data[at : at + HEADER.size])
    if not bad.header_valid:
        return BadBatch(position, None, bad.why, head)
    base, last = _offsets(head)
    return BadBatch(max(position, base), last + 1, bad.why, head)


def _offsets(batch: bytes) -> tuple[int, int]:
    """Returns the first and last offset in a v2 batch's header."""
    fields = HEADER.unpack_from(batch)
    return fields[0], fields[0] + fields[6]


def _decodable(batch: bytes, position: int, high_water: int) -> tuple[bytes, int]:
    """Returns the batch as aiokafka can decode it, and the offset after it. Raises _Bad."""
    if batch[MAGIC_AT] < 2:
        return batch, _legacy_end(batch, position)
    if batch[MAGIC_AT] > 2:
        raise _Bad(f"its format is {batch[MAGIC_AT]}, which is none that Kafka has")
    fields = HEADER.unpack_from(batch)
    if calc_crc32c(batch[CRC_FROM:]) != fields[4]:
        raise _Bad("its CRC is wrong")
    # The CRC does not cover the base offset: a batch with a wrong one would lose or double records.
    base, last = _offsets(batch)
    if last < max(base, position) or (last >= high_water >= 0 and base != position):
        raise _Bad(f"it says it holds the offsets {base} to {last}, and stands at {position}")
    attributes = fields[5]
    if attributes & CONTROL:
        return batch, last + 1
    codec = attributes & CODEC
    if codec:
        try:
            batch = _with_records(batch, decompress(codec, batch[HEADER.size :], MAX_BYTES))
        except DecompressionFailed as error:
            raise _Bad(str(error), header_valid=True) from error
    if not _decodes(batch, base, last):
        batch = _with_records(batch, _repaired_records(batch))
        if not _decodes(batch, base, last):
            raise _Bad("its records cannot be told apart", header_valid=True)
    return batch, last + 1


def _with_records(batch: bytes, records: bytes) -> bytes:
    """Returns that batch with other records, not compressed, and a CRC of 0: the CRC was checked before."""
    fields = list(HEADER.unpack_from(batch))
    fields[1], fields[4], fields[5] = HEADER.size - LOG_OVERHEAD + len(records), 0, fields[5] & ~CODEC
    return HEADER.pack(*fields) + records


def _decodes(batch: bytes, base: int, last: int) -> bool:
    """Whether aiokafka decodes it. Raises _Bad if it does, and an offset is outside [base, last] or does not rise."""
    try:
        # With the comparison below 0.05 µs a record. Not list(map(...)), which would block other threads to its end.
        offsets = [record.offset for record in DefaultRecordBatch(batch)]
    except Exception:  # noqa: BLE001 - whatever aiokafka's decoder raises here, it must not raise later
        return False
    # By the number of records, never by the header's last offset: a hostile one would fill gigabytes.
    if not offsets or (offsets[-1] == last and offsets == [*range(base, base + len(offsets))]):
        return True
    if offsets[0] < base or offsets[-1] > last or any(offset >= next_ for offset, next_ in pairwise(offsets)):
        raise _Bad(f"its records are at other offsets than {base} to {last}, or not in order", header_valid=True)
    return True


def _legacy_end(batch: bytes, position: int) -> int:
    """Returns the offset after a message of format 0 or 1, which old brokers still hold. Raises _Bad."""
    try:
        decoded = LegacyRecordBatch(batch, batch[MAGIC_AT])
        sound = decoded.validate_crc()
        offsets = [record.offset for record in decoded] if sound else []
    except Exception as error:
        raise _Bad("it is of an old format and cannot be decoded") from error
    if not sound:
        raise _Bad("its CRC is wrong")
    if not offsets or offsets[-1] < position:
        raise _Bad(f"it does not say that it holds the offset {position}, at which it stands")
    return int(offsets[-1]) + 1


# --- header names that are not UTF-8


def _repaired_records(batch: bytes) -> bytes:
    """Returns a decompressed batch's records, with U+FFFD in header names that are not UTF-8. Raises _Bad."""
    records = bytearray()
    data, at = bytearray(batch), HEADER.size
    try:
        for _ in range(HEADER.unpack_from(batch)[12]):
            length, at = decode_varint(data, at)
            if not 0 < length <= len(data) - at:
                raise ValueError(f"a record of {length} bytes")
            record = _repaired_record(data[at : at + length])
            encode_varint(len(record), records.append)
            records += record
            at += length
    except (ValueError, IndexError) as error:
        raise _Bad("its records cannot be told apart", header_valid=True) from error
    if at != len(data):
        raise _Bad("it holds more bytes than its records have", header_valid=True)
    return bytes(records)


def _repaired_record(record: bytearray) -> bytearray:
    """Copies attributes, timestamp and offset deltas, key, value; then the headers, with repaired names."""
    at = 1
    for _ in range(2):
        _, at = decode_varint(record, at)
    for _ in range(2):
        _, at = _field(record, at)
    count, headers_at = decode_varint(record, at)
    repaired = bytearray(record[:headers_at])
    at = headers_at
    for _ in range(count):
        name, at = _field(record, at)
        if name is None:
            raise ValueError("a header without a name")
        value_at = at
        _, at = _field(record, at)
        valid = name.decode(errors="replace").encode()
        encode_varint(len(valid), repaired.append)
        repaired += valid + record[value_at:at]
    if count < 0 or at != len(record):
        raise ValueError("more bytes than its headers have")
    return repaired


def _field(record: bytearray, at: int) -> tuple[bytes | None, int]:
    """Returns the bytes after their length (None if it is negative), and the position after them."""
    length, at = decode_varint(record, at)
    if length < 0:
        return None, at
    if at + length > len(record):
        raise ValueError("cut short")
    return bytes(record[at : at + length]), at + length
