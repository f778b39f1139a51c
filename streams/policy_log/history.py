"""The `policies` log for people: read to its end with who wrote what, and one record written and waited for.

Where the log lost its beginning, it is folded from the snapshot that workers keep in Redis, as workers do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import from_json

from tidegate.streams.core.policy.log import ChangeVerdict, Folded, PolicyLog
from tidegate.streams.core.policy.model import PolicyError
from tidegate.streams.core.policy.snapshot import FoldStart
from tidegate.streams.errors import BrokerUnavailable, StoreUnavailable
from tidegate.streams.kafka.errors import MessageSizeTooLargeError
from tidegate.streams.kafka.reader import require_topic
from tidegate.streams.kafka.writing import ProducerOptions, producer, record_bytes
from tidegate.streams.policy_log.reader import NAME, PolicyLogReader
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import POLICIES

if TYPE_CHECKING:
    from tidegate.streams.core.events import PolicyChange, ShadowChange, Silence
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.store.address import Address

ANSWER_S = 2.0  # a whole log needs no Redis: a person must not wait long for one


class LogDeployment(ProducerOptions, Protocol):
    """Where the log is, and the snapshots of it. `Settings` is one."""

    @property
    def store(self) -> Address: ...
    @property
    def namespace(self) -> str: ...


@dataclass(frozen=True)
class LogEntry:
    """One record of the log, and what became of it."""

    offset: int
    verdict: ChangeVerdict
    why: str
    made: LivePolicy | None  # None where it made none
    kind: str
    parent: str | None
    author: str
    reason: str
    at_ms: int

    @property
    def version(self) -> str | None:
        return None if self.made is None else self.made.version


@dataclass
class LogHistory:
    """The log so far."""

    log: PolicyLog = field(default_factory=PolicyLog)
    entries: list[LogEntry] = field(default_factory=list)

    @property
    def applied(self) -> Sequence[LogEntry]:
        """The changes that became the live policy, one after another."""
        return [entry for entry in self.entries if entry.verdict is ChangeVerdict.APPLIED]

    def maker(self, version: str | None) -> LogEntry | None:
        """The change that made a version of the live policy."""
        return next((entry for entry in self.applied if entry.version == version), None)

    def started(self, version: str) -> LogEntry | None:
        """The record that made a version, of the live policy or of a shadow."""
        return next((entry for entry in self.entries if entry.version == version), None)


async def read_log(deployment: LogDeployment, note: Callable[[str], None] = lambda line: None) -> LogHistory:
    """The log as it stands. note: is called with what is wrong with it. Raises BrokerUnavailable, TopicsMissing."""
    async with _reader(deployment, note) as (_, history):
        return history


async def append(
    deployment: LogDeployment,
    record: PolicyChange | ShadowChange | Silence,
    note: Callable[[str], None] = lambda line: None,
) -> tuple[LogHistory, LogEntry]:
    """Writes one record; returns the log up to it at least, and what became of it there.

    Raises BrokerUnavailable; PolicyError where the record is larger than may be sent: nothing is written then.
    """
    value = record.model_dump_json().encode()
    size = record_bytes(NAME, value, [])
    too_large = f"policies: this change is a record of {size} bytes"
    if size > deployment.max_record_bytes:
        raise PolicyError(
            f"{too_large}; expected at most TIDEGATE_MAX_RECORD_BYTES, {deployment.max_record_bytes}; nothing "
            "written, the live policy stands"
        )
    async with _reader(deployment, note) as (reader, history):
        async with producer(deployment) as out:
            try:
                sent = await out.send_and_wait(POLICIES, value, key=NAME, partition=0)
            except MessageSizeTooLargeError:
                raise PolicyError(
                    f"{too_large}, more than kafka {deployment.brokers} takes (its message.max.bytes, or the topic's "
                    "max.message.bytes); nothing written, the live policy stands"
                ) from None
        await reader.follow()
        try:
            await reader.wait_until(lambda log: log.next > sent.offset)
        except TimeoutError:
            raise BrokerUnavailable(
                f"kafka {deployment.brokers}: policies@{sent.offset} was written and did not come back; "
                "`tidegate policy history` says later what became of it"
            ) from None
        history.log = reader.log
        return history, next(entry for entry in history.entries if entry.offset == sent.offset)


class _StoredSnapshot:
    """Asks Redis. Where that is unavailable the log is read alone, and `require` says whether that will do."""

    def __init__(self, deployment: LogDeployment) -> None:
        self._deployment = deployment
        self._unavailable: StoreUnavailable | None = None

    async def load(self) -> str | None:
        store = RedisStore(self._deployment.store, self._deployment.namespace, ANSWER_S)
        try:
            return await store.load_policies()
        except StoreUnavailable as error:
            self._unavailable = error
            return None
        finally:
            await store.close()

    def require(self, reader: PolicyLogReader) -> None:
        """Raises StoreUnavailable where Redis is, and the log by itself makes no policy: one may be kept there."""
        if self._unavailable is not None and reader.log.live is None:
            unavailable = str(self._unavailable).removesuffix("; waiting for it")
            raise StoreUnavailable(
                f"{unavailable}; the policies log names no policy by itself, and one may be kept there"
            )


@asynccontextmanager
async def _reader(
    deployment: LogDeployment, note: Callable[[str], None]
) -> AsyncIterator[tuple[PolicyLogReader, LogHistory]]:
    history, snapshot = LogHistory(), _StoredSnapshot(deployment)
    reader = PolicyLogReader(
        deployment.brokers,
        lambda folded, offset, record: history.entries.append(_entry(folded, offset, record)),
        snapshot.load,
    )
    await require_topic(deployment.brokers, POLICIES)
    try:
        history.log = await reader.read()
        snapshot.require(reader)
        if reader.problem is not None:
            note(reader.problem)
        history.entries[:0] = _snapshot_entries(reader.fold_from)
        yield reader, history
    finally:
        await reader.stop()


def _snapshot_entries(begun: FoldStart) -> Iterator[LogEntry]:
    """The policy and the shadow of the snapshot, as if the log still held the records that made them."""
    live = begun.snapshot.log.live
    for made, verdict in ((live, ChangeVerdict.APPLIED), (live.shadow if live else None, ChangeVerdict.SHADOWED)):
        if made is not None:
            yield LogEntry(
                offset=int(made.version.partition("-")[0]),
                verdict=verdict,
                why="",
                made=made,
                kind="policy" if verdict is ChangeVerdict.APPLIED else "shadow",
                parent=None,
                author="-",
                reason="kept in Redis; the log lost the record of it",
                at_ms=0,
            )


def _entry(folded: Folded, offset: int, record: Any) -> LogEntry:
    """As much as an invalid record holds, too: the log is also the audit trail of what was refused."""
    try:
        fields = from_json(record.value or b"")
    except ValueError:
        fields = None
    fields = fields if isinstance(fields, dict) else {}
    at_ms = fields.get("at_ms")
    return LogEntry(
        offset=offset,
        verdict=folded.verdict,
        why=folded.why,
        made=folded.created,
        kind=str(fields.get("kind", "policy")),
        parent=None if fields.get("parent") is None else str(fields["parent"]),
        author=str(fields.get("author", "-")),
        reason=str(fields.get("reason", "-")),
        at_ms=at_ms if isinstance(at_ms, int) else record.timestamp,
    )
