"""A candidate beside the live policy: started, replaced, shown, promoted, dropped; who comes second is told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import POLICY as FILE
from tests.cli.conftest import TWIN, Cli
from tests.support.manifests import write_cascade
from tests.support.stacks import Stack
from tidegate.streams.core.events import PolicyChange, ShadowChange
from tidegate.streams.core.policy.log import ChangeVerdict
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.operations import shadow as shadows
from tidegate.streams.operations.policy_change import Attribution
from tidegate.streams.operations.policy_history import NamedPolicy
from tidegate.streams.operations.policy_toml import plain
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.policy_log.history import append, read_log

WHY = ("--reason", "a test", "--author", "ada")
STRICTER = ("flag = 0.7\nreview = 0.9\nblock = 0.98", "flag = 0.7\nreview = 0.9\nblock = 0.95")


@pytest.fixture
def own(cli: Cli) -> Cli:
    """The module's log, with policy.toml live and no shadow."""

    async def work() -> None:
        log = (await read_log(cli.settings)).log
        live, policy = log.live, read_policy(FILE)
        facts = {"author": "set-up", "reason": "set-up", "at_ms": 1}
        if log.shadow is not None:
            await append(cli.settings, ShadowChange(parent=log.shadow.version, policy=None, **facts))
        if live is None or live.policy != policy:
            parent = live.version if live else None
            await append(cli.settings, PolicyChange(parent=parent, policy=plain(policy), **facts))

    asyncio.run(work())
    return cli


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """policy.toml with toxicity blocked from 0.95, not 0.98."""
    made = tmp_path / "stricter.toml"
    made.write_text(FILE.read_text().replace(*STRICTER, 1))
    return made


def changed(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def shown(cli: Cli, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = cli("policy", "show", "--json", *more).jsonl[0]
    return found


def last(cli: Cli) -> dict[str, Any]:
    found: dict[str, Any] = cli("policy", "history", "--json", "--limit", "1").jsonl[0]
    return found


# --- started


def test_a_shadow_runs_beside_the_live_policy_which_stands(own: Cli, file: Path) -> None:
    live = shown(own)
    ran = own("policy", "shadow", str(file), *WHY)
    tried = shown(own, "--shadow")
    assert (ran.code, ran.out.splitlines()) == (0, ["labels.toxicity.block: 0.98 -> 0.95"])
    assert ran.err == (f"shadow {tried['version']} runs beside policy {live['version']}; none of its rules alerts\n")
    assert shown(own) == live
    assert (tried["author"], tried["reason"], tried["parent"]) == ("ada", "a test", None)
    assert tried["policy"]["labels"]["toxicity"]["block"] == 0.95


def test_show_shows_a_shadow_as_a_file(own: Cli, file: Path, tmp_path: Path) -> None:
    """It says that one runs; the file can be run as a shadow again."""
    assert own("policy", "show").err == ""
    own("policy", "shadow", str(file), *WHY)
    live, tried = shown(own)["version"], shown(own, "--shadow")["version"]
    assert own("policy", "show").err == f"shadow {tried} runs beside it: `tidegate policy show --shadow`\n"
    text = own("policy", "show", "--shadow").out
    assert text.startswith(f"# Shadow {tried}, beside policy {live}, by ada at ")
    again = tmp_path / "again.toml"
    again.write_text(text)
    ran = own("policy", "shadow", str(again), *WHY)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"no different from shadow {tried}, which runs; nothing written\n"


def test_another_one_replaces_it_and_says_so(own: Cli, file: Path) -> None:
    own("policy", "shadow", str(file), *WHY)
    first = shown(own, "--shadow")["version"]
    changed(file, "block = 0.95", "block = 0.9")
    ran = own("policy", "shadow", str(file), *WHY)
    second = shown(own, "--shadow")
    assert ran.code == 0
    assert f"shadow {second['version']} runs beside policy" in ran.err
    assert f", in place of {first};" in ran.err
    assert second["parent"] == first


def test_a_shadow_like_the_live_policy_is_not_written(own: Cli) -> None:
    before = last(own)
    ran = own("policy", "shadow", str(FILE), *WHY)
    assert (ran.code, ran.err) == (0, f"no different from the live policy {shown(own)['version']}; nothing written\n")
    assert own("policy", "shadow", str(FILE), *WHY, "--json").jsonl == [{"verdict": "unchanged", "version": None}]
    assert last(own) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("block = 0.95", "block = 0.1", "labels.toxicity: block 0.1 is below"),
        ("[labels.insult]", "[labels.sarcasm]\nflag = 0.5\n[labels.insult]", "twin@1 does not give it"),
        ("[labels.insult]", "[labels.insult", "not TOML: Expected"),
    ],
)
def test_a_file_that_check_refuses_starts_no_shadow(own: Cli, file: Path, old: str, new: str, said: str) -> None:
    before = last(own)
    changed(file, old, new)
    ran = own("policy", "shadow", str(file), *WHY)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.endswith("nothing written; no shadow started\n")
    assert last(own) == before


