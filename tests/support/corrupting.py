"""A proxy before a broker that corrupts its responses while `corrupt` is set: a batch that cannot be decoded now.

proxy.corrupt = spoilt(b"marker")      # each response with these bytes has others there
proxy.corrupt = recoded(made, 6)       # a batch that was produced is of an unknown codec, with the right CRC
proxy.corrupt = {}                     # the bytes are as they were
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping

from tests.support.proxy import Proxy
from tests.support.raw_batches import right_crc

_CRC_AT, _AFTER_ATTRIBUTES = 17, 23
_SIZE = struct.Struct(">i")


class Corrupting(Proxy):
    """Passes a broker's answers on one by one, so that no marker is cut in two. Of Kafka's protocol alone."""

    _corrupt: Mapping[bytes, bytes] = {}

    @property
    def corrupt(self) -> Mapping[bytes, bytes]:
        return self._corrupt

    @corrupt.setter
    def corrupt(self, markers: Mapping[bytes, bytes]) -> None:
        """marker -> what stands there instead. Raises ValueError where these are not of one length."""
        for marker, instead in markers.items():
            if len(marker) != len(instead):
                raise ValueError(f"{marker!r} is {len(marker)} bytes, what stands there instead {len(instead)}")
        self._corrupt = dict(markers)

    async def _next(self, reader: asyncio.StreamReader, *, answers: bool) -> bytes:
        if not answers:
            return await super()._next(reader, answers=answers)
        try:
            size = await reader.readexactly(_SIZE.size)
            answer = await reader.readexactly(*_SIZE.unpack(size))
        except asyncio.IncompleteReadError:
            return b""
        for marker, instead in self._corrupt.items():
            answer = answer.replace(marker, instead)
        return size + answer


def spoilt(*markers: bytes) -> dict[bytes, bytes]:
    """Each with every bit of it flipped: the CRC of what it stands in is wrong."""
    return {marker: bytes(byte ^ 0xFF for byte in marker) for marker in markers}


def recoded(made: bytes, codec_id: int) -> dict[bytes, bytes]:
    """That batch under another codec's id, and with the CRC that then is right. Of the broker's CRC and attributes."""
    other = bytearray(made)
    other[_AFTER_ATTRIBUTES - 1] = other[_AFTER_ATTRIBUTES - 1] & ~0x07 | codec_id
    other[_CRC_AT : _CRC_AT + 4] = right_crc(other).to_bytes(4, "big")
    return {made[_CRC_AT:_AFTER_ATTRIBUTES]: bytes(other[_CRC_AT:_AFTER_ATTRIBUTES])}
