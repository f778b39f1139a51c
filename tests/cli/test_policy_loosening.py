"""Loosening a block or a floor says what that opens, in numbers from recent decisions, and asks."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
import time
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.cli.conftest import POLICY, TWIN, WHY, Cli, live
from tests.support.stacks import Stack
from tidegate.streams.cli.policy.change import relaxed_lines
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Scopes, Source
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.relaxations import Relaxation
from tidegate.streams.core.policy.resolved import LivePolicy

ASKED = WHY[:-1]  # without --yes
NOW = int(time.time() * 1000)


def decided(cli: Cli, *found: tuple[str, str, dict[str, float]], minutes_ago: int = 5) -> None:
    """Decisions of the live policy: tenant, id and scores of each."""
    policy = LivePolicy(live(cli)["version"], parse(live(cli)["policy"], "live"))
    at_ms = NOW - minutes_ago * 60_000
    cli.write([
        ("decisions", b"k", decide(Inputs(
            id, Source(topic="completions", partition=0, offset=i), 1, at_ms, "twin@1", scores=scores,
            scopes=Scopes(tenant=tenant),
        ), policy).model_dump_json().encode())
        for i, (tenant, id, scores) in enumerate(found)
    ])  # fmt: skip


def test_it_says_how_many_were_blocked_and_would_not_be_and_asks(ruled: Cli) -> None:
    # 0.98 -> 0.99: a1 and b1 pass; a2 is blocked all the same; a3 was flagged only
    decided(
        ruled, ("acme", "a1", {"toxicity": 0.985}), ("bank", "b1", {"toxicity": 0.98}),
        ("acme", "a2", {"toxicity": 0.99}), ("acme", "a3", {"toxicity": 0.8}), ("acme", "a4", {"threat": 0.97}),
        ("acme", "a5", {"toxicity": 0.985, "threat": 0.96}),
    )  # fmt: skip
    version = live(ruled)["version"]
    ran = ruled("policy", "set", "labels.toxicity.block", "0.99", *ASKED)
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert lines[:2] == [f"this loosens policy {version}:", "  labels.toxicity.block: 0.98 -> 0.99"]
    assert lines[2].startswith("2 of 6 decisions on what came since 20")
    assert lines[2].endswith("Z were blocked and would not be")
    assert lines[3:5] == ["  by label: toxicity 2", "  by tenant: acme 1, bank 1"]
    assert set(lines[5].removeprefix("  such as ").split(", ")) == {"a1", "b1"}
    assert "nobody to ask: standard input is no terminal; nothing done; expected --yes" in ran.err
    assert live(ruled)["version"] == version


def test_with_yes_it_says_so_and_does_it(ruled: Cli) -> None:
    decided(ruled, ("acme", "a1", {"toxicity": 0.985}))
    ran = ruled("policy", "set", "labels.toxicity.block", "off", "--tenant", "acme", *WHY)
    assert ran.code == 0
    assert "labels.toxicity.block for tenant=acme: 0.98 -> never" in ran.err
    assert "1 of 1 decisions on what came since 20" in ran.err
    assert live(ruled)["policy"]["scopes"][0]["labels"] == {"toxicity": {"block": "off"}}
    other = ruled("policy", "set", "labels.toxicity.block", "off", "--tenant", "bank", *ASKED)
    assert "none of 1 decisions on what came since 20" in other.err


def test_decisions_are_judged_again_by_the_live_policy(ruled: Cli) -> None:
    """Whatever policy they were decided under."""
    # a1 was reviewed under 0.98, and is blocked under 0.95; a2 was flagged, and is flagged
    decided(ruled, ("acme", "a1", {"toxicity": 0.96}), ("acme", "a2", {"toxicity": 0.8}))
    assert ruled("policy", "set", "labels.toxicity.block", "0.95", *WHY).code == 0
    ran = ruled("policy", "set", "labels.toxicity.block", "0.97", *ASKED)
    assert "1 of 2 decisions on what came since 20" in ran.err
    assert "  such as a1\n" in ran.err


def test_a_floor_of_a_weaker_action_is_counted_by_that_action(ruled: Cli) -> None:
    ruled("policy", "set", "labels.threat.review", "off", *WHY)
    ruled("policy", "set", "floors.threat.review", "0.8", *WHY)
    decided(ruled, ("acme", "a1", {"threat": 0.85}), ("acme", "a2", {"threat": 0.6}))
    ran = ruled("policy", "unset", "floors.threat.review", *ASKED)
    assert "  floors.threat.review: 0.8 -> none\n" in ran.err
    assert "Z asked for review or more and would ask for less" in ran.err


def test_decisions_of_hours_ago_do_not_count(ruled: Cli) -> None:
    decided(ruled, ("acme", "a1", {"toxicity": 0.985}), minutes_ago=120)
    ran = ruled("policy", "set", "labels.toxicity.block", "0.99", *ASKED)
    assert (ran.code, "what that opens is not known: there are no decisions of the last hour" in ran.err) == (2, True)


def test_without_decisions_to_read_it_asks_all_the_same(own_stack: Stack) -> None:
    async def only_policies() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=own_stack.kafka)
        await admin.start()
        await admin.create_topics([NewTopic("policies", 1, 1)])
        await admin.close()

    asyncio.run(only_policies())
    cli = Cli({**own_stack.env(), **TWIN})
    assert cli("policy", "apply", str(POLICY), *WHY).code == 0
    ran = cli("policy", "set", "labels.toxicity.block", "0.99", *ASKED)
    assert (ran.code, "expected --yes" in ran.err) == (2, True)
    assert "what that opens could not be counted: kafka " in ran.err
    assert "no topic decisions" in ran.err


def test_of_very_much_the_first_is_said() -> None:
    found = [Relaxation("labels.toxicity.block", f"tenant=t{n}", "0.8", "0.9") for n in range(1_000)]
    assert len(relaxed_lines(found)) == 21
    assert relaxed_lines(found)[-1] == "  and 980 more"
    assert relaxed_lines(found[:20])[-1] == "  labels.toxicity.block for tenant=t19: 0.8 -> 0.9"


@pytest.mark.parametrize(("answer", "code", "block"), [("n", 1, 0.98), ("", 1, 0.98), ("y", 0, 0.99)])
def test_at_a_terminal_somebody_says(ruled: Cli, answer: str, code: int, block: float) -> None:
    keyboard, stdin = pty.openpty()
    try:
        os.write(keyboard, f"{answer}\n".encode())
        ran = subprocess.run(
            [sys.executable, "-m", "tidegate", "policy", "set", "labels.toxicity.block", "0.99", *ASKED],
            stdin=stdin, capture_output=True, text=True, env={**os.environ, **ruled.env}, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(keyboard)
        os.close(stdin)
    assert ran.returncode == code
    assert "make it live? [y/N]" in ran.stderr
    assert ("nothing done" in ran.stderr) == (code == 1)
    assert live(ruled)["policy"]["labels"]["toxicity"]["block"] == block


@pytest.mark.parametrize(
    ("key", "value"),
    [("labels.toxicity.block", "0.95"), ("labels.toxicity.flag", "0.8"), ("floors.insult.block", "0.9"),
     ("faults.fail", "closed"), ("alerts.fault_rate.above", "0.5")],
)  # fmt: skip
def test_what_loosens_no_block_and_no_floor_does_not_ask(cli: Cli, key: str, value: str) -> None:
    cli.unpinned("policy", "apply", str(POLICY), *WHY)
    ran = cli("policy", "set", key, value, *ASKED)
    assert (ran.code, "loosens" in ran.err) == (0, False)


def test_apply_asks_too(ruled: Cli, tmp_path: Any) -> None:
    file = tmp_path / "p.toml"
    file.write_text(POLICY.read_text().replace("[floors.threat]\nblock = 0.99\n", "").replace("block = 0.95\n", ""))
    ran = ruled("policy", "apply", str(file), *ASKED)
    assert ran.code == 2
    assert "  floors.threat.block: 0.99 -> none\n  labels.threat.block: 0.95 -> never\n" in ran.err
    assert "it loosens:" in ruled("policy", "check", str(file), "--live").out
