"""A change of the live policy: proposed, with what it relaxes and opens; then committed, with consent, or lost.

`propose` writes nothing. `commit` writes one record, and says what became of it. Every change goes through both, so
that the command line, and whatever else asks a person, show the same and hold the same rules.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.streams.core.events import PolicyChange
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.relaxations import Relaxation, relaxations
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import RequestInvalid, RequestRefused
from tidegate.streams.operations.band_cost import band_warnings
from tidegate.streams.operations.deployment import Deployment, Note, Progress, no_progress, unheeded
from tidegate.streams.operations.policy_history import STANDS, NamedPolicy, find_version, read_live
from tidegate.streams.operations.policy_keys import with_key, without_key
from tidegate.streams.operations.policy_toml import Difference, differences, labels_checked, plain
from tidegate.streams.operations.relaxation_effects import Opened, opened_by
from tidegate.streams.operations.unused_selectors import unused_selector_warnings
from tidegate.streams.policy_log.history import LogEntry, LogHistory, append, read_log


def readable_line(text: str) -> bool:
    """Whether a text may stand on the log as who made a change, or why."""
    return bool(text.strip()) and text.isprintable()


@dataclass(frozen=True)
class Attribution:
    """Who makes a change, and why. Both stay on the log. Raises RequestInvalid where one of them is no line of text."""

    author: str
    reason: str

    def __post_init__(self) -> None:
        for name, text in (("reason", self.reason), ("author", self.author)):
            if not readable_line(text):
                raise RequestInvalid(f"{name} {text!r}: expected a line of text that people can read; {STANDS}")


@dataclass(frozen=True)
class Proposal:
    """A change that is not written yet. parent: the version that it was made from."""

    policy: Policy
    parent: str | None
    live: LivePolicy | None  # what was live when it was proposed
    changes: list[Difference]
    warnings: list[str]  # thresholds outside a cascade's bands and their cost; selectors that match nothing
    relaxed: list[Relaxation]
    opened: Opened | None  # None where nothing is relaxed
    taken_back: list[Difference] = field(default_factory=list)  # later changes of others that it undoes: of a promotion

    @property
    def unchanged(self) -> bool:
        """Whether it is what is live already: there is nothing to commit."""
        return self.live is not None and not self.changes and self.parent == self.live.version

    @property
    def needs_consent(self) -> bool:
        """Whether it relaxes what the live policy stops, or undoes what others changed: a person must agree to that."""
        return bool(self.relaxed or self.taken_back)


@dataclass(frozen=True)
class Committed:
    """The proposal is the live policy."""

    version: str
    entry: LogEntry


@dataclass(frozen=True)
class NotApplied:
    """Another change came first (a lost race, with its winner), or the log found the record invalid."""

    entry: LogEntry  # of the change that was lost
    parent: str | None
    live: LivePolicy | None
    winner: LogEntry | None  # None where it was no race, or the log lost the winner's record
    changed: list[Difference]  # from the version that was assumed to be live to the one that is


async def propose(
    deployment: Deployment, history: LogHistory, new: Policy, parent: str | None, *, progress: Progress = no_progress
) -> Proposal:
    """What making `new` the live policy changes, warns of, relaxes and opens. Writes nothing.

    parent: the version that it was made from; where that is live no longer, the race is lost already, and it opens
    nothing. Raises ManifestError. An unavailable Redis or Kafka is a warning, or an answer: see `Opened`.
    """
    live = history.log.live
    changes = differences(live.policy, new) if live else []
    before = live.policy if live else None
    if live and not changes and parent == live.version:
        return Proposal(new, parent, live, changes, [], [], None)
    warnings = [*band_warnings(deployment, new, before), *await unused_selector_warnings(deployment, new, before)]
    current = live is not None and parent == live.version
    relaxed = (
        await asyncio.to_thread(relaxations, live.policy, new) if live and current else []
    )  # of many scopes: seconds
    opened = await opened_by(deployment, live, new, relaxed, progress=progress) if live and relaxed else None
    return Proposal(new, parent, live, changes, warnings, relaxed, opened)


async def commit(
    deployment: Deployment, proposal: Proposal, by: Attribution, *, consent: bool = False, note: Note = unheeded
) -> Committed | NotApplied:
    """Writes the change, and returns what became of it: live on every worker within a second, or not applied.

    consent: that a person agreed; without it RequestRefused is raised where the proposal needs it.
    Raises RequestRefused where it changes nothing, PolicyError where it is too large, BrokerUnavailable.
    """
    if proposal.unchanged:
        raise RequestRefused(f"no different from the live policy {proposal.parent}; nothing written")
    if proposal.needs_consent and not consent:
        raise RequestRefused(
            f"this loosens policy {proposal.parent}, or takes changes of it back, and nobody agreed; {STANDS}"
        )
    record = PolicyChange(
        parent=proposal.parent, policy=plain(proposal.policy), author=by.author, reason=by.reason,
        at_ms=int(time.time() * 1000),
    )  # fmt: skip
    after, entry = await append(deployment, record, note)
    if entry.version is not None:
        return Committed(entry.version, entry)
    live = after.log.live
    earlier = (won for won in after.applied if won.parent == proposal.parent and won.offset < entry.offset)
    assumed = after.maker(proposal.parent)
    changed = differences(assumed.made.policy, live.policy) if live and assumed and assumed.made else []
    return NotApplied(entry, proposal.parent, live, next(earlier, None), changed)


# --- changes by what a person asks for


async def propose_policy(
    deployment: Deployment,
    new: NamedPolicy,
    parent: str | None = None,
    *,
    progress: Progress = no_progress,
    note: Note = unheeded,
) -> Proposal:
    """A whole policy. parent: the version that it was made from, or its offset; the live one where not given.

    Raises MissingLabelError where the classifier gives not all its labels, before Kafka is asked; RequestInvalid.
    """
    await asyncio.to_thread(labels_checked, deployment, new.policy, new.name)
    history = await read_log(deployment, note)
    if parent is not None:
        parent = find_version(history.applied, parent, "--parent").version
    live = history.log.live
    parent = parent or (live.version if live else None)
    return await propose(deployment, history, new.policy, parent, progress=progress)


async def propose_key(
    deployment: Deployment,
    key: str,
    value: str,
    selectors: Mapping[str, str],
    *,
    progress: Progress = no_progress,
    note: Note = unheeded,
) -> Proposal:
    """The live policy with one key set, in a scope where selectors are given. Raises RequestInvalid, RequestRefused."""
    history, live = await read_live(deployment, note)
    new = await asyncio.to_thread(with_key, deployment, live, key, value, selectors)  # it may load a classifier
    return await propose(deployment, history, new, live.version, progress=progress)


async def propose_without_key(
    deployment: Deployment,
    key: str | None,
    selectors: Mapping[str, str],
    *,
    progress: Progress = no_progress,
    note: Note = unheeded,
) -> Proposal:
    """The live policy without one key or table, or without a scope's rule. Raises RequestInvalid, RequestRefused."""
    history, live = await read_live(deployment, note)
    return await propose(deployment, history, without_key(live, key, selectors), live.version, progress=progress)


