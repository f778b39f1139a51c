"""What relaxing the live policy opens, in numbers: the decisions of the last hour, judged under both policies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.streams.core.fields import Action
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.relaxations import Relaxation, only_from
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.simulation.effects import Effects
from tidegate.streams.errors import BrokerUnavailable, TopicsMissing
from tidegate.streams.kafka.ranges import SKEW_MS
from tidegate.streams.operations.deployment import Deployment, Progress, no_progress
from tidegate.streams.operations.what_if import count_effects

LOOKS_BACK_S = 3_600
MOST = 30_000  # decisions, the newest: some seconds, while somebody waits at 3 a.m.


@dataclass(frozen=True)
class Opened:
    """What asked for `weakest` or more under the live policy, and would no longer."""

    weakest: Action
    effects: Effects | None  # None where it could not be counted; of no decisions at all, `decisions` is 0
    unavailable: str = ""  # why it could not


async def opened_by(
    deployment: Deployment,
    live: LivePolicy,
    new: Policy,
    found: Sequence[Relaxation],
    *,
    progress: Progress = no_progress,
) -> Opened:
    """What `new` opens, of the last hour's decisions: held against `live`, whatever they were decided under.

    found: what `new` relaxes, at least one. An unavailable Kafka is an answer too: a policy must be changeable then.
    """
    weakest = min((relaxed.action for relaxed in found), key=lambda action: action.strength)
    candidate, baseline = (LivePolicy("", only_from(weakest, policy)) for policy in (new, live.policy))
    now_ms = int(time.time() * 1000)
    try:
        with progress("looking at recent decisions", None) as advance:
            effects = await count_effects(
                deployment, candidate, baseline, now_ms - LOOKS_BACK_S * 1000, now_ms + SKEW_MS, most=MOST,
                advance=advance,
            )  # fmt: skip
    except (BrokerUnavailable, TopicsMissing) as error:
        return Opened(weakest, None, str(error).removesuffix("; waiting for it"))
    return Opened(weakest, effects)