def test_it_says_what_it_costs_and_which_of_its_rules_alert(own: Cli, file: Path, tmp_path: Path) -> None:
    changed(file, 'of = "fault"', 'of = "fault"\nshadow = true\nwindow_s = 172800')
    changed(
        file,
        "[labels.insult]",
        "[limits]\nlongest_window_s = 172800\n[prompt_labels.insult]\nflag = 0.5\n[labels.insult]",
    )
    manifest = write_cascade(tmp_path, {"toxicity": (0.3, 0.7)})
    ran = own("policy", "shadow", str(file), *WHY,
              TIDEGATE_CLASSIFIER="", TIDEGATE_CLASSIFIER_MANIFEST=str(manifest))  # fmt: skip
    assert ran.code == 0
    assert ran.err.splitlines()[:-1] == [
        "labels.toxicity.block: 0.95 is outside the band [0.3, 0.7) that the encoder reads",
        "the live bands widen to hold it; what that costs is not known: the manifest names no traffic, or a file that "
        "is not there as it was stated",
        "prompts are scored while it runs: the live policy asks for none",
        "alerts.fault_rate.window_s: 172800 s is longer than the live policy keeps counts; looked at over "
        "limits.longest_window_s, 86400",
    ]
    assert ran.err.splitlines()[-1].endswith("; of its rules these alert: fault_rate")


def test_without_a_live_policy_there_is_nothing_to_run_beside(own_stack: Stack, file: Path) -> None:
    asyncio.run(ensure_topics(own_stack.kafka, 1, own_stack.replication))
    bare = Cli({**own_stack.env(), **TWIN})
    for command in (["shadow", str(file)], ["promote"], ["drop"]):
        ran = bare("policy", *command, *WHY)
        assert (ran.code, "no policy yet" in ran.err) == (1, True)


# --- who comes second


def test_of_two_shadows_of_one_parent_the_first_runs(own: Cli, file: Path) -> None:
    """The first in the log; the other one is lost."""
    policy = {**shown(own)["policy"], "resend_s": 11}

    def change(author: str) -> ShadowChange:
        return ShadowChange(parent=None, policy=policy, author=author, reason="a race", at_ms=int(time.time() * 1000))

    async def race() -> list[Any]:
        return await asyncio.gather(*(append(own.settings, change(name)) for name in ("grace", "joan")))

    entries = sorted((mine for _, mine in asyncio.run(race())), key=lambda entry: entry.offset)
    assert [entry.verdict for entry in entries] == [ChangeVerdict.SHADOWED, ChangeVerdict.LOST]
    assert shown(own, "--shadow")["author"] == entries[0].author


