"""The policy log from the command line: what is set is what becomes live, and who loses a race is told."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from streams.cli.policy_file import differences, toml
from streams.cli.policy_log import append
from streams.core.events import PolicyChange
from streams.core.log import Verdict
from streams.core.policy import parse
from streams.embedded import Embedded
from streams.policy_file import read_policy
from streams.topics_admin import ensure_topics
from tests.cli.conftest import POLICY as FILE
from tests.cli.conftest import TWIN, Cli
from tests.manifests import write_cascade

WHY = ("--reason", "a test", "--author", "ada")


@pytest.fixture
def own(own_embedded: Embedded) -> Cli:
    """A log of this test's own, with policy.toml live."""
    asyncio.run(ensure_topics(own_embedded.kafka, 1, 1))
    cli = Cli({**own_embedded.env(), **TWIN})
    assert cli("policy", "apply", str(FILE), *WHY).code == 0
    return cli


def live(cli: Cli) -> dict[str, Any]:
    found: dict[str, Any] = cli("policy", "show", "--json").jsonl[0]
    return found


def test_an_empty_log_has_no_policy_to_show(own_embedded: Embedded) -> None:
    asyncio.run(ensure_topics(own_embedded.kafka, 1, 1))
    cli = Cli({**own_embedded.env(), **TWIN})
    for command in (["show"], ["set", "resend_s", "5", *WHY]):
        ran = cli("policy", *command)
        assert ran.code == 1
        assert "no policy yet" in ran.err


def test_show_is_a_file_that_apply_takes_back_unchanged(own: Cli, tmp_path: Path) -> None:
    own("policy", "set", "labels.toxicity.block", "0.99", "--tenant", "a.b", *WHY)
    shown = own("policy", "show").out
    assert shown.startswith(f"# Policy {live(own)['version']}, by ada at ")
    file = tmp_path / "p.toml"
    file.write_text(shown)
    assert read_policy(file).model_dump(mode="json", exclude_none=True) == live(own)["policy"]
    ran = own("policy", "apply", str(file), *WHY)
    assert (ran.code, "nothing written" in ran.err) == (0, True)
    assert own("policy", "check", str(file), "--live").out.endswith(f"live policy {live(own)['version']}\n")


@pytest.mark.parametrize(
    ("key", "value", "flags", "line"),
    [
        ("labels.toxicity.block", "0.95", [], "labels.toxicity.block: 0.98 -> 0.95"),
        ("labels.toxicity.redact", "0.97", [], "labels.toxicity.redact: (not set) -> 0.97"),
        ("labels.insult.review", "off", [], "labels.insult.review: 0.95 -> off"),
        ("prompt_labels.threat.flag", "0.5", [], "prompt_labels.threat.flag: (not set) -> 0.5"),
        ("floors.insult.block", "0.999", [], "floors.insult.block: (not set) -> 0.999"),
        ("faults.fail", "closed", [], "faults.fail: open -> closed"),
        ('faults.routes."kids.chat"', "closed", [], "faults.routes.kids.chat: (not set) -> closed"),
        ("windows.late_s", "300", [], "windows.late_s: 600 -> 300"),
        ("resend_s", "30", [], "resend_s: 60 -> 30"),
        ("alerts.fault_rate.by", '["all", "model"]', [], "alerts.fault_rate.by: ['all'] -> ['all', 'model']"),
        (
            "labels.toxicity.block",
            "0.99",
            ["--tenant", "acme", "--route", "kids"],
            "scopes[tenant=acme,route=kids].labels.toxicity.block: (not set) -> 0.99",
        ),
    ],
)
def test_set_changes_one_key(cli: Cli, key: str, value: str, flags: list[str], line: str) -> None:
    cli("policy", "apply", str(FILE), *WHY)
    ran = cli("policy", "set", key, value, *flags, *WHY)
    assert (ran.code, ran.out.splitlines()) == (0, [line])
    assert ran.err == f"policy {live(cli)['version']} is live\n"


