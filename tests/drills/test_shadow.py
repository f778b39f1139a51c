"""A shadow on live traffic: started, replaced, promoted, while a worker is killed. It is counted like the live policy,
changes nothing, and alerts only where a rule asks for it. Promoted, it decides as it would have."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.drills.fleet import (
    ROOT,
    OutputsByPosition,
    RedisCounts,
    account,
    assert_account_closes,
    event,
    fleet,
    make_topics,
    send,
    wait_until_counted,
)
from tests.drills.reading import read_topic
from tests.support.stacks import Stack
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.log import Folded
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.topics import ALERTS, RATES

pytestmark = pytest.mark.drill
PER_S = 200.0
TEXTS = 100  # repeated: the same text before and after the promotion
LIVE = """
labels = { toxicity = { flag = 0.5, review = 0.7, block = 0.9 }, stereotype = { flag = 0.5 } }
windows = { bucket_s = 1, rate_window_s = 30, late_s = 3600, grace_s = 1 }
alerts.never = { of = "action.block", above = 0.9, window_s = 5, for_s = 0 }
"""
# Both block far more than `above`. No rule of the first alerts on a shadow; the second scores prompts too.
FIRST = """
labels = { toxicity = { flag = 0.4, redact = 0.5, block = 0.8 } }
windows = { bucket_s = 1, rate_window_s = 30, late_s = 3600, grace_s = 1 }
faults = { fail = "closed" }
alerts.blocked = { of = "action.block", above = 0.05, window_s = 5, for_s = 0, min_total = 10 }
"""
SECOND = """
labels = { toxicity = { flag = 0.3, block = 0.6 }, stereotype = { review = 0.2 } }
prompt_labels = { insult = { block = 0.8 } }
windows = { bucket_s = 1, rate_window_s = 30, late_s = 3600, grace_s = 1 }
alerts.blocked = { of = "action.block", above = 0.05, window_s = 5, for_s = 0, min_total = 10, shadow = true }
alerts.flagged = { of = "label.toxicity", above = 0.05, window_s = 5, for_s = 0, min_total = 10 }
"""


def events(number: int, start: int = 0) -> list[bytes]:
    """TEXTS texts in turn; on each fiftieth the classifier raises."""
    rng, texts = random.Random(7), []
    for n in range(TEXTS):
        scores = f"toxicity={rng.random():.2f} stereotype={rng.random():.2f}"
        texts.append(("RAISE" if n % 50 == 0 else scores, f"insult={rng.random():.2f}"))
    return [event(n, texts[n % TEXTS][0], prompt=texts[n % TEXTS][1]) for n in range(start, start + number)]


async def tidegate(env: dict[str, str], *args: str) -> str:
    """Runs `tidegate policy …`, which must exit with 0. Returns its standard error."""
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", "policy", *args, "--reason", "drill", cwd=ROOT, env=env,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, stderr = await ran.communicate()
    assert ran.returncode == 0, stderr.decode()
    return stderr.decode()


async def test_a_shadow_changes_nothing_until_it_is_promoted(own_stack: Stack, tmp_path: Path) -> None:
    kafka, redis = own_stack.kafka, own_stack.redis
    await make_topics(kafka, 4)
    files = {"first": FIRST, "second": SECOND}
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text)
    env = {**os.environ, **own_stack.env(), "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted"}
    sent: set[tuple[int, int]] = set()

    async def traffic(seconds: float) -> None:
        sent.update(await send(kafka, events(int(PER_S * seconds), len(sent)), PER_S))

    with fleet(tmp_path, own_stack.env(), policy=LIVE) as workers:
        workers.start()
        victim = workers.start()
        await workers.joined()
        await traffic(1)
        await tidegate(env, "shadow", str(tmp_path / "first.toml"))
        running = asyncio.create_task(traffic(6))
        await asyncio.sleep(3)
        workers.kill(victim)
        await running
        assert [a for a in await alerts(kafka) if a["rule"] != "never"] == []  # no rule asks for it
        await tidegate(env, "shadow", str(tmp_path / "second.toml"))
        await traffic(7)
        promote_output = await tidegate(env, "promote", "--yes")
        await traffic(3)
        counted = await wait_until_counted(redis, len(sent), 40)
        seen = await account(kafka, len(sent), 30)
        await asyncio.sleep(2)  # an evaluation or two: the shadow's rates are deleted
        published_alerts, rates = await alerts(kafka), await last_rates(kafka)
        logs = workers.logs()

    assert_account_closes(sent, seen, counted)
    policies, (first, second) = await policy_versions(kafka)
    assert f"it was shadow {second}, which runs no longer" in promote_output
    for line in (
        f"shadow {first} runs beside policy",
        f"shadow {second} runs beside",
        f"shadow {second} runs no longer",
    ):
        assert line in logs
    assert_shadow_counts(seen, counted, (first, second))
    assert_would_be(seen, policies)
    promoted = next(v for v, live in policies.items() if live.policy == policies[second].policy and v != second)
    assert_promoted_decides_alike(seen, second, promoted)

    shadows = [a for a in published_alerts if a["shadow"]]
    assert {(a["rule"], a["policy_version"]) for a in shadows if a["reason"] != "rule_removed"} == {
        ("shadow:blocked", second)
    }
    assert [a["state"] for a in shadows if a["reason"] == "rule_removed"] == ["resolved"]  # it ended
    # and the real one fires
    assert any(a["rule"] == "blocked" and a["policy_version"] == promoted for a in published_alerts)
    assert [key for key in rates if "would." in key] == []
    assert "all|action.block|30" in rates


def assert_shadow_counts(seen: OutputsByPosition, counted: RedisCounts, shadows: tuple[str, ...]) -> None:
    """Fails unless Redis counted of each shadow what the decisions of the highest epoch give, and nothing else."""
    expected: Counter[str] = Counter()
    for d in seen.counted():
        would = d["would_be"]
        if would is not None:
            decided = [f"action.{would['action']}", "scored"]
            decided += [("prompt." if r["of"] == "prompt" else "label.") + r["label"] for r in would["reasons"]]
            for counter in ["fault"] if d["fault"] else decided:
                expected[f"would.{would['policy_version']}.{counter}|all"] += 1
    found = {name: n for name, n in counted.series.items() if name.startswith("would.") and name.endswith("|all")}
    assert found == dict(expected)
    for shadow in shadows:
        assert expected[f"would.{shadow}.scored|all"] > 500, "it hardly ran: the drill proved nothing"
    assert expected[f"would.{shadows[0]}.fault|all"] > 0
    assert expected[f"would.{shadows[1]}.prompt.insult|all"] > 0


def assert_would_be(seen: OutputsByPosition, policies: dict[str, LivePolicy]) -> None:
    """Fails unless each would_be is the shadow's decision on the same inputs, and the decision ignores the shadow."""
    differ = 0
    for found in seen.counted():
        decision = Decision.model_validate(found)
        inputs, live = Inputs.of(decision), policies[decision.policy_version]
        would = decision.would_be
        without_shadow = decide(inputs, LivePolicy(live.version, live.policy))
        assert (decision.action, decision.reasons) == (without_shadow.action, without_shadow.reasons)
        shadow = policies[would.policy_version] if would else None
        assert decide(inputs, LivePolicy(live.version, live.policy, shadow)) == decision
        if would is not None and shadow is not None:
            would_have = decide(inputs, LivePolicy(shadow.version, shadow.policy))
            assert (would.action, would.reasons) == (would_have.action, would_have.reasons)
            differ += would.action is not decision.action
    assert differ > 500


