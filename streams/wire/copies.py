"""Records that `redrive` sent again, among those of a record range: of the copies of one origin one is decided.

A copy names its origin in a header that anybody can write. So it is believed only of a record of its own partition before
it, and only where the two have the same bytes; else the header is ignored, and the record is one like any other.
Knows what the store says of copies; asks nobody.
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
    """Why the header of a record is ignored, and the record decided as if it had none."""

    MALFORMED = "malformed"  # no `topic[partition]@offset`
    ELSEWHERE = "elsewhere"  # of another topic or partition, or no record before this one
    OTHER_VALUE = "other_value"  # a copy of that origin was decided, and its bytes were others


@dataclass(slots=True)
class Copies:
    """What the headers of one record range's records say of origins."""

    by_offset: dict[int, Copy] = field(default_factory=dict)  # of the records whose header may be believed
    ignored: Counter[Ignored] = field(default_factory=Counter)

    @property
    def origins(self) -> set[int]:
        return {copy.origin for copy in self.by_offset.values()}


def copies_in(records: Iterable[Record]) -> Copies:
    """The copies among the records of one partition. Few records have headers, and of those few have ours."""
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
    """The record as a copy of what its header says, or why it is none."""
    place = parse_position(origin_header)
    if place is None:
        return Ignored.MALFORMED
    partition, offset = place
    if partition != (record.topic, record.partition) or offset >= record.offset:
        return Ignored.ELSEWHERE
    return Copy(offset, content_hash(record.value), record.offset)


def parse_position(origin_header: str) -> tuple[TopicPartition, int] | None:
    """Part and offset of `topic[partition]@offset`; None where it is no such thing."""
    match = _POSITION.fullmatch(origin_header)
    return match and (TopicPartition(match["topic"], int(match["partition"])), int(match["offset"]))


def resolve_copies(
    records: Sequence[Record], results: Sequence[R], copies: Copies, decided: Mapping[int, Copy], epoch: int
) -> tuple[list[R], list[Copy]]:
    """The results of a record range's records, each in its place, once it is known which copies were decided before.

    decided: by the offset of their origin, as the store has them. Where one comes before a copy, there or in the record range,
    that becomes a dead letter with the reason `redriven`. Returns, beside the results, the copies that are decided.
    """
    resolved, decided_by_origin, decided_copies = list(results), dict(decided), list[Copy]()
    for i, record in enumerate(records):
        copy = copies.by_offset.get(record.offset)
        if copy is None:
            continue
        first = decided_by_origin.get(copy.origin)
        if first is not None and first.offset >= copy.offset:
            first = None  # itself, or one after it: they are read again, from before the two
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