def test_a_scope_gets_one_rule_however_often_it_is_set(own: Cli) -> None:
    for key, value in (("labels.toxicity.block", "0.99"), ("labels.insult.flag", "0.8")):
        assert own("policy", "set", key, value, "--tenant", "acme", *WHY).code == 0
    (rule,) = live(own)["policy"]["scopes"]
    assert rule["labels"] == {"toxicity": {"block": 0.99}, "insult": {"flag": 0.8}}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("labels.toxicity.blok 0.9", "no key blok; expected one of block, flag, redact, review; nothing written"),
        ("labels.toxicity 0.9", "not a whole key; expected one of block, flag, redact, review"),
        ("labels.toxicity.block.x 0.9", "block is a value, it has no keys"),
        ("labels.sarcasm.block 0.9", "sarcasm is no label; expected one of identity_attack, insult"),
        ("floors.sarcasm.block 0.9", "sarcasm is no label; expected one of insult, threat, toxicity"),
        ("nonsense 1", "no key nonsense; expected one of alerts, faults, floors, labels"),
        ("alerts.nope.above 1", "no such rule; a new one comes with `policy apply`; expected one of bias_spike"),
        ("alerts.fault_rate.abov 1", "no key abov; expected one of above, by, confidence"),
        ("windows.x 1", "no key x; expected one of bucket_s"),
        ("faults.routes 1", "expected faults.routes.<route>"),
        ("resend_s.x 1", "resend_s is a value, it has no keys"),
        ("scopes 1", "set for a scope with --tenant"),
        ("floors.insult.block 0.9 --tenant acme", "a scope sets only labels and prompt_labels"),
        ("a=b 1", "not a key; expected one such as labels.toxicity.block"),
        ("labels.toxicity.block 1.4", "found 1.4"),
        ("labels.toxicity.block high", "found 'high'"),
        ("labels.toxicity.block 0.1", "block 0.1 is below"),
        ("windows.bucket_s 7", "expected a multiple of bucket_s, 7"),
    ],
)
def test_a_wrong_key_or_value_names_what_is_allowed_and_writes_nothing(cli: Cli, command: str, said: str) -> None:
    if not cli("policy", "history", "--json").out:
        cli("policy", "apply", str(FILE), *WHY)
    before = cli("policy", "history", "--json").jsonl
    ran = cli("policy", "set", *command.split(), *WHY)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert cli("policy", "history", "--json").jsonl == before


