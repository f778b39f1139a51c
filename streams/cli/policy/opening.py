"""What loosening the live policy opens: said, in numbers from recent decisions, before it is done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tidegate.streams.cli.errors import agreed, go, say
from tidegate.streams.cli.render import clock, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.streams.core.fields import Action
    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.core.policy.relaxations import Relaxation
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.core.simulation.effects import Effects, Group
    from tidegate.streams.settings.settings import Settings

LOOKS_BACK_S = 3_600
MOST = 30_000  # decisions, the newest: some seconds, while somebody waits at 3 a.m.
SAID = 20  # of what is loosened
NAMED = 5  # tenants and labels said; `policy what-if` says them all


def agreed_to_loosen(settings: Settings, live: LivePolicy, new: Policy, yes: bool) -> None:
    """Returns where `new` loosens nothing that `live` stops, or somebody agrees. Ends the command otherwise.

    For every command that makes a policy the live one: call it last before writing. What it loosens is said on
    standard error, with how many of the last hour's decisions it would have let pass: `new` is held against `live`,
    whatever they were decided under. yes: do not ask; it is said all the same. Without it, and without a terminal on
    standard input, the command ends with exit code 2; where somebody says no, with 1. Not inside a running event loop.
    """
    from tidegate.streams.core.policy.relaxations import relaxations

    found = relaxations(live.policy, new)
    if not found:
        return
    say(f"this loosens policy {live.version}:")
    for line in told(found):
        say(line)
    for line in _opened(settings, live, new, min((loose.action for loose in found), key=lambda a: a.strength)):
        say(line)
    agreed("make it live?", yes)


def told(found: Sequence[Relaxation]) -> list[str]:
    """A line for each of what is loosened; of very many, the first."""
    more = [f"  and {len(found) - SAID:,} more"] if len(found) > SAID else []
    return [*(f"  {loose}" for loose in found[:SAID]), *more]


def _opened(settings: Settings, live: LivePolicy, new: Policy, weakest: Action) -> list[str]:
    """In numbers, what asked for that action or more and would no longer."""
    from tidegate.streams.core.policy.relaxations import only_from
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.errors import BrokerUnavailable, TopicsMissing

    candidate, baseline = (LivePolicy("", only_from(weakest, policy)) for policy in (new, live.policy))
    try:
        effects = go(_effects(settings, candidate, baseline))
    except (BrokerUnavailable, TopicsMissing) as error:
        return [f"what that opens could not be counted: {str(error).removesuffix('; waiting for it')}"]
    if not effects.decisions:
        return ["what that opens is not known: there are no decisions of the last hour"]
    was = "was" if effects.looser == 1 else "were"
    stopped = f"{was} blocked and would not be" if weakest.value == "block" else f"asked for {weakest.value} or more"
    said = [
        f"{f'{effects.looser:,}' if effects.looser else 'none'} of {effects.decisions:,} decisions on what came since "
        f"{clock(effects.first_ms)} {stopped}{'' if weakest.value == 'block' else ' and would ask for less'}"
    ]
    if effects.looser:
        said += [f"  by label: {_named(effects.labels)}", f"  by tenant: {_named(effects.tenants)}"]
        said.append(f"  such as {', '.join(_examples(effects))}")
    return said


async def _effects(settings: Settings, candidate: LivePolicy, baseline: LivePolicy) -> Effects:
    from tidegate.streams.cli import recent
    from tidegate.streams.kafka.ranges import SKEW_MS

    now_ms = int(time.time() * 1000)
    with progress("looking at recent decisions", None) as advance:
        return await recent.effects(
            settings, candidate, baseline, now_ms - LOOKS_BACK_S * 1000, now_ms + SKEW_MS, most=MOST,
            advance=advance,
        )  # fmt: skip


def _named(groups: Sequence[Group]) -> str:
    found = sorted((g for g in groups if g.looser), key=lambda g: -g.looser)
    rest = sum(g.looser for g in found[NAMED:])
    return ", ".join([f"{g.name} {g.looser:,}" for g in found[:NAMED]] + ([f"others {rest:,}"] if rest else []))


def _examples(effects: Effects) -> list[str]:
    return [
        example.id
        for change in effects.changes
        if change.now.strength < change.was.strength
        for example in change.examples
    ][:NAMED]
