"""Guarantee 8, live: 200 changes of the policy under traffic, some bad, some at once; both workers restart meanwhile.

Every decision follows from its own inputs under the versions it names, which were live together. Every worker ends on
the version that the log ends on.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.drills.fleet import (
    Fleet,
    OutputsByPosition,
    account,
    assert_account_closes,
    event,
    fleet,
    make_topics,
    send,
    wait_until_counted,
)
from tests.drills.policy_status import policy_status
from tests.support.stacks import Stack
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision, PolicyChange, ShadowChange
from tidegate.streams.core.policy.log import ChangeVerdict, Folded
from tidegate.streams.core.policy.model import PolicyError, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.policy_log.reader import NAME, PolicyLogReader
from tidegate.streams.topics import POLICIES

pytestmark = pytest.mark.drill
SEED = 20261121
CHANGES = 200
EVENTS = 8_000
PER_S = 200.0
BETWEEN_S = 0.18
TENANTS = ("t0", "t1", "t2")
LABELS = ("toxicity", "insult", "stereotype")
Versions = tuple[str, str | None]  # of the live policy, and of its shadow


# --- random policies


def thresholds(rng: random.Random, *, off: bool) -> dict[str, Any]:
    """Random actions at rising thresholds. off: some are off, as a scope may set them."""
    actions = [a for a in ("flag", "review", "redact", "block") if rng.random() < 0.7]
    rising = sorted(round(rng.uniform(0.02, 1), 2) for _ in actions)
    return {a: "off" if off and rng.random() < 0.2 else t for a, t in zip(actions, rising, strict=True)}


def random_policy(rng: random.Random) -> dict[str, Any]:
    """A random valid policy, with windows so long that every count outlives the drill."""
    labels = ["toxicity", *(label for label in LABELS[1:] if rng.random() < 0.7)]
    selectors = [{"tenant": t} for t in TENANTS] + [{"tenant": "t0", "locale": "en"}, {"route": "kids"}]
    scopes = [
        {**selector, "labels": {rng.choice(labels): thresholds(rng, off=True)}}
        for selector in selectors
        if rng.random() < 0.4
    ]
    return {
        "labels": {label: thresholds(rng, off=False) for label in labels},
        "prompt_labels": {"toxicity": {"flag": round(rng.random(), 2)}} if rng.random() < 0.3 else {},
        "floors": {"toxicity": {"block": round(rng.uniform(0.8, 1), 2)}} if rng.random() < 0.3 else {},
        "scopes": scopes,
        "windows": {"bucket_s": 10, "rate_window_s": 10 * rng.randint(60, 360), "late_s": rng.randint(600, 3600)},
        "alerts": {"many": {"of": "label.toxicity", "above": round(rng.random(), 2)}} if rng.random() < 0.5 else {},
        "resend_s": rng.randint(5, 60),
    }


def invalid_policy(rng: random.Random) -> dict[str, Any]:
    """A policy with one error."""
    policy = random_policy(rng)
    wrong: list[dict[str, Any]] = [
        {"labels": {"toxicity": {"block": 1.4}}},
        {"labels": {"toxicity": {"flag": 0.9, "block": 0.1}}},
        {"no_such_key": 1},
        {"windows": {"bucket_s": 7, "rate_window_s": 600}},
        {"alerts": {"many": {"of": "label.sarcasm", "above": 0.1}}},
        {"schema_version": 2},
    ]
    return policy | rng.choice(wrong)


def test_random_policies_are_valid_and_invalid_ones_are_not() -> None:
    rng = random.Random(SEED)
    for _ in range(60):
        parse(random_policy(rng), "p")
        with pytest.raises(PolicyError):
            parse(invalid_policy(rng), "p")


# --- the changes


class PolicyChanger:
    """Writes random changes to the policy log, one after another."""

    def __init__(self, log: PolicyLogReader, publishers: list[Publisher], rng: random.Random) -> None:
        self._log, self._publishers, self._rng = log, publishers, rng
        self.written = 0

    async def run(self) -> None:
        while self.written < CHANGES:
            records = self._next()
            # At once, from several producers: the log decides which was first.
            await asyncio.gather(
                *(p.publish([Message(POLICIES, NAME, r, 0)]) for p, r in zip(self._publishers, records, strict=False))
            )
            self.written += len(records)
            await self._log.wait_until(lambda now: now.next >= 1 + self.written)
            await asyncio.sleep(self._rng.uniform(0, 2 * BETWEEN_S))

    def _next(self) -> list[bytes]:
        live, rng = self._log.live, self._rng
        shadow = live.shadow.version if live.shadow else None
        kind = rng.choices(
            ["child", "at once", "invalid", "stale", "shadow", "promote", "garbage"], [50, 12, 10, 8, 14, 3, 3]
        )[0]
        match kind:
            case "child":
                return [self._change(live.version, random_policy(rng))]
            case "at once":
                return [self._change(live.version, random_policy(rng)) for _ in range(2)]
            case "invalid":
                return [self._change(live.version, invalid_policy(rng))]
            case "stale":
                return [self._change("0-00000000", random_policy(rng))]
            case "promote" if live.shadow:
                return [self._change(live.version, live.shadow.policy.model_dump(mode="json", exclude_none=True))]
            case "garbage":
                return [rng.randbytes(40)]
            case _:
                ends = shadow is not None and rng.random() < 0.4
                return [self._shadow(shadow, None if ends else random_policy(rng))]

    def _change(self, parent: str, policy: dict[str, Any]) -> bytes:
        change = PolicyChange(parent=parent, policy=policy, author="drill", reason="drill", at_ms=1)
        return change.model_dump_json().encode()

    def _shadow(self, parent: str | None, policy: dict[str, Any] | None) -> bytes:
        change = ShadowChange(parent=parent, policy=policy, author="drill", reason="drill", at_ms=1)
        return change.model_dump_json().encode()


async def change_all(kafka: str, rng: random.Random) -> None:
    log = PolicyLogReader(kafka)
    publishers = [Publisher(kafka, idempotent=False, max_record_bytes=1_000_000, client_id=f"d{n}") for n in range(2)]
    for publisher in publishers:
        await publisher.start()
    try:
        await log.read()
        await log.follow()
        await PolicyChanger(log, publishers, rng).run()
    finally:
        await log.stop()
        for publisher in publishers:
            await publisher.stop()


# --- the drill


async def test_decisions_stay_repeatable_through_200_changes(own_stack: Stack, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    await make_topics(own_stack.kafka, 6)
    with fleet(tmp_path, own_stack.env()) as workers:
        for name in ("one", "two"):
            workers.start(worker=name)
        await workers.joined()
        sending = asyncio.create_task(send(own_stack.kafka, texts(rng), PER_S))
        changing = asyncio.create_task(change_all(own_stack.kafka, rng))
        await restarts(workers, changing)
        await changing
        sent = set(await sending)
        redis = await wait_until_counted(own_stack.redis, EVENTS, 60)
        seen = await account(own_stack.kafka, EVENTS, 60)
        assert_account_closes(sent, seen, redis)
        states, verdicts = await fold_log(own_stack.kafka)
        print(f"{verdicts}; {len(states)} states; {seen.duplicates} duplicates")  # noqa: T201 - with -s
        # One worker seeds the empty log; or both do, and one of them is lost.
        assert sum(verdicts.values()) - CHANGES in (1, 2)
        assert min(verdicts[v] for v in ChangeVerdict if v is not ChangeVerdict.SILENCED) > 1, (
            "a kind of change hardly occurred"
        )
        assert_repeatable(seen, {live_versions(live): live for live in states})
        assert_never_back(seen, [live_versions(live) for live in states])
        assert_shadow_counts(seen, redis.series)
        code, statuses = await policy_status(own_stack.env(), until=lambda found: len(found) == 2)
        last_version, last_shadow = live_versions(states[-1])
        assert {(w["version"], w["shadow"], w["behind"]) for w in statuses} == {(last_version, last_shadow, 0)}
        assert code == 0


def texts(rng: random.Random) -> list[bytes]:
    return [
        event(
            n,
            f"said toxicity={rng.random():.2f} insult={rng.random():.2f} stereotype={rng.random():.2f}",
            route=rng.choice(["kids", "chat"]),
            **({"prompt": f"toxicity={rng.random():.2f}"} if n % 5 == 0 else {}),
        )
        for n in range(EVENTS)
    ]


async def restarts(workers: Fleet, changing: asyncio.Task[None]) -> None:
    """One worker is stopped and started again, then the other is killed and started again."""
    one, two = sorted(workers.workers)
    await asyncio.sleep(4)
    workers.workers[one].terminate()
    await asyncio.to_thread(workers.workers.pop(one).wait, 40)
    workers.start(worker="one")
    await workers.joined()
    assert not changing.done(), "the changes were over before the second restart"
    workers.kill(two)
    workers.start(worker="two")
    await workers.joined()


async def fold_log(kafka: str) -> tuple[list[LivePolicy], Counter[ChangeVerdict]]:
    """Returns the live policy, with its shadow, after every record that changed it, and the number of each verdict.

    A policy comes again where its shadow ends.
    """
    states: list[LivePolicy] = []
    verdicts: Counter[ChangeVerdict] = Counter()

    def add_state(found: Folded, _offset: int, _record: object) -> None:
        verdicts[found.verdict] += 1
        if (live := found.log.live) is not None and (not states or live_versions(live) != live_versions(states[-1])):
            states.append(live)

    log = PolicyLogReader(kafka, add_state)
    await log.read()
    await log.stop()
    return states, verdicts


def live_versions(live: LivePolicy) -> Versions:
    return live.version, live.shadow.version if live.shadow else None


def versions_of(decision: dict[str, Any]) -> Versions:
    would_be = decision["would_be"]
    return decision["policy_version"], would_be["policy_version"] if would_be else None


def assert_repeatable(seen: OutputsByPosition, states: dict[Versions, LivePolicy]) -> None:
    """Checks every published decision, also one that another superseded."""
    used = set()
    for found in itertools.chain.from_iterable(seen.decisions.values()):
        decision = Decision.model_validate(found)
        assert decide(Inputs.of(decision), states[versions_of(found)]) == decision
        used.add(versions_of(found))
    assert len(used) > 40, "the changes were not in force while there was traffic"
    assert sum(shadow is not None for _, shadow in used) > 10


def assert_never_back(seen: OutputsByPosition, states: list[Versions]) -> None:
    """Fails unless the versions of each partition, under one epoch, follow the order of the log.

    Each decision is matched with the first state that fits: a policy without a shadow is live again where its shadow
    ends.
    """
    owned: dict[tuple[int, int], list[tuple[int, Versions]]] = {}
    for (partition, offset), found in seen.decisions.items():
        for decision in found:
            owned.setdefault((partition, decision["epoch"]), []).append((offset, versions_of(decision)))
    assert len(owned) > 6, "no partition changed hands"
    for place, decided in owned.items():
        at = 0
        for offset, versions in sorted(decided):
            assert versions in states[at:], f"partition and epoch {place} went back at {offset}, to {versions}"
            at = states.index(versions, at)


def assert_shadow_counts(seen: OutputsByPosition, series: Counter[str]) -> None:
    """Fails unless the actions of the shadows are counted as those of the live policy are."""
    expected: Counter[str] = Counter()
    for decision in seen.counted():
        would_be = decision["would_be"]
        if would_be and decision["fault"] is None and decision["time"] != "too_late":
            expected[f"would.{would_be['policy_version']}.action.{would_be['action']}|all"] += 1
    found = {name: n for name, n in series.items() if name.startswith("would.") and ".action." in name}
    assert {name: n for name, n in found.items() if name.endswith("|all")} == expected