def assert_promoted_decides_alike(seen: OutputsByPosition, shadow: str, promoted: str) -> None:
    """Fails unless a text is decided after the promotion as the shadow would have decided it before."""

    def outcome(decided: dict[str, Any]) -> tuple[str, str]:
        return decided["action"], json.dumps(decided["reasons"])

    before, after = {}, {}
    for d in seen.counted():
        text = int(d["id"][1:]) % TEXTS
        if d["would_be"] and d["would_be"]["policy_version"] == shadow:
            before[text] = outcome(d["would_be"])
        if d["policy_version"] == promoted:
            assert d["would_be"] is None
            after[text] = outcome(d)
    assert len(before) == TEXTS
    assert before == after


async def policy_versions(kafka: str) -> tuple[dict[str, LivePolicy], list[str]]:
    """Returns version -> every policy and shadow of the log, and the versions of the shadows, in order."""
    policies: dict[str, LivePolicy] = {}
    shadows: list[str] = []

    def add_policy(folded: Folded, _offset: int, _record: object) -> None:
        if folded.created is not None:
            policies[folded.created.version] = folded.created
            shadows.extend([folded.created.version] if folded.created is folded.log.shadow else [])

    log = PolicyLogReader(kafka, add_policy)
    await log.read()
    await log.stop()
    return policies, shadows


async def alerts(kafka: str) -> list[dict[str, Any]]:
    return [json.loads(record.value) async for record in read_topic(kafka, ALERTS) if record.value]


async def last_rates(kafka: str) -> set[str]:
    """The keys of `rates` whose last record is no tombstone."""
    last = {record.key.decode(): record.value async for record in read_topic(kafka, RATES)}
    return {key for key, value in last.items() if value is not None}
