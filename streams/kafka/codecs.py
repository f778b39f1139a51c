"""Decompresses Kafka's codecs within a bound: a hostile batch of 1 MB could fill gigabytes. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

try:
    import cramjam
except ImportError:  # `require_codecs` (consumer.py) refuses to start without it
    cramjam = None  # type: ignore[assignment]

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")  # by id
_FIRST_BYTES = 64 << 10  # the first buffer: the decompressed size is not known
_MEMBER_BYTES = 4096
_XERIAL = b"\x82SNAPPY\x00"  # snappy in blocks, as Java writes it: 16 bytes, then (length, block)*


class DecompressionFailed(Exception):
    """Why a payload cannot be decompressed. Never leaves this room."""


def decompress(codec: int, payload: bytes, at_most: int) -> bytes:
    """Returns a batch's payload, decompressed. codec: its id. Raises DecompressionFailed, also above at_most bytes."""
    if codec >= len(CODECS):
        raise DecompressionFailed(f"its codec is {codec}, which is none that Kafka has")
    try:
        match CODECS[codec]:
            case "gzip":
                return _gunzip(payload, at_most)
            case "snappy":
                return b"".join(_unsnappy(payload, at_most))
            case name:
                return _into_buffer(cramjam.lz4 if name == "lz4" else cramjam.zstd, payload, at_most)
    except (zlib.error, cramjam.DecompressionError, ValueError, struct.error) as error:
        raise DecompressionFailed(f"its {CODECS[codec]} payload cannot be decompressed") from error


def _too_large(at_most: int) -> DecompressionFailed:
    return DecompressionFailed(f"it holds over {at_most >> 20} MB decompressed")


def _gunzip(payload: bytes, at_most: int) -> bytes:
    chunks, size, at = list[bytes](), 0, 0
    while not chunks or payload.startswith(b"\x1f\x8b", at):  # several members; Java too ignores what follows them
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof:
            some = payload[at : at + _MEMBER_BYTES]  # each member's stream copies the input that it did not use
            chunks.append(stream.decompress(some, at_most + 1 - size))
            size, at = size + len(chunks[-1]), at + len(some) - len(stream.unused_data)
            if size > at_most:
                raise _too_large(at_most)
            if not (some or stream.eof):
                raise ValueError("cut short")
    return b"".join(chunks)


def _unsnappy(payload: bytes, at_most: int) -> Iterator[bytes]:
    if not payload.startswith(_XERIAL):
        yield _unsnappy_block(payload, at_most, at_most)
        return
    at, left = 16, at_most
    while at < len(payload):
        (size,) = struct.unpack_from(">i", payload, at)
        if not 0 <= size <= len(payload) - at - 4:
            raise ValueError("a block is cut short")
        block = _unsnappy_block(payload[at + 4 : at + 4 + size], left, at_most)
        yield block
        at, left = at + 4 + size, left - len(block)


def _unsnappy_block(block: bytes, left: int, at_most: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(block) > left:
        raise _too_large(at_most)
    return bytes(cramjam.snappy.decompress_raw(block))


def _into_buffer(codec: Any, payload: bytes, at_most: int) -> bytes:
    """Decompresses into buffers that grow up to at_most: neither codec says the decompressed size."""
    size = max(_FIRST_BYTES, 8 * len(payload))
    while True:
        buffer = bytearray(min(size, at_most))
        try:
            return bytes(memoryview(buffer)[: codec.decompress_into(payload, buffer)])
        except cramjam.DecompressionError as error:
            if "whole buffer" not in str(error):
                raise
            if size >= at_most:
                raise _too_large(at_most) from error
        size *= 8
