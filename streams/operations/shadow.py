"""A candidate policy beside the live one: started, dropped, or promoted to be the live policy."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from tidegate.streams.core.events import ShadowChange
from tidegate.streams.core.policy.log import ChangeVerdict
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.operations.band_cost import band_warnings
from tidegate.streams.operations.deployment import Deployment, Note, Progress, no_progress, unheeded
from tidegate.streams.operations.policy_change import Attribution, Proposal, propose
from tidegate.streams.operations.policy_history import NamedPolicy, read_live, require_shadow
from tidegate.streams.operations.policy_toml import Difference, differences, labels_checked, plain
from tidegate.streams.operations.unused_selectors import unused_selector_warnings
from tidegate.streams.policy_log.history import LogEntry, LogHistory, append


@dataclass(frozen=True)
class ShadowProposal:
    """A shadow that is not started yet."""

    policy: Policy
    live: LivePolicy
    running: LivePolicy | None  # the shadow that it replaces
    changes: list[Difference]  # against the live policy
    warnings: list[str]  # what it costs, or does, while it runs

    @property
    def same_as(self) -> str | None:
        """What it is no different from, so that there is nothing to start; None where it is."""
        if self.running is not None and self.running.policy == self.policy:
            return f"shadow {self.running.version}, which runs"
        return None if self.changes else f"the live policy {self.live.version}"

    @property
    def alerting(self) -> list[str]:
        """Its rules that alert: on what it would do."""
        return [name for name, rule in self.policy.alerts.items() if rule.shadow]


@dataclass(frozen=True)
class ShadowChanged:
    """The shadow was started, or ended: `runs` is the one that runs now."""

    entry: LogEntry
    live: LivePolicy | None
    runs: LivePolicy | None


@dataclass(frozen=True)
class ShadowNotChanged:
    """Another change came first (`winner`), or the log found the record invalid. runs: the shadow that runs now."""

    entry: LogEntry
    winner: LogEntry | None
    runs: LivePolicy | None


@dataclass(frozen=True)
class Promotion:
    """The shadow, proposed as the live policy."""

    shadow: LivePolicy
    proposal: Proposal  # with what it takes back of the live policy's later changes


async def propose_shadow(deployment: Deployment, new: NamedPolicy, note: Note = unheeded) -> ShadowProposal:
    """What running a policy as a shadow changes and costs. Writes nothing.

    Raises MissingLabelError where the classifier gives not all its labels, before Kafka is asked; RequestRefused.
    """
    await asyncio.to_thread(labels_checked, deployment, new.policy, new.name)
    policy = new.policy
    _, live = await read_live(deployment, note)
    changes, running = differences(live.policy, policy), live.shadow
    proposal = ShadowProposal(policy, live, running, changes, [])
    if proposal.same_as is not None:
        return proposal
    return ShadowProposal(policy, live, running, changes, await _costs(deployment, live, policy))


async def start_shadow(
    deployment: Deployment, proposal: ShadowProposal, by: Attribution, note: Note = unheeded
) -> ShadowChanged | ShadowNotChanged:
    """Writes that it runs, in place of the one that ran when it was proposed. Raises PolicyError, BrokerUnavailable."""
    return await _write(deployment, proposal.running, proposal.policy, by, note)


async def drop_shadow(
    deployment: Deployment, by: Attribution, note: Note = unheeded
) -> tuple[LivePolicy, LivePolicy, ShadowChanged | ShadowNotChanged]:
    """Ends the shadow. Returns the live policy, the shadow, and what became of it. Raises RequestRefused."""
    _, live = await read_live(deployment, note)
    running = require_shadow(live)
    return live, running, await _write(deployment, running, None, by, note)


async def propose_promotion(
    deployment: Deployment, *, progress: Progress = no_progress, note: Note = unheeded
) -> Promotion:
    """The shadow as the live policy, by one change; `policy_change.commit` makes it so, and the shadow ends.

    Raises RequestRefused where none runs, MissingLabelError where the classifier gives not all its labels.
    """
    history, live = await read_live(deployment, note)
    shadow = require_shadow(live)
    await asyncio.to_thread(labels_checked, deployment, shadow.policy, f"shadow {shadow.version}")
    proposal = await propose(deployment, history, shadow.policy, live.version, progress=progress)
    return Promotion(shadow, replace(proposal, taken_back=_taken_back(history, live, shadow)))


async def _costs(deployment: Deployment, live: LivePolicy, new: Policy) -> list[str]:
    """What it costs, or does, while it runs: a line each."""
    found = [
        *band_warnings(deployment, new, live.policy),
        *await unused_selector_warnings(deployment, new, live.policy),
    ]
    if new.prompt_labels and not live.policy.prompt_labels:
        found.append("prompts are scored while it runs: the live policy asks for none")
    longest_s = live.policy.limits.longest_window_s
    found += [
        f"alerts.{name}.window_s: {rule.window_s} s is longer than the live policy keeps counts; looked at over "
        f"limits.longest_window_s, {longest_s}"
        for name, rule in new.alerts.items()
        if rule.shadow and rule.window_s > longest_s
    ]
    return found


def _taken_back(history: LogHistory, live: LivePolicy, shadow: LivePolicy) -> list[Difference]:
    """What promoting undoes: keys that changed on the live policy since the shadow was started."""
    by = history.started(shadow.version)
    started = by.offset if by else -1
    then = next((entry.made for entry in reversed(history.applied) if entry.offset < started), None)
    undone = differences(live.policy, shadow.policy)
    if then is None:  # the log lost its beginning: what was live is not known, so anything may have changed since
        return undone
    changed = {difference.key for difference in differences(then.policy, live.policy)}
    return [difference for difference in undone if difference.key in changed]


async def _write(
    deployment: Deployment, running: LivePolicy | None, new: Policy | None, by: Attribution, note: Note
) -> ShadowChanged | ShadowNotChanged:
    """Writes that `new` runs, or that none does, in place of `running`."""
    record = ShadowChange(
        parent=running.version if running else None,
        policy=None if new is None else plain(new),
        author=by.author,
        reason=by.reason,
        at_ms=int(time.time() * 1000),
    )
    after, entry = await append(deployment, record, note)
    if entry.verdict in (ChangeVerdict.SHADOWED, ChangeVerdict.DROPPED):
        return ShadowChanged(entry, after.log.live, after.log.shadow)
    verdicts = (
        ChangeVerdict.SHADOWED,
        ChangeVerdict.DROPPED,
        ChangeVerdict.APPLIED,
    )  # a shadow that was promoted ran no longer
    earlier = [e for e in after.entries if e.verdict in verdicts and e.offset < entry.offset]
    winner = earlier[-1] if entry.verdict is ChangeVerdict.LOST and earlier else None
    return ShadowNotChanged(entry, winner, after.log.shadow)
