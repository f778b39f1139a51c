"""Silences: made of patterns, kept on the log, and told which alerts they match."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis import Redis

from tests.cli.conftest import Cli
from tidegate.streams.core.alerts.status import AlertStatus
from tidegate.streams.core.events import AlertReason, AlertState
from tidegate.streams.store.redis import RedisStore

NOW = int(time.time() * 1000)
WHY = ("--reason", "known", "--author", "ada")


def keep(cli: Cli, *alerts: tuple[str, str, AlertState]) -> None:
    """Alerts as the ruler keeps them in the store: rule, scope and state of each."""

    def status(rule: str, scope: str, state: AlertState) -> str:
        return AlertStatus(
            rule=rule, scope=scope, measure="label.toxicity", kind="share", above=0.05, resolve_below=0.04,
            window_s=300, state=state, reason=AlertReason.HELD, since_ms=NOW - 3 * 3_600_000, at_ms=NOW, sequence=3,
            value=0.125, hits=25, total=200,
        ).model_dump_json()  # fmt: skip

    async def work() -> None:
        store = RedisStore(cli.settings.redis, cli.settings.namespace)
        lease = await store.lease("w1", 60_000)
        assert lease is not None
        states: dict[str, str | None] = {f"k{i}": status(*alert) for i, alert in enumerate(alerts)}
        assert await store.save_alerts(lease, states)
        await store.close()

    asyncio.run(work())


def silenced(cli: Cli) -> dict[str, str | None]:
    """Rule and scope of each alert, and which silence matches it."""
    return {f"{a['rule']} {a['scope']}": a["silenced_by"] for a in cli("alerts", "--json").jsonl}


def test_a_silence_says_which_alerts_it_matches_now(ruled: Cli) -> None:
    keep(
        ruled, ("bias_spike", "tenant=acme", AlertState.FIRING), ("bias_spike", "all", AlertState.FIRING),
        ("bias_spike", "tenant=b", AlertState.PENDING), ("bias_spike", "tenant=c", AlertState.RESOLVED),
        ("fault_rate", "tenant=acme", AlertState.FIRING),
    )  # fmt: skip
    ran = ruled("silence", "add", "--rule", "bias_*", "--scope", "tenant=*", "--for", "2h", *WHY)
    assert ran.code == 0
    found, matched = ran.err.splitlines()[:2], ran.out.strip()
    assert found[0].startswith("it matches bias_spike tenant=acme, firing for 3h")
    assert found[1].startswith("it matches bias_spike tenant=b, pending for 3h")
    assert ran.err.splitlines()[2].startswith("silenced until 20")
    assert silenced(ruled) == {
        "bias_spike tenant=acme": matched, "bias_spike tenant=b": matched, "bias_spike tenant=c": matched,
        "bias_spike all": None, "fault_rate tenant=acme": None,
    }  # fmt: skip
    assert "no alert that is pending or firing matches it now" in ruled("silence", "add", "--rule", "nobody*",
                                                                        "--for", "1h", *WHY).err  # fmt: skip


def test_an_emptied_redis_loses_no_silence(ruled: Cli) -> None:
    alert = ("bias_spike", "tenant=acme", AlertState.FIRING)
    keep(ruled, alert)
    id = ruled("silence", "add", "--scope", "tenant=*", "--for", "2h", *WHY).out.strip()
    assert silenced(ruled) == {"bias_spike tenant=acme": id}
    Redis.from_url(ruled.settings.redis).flushall()
    assert ruled("alerts", "--json").jsonl == []
    assert [s["id"] for s in ruled("silence", "list", "--json").jsonl] == [id]
    keep(ruled, alert)  # it fires again
    assert silenced(ruled) == {"bias_spike tenant=acme": id}


def test_without_redis_it_is_silenced_all_the_same(ruled: Cli) -> None:
    ran = ruled("silence", "add", "--for", "1h", *WHY, TIDEGATE_REDIS="redis://127.0.0.1:1/0")
    assert ran.code == 0
    assert "which alerts it matches could not be seen" in ran.err
    assert [s["id"] for s in ruled("silence", "list", "--json").jsonl] == [ran.out.strip()]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--for", "367d"], 2),
        (["--for", "9" * 5000 + "d"], 2),
        (["--for", "1h", "--scope", "locale=*"], 2),
        (["--for", "1h", "--scope", "*"], 0),
        (["--for", "1h", "--scope", "*=acme"], 0),
        (["--for", "1h", "--scope", "*:other"], 0),
        (["--for", "1h", "--scope", "model=gpt-*"], 0),
        (["--for", "1h", "--rule", "bais_*"], 0),
        (["--for", "1h", "--rule", "*_rate"], 0),
    ],
)
def test_a_silence_that_can_match_nothing_is_refused_or_said(cli: Cli, flags: list[str], code: int) -> None:
    """What is said: messages/silence-add.txt."""
    cli.unpinned("policy", "apply", cli.env["TIDEGATE_POLICY_FILE"], *WHY)
    assert cli("silence", "add", *WHY, *flags).code == code


def test_who_and_why_are_lines_of_text(offline: Cli) -> None:
    given: list[Any] = [["add", "--for", "1h", "--reason", " "], ["expire", "s-1", "--reason", "a\nb"]]
    for command in given:
        ran = offline("silence", *command)
        assert (ran.code, "expected a line of text that people can read" in ran.err) == (2, True)
