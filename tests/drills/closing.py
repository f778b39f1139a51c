"""What the account of a fault drill is held against beyond `fleet.closes`: decisions made again, every bucket, alerts.

`fleet.closes` shares no code with what it checks. This file does, on purpose: `decide`, `count` and the backtest are
pure and have tests of their own; what a drill asks is whether the way through Kafka and Redis came to the same.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Iterable
from typing import Any

import redis.asyncio as aioredis

from tests.drills.fleet import Account, Counted
from tests.drills.reading import everything
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.log import Folded, Verdict
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import aggregate
from tidegate.streams.core.simulation.backtest import Backtest, FirstScopes
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.topics import ALERTS

LIVE_SCOPES = 1000  # the setting's default: no drill has as many


async def versions(kafka: str) -> dict[str, LivePolicy]:
    """Every policy that was ever live, in the order in which they were."""
    found: dict[str, LivePolicy] = {}

    def keep(folded: Folded, _offset: int, _record: object) -> None:
        if folded.verdict is Verdict.APPLIED and folded.log.live is not None:
            found[folded.log.live.version] = folded.log.live

    log = PolicyLogReader(kafka, keep)
    await log.read()
    await log.stop()
    return found


def repeatable(seen: Account, policies: dict[str, LivePolicy]) -> list[Decision]:
    """Guarantee 5: each decision, also one that was not counted, is what its own recorded inputs and policy version
    give. Returns those that were counted.
    """
    for found in seen.decisions.values():
        for each in {d["epoch"]: d for d in found}.values():
            decision = Decision.model_validate(each)
            again = decide(Inputs.of(decision), policies[decision.policy_version])
            assert again == decision, (
                f"{decision.source}: decided {decision.action}, from its own inputs {again.action}"
            )
    return [Decision.model_validate(found) for found in seen.counted()]


def counted_exactly(decisions: Collection[Decision], redis: Counted, live: LivePolicy) -> None:
    """Every series of every bucket is what the decisions sum up to, in all and by tenant, model and route."""
    names = FirstScopes(LIVE_SCOPES)
    expected = aggregate(decisions, 0, live, names.scope).counts
    wrong = [
        f"bucket {start}: {name} is {redis.buckets.get(start, {}).get(name, 0)}, decided were {n}"
        for start, by_name in sorted(expected.items())
        for name, n in by_name.items()
        if redis.buckets.get(start, {}).get(name, 0) != n
    ]
    assert not wrong, f"{len(wrong)} series are not what was decided: {wrong[:5]}"
    assert redis.buckets.keys() == expected.keys()
    assert sum(redis.series.values()) == sum(sum(by_name.values()) for by_name in expected.values())


async def transitions(kafka: str) -> list[dict[str, Any]]:
    """Those on `alerts`, each id once, by time."""
    found: dict[str, dict[str, Any]] = {}
    async for record in everything(kafka, ALERTS):
        alert = json.loads(record.value)
        if not alert["resent"]:
            found.setdefault(alert["id"], alert)
    return sorted(found.values(), key=lambda alert: (alert["at_ms"], alert["id"]))


async def evaluated(url: str, until_ms: int, within_s: float) -> int:
    """The last bucket boundary that the ruler looked at, once that is until_ms or the time is up."""
    client, deadline = aioredis.Redis.from_url(url, decode_responses=True), time.monotonic() + within_s
    try:
        while True:
            kept = json.loads(await client.hget("tidegate:{ruler}:alerts", "@") or "{}")
            at_ms = int(kept.get("evaluated_ms") or 0)
            if at_ms >= until_ms or time.monotonic() > deadline:
                return at_ms
            await asyncio.sleep(0.3)
    finally:
        await client.aclose()


def alerts_exactly(
    found: Iterable[dict[str, Any]], decisions: Collection[Decision], live: LivePolicy, until_ms: int
) -> int:
    """What the ruler published is what the rules say of the decisions that were counted, boundary for boundary: none
    lost, none too many, none made of a window that was still filling. Returns how many transitions that were.
    """
    backtest = Backtest(live, FirstScopes(LIVE_SCOPES))
    backtest.add([*decisions])
    since_ms = min(decision.at_ms for decision in decisions)
    said = [alert.model_dump(mode="json") for alert in backtest.run(since_ms, until_ms).transitions]
    expected, published = (
        {_shown(alert) for alert in alerts if alert["at_ms"] <= until_ms} for alerts in (said, found)
    )
    assert published == expected, f"not published: {expected - published}; not of these counts: {published - expected}"
    return len(expected)


def _shown(alert: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(alert[name] for name in _COMPARED)


_COMPARED = ("id", "rule", "scope", "previous", "state", "reason", "hits", "total", "value", "at_ms", "since_ms")
