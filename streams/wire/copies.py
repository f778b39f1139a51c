"""Copies: records that `redrive` sent again. Of the copies of one origin one is decided.

A copy names its origin in a header that anybody can write. So the header is trusted only where it names an earlier
record of the same partition with the same bytes; else it is ignored, and the record is one like any other.
Pure: the caller passes what the store holds of copies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar, cast

from tidegate.streams.core.events import DeadLetter, DeadLetterReason, Decision, Source
from tidegate.streams.core.fields import unchecked
from tidegate.streams.core.partition import Copy, Record, TopicPartition, content_hash
from tidegate.streams.wire import Unreadable, dead_letter
from tidegate.streams.wire.headers import read_origin

R = TypeVar("R")
_POSITION = re.compile(r"(?P<topic>[^\[\]]+)\[(?P<partition>\d{1,10})\]@(?P<offset>\d{1,19})", re.ASCII)


class Ignored(StrEnum):
    """Why a record's header is ignored, and the record decided as if it had none."""

    MALFORMED = "malformed"  # no `topic[partition]@offset`
    ELSEWHERE = "elsewhere"  # of another topic or partition, or no record before this one
    OTHER_VALUE = "other_value"  # a copy of that origin was decided, and its bytes were others


@dataclass(slots=True)
class Copies:
    """The origins that the headers of one record range name."""

    by_offset: dict[int, Copy] = field(default_factory=dict)  # of the records whose header may be trusted
    ignored: Counter[Ignored] = field(default_factory=Counter)

    @property
    def origins(self) -> set[int]:
        return {copy.origin for copy in self.by_offset.values()}


def copies_in(records: Iterable[Record]) -> Copies:
    """Returns the copies among the records of one partition. Few records have headers, and few of those ours."""
    copies = Copies()
    for record in records:
        if record.headers and (origin_header := read_origin(record.headers)) is not None:
            copy = copy_of(record, origin_header)
            if isinstance(copy, Copy):
                copies.by_offset[record.offset] = copy
            else:
                copies.ignored[copy] += 1
    return copies


def copy_of(record: Record, origin_header: str) -> Copy | Ignored:
    """Returns the record as a copy of the origin that its header names, or why it is none."""
    place = parse_position(origin_header)
    if place is None:
        return Ignored.MALFORMED
    partition, offset = place
    if partition != (record.topic, record.partition) or offset >= record.offset:
        return Ignored.ELSEWHERE
    return Copy(offset, content_hash(record.value), record.offset)


def parse_position(origin_header: str) -> tuple[TopicPartition, int] | None:
    """Parses `topic[partition]@offset` into partition and offset; None where it has another form."""
    match = _POSITION.fullmatch(origin_header)
    return match and (TopicPartition(match["topic"], int(match["partition"])), int(match["offset"]))


def resolve_copies(
    records: Sequence[Record], results: Sequence[R], copies: Copies, decided: Mapping[int, Copy], epoch: int
) -> tuple[list[R], list[Copy]]:
    """Returns the results of a record range's records, each in its place, and the copies that are decided.

    decided: copies decided before, by the offset of their origin, as the store holds them. A copy with an earlier
    decided copy of its origin, there or in this record range, becomes a dead letter with the reason `redriven`.
    """
    resolved, decided_by_origin, decided_copies = list(results), dict(decided), list[Copy]()
    for i, record in enumerate(records):
        copy = copies.by_offset.get(record.offset)
        if copy is None:
            continue
        first = decided_by_origin.get(copy.origin)
        if first is not None and first.offset >= copy.offset:
            first = None  # itself or a later one: the records are read again, from before both
        if first is not None and first.sha256 != copy.sha256:
            copies.ignored[Ignored.OTHER_VALUE] += 1
            continue
        result = _copy_result(results[i], record, copy, first, epoch)
        resolved[i] = cast(R, result)
        if not isinstance(result, DeadLetter):
            decided_by_origin[copy.origin] = copy
            decided_copies.append(copy)
    return resolved, decided_copies


def _copy_result(result: object, record: Record, copy: Copy, first: Copy | None, epoch: int) -> object:
    origin = Source(topic=record.topic, partition=record.partition, offset=copy.origin)
    if first is not None:
        where = f"{record.topic}[{record.partition}]@{first.offset}"
        why = Unreadable(DeadLetterReason.REDRIVEN, "header tidegate-origin", f"no copy: {where} was decided")
        return dead_letter(record, why, epoch, 0).model_copy(update={"origin": str(origin)})
    if isinstance(result, DeadLetter):
        return result.model_copy(update={"origin": str(origin)})
    if isinstance(result, Decision):
        return unchecked(Decision, {**result.__dict__, "origin": origin, "origin_sha256": copy.sha256})
    return result  # feedback, of which nothing is published
