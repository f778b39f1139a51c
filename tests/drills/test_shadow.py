"""A shadow on live traffic: started, replaced, promoted, while a worker is killed. It is counted like the real thing,
changes nothing, alerts nobody who did not ask for it, and promoting it makes it true."""

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

from tests.drills.fleet import ROOT, Account, Counted, account, closes, event, fleet, make_topics, send, settled
from tests.drills.reading import everything
from tests.support.stacks import Stack
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.log import Folded
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.topics import ALERTS, RATES

pytestmark = pytest.mark.drill
PER_S = 200.0
TEXTS = 100  # said again and again: the same text before and after
LIVE = """
labels = { toxicity = { flag = 0.5, review = 0.7, block = 0.9 }, stereotype = { flag = 0.5 } }
windows = { bucket_s = 1, rate_window_s = 30, late_s = 3600, grace_s = 1 }
alerts.never = { of = "action.block", above = 0.9, window_s = 5, for_s = 0 }
"""
# Both block far more than `above`. Of the first nobody asked to be told; the second looks at prompts too.
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
    """Of every text one hundredth; each fiftieth has a classifier that raises."""
    rng, texts = random.Random(7), []
    for n in range(TEXTS):
        said = f"toxicity={rng.random():.2f} stereotype={rng.random():.2f}"
        texts.append(("RAISE" if n % 50 == 0 else said, f"insult={rng.random():.2f}"))
    return [event(n, texts[n % TEXTS][0], prompt=texts[n % TEXTS][1]) for n in range(start, start + number)]


async def tidegate(env: dict[str, str], *args: str) -> str:
    """What the command said on standard error. It must end well."""
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", "policy", *args, "--reason", "drill", cwd=ROOT, env=env,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await ran.communicate()
    assert ran.returncode == 0, said.decode()
    return said.decode()


async def test_a_shadow_is_counted_changes_nothing_and_becomes_true_when_promoted(
    own_stack: Stack, tmp_path: Path
) -> None:
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
        assert [a for a in await alerts(kafka) if a["rule"] != "never"] == []  # nobody asked to be told
        await tidegate(env, "shadow", str(tmp_path / "second.toml"))
        await traffic(7)
        told = await tidegate(env, "promote", "--yes")
        await traffic(3)
        counted = await settled(redis, len(sent), 40)
        seen = await account(kafka, len(sent), 30)
        await asyncio.sleep(2)  # an evaluation or two: the shadow's rates are taken back
        said, rates = await alerts(kafka), await last_rates(kafka)
        logs = workers.logs()

    closes(sent, seen, counted)
    made, (first, second) = await versions(kafka)
    assert f"it was shadow {second}, which runs no longer" in told
    for line in (
        f"shadow {first} runs beside policy",
        f"shadow {second} runs beside",
        f"shadow {second} runs no longer",
    ):
        assert line in logs
    counts_as_its_decisions(seen, counted, (first, second))
    would_be_is_what_it_decides(seen, made)
    promoted = next(v for v, live in made.items() if live.policy == made[second].policy and v != second)
    becomes_true(seen, second, promoted)

    shadows = [a for a in said if a["shadow"]]
    assert {(a["rule"], a["policy_version"]) for a in shadows if a["reason"] != "rule_removed"} == {
        ("shadow:blocked", second)
    }
    assert [a["state"] for a in shadows if a["reason"] == "rule_removed"] == ["resolved"]  # it ended
    assert any(a["rule"] == "blocked" and a["policy_version"] == promoted for a in said)  # and the real one fires
    assert [key for key in rates if "would." in key] == []
    assert "all|action.block|30" in rates


def counts_as_its_decisions(seen: Account, counted: Counted, shadows: tuple[str, ...]) -> None:
    """What Redis counted of each shadow is what the decisions of the highest epoch say, and nothing else."""
    expected: Counter[str] = Counter()
    for d in seen.counted():
        would = d["would_be"]
        if would is not None:
            asked = [f"action.{would['action']}", "scored"]
            asked += [("prompt." if r["of"] == "prompt" else "label.") + r["label"] for r in would["reasons"]]
            for counter in ["fault"] if d["fault"] else asked:
                expected[f"would.{would['policy_version']}.{counter}|all"] += 1
    found = {name: n for name, n in counted.series.items() if name.startswith("would.") and name.endswith("|all")}
    assert found == dict(expected)
    for shadow in shadows:
        assert expected[f"would.{shadow}.scored|all"] > 500, "it hardly ran: the drill proved nothing"
    assert expected[f"would.{shadows[0]}.fault|all"] > 0
    assert expected[f"would.{shadows[1]}.prompt.insult|all"] > 0


def would_be_is_what_it_decides(seen: Account, made: dict[str, LivePolicy]) -> None:
    """Each would_be is that shadow's decision on the decision's own inputs; the decision is as without a shadow."""
    differ = 0
    for found in seen.counted():
        decision = Decision.model_validate(found)
        inputs, live = Inputs.of(decision), made[decision.policy_version]
        would = decision.would_be
        alone = decide(inputs, LivePolicy(live.version, live.policy))
        assert (decision.action, decision.reasons) == (alone.action, alone.reasons)
        shadow = made[would.policy_version] if would else None
        assert decide(inputs, LivePolicy(live.version, live.policy, shadow)) == decision
        if would is not None and shadow is not None:
            would_have = decide(inputs, LivePolicy(shadow.version, shadow.policy))
            assert (would.action, would.reasons) == (would_have.action, would_have.reasons)
            differ += would.action is not decision.action
    assert differ > 500


def becomes_true(seen: Account, shadow: str, promoted: str) -> None:
    """What it would have done of a text before it was promoted is what is done of the same text afterwards."""

    def of(asked: dict[str, Any]) -> tuple[str, str]:
        return asked["action"], json.dumps(asked["reasons"])

    before, after = {}, {}
    for d in seen.counted():
        text = int(d["id"][1:]) % TEXTS
        if d["would_be"] and d["would_be"]["policy_version"] == shadow:
            before[text] = of(d["would_be"])
        if d["policy_version"] == promoted:
            assert d["would_be"] is None
            after[text] = of(d)
    assert len(before) == TEXTS
    assert before == after


async def versions(kafka: str) -> tuple[dict[str, LivePolicy], list[str]]:
    """Every policy and shadow that the log ever made, and which of them were shadows, in order."""
    made: dict[str, LivePolicy] = {}
    shadows: list[str] = []

    def keep(folded: Folded, _offset: int, _record: object) -> None:
        if folded.created is not None:
            made[folded.created.version] = folded.created
            shadows.extend([folded.created.version] if folded.created is folded.log.shadow else [])

    log = PolicyLogReader(kafka, keep)
    await log.read()
    await log.stop()
    return made, shadows


async def alerts(kafka: str) -> list[dict[str, Any]]:
    return [json.loads(record.value) async for record in everything(kafka, ALERTS) if record.value]


async def last_rates(kafka: str) -> set[str]:
    """The keys of rates that were not taken back."""
    last = {record.key.decode(): record.value async for record in everything(kafka, RATES)}
    return {key for key, value in last.items() if value is not None}