@pytest.mark.parametrize("as_json", [False, True])
def test_the_loser_is_told_who_came_first_and_what_runs(
    own: Cli, file: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    costs = shadows._costs

    async def meanwhile(*args: Any) -> list[str]:
        """Somebody else's shadow is started while this one is looked at."""
        monkeypatch.setattr(shadows, "_costs", costs)
        changed(file, "block = 0.95", "block = 0.96")
        proposal = await shadows.propose_shadow(own.settings, NamedPolicy(str(file), read_policy(file)))
        await shadows.start_shadow(own.settings, proposal, Attribution("grace", "mine"))
        return await costs(*args)

    monkeypatch.setattr(shadows, "_costs", meanwhile)
    ran = own("policy", "shadow", str(file), *WHY, *(["--json"] if as_json else []))
    runs = shown(own, "--shadow")
    assert (ran.code, runs["author"]) == (1, "grace")
    assert f"not done: shadow {runs['version']} by grace at " in ran.err
    assert "came first: mine" in ran.err
    assert f"shadow {runs['version']} runs now" in ran.err
    assert last(own)["verdict"] == "lost"
    if as_json:
        (told,) = ran.jsonl
        assert (told["verdict"], told["version"]) == ("lost", runs["version"])
        assert told["why"].endswith(f"made against no shadow, but {runs['version']} ran")


# --- promoted


def test_promote_makes_the_shadow_live_by_one_record(own: Cli, file: Path) -> None:
    """And it runs no longer."""
    own("policy", "shadow", str(file), *WHY)
    live, tried = shown(own), shown(own, "--shadow")
    ran = own("policy", "promote", *WHY)
    now = shown(own)
    assert (ran.code, ran.out.splitlines()) == (0, ["labels.toxicity.block: 0.98 -> 0.95"])
    assert ran.err.splitlines() == [
        f"policy {now['version']} is live",
        f"it was shadow {tried['version']}, which runs no longer",
    ]
    assert (now["policy"], now["parent"]) == (tried["policy"], live["version"])
    assert last(own)["offset"] == int(tried["version"].split("-")[0]) + 1
    assert own("policy", "show", "--shadow").code == 1
    again = own("policy", "promote", *WHY)
    assert (again.code, again.err) == (1, "no shadow runs; `tidegate policy shadow FILE --reason …` starts one\n")


def test_promoting_asks_before_it_takes_changes_back(own: Cli, file: Path) -> None:
    """It names the later changes of the live policy that it takes back."""
    own("policy", "shadow", str(file), *WHY)
    tried = shown(own, "--shadow")["version"]
    own("policy", "set", "faults.fail", "closed", *WHY)
    own("policy", "set", "resend_s", "61", *WHY)
    own("policy", "set", "resend_s", "60", *WHY)  # and back: nothing to take back
    own("policy", "set", "labels.toxicity.block", "0.95", *WHY)  # what the shadow has too
    live = shown(own)
    ran = own("policy", "promote", *WHY)
    assert (ran.code, ran.out) == (2, "")  # nobody to ask
    assert ran.err.splitlines()[:2] == [
        f"since shadow {tried} was started, the live policy changed; promoting takes back:",
        "  faults.fail: closed -> open",
    ]
    assert (shown(own), shown(own, "--shadow")["version"]) == (live, tried)
    assert own("policy", "promote", *WHY, "--yes").code == 0
    assert shown(own)["policy"]["faults"]["fail"] == "open"


def test_promoting_a_looser_one_asks_as_every_change_does(own: Cli, file: Path) -> None:
    changed(file, "block = 0.95", "block = 0.99")
    own("policy", "shadow", str(file), *WHY)
    ran = own("policy", "promote", *WHY)
    assert (ran.code, ran.out) == (2, "")
    assert "this loosens policy" in ran.err
    assert "labels.toxicity.block: 0.98 -> 0.99" in ran.err
    assert own("policy", "promote", *WHY, "--yes").code == 0


def test_a_shadow_with_an_unknown_label_is_not_promoted(own: Cli) -> None:
    """A label that the classifier does not give."""
    policy = shown(own)["policy"]
    policy["labels"]["sarcasm"] = {"flag": 0.5}
    record = ShadowChange(parent=None, policy=policy, author="joan", reason="another model", at_ms=1)
    assert asyncio.run(append(own.settings, record))[1].verdict is ChangeVerdict.SHADOWED
    ran = own("policy", "promote", *WHY, "--yes")
    assert ran.code == 2
    assert f"shadow {shown(own, '--shadow')['version']}: labels.sarcasm: twin@1 does not give it" in ran.err


def test_applying_what_the_shadow_tries_ends_it_too(own: Cli, file: Path) -> None:
    own("policy", "shadow", str(file), *WHY)
    assert own("policy", "apply", str(file), *WHY).code == 0
    assert own("policy", "show", "--shadow").code == 1


# --- dropped


def test_drop_ends_it_and_the_live_policy_stands(own: Cli, file: Path) -> None:
    live = shown(own)
    own("policy", "shadow", str(file), *WHY)
    tried = shown(own, "--shadow")["version"]
    ran = own("policy", "drop", *WHY)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"shadow {tried} runs no longer; policy {live['version']} is live as before\n"
    assert shown(own) == live
    again = own("policy", "drop", *WHY)
    assert (again.code, again.err) == (1, "no shadow runs; `tidegate policy shadow FILE --reason …` starts one\n")


def test_history_and_tail_tell_of_shadows(own: Cli, file: Path) -> None:
    own("policy", "shadow", str(file), *WHY)
    tried = shown(own, "--shadow")["version"]
    own("policy", "drop", "--reason", "too strict", "--author", "grace")
    told = [(e["verdict"], e["version"], e["kind"], e["parent"]) for e in own("policy", "history", "--json").jsonl]
    assert told[-2:] == [("shadowed", tried, "shadow", None), ("dropped", None, "shadow", tried)]
    lines = own.unpinned("tail", "policies", "--until-end").out.splitlines()
    assert lines[-2].endswith("  shadow by ada: a test")
    assert lines[-1].endswith(f"  shadow {tried} dropped by grace: too strict")


def test_json_says_what_became_of_it(own: Cli, file: Path) -> None:
    started = own("policy", "shadow", str(file), *WHY, "--json").jsonl
    tried = shown(own, "--shadow")["version"]
    offset = int(tried.split("-")[0])
    assert started == [{"verdict": "shadowed", "version": tried, "offset": offset, "why": None}]
    assert own("policy", "drop", *WHY, "--json").jsonl == [
        {"verdict": "dropped", "version": None, "offset": offset + 1, "why": None}
    ]
