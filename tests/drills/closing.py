"""Checks the account of a fault drill beyond `fleet.assert_account_closes`: decisions repeated, every bucket, alerts.

`fleet.assert_account_closes` shares no code with what it checks. This file does, on purpose: `decide`, `count` and the
backtest are pure and have their own tests; a drill checks that the way through Kafka and Redis gives the same.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Iterable
from typing import Any

import redis.asyncio as aioredis

from tests.drills.fleet import OutputsByPosition, RedisCounts
from tests.drills.reading import read_topic
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.log import ChangeVerdict, Folded
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import aggregate
from tidegate.streams.core.simulation.backtest import Backtest, FirstScopes
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.topics import ALERTS

LIVE_SCOPES = 1000  # the setting's default: no drill has as many


async def policy_versions(kafka: str) -> dict[str, LivePolicy]:
    """Version -> every policy that was ever live, in their order."""
    found: dict[str, LivePolicy] = {}

    def add_version(folded: Folded, _offset: int, _record: object) -> None:
        if folded.verdict is ChangeVerdict.APPLIED and folded.log.live is not None:
            found[folded.log.live.version] = folded.log.live

    log = PolicyLogReader(kafka, add_version)
    await log.read()
    await log.stop()
    return found


def assert_repeatable(seen: OutputsByPosition, policies: dict[str, LivePolicy]) -> list[Decision]:
    """Guarantee 5: fails unless each decision, counted or not, follows from its recorded inputs and policy version.

    Returns the counted decisions.
    """
    for found in seen.decisions.values():
        for each in {d["epoch"]: d for d in found}.values():
            decision = Decision.model_validate(each)
            again = decide(Inputs.of(decision), policies[decision.policy_version])
            assert again == decision, (
                f"{decision.source}: decided {decision.action}, from its own inputs {again.action}"
            )
    return [Decision.model_validate(found) for found in seen.counted()]


def assert_counts_exact(decisions: Collection[Decision], redis: RedisCounts, live: LivePolicy) -> None:
    """Fails unless every series of every bucket is the sum of the decisions: in all, by tenant, model and route."""
    scopes = FirstScopes(LIVE_SCOPES)
    expected = aggregate(decisions, 0, live, scopes.scope).counts
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
    """The transitions on `alerts`, each id once, in order of time."""
    found: dict[str, dict[str, Any]] = {}
    async for record in read_topic(kafka, ALERTS):
        alert = json.loads(record.value)
        if not alert["resent"]:
            found.setdefault(alert["id"], alert)
    return sorted(found.values(), key=lambda alert: (alert["at_ms"], alert["id"]))


async def wait_for_evaluation(url: str, until_ms: int, within_s: float) -> int:
    """The last bucket boundary that the ruler evaluated, once it is at least until_ms, or after within_s."""
    client, deadline = aioredis.Redis.from_url(url, decode_responses=True), time.monotonic() + within_s
    try:
        while True:
            state = json.loads(await client.hget("tidegate:{ruler}:alerts", "@") or "{}")
            at_ms = int(state.get("evaluated_ms") or 0)
            if at_ms >= until_ms or time.monotonic() > deadline:
                return at_ms
            await asyncio.sleep(0.3)
    finally:
        await client.aclose()


def assert_alerts_exact(
    found: Iterable[dict[str, Any]], decisions: Collection[Decision], live: LivePolicy, until_ms: int
) -> int:
    """Fails unless the ruler published the transitions that the rules give of the counted decisions, at each boundary:
    none lost, none too many, none from a window that was still filling. Returns the number of transitions.
    """
    backtest = Backtest(live, FirstScopes(LIVE_SCOPES))
    backtest.add([*decisions])
    since_ms = min(decision.at_ms for decision in decisions)
    expected_alerts = [alert.model_dump(mode="json") for alert in backtest.run(since_ms, until_ms).transitions]
    expected, published = (
        {_compared(alert) for alert in alerts if alert["at_ms"] <= until_ms} for alerts in (expected_alerts, found)
    )
    assert published == expected, f"not published: {expected - published}; not of these counts: {published - expected}"
    return len(expected)


def _compared(alert: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(alert[name] for name in _COMPARED_FIELDS)


_COMPARED_FIELDS = ("id", "rule", "scope", "previous", "state", "reason", "hits", "total", "value", "at_ms", "since_ms")
