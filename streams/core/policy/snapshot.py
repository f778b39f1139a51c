"""A snapshot of the `policies` log, stored in Redis, used when the log was truncated or recreated. Pure.

A complete log is the only truth. A log that was truncated, or recreated under the same name, no longer holds the live
policy: the snapshot does, and the records on the log since then are folded onto it. The snapshot stores a hash of the
record that was folded last, so that it can be checked against the log that it describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.streams.core.partition import content_hash
from tidegate.streams.core.policy.log import PolicyLog
from tidegate.streams.core.policy.model import PolicyError, digest, parse
from tidegate.streams.core.policy.records import Silence
from tidegate.streams.core.policy.resolved import LivePolicy

_VERSION = r"^\d{1,19}-[0-9a-f]{8}$"
_MAX_RECREATED = (
    4096  # with offsets under 2^40 an order stays under 2^53, the largest integer that a Lua script holds exactly
)


class FoldBase(NamedTuple):
    """The state that a fold began with, other than the empty log: records from `log.next` on are folded onto it."""

    log: PolicyLog
    last: str  # as in `PolicySnapshot`


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """The state of one log up to `log.next`, and how to recognise that log."""

    log: PolicyLog = field(default_factory=PolicyLog)
    last: str = ""  # hash of the record at `log.next - 1`; empty where that record is unknown
    recreated: int = 0  # how often the topic was recreated since a fold began with the empty log
    base: FoldBase | None = None  # None: the fold began with the empty log

    @classmethod
    def from_base(cls, base: FoldBase, recreated: int) -> PolicySnapshot:
        return cls(base.log, base.last, recreated, base)

    def with_record(self, log: PolicyLog, value: bytes | None) -> PolicySnapshot:
        """Returns the snapshot after one more record; log: the state after it."""
        return replace(self, log=log, last=content_hash(value))

    @property
    def order(self) -> int:
        """Rises with what the snapshot knows, also when the topic was recreated and counts from 0 again."""
        return (self.recreated << 40) | self.log.next


class LogMatch(StrEnum):
    """The state of the log, compared with the stored snapshot."""

    WHOLE = "whole"  # complete: it still holds its first record, and is the only truth
    TRUNCATED = "truncated"  # its beginning is gone: the snapshot stands for it
    RECREATED = "recreated"  # the topic was recreated: the snapshot stands, and the new records are folded onto it
    UNKNOWN = "unknown"  # its beginning is gone, and there is no snapshot
    UNCLEAR = "unclear"  # it begins at 0 and is not the log of the snapshot: the only truth, if it makes a policy


class FoldStart(NamedTuple):
    """The state and the offset that a fold begins with."""

    match: LogMatch
    snapshot: PolicySnapshot
    at: int
    gone: int = 0  # offsets lost between the snapshot and the log's first record: changes may have been there


def fold_start(stored: PolicySnapshot | None, first: int, end: int, last: str | None) -> FoldStart:
    """Returns where to begin on a log that holds offsets [first, end). first: `end` where the log is empty.

    last: hash of the record at `stored.log.next - 1`, where the log holds one there.
    """
    nothing = FoldStart(LogMatch.WHOLE if first == 0 else LogMatch.UNKNOWN, PolicySnapshot(), first)
    if stored is None:
        return nothing
    next_offset = stored.log.next
    if end < next_offset:  # shorter than what was read of it: recreated
        return _start_recreated(stored, first)
    if next_offset > first and last != stored.last:
        return FoldStart(LogMatch.UNCLEAR, PolicySnapshot(), first) if first == 0 else _start_recreated(stored, first)
    if first == 0 and stored.base is None:
        return nothing
    match = LogMatch.RECREATED if first == 0 and stored.recreated else LogMatch.TRUNCATED
    base = stored.base
    if base is None or base.log.next < first:  # more of it is gone: begin with the snapshot's state
        at = max(next_offset, first)
        base = FoldBase(replace(stored.log, next=at), stored.last if at == next_offset else "")
    return FoldStart(
        match, PolicySnapshot.from_base(base, stored.recreated), base.log.next, gone=max(0, first - next_offset)
    )


def confirmed_start(unclear: FoldStart, stored: PolicySnapshot, log: PolicyLog) -> FoldStart:
    """Resolves an unclear start. log: the state that the log makes by itself."""
    return unclear._replace(match=LogMatch.WHOLE) if log.live is not None else _start_recreated(stored, unclear.at)


def _start_recreated(stored: PolicySnapshot, first: int) -> FoldStart:
    base = FoldBase(replace(stored.log, next=first), "")
    return FoldStart(
        LogMatch.RECREATED, PolicySnapshot.from_base(base, min(stored.recreated + 1, _MAX_RECREATED)), first
    )


def describe_difference(stored: PolicySnapshot, log: PolicyLog) -> str | None:
    """Describes how the snapshot differs from the log up to the same offset; None where they agree."""
    for what, ours, theirs in (
        ("policy", _version(stored.log.live), _version(log.live)),
        ("shadow", _version(_shadow(stored.log)), _version(_shadow(log))),
    ):
        if ours != theirs:
            return f"{what} {ours} was kept, the log says {theirs}"
    if stored.log.silences != log.silences:
        return f"{len(stored.log.silences)} silences were kept, the log says otherwise"
    return None


def _shadow(log: PolicyLog) -> LivePolicy | None:
    return log.live.shadow if log.live else None


def _version(live: LivePolicy | None) -> str:
    return live.version if live else "none"


# --- as JSON


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _PolicyJson(_Frozen):
    version: str = Field(pattern=_VERSION)
    policy: dict[str, Any]


class _StateJson(_Frozen):
    next: int = Field(ge=0, lt=1 << 40)
    last: str = Field(pattern=r"^([0-9a-f]{16})?$")
    live: _PolicyJson | None
    shadow: _PolicyJson | None
    silences: tuple[Silence, ...]


class _SnapshotJson(_StateJson):
    schema_version: Literal[1] = 1
    recreated: int = Field(ge=0, le=_MAX_RECREATED)
    base: _StateJson | None


class SnapshotUnreadable(ValueError):
    """The snapshot cannot be read, and is ignored. The message says why, and holds none of its content."""


def to_json(snapshot: PolicySnapshot) -> str:
    """Writes the snapshot as the JSON that `from_json` reads."""
    base = None if snapshot.base is None else _StateJson(**_state_json(*snapshot.base))
    return _SnapshotJson(
        **_state_json(snapshot.log, snapshot.last), recreated=snapshot.recreated, base=base
    ).model_dump_json()


def _state_json(log: PolicyLog, last: str) -> dict[str, Any]:
    return {
        "next": log.next,
        "last": last,
        "live": _policy_json(log.live),
        "shadow": _policy_json(_shadow(log)),
        "silences": tuple(log.silences.values()),
    }


def from_json(text: str) -> PolicySnapshot:
    """Reads the snapshot that `to_json` wrote.

    Raises SnapshotUnreadable: garbage, of a newer Tidegate, or a policy that its version's digest does not match.
    """
    try:
        stored = _SnapshotJson.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = [str(key) for key in first["loc"] if key in _SnapshotJson.model_fields]
        raise SnapshotUnreadable(f"{'.'.join(path) or 'record'}: {first['msg'][:100]}") from None
    base = None if stored.base is None else FoldBase(_policy_log(stored.base), stored.base.last)
    if stored.recreated and base is None:
        raise SnapshotUnreadable("recreated: of a topic that was recreated, and nothing that its fold began with")
    return PolicySnapshot(_policy_log(stored), stored.last, stored.recreated, base)


def _policy_log(stored: _StateJson) -> PolicyLog:
    shadow = _live_policy(stored.shadow, "shadow")
    live = _live_policy(stored.live, "live", shadow)
    if shadow is not None and live is None:
        raise SnapshotUnreadable("a shadow of nothing")
    silences: Mapping[str, Silence] = {silence.id: silence for silence in stored.silences}
    return PolicyLog(live, silences, stored.next)


def _policy_json(live: LivePolicy | None) -> _PolicyJson | None:
    if live is None:
        return None
    return _PolicyJson(version=live.version, policy=live.policy.model_dump(mode="json", exclude_none=True))


def _live_policy(stored: _PolicyJson | None, key: str, shadow: LivePolicy | None = None) -> LivePolicy | None:
    if stored is None:
        return None
    try:
        policy = parse(stored.policy, key)
    except PolicyError as error:
        raise SnapshotUnreadable(str(error).splitlines()[0][:300]) from None
    if not stored.version.endswith(policy_digest := digest(policy)):
        raise SnapshotUnreadable(f"{key}: version {stored.version}, but its policy's digest is {policy_digest}")
    return LivePolicy(stored.version, policy, shadow)