@dataclass(frozen=True)
class RollbackTarget:
    """The version to go back to."""

    history: LogHistory
    live: LivePolicy
    entry: LogEntry
    same_as_live: LogEntry | None = None  # what is live was a way back itself, to this: back from there is forth again


async def find_rollback(deployment: Deployment, version: str | None, note: Note = unheeded) -> RollbackTarget:
    """The version that is named, or the one before the live one. Raises RequestInvalid, RequestRefused."""
    history, live = await read_live(deployment, note)
    if version is not None:
        return RollbackTarget(history, live, find_version(history.applied, version, "VERSION"))
    earlier = history.applied[:-1]
    if not earlier:
        raise RequestInvalid(f"policy {live.version} is the first on the log: nothing is before it; {STANDS}")
    same = next((e for e in reversed(earlier[:-1]) if e.made and e.made.policy == live.policy), None)
    return RollbackTarget(history, live, earlier[-1], same)


async def propose_rollback(
    deployment: Deployment, target: RollbackTarget, *, progress: Progress = no_progress
) -> Proposal:
    """An earlier version, as a new change. Raises MissingLabelError where the classifier gives not all its labels."""
    assert target.entry.made is not None  # noqa: S101 - it has a version
    policy = target.entry.made.policy
    await asyncio.to_thread(labels_checked, deployment, policy, f"policy {target.entry.version}")
    return await propose(deployment, target.history, policy, target.live.version, progress=progress)
