"""A policy checked before anybody proposes it: its labels, its cost, and what it would change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.relaxations import Relaxation, relaxations
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.operations.band_cost import band_warnings
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.operations.policy_toml import Difference, differences, labels_checked
from tidegate.streams.operations.unused_selectors import unused_selector_warnings
from tidegate.streams.policy_log.history import read_log


@dataclass(frozen=True)
class CheckedPolicy:
    """A policy whose labels the classifier gives all."""

    covered: str  # `screen-en gives all 6 labels`
    band_warnings: list[str]


@dataclass(frozen=True)
class AgainstLive:
    """A policy beside the live one."""

    live: LivePolicy | None
    selector_warnings: list[str]
    changes: list[Difference]
    relaxed: list[Relaxation]


async def check_policy(deployment: Deployment, policy: Policy, where: str) -> CheckedPolicy:
    """Asks neither Kafka nor Redis. where: its file. Raises MissingLabelError, ManifestError, SettingsError."""
    covered = await asyncio.to_thread(labels_checked, deployment, policy, where)
    return CheckedPolicy(covered, band_warnings(deployment, policy))


async def check_against_live(deployment: Deployment, policy: Policy, note: Note = unheeded) -> AgainstLive:
    """What it would change and loosen, and which of its scopes match nothing lately. Raises BrokerUnavailable."""
    live = (await read_log(deployment, note)).log.live
    warnings = await unused_selector_warnings(deployment, policy)
    if live is None:
        return AgainstLive(None, warnings, [], [])
    relaxed = await asyncio.to_thread(relaxations, live.policy, policy)  # of many scopes: seconds
    return AgainstLive(live, warnings, differences(live.policy, policy), relaxed)
