"""`policy apply`: what is wrong changes nothing, and of two changes one is told of the other."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import POLICY, WHY, Cli, live
from tidegate.streams.core.events import PolicyChange
from tidegate.streams.core.policy.log import ChangeVerdict
from tidegate.streams.policy_log.history import append
from tidegate.streams.store.redis import RedisStore


def test_a_file_with_a_label_that_no_model_gives_is_refused(ruled: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("[labels.sarcasm]\nflag = 0.5\n")
    for command in (["check", str(file)], ["apply", str(file), *WHY]):
        ran = ruled("policy", *command)
        assert ran.code == 2
        assert "labels.sarcasm: twin@1 does not give it; expected one of toxicity" in ran.err


def test_of_two_changes_of_one_parent_the_first_wins(ruled: Cli) -> None:
    """The first in the log."""
    was = live(ruled)

    def change(resend_s: int) -> PolicyChange:
        policy = {**was["policy"], "resend_s": resend_s}
        return PolicyChange(parent=was["version"], policy=policy, author=f"a{resend_s}", reason="race", at_ms=1)

    async def race() -> list[Any]:
        return await asyncio.gather(*(append(ruled.settings, change(n)) for n in (11, 12, 13)))

    entries = sorted((mine for _, mine in asyncio.run(race())), key=lambda entry: entry.offset)
    assert [entry.verdict for entry in entries] == [ChangeVerdict.APPLIED, ChangeVerdict.LOST, ChangeVerdict.LOST]
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
    (told,) = ruled("policy", "apply", str(file), "--parent", parent, *WHY, "--json").jsonl
    assert (told["verdict"], told["version"]) == ("lost", live(ruled)["version"])
    assert (told["winner"]["author"], told["winner"]["reason"]) == ("grace", "incident 42")
    assert told["changed"] == [{"key": "faults.fail", "was": "open", "now": "closed"}]
    nope = ruled("policy", "apply", str(file), "--parent", "9-nope", *WHY)
    assert (nope.code, "--parent 9-nope: no such version on the log, the latest are" in nope.err) == (2, True)


# --- bad input: where it is wrong, what was found, what is allowed; and the live policy stands

GOOD = "[labels.toxicity]\nflag = 0.7\nblock = 0.98\n"
# the file (None: there is none), and what is said of it after its name
BAD: list[tuple[bytes | str | None, str]] = [
    (None, "No such file or directory; expected a policy file"),
    (b"[labels.toxicity]\nflag = 0.5 # \xff", "not UTF-8 at byte 31; expected a TOML file in UTF-8"),
    ("[labels.toxicity\nflag = 0.5", "not TOML: Expected ']' at the end of a table declaration (at line 1, column 17)"),
    (GOOD + "flag = 0.6\n", "not TOML: Cannot overwrite a value (at line 4, column 11)"),
    ("a = " + "[" * 5_000, "not TOML: tables or lists nested too deep"),
    ("resend_s = " + "9" * 5_000, "not TOML: Exceeds the limit (4300 digits) for integer string conversion"),
    ("", "labels: missing; expected a table"),
    ("labels = 1", "labels: found 1; expected a table"),
    (GOOD + "[windows]\nbucket_s = 1.5", "windows.bucket_s: found 1.5; expected a whole number in [1, 60]"),
    ("[labels.toxicity]\nblock = 1.4", "labels.toxicity.block: found 1.4; expected a number in [0, 1] or 'off'"),
    ("[labels.toxicity]\nflag = 0.7\nblock = 0.5",
     "labels.toxicity: block 0.5 is below flag 0.7; expected flag <= block"),
    ("[labels.toxicity]\nblokc = 0.9",
     "labels.toxicity.blokc: unknown key (did you mean block?); expected one of flag, review, redact, block"),
    ("[labels.toxicity]\nhide = 0.9", "labels.toxicity.hide: unknown key; expected one of flag, review, redact, block"),
    ("[labels.toxicty]\nflag = 0.9",
     "labels.toxicty: twin@1 does not give it (did you mean toxicity?); expected one of toxicity, insult"),
    (GOOD + "[[scopes]]\nlabels.toxicity.flag = 0.9",
     "scopes[0]: no selector; expected at least one of tenant, model, route, locale"),
    (GOOD + "[[scopes]]\ntenant = 'a'\nlabels.toxicty.flag = 0.9",
     "scopes[0].labels.toxicty: unknown label (did you mean toxicity?); expected one of toxicity"),
    (GOOD + "[alerts.a]\nof = 'action.hide'\nabove = 0.1",
     "alerts.a.of: unknown measure 'action.hide'; expected label.<label>, prompt.<label>, action.<action>"),
    (GOOD + "[alerts.a]\nof = 'fault'\nabove = 0.1\nwindow_s = 7200\n[limits]\nlongest_window_s = 3600",
     "alerts.a.window_s: 7200 s is longer than counts are kept; expected at most limits.longest_window_s, 3600"),
    ("schema_version = 2\n[quotas]\nx = 1" + GOOD.replace("[", "\n[", 1),
     "schema_version: 2 is newer than this Tidegate reads, 1; expected 1, or a newer Tidegate"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), BAD)
def test_a_file_that_is_wrong_says_where_and_changes_nothing(
    cli: Cli, tmp_path: Path, content: bytes | str | None, said: str
) -> None:
    if not cli.unpinned("policy", "history", "--json").out:
        cli.unpinned("policy", "apply", str(POLICY), *WHY)
    before = cli.unpinned("policy", "history", "--json").jsonl
    file = tmp_path / "p.toml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = cli("policy", "apply", str(file), *WHY)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"{file}: {said}")
    assert ran.err.splitlines()[-1] == "nothing written; the live policy stands"
    assert cli("policy", "check", str(file)).err.startswith(f"{file}: {said}")
    assert cli.unpinned("policy", "history", "--json").jsonl == before


def test_a_folder_is_no_policy(offline: Cli, tmp_path: Path) -> None:
    ran = offline("policy", "apply", str(tmp_path), *WHY)
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [f"{tmp_path}: Is a directory; expected a policy file", "nothing written; the live policy stands"],
    )


def test_a_policy_larger_than_a_record_is_refused(ruled: Cli, tmp_path: Path) -> None:
    """The message has the number of bytes, which is enough."""
    rules = "".join(f"[[scopes]]\ntenant = 't{n}'\nlabels.toxicity.flag = 0.5\n" for n in range(100))
    file = tmp_path / "p.toml"
    file.write_text(GOOD + rules)
    before = ruled("policy", "history", "--json").jsonl
    ran = ruled("policy", "apply", str(file), *WHY, TIDEGATE_MAX_RECORD_BYTES="4000")
    assert ran.code == 2
    said = re.search(r"^policies: this change is a record of (\d+) bytes; expected at most TIDEGATE_MAX_RECORD_BYTES, "
                     r"4000; nothing written, the live policy stands$", ran.err, re.MULTILINE)  # fmt: skip
    assert said
    assert ruled("policy", "history", "--json").jsonl == before
    enough = ruled("policy", "apply", str(file), *WHY, TIDEGATE_MAX_RECORD_BYTES=said[1])
    assert enough.code == 0


# --- names that match nothing


def count(cli: Cli, kind: str, *names: str) -> None:
    """These names count under their own, as if completions of theirs had come."""

    async def work() -> None:
        store = RedisStore(cli.settings.redis, cli.settings.namespace)
        await store.admit(kind, names, 1_000)
        await store.close()

    asyncio.run(work())


SCOPES = """
[[scopes]]
tenant = "acmee"
locale = "fr"
labels.toxicity.flag = 0.5

