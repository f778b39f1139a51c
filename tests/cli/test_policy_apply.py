"""`policy apply`: what is wrong changes nothing, and of two changes one is told of the other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from streams.cli.policy_log import append
from streams.core.events import PolicyChange
from streams.core.log import Verdict
from tests.cli.conftest import POLICY, WHY, Cli, live


def test_a_file_with_a_label_that_no_model_gives_is_refused(ruled: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("[labels.sarcasm]\nflag = 0.5\n")
    for command in (["check", str(file)], ["apply", str(file), *WHY]):
        ran = ruled("policy", *command)
        assert ran.code == 2
        assert "labels.sarcasm: twin@1 does not give it; expected one of toxicity" in ran.err


def test_of_two_changes_with_one_parent_the_first_in_the_log_wins(ruled: Cli) -> None:
    was = live(ruled)

    def change(resend_s: int) -> PolicyChange:
        policy = {**was["policy"], "resend_s": resend_s}
        return PolicyChange(parent=was["version"], policy=policy, author=f"a{resend_s}", reason="race", at_ms=1)

    async def race() -> list[Any]:
        return await asyncio.gather(*(append(ruled.settings, change(n)) for n in (11, 12, 13)))

    entries = sorted((mine for _, mine in asyncio.run(race())), key=lambda entry: entry.offset)
    assert [entry.verdict for entry in entries] == [Verdict.APPLIED, Verdict.LOST, Verdict.LOST]
    assert live(ruled)["author"] == entries[0].author


def test_the_loser_of_a_race_is_told_who_won_and_what_differs(ruled: Cli, tmp_path: Path) -> None:
    parent = live(ruled)["version"]
    won = ruled("policy", "set", "faults.fail", "closed", "--reason", "incident 42", "--author", "grace")
    assert won.code == 0
    file = tmp_path / "p.toml"
    file.write_text(POLICY.read_text().replace("flag = 0.7", "flag = 0.6"))
    ran = ruled("policy", "apply", str(file), "--parent", parent, *WHY)
    assert ran.code == 1
    assert f"policy {live(ruled)['version']} by grace at " in ran.err
    assert "came first: incident 42" in ran.err
    assert "  faults.fail: open -> closed" in ran.err
    assert live(ruled)["author"] == "grace"
    lost = ruled("policy", "history", "--json", "--limit", "1").jsonl[0]
    assert (lost["verdict"], lost["author"], lost["version"]) == ("lost", "ada", None)
    as_json = ruled("policy", "apply", str(file), "--parent", parent, *WHY, "--json")
    assert as_json.jsonl[0]["verdict"] == "lost"
    assert ruled("policy", "apply", str(file), "--parent", "9-nope", *WHY).code == 2
