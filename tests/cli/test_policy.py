"""The policy log from the command line: shown, compared, and everything ever tried."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path

from tests.cli.conftest import POLICY, TWIN, WHY, Cli, live
from tests.support.stacks import Stack
from tidegate.streams.core.policy.model import parse
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.operations.policy_toml import differences, toml
from tidegate.streams.policy_log.file import read_policy


def test_an_empty_log_has_no_policy_to_show(own_stack: Stack) -> None:
    asyncio.run(ensure_topics(own_stack.kafka, 1, own_stack.replication))
    cli = Cli({**own_stack.env(), **TWIN})
    for command in (["show"], ["set", "resend_s", "5", *WHY]):
        ran = cli("policy", *command)
        assert ran.code == 1
        assert "no policy yet" in ran.err


def test_show_is_a_file_that_apply_takes_back_unchanged(ruled: Cli, tmp_path: Path) -> None:
    ruled("policy", "set", "labels.toxicity.block", "0.97", "--tenant", "a.b", *WHY)
    shown = ruled("policy", "show").out
    assert shown.startswith(f"# Policy {live(ruled)['version']}, by ada at ")
    file = tmp_path / "p.toml"
    file.write_text(shown)
    assert read_policy(file).model_dump(mode="json", exclude_none=True) == live(ruled)["policy"]
    ran = ruled("policy", "apply", str(file), *WHY)
    assert (ran.code, "nothing written" in ran.err) == (0, True)
    assert ruled("policy", "check", str(file), "--live").out.endswith(f"live policy {live(ruled)['version']}\n")


def test_history_shows_every_record_also_what_was_no_policy(ruled: Cli) -> None:
    ruled.write([("policies", b"live", b"garbage"), ("policies", b"live", json.dumps({"kind": "policy"}).encode())])
    ruled("policy", "set", "resend_s", "30", *WHY)
    assert [(e["offset"], e["verdict"]) for e in ruled("policy", "history", "--json").jsonl] == [
        (0, "applied"),
        (1, "invalid"),
        (2, "invalid"),
        (3, "applied"),
    ]
    table = ruled("policy", "history").out.splitlines()
    assert len(table) == 5
    assert "policies@1: not valid JSON" in table[2]


def test_toml_keeps_every_value() -> None:
    """And differences name scopes by their selector."""
    data = {
        "labels": {"toxicity": {"flag": 0.5, "block": "off"}},
        "floors": {"toxicity": {"block": 0.99}},
        "scopes": [{"tenant": 'a"b', "labels": {"toxicity": {"flag": 0.6}}}, {"route": "kids.chat", "mask": "*"}],
        "mask": "***",
        "fallbacks": ["Let us talk about something else.", 'Say "no".'],
        "faults": {"fail": "open", "routes": {"kids chat": "closed"}},
        "alerts": {"x": {"of": "fault", "above": 0.1, "by": ["all", "model"]}},
    }
    policy = parse(data, "test")
    assert parse(tomllib.loads(toml(policy)), "again") == policy
    other = parse({**data, "scopes": [], "resend_s": 5, "fallbacks": ["No."]}, "other")
    assert [str(found) for found in differences(policy, other)] == [
        'fallbacks: ["Let us talk about something else.", "Say \\"no\\"."] -> ["No."]',
        "resend_s: 60 -> 5",
        'scopes[tenant=a"b].labels.toxicity.flag: 0.6 -> (not set)',
        "scopes[route=kids.chat].mask: * -> (not set)",
    ]


# --- diff


def test_diff_says_key_by_key_from_what_to_what(ruled: Cli, tmp_path: Path) -> None:
    first = live(ruled)["version"]
    assert "nothing" not in ruled("policy", "diff").err
    assert ruled("policy", "diff").code == 2  # the first on the log: nothing is before it
    ruled("policy", "set", "resend_s", "30", *WHY)
    second = live(ruled)["version"]
    ruled("policy", "set", 'faults.routes."a.b"', "closed", *WHY)
    third = live(ruled)["version"]
    file = tmp_path / "p.toml"
    file.write_text(POLICY.read_text().replace("flag = 0.5", "flag = 0.4"))

    resend, back = "resend_s: 60 -> 30", "resend_s: 30 -> 60"
    closed, opened = 'faults.routes."a.b": (not set) -> closed', 'faults.routes."a.b": closed -> (not set)'
    flag = "labels.threat.flag: 0.5 -> 0.4"
    for asked, lines, said in [
        ([], [closed], f"from policy {second} to the live policy {third}\n"),
        ([first], [resend, closed], f"from policy {first} to the live policy {third}\n"),
        ([first, second], [resend], f"from policy {first} to policy {second}\n"),
        (["2", "0"], [back, opened], f"from policy {third} to policy {first}\n"),
        ([str(file)], [back, flag, opened], f"from the live policy {third} to {file}\n"),
        ([first, str(file)], [flag], f"from policy {first} to {file}\n"),
        ([third], [], f"no difference: from policy {third} to the live policy {third}\n"),
    ]:
        ran = ruled("policy", "diff", *asked)
        assert (ran.code, sorted(ran.out.splitlines()), ran.err) == (0, sorted(lines), said), asked
    assert ruled("policy", "diff", first, "--json").jsonl[0] == {"key": "resend_s", "was": 60, "now": 30}


def test_two_files_are_compared_without_kafka(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(POLICY.read_text().replace("flag = 0.5", "flag = 0.4"))
    ran = offline("policy", "diff", str(POLICY), str(file))
    assert (ran.code, ran.out) == (0, "labels.threat.flag: 0.5 -> 0.4\n")


def test_diff_of_what_is_not_there_says_what_is(ruled: Cli) -> None:
    ran = ruled("policy", "diff", "7-0123abcd")
    latest = live(ruled)["version"]
    assert (ran.code, ran.err) == (
        2,
        f"VERSION 7-0123abcd: no such version on the log, the latest are {latest}\n",
    )
    none = ruled("policy", "diff", "no-such.toml")
    assert (none.code, none.err) == (2, "no-such.toml: No such file or directory; expected a policy file\n")
