"""The `policies` log for commands: read to its end with who wrote what, and one record written and waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from tidegate.streams.core.policy.log import Folded, PolicyLog, Verdict
from tidegate.streams.core.policy.model import PolicyError
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.policy_log.reader import NAME, PolicyLogReader
from tidegate.streams.topics import POLICIES

if TYPE_CHECKING:
    from tidegate.streams.core.events import PolicyChange, ShadowChange, Silence
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.settings.settings import Settings


_SAID: set[str] = set()  # a command reads the log several times, and says once what is wrong with it


@dataclass(frozen=True)
class Entry:
    """One record of the log, and what became of it."""

    offset: int
    verdict: Verdict
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
    entries: list[Entry] = field(default_factory=list)

    @property
    def applied(self) -> Sequence[Entry]:
        """The changes that became the live policy, one after another."""
        return [entry for entry in self.entries if entry.verdict is Verdict.APPLIED]

    def maker(self, version: str | None) -> Entry | None:
        """The change that made a version."""
        return next((entry for entry in self.applied if entry.version == version), None)


async def read_log(settings: Settings) -> LogHistory:
    """The log as it stands. Raises BrokerUnavailable, TopicsMissing."""
    async with _reader(settings) as (_, seen):
        return seen


async def append(settings: Settings, record: PolicyChange | ShadowChange | Silence) -> tuple[LogHistory, Entry]:
    """Writes one record; the log up to it at least, and what became of it there.

    Raises BrokerUnavailable; PolicyError where the record is larger than may be sent: nothing is written then.
    """
    from tidegate.streams.kafka.errors import MessageSizeTooLargeError
    from tidegate.streams.kafka.writing import producer, record_bytes

    value = record.model_dump_json().encode()
    size = record_bytes(NAME, value, [])
    too_large = f"policies: this change is a record of {size} bytes"
    if size > settings.max_record_bytes:
        raise PolicyError(
            f"{too_large}; expected at most TIDEGATE_MAX_RECORD_BYTES, {settings.max_record_bytes}; nothing written, "
            "the live policy stands"
        )
    async with _reader(settings) as (policies, seen):
        async with producer(settings) as out:
            try:
                sent = await out.send_and_wait(POLICIES, value, key=NAME, partition=0)
            except MessageSizeTooLargeError:
                raise PolicyError(
                    f"{too_large}, more than kafka {settings.brokers} takes (its message.max.bytes, or the topic's "
                    "max.message.bytes); nothing written, the live policy stands"
                ) from None
        await policies.follow()
        try:
            await policies.wait_until(lambda log: log.next > sent.offset)
        except TimeoutError:
            raise BrokerUnavailable(
                f"kafka {settings.brokers}: policies@{sent.offset} was written and did not come back; "
                "`tidegate policy history` says later what became of it"
            ) from None
        seen.log = policies.log
        return seen, next(entry for entry in seen.entries if entry.offset == sent.offset)


@asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[tuple[PolicyLogReader, LogHistory]]:
    from tidegate.streams.cli.errors import say
    from tidegate.streams.cli.policy.kept import Recall, entries
    from tidegate.streams.kafka.reader import require_topic

    seen, recall = LogHistory(), Recall(settings)
    policies = PolicyLogReader(
        settings.brokers, lambda folded, offset, record: seen.entries.append(_entry(folded, offset, record)), recall
    )
    await require_topic(settings.brokers, POLICIES)
    try:
        seen.log = await policies.read()
        recall.needed(policies)
        if policies.problem is not None and policies.problem not in _SAID:
            _SAID.add(policies.problem)
            say(policies.problem)
        seen.entries[:0] = entries(policies.fold_from)
        yield policies, seen
    finally:
        await policies.stop()


def _entry(folded: Folded, offset: int, record: Any) -> Entry:
    """As much as an invalid record says, too: the log is also the audit trail of what was refused."""
    try:
        said = from_json(record.value or b"")
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    at_ms = said.get("at_ms")
    return Entry(
        offset=offset,
        verdict=folded.verdict,
        why=folded.why,
        made=folded.created,
        kind=str(said.get("kind", "policy")),
        parent=None if said.get("parent") is None else str(said["parent"]),
        author=str(said.get("author", "-")),
        reason=str(said.get("reason", "-")),
        at_ms=at_ms if isinstance(at_ms, int) else record.timestamp,
    )
