"""Which dead letters are worth sending again: each origin once, and none that was decided. Pure.

An origin is the record that was there first: what could not be read is sent again with its position in a header, and
where that cannot be read either, both have a dead letter of the one origin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tidegate.streams.core.events import DeadLetter
from tidegate.streams.core.partition import Copy, TopicPartition
from tidegate.streams.topics import MODERATIONS
from tidegate.streams.wire.copies import parse_position

# Reasons, by their word, of what is never sent: it was decided, or its bytes are nowhere to be had.
NEVER = {
    "redriven": "copies of what was decided",
    "unreadable_batch": "of batches that cannot be decoded",
    "not_repeatable": "moderations with another verdict than their policy gives",
}
BY_SERVE = "moderations, which only `tidegate serve` writes"
DECIDED = "decided already"
COPIES = "copies of those that are sent"
OLD = "older than marks are kept, so perhaps decided; named by their ids they are sent"


class Origin(NamedTuple):
    """What a dead letter is of, whichever of its copies."""

    partition: TopicPartition
    offset: int
    sha256: str  # of the value's bytes, 64 hex digits

    def __str__(self) -> str:
        return f"{self.partition}@{self.offset}"


class StoredLetter(NamedTuple):
    """A dead letter as its topic keeps it."""

    letter: DeadLetter
    written_ms: int


@dataclass
class Letters:
    """Every dead letter once: of two epochs the later one."""

    by_id: dict[str, StoredLetter] = field(default_factory=dict)

    def add(self, letter: DeadLetter, written_ms: int) -> None:
        if letter.id not in self.by_id or self.by_id[letter.id].letter.epoch <= letter.epoch:
            self.by_id[letter.id] = StoredLetter(letter, written_ms)

    def in_order(self) -> list[DeadLetter]:
        """In that of their records."""
        letters = (kept.letter for kept in self.by_id.values())
        return sorted(letters, key=lambda x: (x.record_ms, x.source.topic, x.source.partition, x.source.offset))

    def origin(self, letter: DeadLetter) -> Origin:
        """The first one's; its own where the first one, as its dead letter says, had other bytes."""
        source = letter.source
        partition = TopicPartition(source.topic, source.partition)
        claimed = parse_position(letter.origin) if letter.origin else None
        if claimed is not None and claimed[0] == partition:
            first = self.by_id.get(f"{partition}@{claimed[1]}")
            if first is None or first.letter.sha256 == letter.sha256:
                return Origin(partition, claimed[1], letter.sha256)
        return Origin(partition, source.offset, letter.sha256)


@dataclass
class Plan:
    """What to send, by origin: its dead letters, the newest first. left_out: how many are not sent, by why."""

    send: dict[Origin, list[DeadLetter]]
    left_out: Counter[str]
    written_ms: int = 0  # when the first of them was written
    _by_position: dict[str, tuple[Origin, int]] = field(default_factory=dict)  # id -> its origin and its epoch
    _by_place: dict[tuple[TopicPartition, int], list[Origin]] = field(default_factory=dict)  # several: of a false claim

    @classmethod
    def of(cls, letters: Letters, chosen: Iterable[DeadLetter], since_ms: int) -> Plan:
        """since_ms: dead letters written before are left out."""
        plan = cls({}, Counter())
        every: dict[Origin, list[DeadLetter]] = {}
        for letter in reversed(letters.in_order()):
            every.setdefault(letters.origin(letter), []).append(letter)
        copies = Counter[Origin]()
        for letter in chosen:
            origin = letters.origin(letter)
            if (why := NEVER.get(letter.reason.value)) is not None:
                plan.left_out[why] += 1
            elif origin.partition.topic == MODERATIONS:
                plan.left_out[BY_SERVE] += 1
            elif letters.by_id[letter.id].written_ms < since_ms:
                plan.left_out[OLD] += 1
            else:
                copies[origin] += 1
                plan.send[origin] = [x for x in every[origin] if x.reason.value not in NEVER]
        plan.left_out[COPIES] += copies.total() - len(copies)
        for origin in [o for o in plan.send if any(x.reason.value == "redriven" for x in every[o])]:
            plan.leave(origin)
        for origin, its in plan.send.items():
            plan._by_place.setdefault((origin.partition, origin.offset), []).append(origin)
            plan._by_position.update({letter.id: (origin, letter.epoch) for letter in its})
        written = (letters.by_id[id_].written_ms for id_ in plan._by_position)
        plan.written_ms = min(written, default=0)
        return plan

    def partitions(self, topic: str) -> set[int]:
        """Those of a topic from which something is to be sent."""
        return {origin.partition.partition for origin in self.send if origin.partition.topic == topic}

    def leave(self, origin: Origin) -> None:
        """It was decided."""
        if self.send.pop(origin, None) is not None:
            self.left_out[DECIDED] += 1

    def add_decision(self, decision: Mapping[str, Any]) -> None:
        """A decision as it stands on its topic: of a copy, or of a record that had a dead letter before."""
        source, epoch = decision["source"], decision["epoch"]
        partition = TopicPartition(source["topic"], source["partition"])
        known = self._by_position.get(f"{partition}@{source['offset']}")
        if known is not None and known[1] < epoch:
            self.leave(known[0])
        elif known is None and (of := decision.get("origin")) is not None:
            self.copied(partition, Copy(of["offset"], decision["origin_sha256"], source["offset"]))

    def copied(self, partition: TopicPartition, copy: Copy) -> None:
        """A copy that has no dead letter."""
        if f"{partition}@{copy.offset}" in self._by_position:
            return
        for origin in self._by_place.get((partition, copy.origin), ()):
            if origin.sha256.startswith(copy.sha256):
                self.leave(origin)

    def left_out_phrases(self) -> Sequence[str]:
        """What is left out, a phrase each."""
        return [f"{n} {why}" for why, n in self.left_out.items() if n]