[[scopes]]
tenant = "acme"
route = "kids"
labels.toxicity.flag = 0.5

[faults.routes]
kidz = "closed"
"""


def test_a_scope_that_matches_nothing_seen_is_warned_of(ruled: Cli, tmp_path: Path) -> None:
    count(ruled, "tenant", "acme", "bank")
    count(ruled, "route", "kids")
    file = tmp_path / "p.toml"
    file.write_text(POLICY.read_text() + SCOPES)
    warned = [
        "scopes[tenant=acmee,locale=fr]: no tenant acmee counts just now (did you mean acme?); it holds where one "
        "comes",
        "faults.routes.kidz: no route kidz counts just now (did you mean kids?); it holds where one comes",
    ]
    assert ruled("policy", "check", str(file)).err == ""  # asks nobody
    assert ruled("policy", "check", str(file), "--live").err.splitlines() == warned
    ran = ruled("policy", "apply", str(file), *WHY)
    assert (ran.code, ran.err.splitlines()) == (0, [*warned, f"policy {live(ruled)['version']} is live"])
    # said once: what the live policy has is not said again
    ran = ruled("policy", "set", "labels.insult.flag", "0.6", "--model", "gpt-9", *WHY)
    assert ran.err.splitlines()[:-1] == [
        "scopes[model=gpt-9]: no model gpt-9 counts just now; it holds where one comes"
    ]
    # where so many names are live that new ones count as `other`, nobody knows
    full = ruled("policy", "check", str(file), "--live", TIDEGATE_LIVE_SCOPES="2")
    assert full.err.splitlines() == warned[1:]


def test_an_unavailable_redis_stops_no_change(ruled: Cli) -> None:
    """It is a warning; the change is made."""
    ran = ruled(
        "policy", "set", "labels.insult.flag", "0.6", "--tenant", "acme", *WHY, TIDEGATE_REDIS="redis://127.0.0.1:1/0"
    )
    assert ran.code == 0
    assert "redis 127.0.0.1:1: " in ran.err
    assert ": whether tenant=acme matches anything could not be checked" in ran.err