def test_a_file_with_a_label_that_no_model_gives_is_refused(own: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("[labels.sarcasm]\nflag = 0.5\n")
    for command in (["check", str(file)], ["apply", str(file), *WHY]):
        ran = own("policy", *command)
        assert ran.code == 2
        assert "labels.sarcasm: twin@1 does not give it; expected one of toxicity" in ran.err


# --- what a threshold costs a cascade

# The encoder reads toxicity in [0.3, 0.7). Of ten texts the screen gives 2 a score in there; a threshold at 0.9 takes
# the band to 0.95, and 3 more with it; one at 0.1 takes it down to 0.05, and 3 others.
#
#   screen    .01 .02 .06 .1 .2    .4 .5    .75 .8 .9
#                                 [------)
TRAFFIC = [0.01, 0.02, 0.06, 0.1, 0.2, 0.4, 0.5, 0.75, 0.8, 0.9]


@pytest.fixture
def cascade(tmp_path: Path) -> dict[str, str]:
    """Variables of a cascade with bands and a stated traffic."""
    manifest = write_cascade(tmp_path, {"toxicity": (0.3, 0.7)}, traffic=TRAFFIC)
    return {"TIDEGATE_CLASSIFIER": "both", "TIDEGATE_CLASSIFIER_MANIFEST": str(manifest)}


# toxicity's part of a policy, and what is said of it
COSTS: list[tuple[str, list[str]]] = [
    ("[labels.toxicity]\nflag = 0.4\nblock = 0.6", []),
    (
        "[labels.toxicity]\nflag = 0.4\nblock = 0.9",
        [
            "labels.toxicity.block: 0.9 is outside the band [0.3, 0.7) that the encoder reads",
            "the live bands widen to hold it; of the stated traffic the encoder of both then reads 50.0% of texts, "
            "not 20.0%",
        ],
    ),
    (
        '[labels.toxicity]\nflag = 0.32\n[[scopes]]\ntenant = "a.b"\nlabels.toxicity.flag = 0.1',
        [
            "labels.toxicity.flag: 0.32 is within 0.05 of the edge of the band [0.3, 0.7) that the encoder reads",
            "scopes[tenant=a.b].labels.toxicity.flag: 0.1 is outside the band [0.3, 0.7) that the encoder reads",
            "the live bands widen to hold them; of the stated traffic the encoder of both then reads 50.0% of texts, "
            "not 20.0%",
        ],
    ),
    # what a floor overrules holds nowhere; 0 is reached by every score; an empty band stays empty
    ("[labels.toxicity]\nflag = 0\nblock = 0.9\n[floors.toxicity]\nblock = 0.5\n[labels.insult]\nflag = 0.1", []),
]


@pytest.mark.parametrize(("policy", "said"), COSTS)
def test_check_says_which_thresholds_widen_a_band_and_what_that_costs(
    offline: Cli, tmp_path: Path, cascade: dict[str, str], policy: str, said: list[str]
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(policy + "\n")
    ran = offline("policy", "check", str(file), **cascade)
    assert (ran.code, ran.err.splitlines()) == (0, said)
    assert "right; both gives all" in ran.out
    assert offline("policy", "check", str(file)).err == ""  # another scorer has no bands


def test_without_a_stated_traffic_the_cost_is_not_known(offline: Cli, tmp_path: Path) -> None:
    manifest = write_cascade(tmp_path, {"toxicity": (0.3, 0.7)})
    file = tmp_path / "p.toml"
    file.write_text("[labels.toxicity]\nflag = 0.9\n")
    ran = offline("policy", "check", str(file), TIDEGATE_CLASSIFIER="", TIDEGATE_CLASSIFIER_MANIFEST=str(manifest))
    assert "widen to hold it; what that costs is not known" in ran.err


def test_a_change_says_only_what_it_widens_itself(own: Cli, cascade: dict[str, str]) -> None:
    live_has = own("policy", "set", "labels.toxicity.flag", "0.1", *WHY, **cascade).err
    assert "labels.toxicity.flag: 0.1 is outside the band" in live_has
    ran = own("policy", "set", "labels.toxicity.block", "0.99", *WHY, **cascade)
    assert ran.err.splitlines()[:2] == [
        "labels.toxicity.block: 0.99 is outside the band [0.3, 0.7) that the encoder reads",
        "the live bands widen to hold it; of the stated traffic the encoder of both then reads 80.0% of texts, "
        "not 80.0%",
    ]
    assert own("policy", "set", "resend_s", "30", *WHY, **cascade).err.splitlines() == [
        f"policy {live(own)['version']} is live"
    ]


def test_of_two_changes_with_one_parent_the_first_in_the_log_wins(own: Cli) -> None:
    was = live(own)

    def change(resend_s: int) -> PolicyChange:
        policy = {**was["policy"], "resend_s": resend_s}
        return PolicyChange(parent=was["version"], policy=policy, author=f"a{resend_s}", reason="race", at_ms=1)

    async def race() -> list[Any]:
        return await asyncio.gather(*(append(own.settings, change(n)) for n in (11, 12, 13)))

    entries = sorted((mine for _, mine in asyncio.run(race())), key=lambda entry: entry.offset)
    assert [entry.verdict for entry in entries] == [Verdict.APPLIED, Verdict.LOST, Verdict.LOST]
    assert live(own)["author"] == entries[0].author


def test_the_loser_of_a_race_is_told_who_won_and_what_differs(own: Cli, tmp_path: Path) -> None:
    parent = live(own)["version"]
    won = own("policy", "set", "faults.fail", "closed", "--reason", "incident 42", "--author", "grace")
    assert won.code == 0
    file = tmp_path / "p.toml"
    file.write_text(FILE.read_text().replace("flag = 0.7", "flag = 0.6"))
    ran = own("policy", "apply", str(file), "--parent", parent, *WHY)
    assert ran.code == 1
    assert f"policy {live(own)['version']} by grace at " in ran.err
    assert "came first: incident 42" in ran.err
    assert "  faults.fail: open -> closed" in ran.err
    assert live(own)["author"] == "grace"
    lost = own("policy", "history", "--json", "--limit", "1").jsonl[0]
    assert (lost["verdict"], lost["author"], lost["version"]) == ("lost", "ada", None)
    as_json = own("policy", "apply", str(file), "--parent", parent, *WHY, "--json")
    assert as_json.jsonl[0]["verdict"] == "lost"
    assert own("policy", "apply", str(file), "--parent", "9-nope", *WHY).code == 2


def test_history_shows_every_record_also_what_was_no_policy(own: Cli) -> None:
    own.write([("policies", b"live", b"garbage"), ("policies", b"live", json.dumps({"kind": "policy"}).encode())])
    own("policy", "set", "resend_s", "30", *WHY)
    assert [(e["offset"], e["verdict"]) for e in own("policy", "history", "--json").jsonl] == [
        (0, "applied"),
        (1, "invalid"),
        (2, "invalid"),
        (3, "applied"),
    ]
    table = own("policy", "history").out.splitlines()
    assert len(table) == 5
    assert "policies@1: not valid JSON" in table[2]


def test_toml_keeps_every_value_and_differences_name_scopes_by_their_selector() -> None:
    data = {
        "labels": {"toxicity": {"flag": 0.5, "block": "off"}},
        "floors": {"toxicity": {"block": 0.99}},
        "scopes": [{"tenant": 'a"b', "labels": {"toxicity": {"flag": 0.6}}}, {"route": "kids.chat"}],
        "faults": {"fail": "open", "routes": {"kids chat": "closed"}},
        "alerts": {"x": {"of": "fault", "above": 0.1, "by": ["all", "model"]}},
    }
    policy = parse(data, "test")
    assert parse(tomllib.loads(toml(policy)), "again") == policy
    other = parse({**data, "scopes": [], "resend_s": 5}, "other")
    assert differences(policy, other) == [
        "resend_s: 60 -> 5",
        'scopes[tenant=a"b].labels.toxicity.flag: 0.6 -> (not set)',
    ]
