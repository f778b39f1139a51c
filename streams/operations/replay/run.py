"""Decides a range of completions again: from the scores recorded in `decisions`, or from new ones. Into `replays`.

Nothing else is written: no live topic, no store. `Replays` names its one topic and takes no other. Knows no Kafka
client: what is read comes from a `RangeSource`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import islice
from time import time

from pydantic_core import to_json

from tidegate.streams.core.decide import Inputs, decide, decision_key
from tidegate.streams.core.events import Action, DeadLetter, Decision
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.kafka.ranges import OffsetRange, RangeCursor
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.operations.replay.index import RecordedIndex
from tidegate.streams.operations.replay.range import RangeSource
from tidegate.streams.topics import COMPLETIONS, DECISIONS, REPLAYS

CHUNK = 1024  # decisions in hand at once: some MB
BATCH = 256  # records scored together: as many as a worker's


class Replays:
    """The one topic that a replay writes."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def write(self, decisions: Sequence[Decision]) -> None:
        """Returns when all were acknowledged; each on its source's partition number. Raises BrokerUnavailable."""
        await self._publisher.publish(
            [Message(REPLAYS, decision_key(d), to_json(d), d.source.partition) for d in decisions]
        )


@dataclass
class ReplayAccount:
    """What became of the records of the range. Only what `replays` acknowledged is decided."""

    read: int
    decided: int = 0
    faults: int = 0
    dead_letters: int = 0
    without_decision: int = 0  # nothing is recorded of them; where texts are scored again there are none
    changes: Counter[tuple[Action | None, Action]] = field(default_factory=Counter)  # recorded (if known), replayed
    # Per label that the policy names: decisions whose recorded scores do not have it.
    without_label: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        return self.decided + self.faults + self.dead_letters + self.without_decision

    @property
    def closes(self) -> bool:
        return self.read == self.done


class Replay:
    """One run. recorded: per partition of `completions`, what the survey found. advance: called with records done."""

    def __init__(
        self,
        log: RangeSource,
        out: Replays,
        recorded: Sequence[RecordedIndex],
        live: LivePolicy,
        epoch: int,
        account: ReplayAccount,
    ) -> None:
        self._log, self._out, self._recorded = log, out, recorded
        self._live, self._epoch, self._account = live, epoch, account

    async def decide_again(self, advance: Callable[[int], None]) -> None:
        """The recorded scores, spans and faults, under the policy: no text is read. Raises BrokerUnavailable."""
        for partition, recorded in enumerate(self._recorded):
            self._account.dead_letters += recorded.dead_letters
            self._account.without_decision += recorded.nothing
            advance(recorded.dead_letters + recorded.nothing)
            decisions = RangeCursor(self._log, TopicPartition(DECISIONS, partition), recorded.places_end)
            async with aclosing(decisions):
                for chunk in _chunks(recorded.decided()):
                    found = await decisions.records_at({place for _, place in chunk})
                    # One that was deleted since the survey is missing here, and from the account: it does not close.
                    before = [Decision.read(found[place].value) for _, place in chunk if place in found]
                    await self._write([decide(self._inputs(decision), self._live) for decision in before], recorded)
                    advance(len(chunk))

    async def score_again(
        self, moderator: RecordModerator, advance: Callable[[int], None], clock: Callable[[], float] = time
    ) -> None:
        """The texts, as a worker scores them; when each came, as it was recorded. Raises BrokerUnavailable."""
        for partition, recorded in enumerate(self._recorded):
            whole = OffsetRange(TopicPartition(COMPLETIONS, partition), 0, recorded.first, recorded.end)
            before = RangeCursor(self._log, TopicPartition(DECISIONS, partition), recorded.places_end)
            async with aclosing(before), aclosing(self._log.read(whole)) as some:
                async for records in some:
                    mine = [record for record in records if record.offset in recorded]
                    for start in range(0, len(mine), BATCH):
                        batch, now_ms = mine[start : start + BATCH], int(clock() * 1000)
                        moderated = await moderator.moderate(batch, self._live, epoch=self._epoch, now_ms=now_ms)
                        results = [result for _, result in moderated]
                        made = [r for r in results if isinstance(r, Decision)]
                        await self._write(await self._as_they_came(made, before, recorded), recorded)
                        self._account.dead_letters += sum(isinstance(r, DeadLetter) for r in results)
                        advance(len(results))

    async def _as_they_came(self, made: list[Decision], before: RangeCursor, recorded: RecordedIndex) -> list[Decision]:
        """The decisions under the times at which their records came, where that is recorded: by no clock of today."""
        places = {d.source.offset: place for d in made if (place := recorded.place(d.source.offset)) >= 0}
        found = await before.records_at(set(places.values()))
        timed = []
        for decision in made:
            then = found.get(places.get(decision.source.offset, -1))
            was = None if then is None else Decision.model_validate_json(then.value or b"")
            if was is not None and (was.arrived_ms, was.arrived_by) != (decision.arrived_ms, decision.arrived_by):
                came = Inputs.of(decision)._replace(arrived_ms=was.arrived_ms, arrived_by=was.arrived_by)
                decision = decide(came, self._live)
            timed.append(decision)
        return timed

    async def _write(self, decisions: Sequence[Decision], recorded: RecordedIndex) -> None:
        await self._out.write(decisions)
        account = self._account
        faults = sum(decision.fault is not None for decision in decisions)
        account.faults += faults
        account.decided += len(decisions) - faults
        account.changes.update((recorded.action(d.source.offset), d.action) for d in decisions)

    def _inputs(self, decision: Decision) -> Inputs:
        if decision.fault is None and (decision.status == "ok" or decision.scores):
            self._account.without_label.update(self._live.policy.labels.keys() - decision.scores.keys())
        return Inputs.of(decision)._replace(epoch=self._epoch)


def _chunks(decided: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    while chunk := list(islice(decided, CHUNK)):
        yield chunk
