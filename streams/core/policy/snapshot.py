"""What the `policies` log last said, kept outside it; where the log lost its beginning, the fold starts there. Pure.

A log that still begins at its beginning is the truth alone. One that was cut, or made anew under the same name, no
longer says what was live; what was kept does, and what stands on the log since is folded onto it. The record that was
folded last is kept as a hash, so that what was kept can be held against the log it speaks of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.streams.core.policy.log import PolicyLog
from tidegate.streams.core.policy.model import PolicyError, digest, parse
from tidegate.streams.core.policy.records import Silence
from tidegate.streams.core.policy.resolved import LivePolicy

_VERSION = r"^\d{1,19}-[0-9a-f]{8}$"
_MOST_MADE_ANEW = 4096  # with offsets under 2^40 an order stays under 2^53, which is what a script counts to exactly


class FoldBase(NamedTuple):
    """Where a fold began that did not begin with nothing: records from `log.next` on are folded onto it."""

    log: PolicyLog
    last: str  # as in `PolicySnapshot`


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """What one log said up to `log.next`, and how to know that log again."""

    log: PolicyLog = field(default_factory=PolicyLog)
    last: str = ""  # hash of the record at `log.next - 1`; empty where that is of no log we know
    anew: int = 0  # how often the topic was made anew since a fold began with nothing
    base: FoldBase | None = None  # None: it began with nothing

    @classmethod
    def from_base(cls, base: FoldBase, anew: int) -> PolicySnapshot:
        return cls(base.log, base.last, anew, base)

    def with_record(self, log: PolicyLog, value: bytes | None) -> PolicySnapshot:
        """With one more record, which made the log this."""
        return replace(self, log=log, last=hash_of(value))

    @property
    def order(self) -> int:
        """Greater for what knows more, also of a topic that was made anew and counts from 0 again."""
        return (self.anew << 40) | self.log.next


class LogMatch(StrEnum):
    """What the log is, held against what was kept."""

    WHOLE = "whole"  # it begins at its beginning: the truth alone
    CUT = "cut"  # its beginning is gone: the kept state stands for it
    ANEW = "anew"  # the topic was made anew: the kept state stands, and the new records are folded onto it
    UNKNOWN = "unknown"  # its beginning is gone, and nothing was kept
    UNCLEAR = "unclear"  # it begins at 0 and is not the log that was kept: the truth alone, if it makes a policy


class FoldStart(NamedTuple):
    """Where a fold begins: this state, at this offset."""

    found: LogMatch
    kept: PolicySnapshot
    at: int
    gone: int = 0  # offsets between what was kept and what the log still holds: changes may have been there


def hash_of(value: bytes | None) -> str:
    """16 hex digits that know a record again."""
    return hashlib.sha256(value or b"").hexdigest()[:16]


def start(kept: PolicySnapshot | None, first: int, end: int, last: str | None) -> FoldStart:
    """Where to begin on a log that holds [first, end). first: of its first record; `end` where it holds none.

    last: hash of the record at `kept.log.next - 1`, where the log holds one there.
    """
    nothing = FoldStart(LogMatch.WHOLE if first == 0 else LogMatch.UNKNOWN, PolicySnapshot(), first)
    if kept is None:
        return nothing
    known = kept.log.next
    if end < known:  # shorter than what was read of it
        return _anew(kept, first)
    if known > first and last != kept.last:
        return FoldStart(LogMatch.UNCLEAR, PolicySnapshot(), first) if first == 0 else _anew(kept, first)
    if first == 0 and kept.base is None:
        return nothing
    found = LogMatch.ANEW if first == 0 and kept.anew else LogMatch.CUT
    base = kept.base
    if base is None or base.log.next < first:  # more of it is gone: from what is known last
        at = max(known, first)
        base = FoldBase(replace(kept.log, next=at), kept.last if at == known else "")
    return FoldStart(found, PolicySnapshot.from_base(base, kept.anew), base.log.next, gone=max(0, first - known))


def settled_start(unclear: FoldStart, kept: PolicySnapshot, alone: PolicyLog) -> FoldStart:
    """An unclear start, once it is known what the log says by itself."""
    return unclear._replace(found=LogMatch.WHOLE) if alone.live is not None else _anew(kept, unclear.at)


def _anew(kept: PolicySnapshot, first: int) -> FoldStart:
    base = FoldBase(replace(kept.log, next=first), "")
    return FoldStart(LogMatch.ANEW, PolicySnapshot.from_base(base, min(kept.anew + 1, _MOST_MADE_ANEW)), first)


def differs(kept: PolicySnapshot, log: PolicyLog) -> str | None:
    """In words, how what was kept differs from what the log says up to there; None where they agree."""
    for what, ours, theirs in (
        ("policy", _version(kept.log.live), _version(log.live)),
        ("shadow", _version(_shadow(kept.log)), _version(_shadow(log))),
    ):
        if ours != theirs:
            return f"{what} {ours} was kept, the log says {theirs}"
    if kept.log.silences != log.silences:
        return f"{len(kept.log.silences)} silences were kept, the log says otherwise"
    return None


def _shadow(log: PolicyLog) -> LivePolicy | None:
    return log.live.shadow if log.live else None


def _version(live: LivePolicy | None) -> str:
    return live.version if live else "none"


# --- as text


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Versioned(_Frozen):
    version: str = Field(pattern=_VERSION)
    policy: dict[str, Any]


class _Said(_Frozen):
    next: int = Field(ge=0, lt=1 << 40)
    last: str = Field(pattern=r"^([0-9a-f]{16})?$")
    live: _Versioned | None
    shadow: _Versioned | None
    silences: tuple[Silence, ...]


class _Text(_Said):
    schema_version: Literal[1] = 1
    anew: int = Field(ge=0, le=_MOST_MADE_ANEW)
    base: _Said | None


class SnapshotUnreadable(ValueError):
    """What was kept cannot be read, and is ignored. The message says why, and none of its content."""


def to_json(kept: PolicySnapshot) -> str:
    """The text that `from_json` reads."""
    base = None if kept.base is None else _Said(**_said(*kept.base))
    return _Text(**_said(kept.log, kept.last), anew=kept.anew, base=base).model_dump_json()


def _said(log: PolicyLog, last: str) -> dict[str, Any]:
    return {
        "next": log.next,
        "last": last,
        "live": _written(log.live),
        "shadow": _written(_shadow(log)),
        "silences": tuple(log.silences.values()),
    }


def from_json(text: str) -> PolicySnapshot:
    """What `to_json` was given. Raises NotKept: garbage, of a newer Tidegate, or not what its versions say."""
    try:
        found = _Text.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        known = [str(key) for key in first["loc"] if key in _Text.model_fields]
        raise SnapshotUnreadable(f"{'.'.join(known) or 'record'}: {first['msg'][:100]}") from None
    base = None if found.base is None else FoldBase(_log(found.base), found.base.last)
    if found.anew and base is None:
        raise SnapshotUnreadable("anew: of a topic made anew, and nothing that its fold began with")
    return PolicySnapshot(_log(found), found.last, found.anew, base)


def _log(found: _Said) -> PolicyLog:
    shadow = _read(found.shadow, "shadow")
    live = _read(found.live, "live", shadow)
    if shadow is not None and live is None:
        raise SnapshotUnreadable("a shadow of nothing")
    silences: Mapping[str, Silence] = {silence.id: silence for silence in found.silences}
    return PolicyLog(live, silences, found.next)


def _written(live: LivePolicy | None) -> _Versioned | None:
    if live is None:
        return None
    return _Versioned(version=live.version, policy=live.policy.model_dump(mode="json", exclude_none=True))


def _read(found: _Versioned | None, key: str, shadow: LivePolicy | None = None) -> LivePolicy | None:
    if found is None:
        return None
    try:
        policy = parse(found.policy, key)
    except PolicyError as error:
        raise SnapshotUnreadable(str(error).splitlines()[0][:300]) from None
    if not found.version.endswith(made := digest(policy)):
        raise SnapshotUnreadable(f"{key}: version {found.version}, but its policy's digest is {made}")
    return LivePolicy(found.version, policy, shadow)
