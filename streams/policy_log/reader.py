"""The `policies` log as every worker and the CLI read it: from its start, without a group, to the live policy.

Knows aiokafka only; what a record means is `core/log.py`, and where to begin on a log that lost its beginning is
`core/kept.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tidegate.streams.core.events import PolicyChange
from tidegate.streams.core.policy.log import Folded, PolicyLog, Verdict, fold
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.snapshot import (
    FoldStart,
    LogMatch,
    PolicySnapshot,
    SnapshotUnreadable,
    confirmed_start,
    describe_difference,
    fold_start,
    from_json,
)
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.errors import KafkaError, broker_unavailable
from tidegate.streams.kafka.policies import ANSWER_S, PoliciesTopic
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.tasks import Tasks
from tidegate.streams.topics import POLICIES

log = logging.getLogger(__name__)

NAME = b"live"  # the key: one policy today
ASK_S = 5.0  # after so long without a record the broker is asked whether it is there


class PolicyLogReader:
    """The folded log, kept current. `live` is one assignment: read it once a batch.

    recall: what was kept of the log (`core/kept.py`), asked for before the log is read; None: nothing is.
    """

    def __init__(
        self,
        kafka: Kafka | str,
        on_record: Callable[[Folded, int, Any], None] | None = None,
        recall: Callable[[], Awaitable[str | None]] | None = None,
    ) -> None:
        self._kafka = kafka
        self._on_record, self._recall = on_record, recall
        self._topic = PoliciesTopic(kafka)
        self._tasks = Tasks()
        self._following = self._moved_back = False
        self._moved = asyncio.Condition()
        self.kept = PolicySnapshot()  # what is known of the log, as it may be kept
        self.begun = FoldStart(LogMatch.WHOLE, self.kept, 0)  # how the fold of it began
        self.note: str | None = None  # what is wrong with the log, in words; None: it is whole
        self.unavailable: str | None = None  # why the log cannot be read just now; the last good version stands

    @property
    def log(self) -> PolicyLog:
        """What the log says so far."""
        return self.kept.log

    @property
    def live(self) -> LivePolicy:
        """The live policy. Raises LookupError before one is known: `start` comes first."""
        live = self.kept.log.live
        if live is None:
            raise LookupError("no policy yet")
        return live

    async def read(self) -> PolicyLog:
        """Reads the log from its start to its end, once; where it lost its start, from what was kept.

        Raises BrokerUnavailable where the broker does not answer, and what `recall` raises.
        """
        await self.stop()
        self.kept = PolicySnapshot()
        await self._begin(None)
        return self.log

    async def follow(self) -> None:
        """Goes on reading in the background, after `read`."""
        self._following = True
        self._tasks.spawn(self._follow())

    async def stop(self) -> None:
        self._following = False
        await self._tasks.finish(within_s=0)
        await self._topic.close()

    async def seed(self, publisher: Publisher, policy: Policy, author: str) -> None:
        """Writes the first policy of an empty log. Of two workers that do, the first in the log wins."""
        await self.write(publisher, PolicyChange(
            parent=None, policy=policy.model_dump(mode="json", exclude_none=True), author=author,
            reason="first policy of an empty log", at_ms=int(time.time() * 1000),
        ))  # fmt: skip
        deadline = time.monotonic() + ANSWER_S
        while self.log.live is None:
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"kafka {self._kafka}: {POLICIES}: the first policy did not come back")
            await self._fold_more()

    async def write(self, publisher: Publisher, record: Any) -> None:
        """Appends one record, acknowledged."""
        await publisher.publish([Message(POLICIES, NAME, record.model_dump_json().encode(), 0)])

    async def wait_until(self, until: Callable[[PolicyLog], bool], timeout_s: float = ANSWER_S) -> PolicyLog:
        """The log, once `until` holds for it. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._moved:
            await self._moved.wait_for(lambda: until(self.log))
        return self.log

    async def moved(self, within_s: float) -> None:
        """Returns when there is more of the log, or after that long."""
        # Not asyncio.wait_for: Python 3.11's forgets that it was cancelled where more comes at that very moment.
        with suppress(TimeoutError):
            async with self._moved, asyncio.timeout(within_s):
                await self._moved.wait()

    # --- where to begin

    async def _begin(self, own: PolicySnapshot | None) -> None:
        """Opens the log and folds it to its end. own: what this reader knew, where it reads again."""
        # Before the log's end is asked for: what is kept only then may reach further than that end.
        kept = max((k for k in (own, await self._recalled()) if k is not None), key=lambda k: k.order, default=None)
        try:
            await self._topic.open()
            first, end = await self._topic.bounds(kept.log.next if kept else 0)
            held = kept is not None and first < kept.log.next <= end
            last = await self._topic.hash_at(kept.log.next - 1) if kept and held else None
            begun = fold_start(kept, first, end, last)
            if begun.match is LogMatch.UNCLEAR and kept is not None:
                begun = confirmed_start(begun, kept, (await self._fold_to(begun, end, None, told=end)).log)
            told = own.log.next if own is not None and own.recreated == begun.snapshot.recreated else 0
            known = await self._fold_to(begun, end, kept, told=told)
        except (KafkaError, OSError, AssertionError) as error:
            raise broker_unavailable(self._kafka, error, POLICIES, "Read") from error
        self.kept, self.begun, self._moved_back = known, begun, False
        self._say(_note(begun, known.log, first))
        async with self._moved:
            self._moved.notify_all()

    async def _recalled(self) -> PolicySnapshot | None:
        text = await self._recall() if self._recall is not None else None
        try:
            return None if text is None else from_json(text)
        except SnapshotUnreadable as error:
            log.warning("what was kept of %s cannot be read: %s; ignored", POLICIES, error)
            return None

    async def _fold_to(self, begun: FoldStart, end: int, kept: PolicySnapshot | None, *, told: int) -> PolicySnapshot:
        """What is known at `end`. kept: said where the log disagrees with it. told: records before it are no news."""
        self._topic.go_to(begun.at)
        known = begun.snapshot
        while (records := await self._topic.up_to(end)) is not None:
            for record in records:
                known = self._folded(known, record, known=record.offset < told)
                if kept is not None and kept.recreated == known.recreated and known.log.next == kept.log.next:
                    self._compare(kept, known.log)
        return known

    def _compare(self, kept: PolicySnapshot, said: PolicyLog) -> None:
        if (how := describe_difference(kept, said)) is not None:
            log.warning("%s: %s at %d; the log wins", POLICIES, how, said.next)

    def _say(self, note: str | None) -> None:
        if note is not None and note != self.note:
            log.error("kafka %s: %s", self._kafka, note)
        self.note = note

    # --- going on

    async def _follow(self) -> None:
        heard, begin = time.monotonic(), False
        while True:
            try:
                if begin:
                    await self._begin(self.kept)
                    begin = False
                if not await self._fold_more():
                    begin = self._is_another()
                    if begin or (self.unavailable is None and time.monotonic() - heard < ASK_S):
                        continue
                    await self._topic.ask()
                heard, self.unavailable = time.monotonic(), None
            except (KafkaError, OSError, BrokerUnavailable, StoreUnavailable) as error:
                said, self.unavailable = self.unavailable, f"{type(error).__name__}: {error}"
                if said is None:
                    stands = _version(self.log)
                    log.warning(
                        "kafka %s: %s not read: %s; policy %s stands", self._kafka, POLICIES, self.unavailable, stands
                    )
                await asyncio.sleep(1.0)

    def _is_another(self) -> bool:
        """Whether the log ends before what was read of it: then it is not the log that it was."""
        end = self._topic.end
        return self._moved_back or (end is not None and end < self.log.next)

    async def _fold_more(self) -> int:
        fetched = await self._topic.fetch()
        if fetched and fetched[0].offset < self.log.next:
            self._moved_back = True  # the client found the log made anew, and went to its start
            return 0
        for record in fetched:
            self.kept = self._folded(self.kept, record)
        if fetched:
            async with self._moved:
                self._moved.notify_all()
        return len(fetched)

    def _folded(self, kept: PolicySnapshot, record: Any, *, known: bool = False) -> PolicySnapshot:
        """With one more record. known: it was told of before."""
        folded = fold(kept.log, record.offset, record.value)
        if not known:
            if self._following:  # what was written before we came is history
                _tell(kept.log, folded)
            if self._on_record is not None:
                self._on_record(folded, record.offset, record)
        return kept.with_record(folded.log, record.value)


