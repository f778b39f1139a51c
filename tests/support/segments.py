"""Flips bytes of a record batch in the segment files of a running Apache Kafka, and restores them.

The broker serves what its page cache has of a file, which a write in place changes at once: nothing is restarted. What
is written before the broker wrote its own bytes would be lost: the batch has to be acknowledged. Every replica's file
is changed, so that any leader returns the same; a follower copies no batch twice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.real.stack import Real
from tests.support.raw_batches import HEADER, HEADER_BYTES

_LENGTH, _COUNT = 1, 12  # places in HEADER


@dataclass(frozen=True)
class Found:
    """Where a batch stands in a segment file."""

    file: Path
    at: int  # of its first byte
    size: int
    offset: int  # its base offset
    records: int


def files(stack: Real, topic: str, partition: int) -> list[Path]:
    """The segment files of a partition on all replicas, the oldest of each first."""
    return [
        file
        for n in range(len(stack.cluster))
        for file in sorted((stack.cluster.broker(n).directory / "data" / f"{topic}-{partition}").glob("*.log"))
    ]


def batches(file: Path) -> list[Found]:
    """Those of a segment file, in order; one that is just being written is left out."""
    found, at, held = [], 0, file.read_bytes()
    while at + HEADER_BYTES <= len(held):
        fields = HEADER.unpack_from(held, at)
        size = 12 + fields[_LENGTH]
        if fields[_LENGTH] <= 0 or at + size > len(held):
            break
        found.append(Found(file, at, size, fields[0], fields[_COUNT]))
        at += size
    return found


def holding(stack: Real, topic: str, partition: int, marker: bytes) -> list[Found]:
    """The batch whose payload holds these bytes, on each replica. Raises LookupError where a replica has not one."""
    found = []
    for file in files(stack, topic, partition):
        held = file.read_bytes()
        found += [each for each in batches(file) if marker in held[each.at + HEADER_BYTES : each.at + each.size]]
    if len(found) != stack.replication or len({each.offset for each in found}) != 1:
        raise LookupError(f"{topic}-{partition}: {marker!r} stands in {found}; expected one batch on every replica")
    return found


def at_offset(stack: Real, topic: str, partition: int, offset: int) -> list[Found]:
    """The batch that begins at that offset, on each replica. Raises LookupError where a replica has it not."""
    found = [each for file in files(stack, topic, partition) for each in batches(file) if each.offset == offset]
    if len(found) != stack.replication:
        raise LookupError(f"{topic}-{partition}@{offset}: found {found}; expected a batch on every replica")
    return found


def flip(found: Sequence[Found]) -> None:
    """Flips every bit of each batch's payload, and none of its header. Done twice, all is as it was."""
    for each in found:
        fd = os.open(each.file, os.O_RDWR)
        try:
            payload = os.pread(fd, each.size - HEADER_BYTES, each.at + HEADER_BYTES)
            os.pwrite(fd, bytes(byte ^ 0xFF for byte in payload), each.at + HEADER_BYTES)
        finally:
            os.close(fd)
