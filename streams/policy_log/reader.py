"""Reads the `policies` log, for every worker and the CLI: from its start, without a group, folded to the live policy.

Knows Kafka through `kafka/policies.py` only. `core/policy/log.py` folds a record, and `core/policy/snapshot.py` says
where to begin on a log that was truncated or recreated.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tidegate.streams.core.events import PolicyChange
from tidegate.streams.core.policy.log import ChangeVerdict, Folded, PolicyLog, fold
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
from tidegate.streams.kafka.client import ANSWER_S, Kafka
from tidegate.streams.kafka.errors import KafkaError, broker_unavailable
from tidegate.streams.kafka.policies import PoliciesTopic
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.tasks import Tasks
from tidegate.streams.topics import POLICIES

log = logging.getLogger(__name__)

NAME = b"live"  # the key of all records: there is one policy today
ASK_S = 5.0  # after so long without a record, require an answer of the broker


class PolicyLogReader:
    """The folded log, kept current. `live` is replaced by one assignment: read it once a batch.

    load_snapshot: returns the stored snapshot (`core/policy/snapshot.py`); called before the log is read. None: none.
    """

    def __init__(
        self,
        kafka: Kafka | str,
        on_record: Callable[[Folded, int, Any], None] | None = None,
        load_snapshot: Callable[[], Awaitable[str | None]] | None = None,
    ) -> None:
        self._kafka = kafka
        self._on_record, self._load_snapshot = on_record, load_snapshot
        self._topic = PoliciesTopic(kafka)
        self._tasks = Tasks()
        self._following = self._recreated = False
        self._changed = asyncio.Condition()
        self.snapshot = PolicySnapshot()  # the state of the log, to be stored
        self.fold_from = FoldStart(LogMatch.WHOLE, self.snapshot, 0)  # where the fold began
        self.problem: str | None = None  # what is wrong with the log, for people; None: it is complete
        self.unavailable: str | None = None  # why the log cannot be read now; the last good version stands

    @property
    def log(self) -> PolicyLog:
        """The folded log, as far as it was read."""
        return self.snapshot.log

    @property
    def live(self) -> LivePolicy:
        """The live policy. Raises LookupError before one was read."""
        live = self.snapshot.log.live
        if live is None:
            raise LookupError("no policy yet")
        return live

    async def read(self) -> PolicyLog:
        """Reads the log from its start to its end, once; from the snapshot if it was truncated or recreated.

        Raises BrokerUnavailable if the broker does not answer, and what `load_snapshot` raises.
        """
        await self.stop()
        self.snapshot = PolicySnapshot()
        await self._begin(None)
        return self.log

    async def follow(self) -> None:
        """Goes on reading in the background. Call `read` first."""
        self._following = True
        self._tasks.spawn(self._follow())

    async def stop(self) -> None:
        self._following = False
        await self._tasks.finish(within_s=0)
        await self._topic.close()

    async def seed(self, publisher: Publisher, policy: Policy, author: str) -> None:
        """Writes the first policy of an empty log. If two workers do, the first in the log wins."""
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
        """Appends one record, and waits for its acknowledgement."""
        await publisher.publish([Message(POLICIES, NAME, record.model_dump_json().encode(), 0)])

    async def wait_until(self, until: Callable[[PolicyLog], bool], timeout_s: float = ANSWER_S) -> PolicyLog:
        """Waits until `until` holds for the log, and returns the log. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: until(self.log))
        return self.log

    async def wait_for_change(self, within_s: float) -> None:
        """Returns when a record was read, or after that long."""
        # Not asyncio.wait_for: Python 3.11's loses a cancellation if a record comes at that very moment.
        with suppress(TimeoutError):
            async with self._changed, asyncio.timeout(within_s):
                await self._changed.wait()

    # --- where to begin

    async def _begin(self, own: PolicySnapshot | None) -> None:
        """Opens the log and folds it to its end. own: this reader's snapshot, if it reads again."""
        # Before the end of the log is read: a snapshot stored later may reach further than that end.
        stored = max(
            (k for k in (own, await self._stored_snapshot()) if k is not None), key=lambda k: k.order, default=None
        )
        try:
            await self._topic.open()
            first, end = await self._topic.bounds(stored.log.next if stored else 0)
            in_log = stored is not None and first < stored.log.next <= end
            last = await self._topic.hash_at(stored.log.next - 1) if stored and in_log else None
            begun = fold_start(stored, first, end, last)
            if begun.match is LogMatch.UNCLEAR and stored is not None:
                begun = confirmed_start(begun, stored, (await self._fold_to(begun, end, None, reported=end)).log)
            reported = own.log.next if own is not None and own.recreated == begun.snapshot.recreated else 0
            snapshot = await self._fold_to(begun, end, stored, reported=reported)
        except (KafkaError, OSError, AssertionError) as error:
            raise broker_unavailable(self._kafka, error, POLICIES, "Read") from error
        self.snapshot, self.fold_from, self._recreated = snapshot, begun, False
        self._set_problem(_problem(begun, snapshot.log, first))
        async with self._changed:
            self._changed.notify_all()

    async def _stored_snapshot(self) -> PolicySnapshot | None:
        text = await self._load_snapshot() if self._load_snapshot is not None else None
        try:
            return None if text is None else from_json(text)
        except SnapshotUnreadable as error:
            log.warning("what was kept of %s cannot be read: %s; ignored", POLICIES, error)
            return None

    async def _fold_to(
        self, begun: FoldStart, end: int, stored: PolicySnapshot | None, *, reported: int
    ) -> PolicySnapshot:
        """Returns the snapshot at `end`. stored: a difference is logged. reported: records before it are not news."""
        self._topic.seek(begun.at)
        snapshot = begun.snapshot
        while (records := await self._topic.fetch_until(end)) is not None:
            for record in records:
                snapshot = self._fold(snapshot, record, reported=record.offset < reported)
                if (
                    stored is not None
                    and stored.recreated == snapshot.recreated
                    and snapshot.log.next == stored.log.next
                ):
                    self._compare(stored, snapshot.log)
        return snapshot

    def _compare(self, stored: PolicySnapshot, folded: PolicyLog) -> None:
        if (difference := describe_difference(stored, folded)) is not None:
            log.warning("%s: %s at %d; the log wins", POLICIES, difference, folded.next)

    def _set_problem(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            log.error("kafka %s: %s", self._kafka, problem)
        self.problem = problem

    # --- going on

    async def _follow(self) -> None:
        answered_at, begin = time.monotonic(), False
        while True:
            try:
                if begin:
                    await self._begin(self.snapshot)
                    begin = False
                if not await self._fold_more():
                    begin = self._is_recreated()
                    if begin or (self.unavailable is None and time.monotonic() - answered_at < ASK_S):
                        continue
                    await self._topic.require_answer()
                answered_at, self.unavailable = time.monotonic(), None
            except (KafkaError, OSError, BrokerUnavailable, StoreUnavailable) as error:
                before, self.unavailable = self.unavailable, f"{type(error).__name__}: {error}"
                if before is None:
                    stands = _version(self.log)
                    log.warning(
                        "kafka %s: %s not read: %s; policy %s stands", self._kafka, POLICIES, self.unavailable, stands
                    )
                await asyncio.sleep(1.0)

    def _is_recreated(self) -> bool:
        """Returns whether the log was recreated: it ends before what was read of it."""
        end = self._topic.end
        return self._recreated or (end is not None and end < self.log.next)

    async def _fold_more(self) -> int:
        fetched = await self._topic.fetch()
        if fetched and fetched[0].offset < self.log.next:
            self._recreated = True  # the client found the topic recreated, and went to its start
            return 0
        for record in fetched:
            self.snapshot = self._fold(self.snapshot, record)
        if fetched:
            async with self._changed:
                self._changed.notify_all()
        return len(fetched)

    def _fold(self, snapshot: PolicySnapshot, record: Any, *, reported: bool = False) -> PolicySnapshot:
        """Returns the snapshot with one more record. reported: the record was reported before."""
        folded = fold(snapshot.log, record.offset, record.value)
        if not reported:
            if self._following:  # what was written before the start is not news
                _log_change(snapshot.log, folded)
            if self._on_record is not None:
                self._on_record(folded, record.offset, record)
        return snapshot.with_record(folded.log, record.value)


def _log_change(was: PolicyLog, folded: Folded) -> None:
    if folded.verdict is ChangeVerdict.APPLIED:
        log.info("policy %s is live", _version(folded.log))
    elif folded.why:
        log.warning("%s; skipped, policy %s stands", folded.why, _version(folded.log))
    old, new = was.shadow, folded.log.shadow
    if new is not None and new is not old:
        log.info("shadow %s runs beside policy %s", new.version, _version(folded.log))
    elif old is not None and new is None:
        log.info("shadow %s runs no longer", old.version)


def _version(folded: PolicyLog) -> str:
    return folded.live.version if folded.live else "none"


def _problem(begun: FoldStart, now: PolicyLog, first: int) -> str | None:
    """Returns what is wrong with the log, and what is done about it; None if it is complete."""
    stands = f"folded from policy {_version(begun.snapshot.log)}, which was kept, policy {_version(now)} is live"
    gone = f"; {begun.gone} records before that were never read" if begun.gone else ""
    match begun.match:
        case LogMatch.TRUNCATED:
            return f"{POLICIES}: its beginning is gone, it starts at {first}; {stands}{gone}"
        case LogMatch.RECREATED:
            return f"{POLICIES}: the topic was recreated, its beginning is not what was live; {stands}{gone}"
        case LogMatch.UNKNOWN if now.live is None:
            return (
                f"{POLICIES}: its beginning is gone, it starts at {first}, and nothing was kept: no policy is known; "
                "expected `tidegate policy apply FILE`"
            )
        case LogMatch.UNKNOWN:
            rest = f"policy {_version(now)} is what the rest makes"
            return f"{POLICIES}: its beginning is gone, it starts at {first}; {rest}"
    return None
