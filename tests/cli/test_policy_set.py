"""`policy set` and `policy unset`: one line changes one key, and a wrong one names what is allowed."""

from __future__ import annotations

import pytest

from tests.cli.conftest import POLICY, WHY, Cli, live


@pytest.mark.parametrize(
    ("key", "value", "flags", "line"),
    [
        ("labels.toxicity.block", "0.95", [], "labels.toxicity.block: 0.98 -> 0.95"),
        ("labels.toxicity.redact", "0.97", [], "labels.toxicity.redact: (not set) -> 0.97"),
        ("labels.insult.review", "off", [], "labels.insult.review: 0.95 -> off"),
        ("prompt_labels.threat.flag", "0.5", [], "prompt_labels.threat.flag: (not set) -> 0.5"),
        ("floors.insult.block", "0.999", [], "floors.insult.block: (not set) -> 0.999"),
        ("faults.fail", "closed", [], "faults.fail: open -> closed"),
        ('faults.routes."kids.chat"', "closed", [], 'faults.routes."kids.chat": (not set) -> closed'),
        ("windows.late_s", "300", [], "windows.late_s: 600 -> 300"),
        ("resend_s", "30", [], "resend_s: 60 -> 30"),
        ("mask", "[hidden]", [], "mask: (not set) -> [hidden]"),
        ("fallbacks", '["No."]', ["--locale", "de"], 'scopes[locale=de].fallbacks: (not set) -> ["No."]'),
        ("alerts.fault_rate.by", '["all", "model"]', [], 'alerts.fault_rate.by: ["all"] -> ["all", "model"]'),
        ("labels.obscene", "{ flag = 0.5 }", [], "labels.obscene.flag: (not set) -> 0.5"),
        ("limits.longest_window_s", "3600", [], "limits.longest_window_s: 86400 -> 3600"),
        ("strikes.weights.toxicity.block", "1", [], "strikes.weights.toxicity.block: (not set) -> 1.0"),
        ("strikes.throttle", "5", [], "strikes.throttle: (not set) -> 5.0"),
        ("alerts.bias_spike.severity", "info", [], "alerts.bias_spike.severity: warning -> info"),
        ("alerts.bias_spike.summary", "too much of it", [], "alerts.bias_spike.summary: (not set) -> too much of it"),
        ("alerts.bias_spike.labels.team", "safety", [], "alerts.bias_spike.labels.team: (not set) -> safety"),
        ("alerts.bias_spike.confidence", "0.9", [], "alerts.bias_spike.confidence: (not set) -> 0.9"),
        (
            "labels.toxicity.block",
            "0.99",
            ["--tenant", "acme", "--route", "kids"],
            "scopes[tenant=acme,route=kids].labels.toxicity.block: (not set) -> 0.99",
        ),
    ],
)
def test_set_changes_one_key(cli: Cli, key: str, value: str, flags: list[str], line: str) -> None:
    cli.unpinned("policy", "apply", str(POLICY), *WHY)
    ran = cli("policy", "set", key, value, *flags, *WHY)
    assert (ran.code, [said for said in ran.out.splitlines() if "-> 0.0" not in said]) == (0, [line])
    assert ran.err.endswith(f"policy {live(cli)['version']} is live\n")


def test_a_table_is_set_in_one_line(ruled: Cli) -> None:
    rule = '{ of = "prompt.threat", above = 0.1, by = ["model"] }'
    assert ruled("policy", "set", "prompt_labels.threat", "{ block = 0.9 }", *WHY).code == 0
    assert ruled("policy", "set", "prompt_floors.threat.block", "0.95", *WHY).code == 0
    assert ruled("policy", "set", "alerts.prompts", rule, *WHY).code == 0
    policy = live(ruled)["policy"]
    assert (policy["prompt_labels"], policy["prompt_floors"]) == (
        {"threat": {"block": 0.9}}, {"threat": {"block": 0.95}},
    )  # fmt: skip
    assert policy["alerts"]["prompts"]["by"] == ["model"]


def test_a_scope_gets_one_rule_however_often_it_is_set(ruled: Cli) -> None:
    for key, value in (("labels.toxicity.block", "0.99"), ("labels.insult.flag", "0.8")):
        assert ruled("policy", "set", key, value, "--tenant", "acme", *WHY).code == 0
    (rule,) = live(ruled)["policy"]["scopes"]
    assert rule["labels"] == {"toxicity": {"block": 0.99}, "insult": {"flag": 0.8}}


