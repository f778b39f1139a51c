"""The live policy and the versions before it: found, and compared key by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import RequestInvalid, RequestRefused
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.operations.policy_toml import Difference, differences
from tidegate.streams.policy_log.history import LogEntry, LogHistory, read_log

NO_POLICY = "no policy yet: the first worker writes its policy file, or `tidegate policy apply FILE`"
NO_SHADOW = "no shadow runs; `tidegate policy shadow FILE --reason …` starts one"
STANDS = "nothing written; the live policy stands"
LATEST_NAMED = 5  # versions, where the one that was asked for is not on the log


async def read_live(deployment: Deployment, note: Note = unheeded) -> tuple[LogHistory, LivePolicy]:
    """The log, and the live policy. Raises BrokerUnavailable; RequestRefused where no policy is live."""
    history = await read_log(deployment, note)
    if history.log.live is None:
        raise RequestRefused(NO_POLICY)
    return history, history.log.live


def require_shadow(live: LivePolicy | None) -> LivePolicy:
    """The shadow that runs beside the live policy. Raises RequestRefused where none runs."""
    if live is None or live.shadow is None:
        raise RequestRefused(NO_SHADOW)
    return live.shadow


class ShownPolicy(NamedTuple):
    """The live policy, or its shadow, and the record that made it."""

    policy: LivePolicy
    made_by: LogEntry
    live: LivePolicy


async def show_policy(deployment: Deployment, *, shadow: bool = False, note: Note = unheeded) -> ShownPolicy:
    """The live policy, or the shadow beside it. Raises BrokerUnavailable; RequestRefused where there is none."""
    history, live = await read_live(deployment, note)
    shown = require_shadow(live) if shadow else live
    made_by = history.started(shown.version)
    assert made_by is not None  # noqa: S101 - the live one was applied, and the shadow started
    return ShownPolicy(shown, made_by, live)


def find_version(entries: Sequence[LogEntry], version: str, what: str, then: str = f"; {STANDS}") -> LogEntry:
    """The record that made a version; its offset alone will do. Raises RequestInvalid, which names the latest.

    what: what the caller's argument is called. then: what the message ends with.
    """
    found = next((e for e in entries if e.version and version in (e.version, str(e.offset))), None)
    if found is None:
        latest = ", ".join([e.version for e in entries if e.version][-LATEST_NAMED:]) or "(none)"
        raise RequestInvalid(f"{what} {version}: no such version on the log, the latest are {latest}{then}")
    return found


class NamedPolicy(NamedTuple):
    """A policy, and what it is called: a file, or `policy 12-7f3a91c2`."""

    name: str
    policy: Policy


@dataclass(frozen=True)
class PolicyDiff:
    """What differs between two policies."""

    old: str
    new: str
    differences: list[Difference]


async def diff_policies(
    deployment: Deployment, sides: Sequence[NamedPolicy | str], note: Note = unheeded
) -> PolicyDiff:
    """Up to two policies compared; a string is a version of the log.

    With a policy of the caller's own: what applying it would change. With a version: what changed since. With none:
    what the last change changed. Of two policies of the caller's own Kafka is not asked. Raises BrokerUnavailable,
    RequestRefused where no policy is live, RequestInvalid where there is no such version, or none before the live one.
    """
    own = [side for side in sides if isinstance(side, NamedPolicy)]
    if len(own) == 2:
        return _diff(own[0], own[1])
    history = await read_log(deployment, note)
    named = [side if isinstance(side, NamedPolicy) else _of_version(history, side) for side in sides]
    if len(named) < 2:
        live = history.log.live
        if live is None:
            raise RequestRefused(NO_POLICY)
        now = NamedPolicy(f"the live policy {live.version}", live.policy)
        if not named:
            named = [_before(history, live.version)]
        named = [now, *named] if own else [*named, now]
    return _diff(named[0], named[1])


def _diff(old: NamedPolicy, new: NamedPolicy) -> PolicyDiff:
    return PolicyDiff(old.name, new.name, differences(old.policy, new.policy))


def _of_version(history: LogHistory, version: str) -> NamedPolicy:
    made = find_version(history.entries, version, "VERSION", then="").made
    assert made is not None  # noqa: S101 - it has a version
    return NamedPolicy(f"policy {made.version}", made.policy)


def _before(history: LogHistory, live: str) -> NamedPolicy:
    earlier = history.applied[:-1]
    if not earlier or earlier[-1].made is None:
        raise RequestInvalid(f"policy {live} is the first on the log; expected a file to compare it with")
    return NamedPolicy(f"policy {earlier[-1].version}", earlier[-1].made.policy)