def _tell(was: PolicyLog, folded: Folded) -> None:
    if folded.verdict is Verdict.APPLIED:
        log.info("policy %s is live", _version(folded.log))
    elif folded.why:
        log.warning("%s; skipped, policy %s stands", folded.why, _version(folded.log))
    old, new = was.shadow, folded.log.shadow
    if new is not None and new is not old:
        log.info("shadow %s runs beside policy %s", new.version, _version(folded.log))
    elif old is not None and new is None:
        log.info("shadow %s runs no longer", old.version)


def _version(known: PolicyLog) -> str:
    return known.live.version if known.live else "none"


def _note(begun: FoldStart, now: PolicyLog, first: int) -> str | None:
    """What is wrong with the log, and what is done about it."""
    stands = f"folded from policy {_version(begun.snapshot.log)}, which was kept, policy {_version(now)} is live"
    gone = f"; {begun.gone} records before that were never read" if begun.gone else ""
    match begun.match:
        case LogMatch.TRUNCATED:
            return f"{POLICIES}: its beginning is gone, it starts at {first}; {stands}{gone}"
        case LogMatch.RECREATED:
            return f"{POLICIES}: the topic was made anew, its beginning is not what was live; {stands}{gone}"
        case LogMatch.UNKNOWN if now.live is None:
            return (
                f"{POLICIES}: its beginning is gone, it starts at {first}, and nothing was kept: no policy is known; "
                "expected `tidegate policy apply FILE`"
            )
        case LogMatch.UNKNOWN:
            rest = f"policy {_version(now)} is what the rest makes"
            return f"{POLICIES}: its beginning is gone, it starts at {first}; {rest}"
    return None