@pytest.mark.parametrize(
    "command",
    [
        "labels.toxicity.blok 0.9",
        "labels.toxicity 0.9",
        "labels.toxicity.block.x 0.9",
        "labels.sarcasm.block 0.9",
        "floors.sarcasm.block 0.9",
        "nonsense 1",
        "prompt_floors.threat.block 0.9",
        "strikes.weights.sarcasm.block 1",
        "strikes.weights.toxicity 1",
        "alerts 1",
        "labels.toxicty.block 0.9",
        "alerts.high_toxicty.above 1",
        "alerts.nope.above 1",
        "alerts.fault_rate.abov 1",
        "windows.x 1",
        "faults.routes 1",
        "resend_s.x 1",
        "scopes 1",
        "floors.insult.block 0.9 --tenant acme",
        "a=b 1",
        "labels.toxicity.block 1.4",
        "labels.toxicity.block 1.4 --tenant acme --route kids",
        "labels.toxicity.block high",
        "labels.toxicity.block 0.1",
        "windows.bucket_s 7",
        "limits.longest_window_s 60",
        "fallbacks No.",
        "fallbacks No. --tenant acme",
    ],
)
def test_a_wrong_key_or_value_writes_nothing(cli: Cli, command: str) -> None:
    """The message names what is allowed: messages/policy-set.txt."""
    if not cli.unpinned("policy", "history", "--json").out:
        cli.unpinned("policy", "apply", str(POLICY), *WHY)
    before = cli.unpinned("policy", "history", "--json").jsonl
    ran = cli("policy", "set", *command.split(), *WHY)
    assert (ran.code, ran.out) == (2, "")
    assert cli.unpinned("policy", "history", "--json").jsonl == before


# --- unset


def test_unset_gives_a_scope_the_wider_threshold_back(ruled: Cli) -> None:
    for key, value in (("labels.toxicity.block", "0.9"), ("labels.insult.flag", "0.6")):
        ruled("policy", "set", key, value, "--tenant", "acme", *WHY)
    ran = ruled("policy", "unset", "labels.toxicity.block", "--tenant", "acme", *WHY)
    assert (ran.code, ran.out) == (0, "scopes[tenant=acme].labels.toxicity.block: 0.9 -> (not set)\n")
    assert "this loosens" in ran.err
    assert "labels.toxicity.block for tenant=acme: 0.9 -> 0.98" in ran.err
    (rule,) = live(ruled)["policy"]["scopes"]
    assert rule["labels"] == {"insult": {"flag": 0.6}}  # no empty table is left
    assert ruled("policy", "unset", "labels.insult.flag", "--tenant", "acme", *WHY).code == 0
    assert live(ruled)["policy"]["scopes"] == []  # nor an empty rule


def test_a_rule_of_words_alone_is_one_until_they_are_unset(ruled: Cli) -> None:
    for key, value in (("mask", "***"), ("fallbacks", '["No."]')):
        assert ruled("policy", "set", key, value, "--tenant", "acme", *WHY).code == 0
    assert ruled("policy", "unset", "fallbacks", "--tenant", "acme", *WHY).code == 0
    (rule,) = live(ruled)["policy"]["scopes"]
    assert (rule["tenant"], rule["mask"], rule.get("fallbacks")) == ("acme", "***", None)
    assert ruled("policy", "unset", "mask", "--tenant", "acme", *WHY).code == 0
    assert live(ruled)["policy"]["scopes"] == []


def test_unset_takes_a_key_a_table_or_a_rule_out(ruled: Cli) -> None:
    ruled("policy", "set", "resend_s", "30", *WHY)
    ruled("policy", "set", "labels.toxicity.flag", "0.6", "--route", "kids", *WHY)
    for asked, line in [
        (["resend_s"], "resend_s: 30 -> 60"),  # its default
        (["labels.insult.review"], "labels.insult.review: 0.95 -> (not set)"),
        (["floors.threat"], "floors.threat.block: 0.99 -> (not set)"),
        (["--route", "kids"], "scopes[route=kids].labels.toxicity.flag: 0.6 -> (not set)"),
        (["labels.threat"], "labels.threat.block: 0.95 -> (not set)"),
    ]:
        ran = ruled("policy", "unset", *asked, *WHY)
        assert (ran.code, line in ran.out.splitlines()) == (0, True), (asked, ran)
    assert ruled("policy", "unset", "alerts.bias_spike", *WHY).code == 0
    assert set(live(ruled)["policy"]["alerts"]) == {"high_toxicity", "fault_rate"}
    assert set(live(ruled)["policy"]["labels"]) == {"toxicity", "insult"}


@pytest.mark.parametrize(
    "command",
    [
        "",
        "labels.toxicity.redact",
        "labels.toxicity.block.x",
        "labels.toxicity.block --tenant nobody",
        "labels.threat",
        "labels",
        "resend_s",
    ],
)
def test_unset_of_what_is_not_set_says_what_is(cli: Cli, command: str) -> None:
    cli.unpinned("policy", "apply", str(POLICY), *WHY)
    before = cli.unpinned("policy", "history", "--json").jsonl
    ran = cli("policy", "unset", *command.split(), *WHY)
    assert ran.code == (0 if command == "resend_s" else 2), ran.err
    assert cli.unpinned("policy", "history", "--json").jsonl == before


@pytest.mark.parametrize(("flag", "text"), [("--reason", ""), ("--reason", " "), ("--author", "a\x1b[2Jb")])
def test_who_and_why_are_lines_that_people_can_read(offline: Cli, flag: str, text: str) -> None:
    given = {"--reason": "a test", "--author": "ada", flag: text}
    ran = offline("policy", "set", "resend_s", "30", *(part for stack in given.items() for part in stack))
    assert (ran.code, "expected a line of text that people can read; nothing written" in ran.err) == (2, True)
