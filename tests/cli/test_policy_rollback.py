"""`policy rollback`: an earlier version live again, as a change of its own."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import WHY, Cli, live
from tests.support.manifests import write_one

ASKED = WHY[:-1]  # without --yes


def test_rollback_takes_the_last_change_back_as_a_new_one(ruled: Cli) -> None:
    was = live(ruled)
    ruled("policy", "set", "resend_s", "30", *WHY)
    ran = ruled("policy", "rollback", "--reason", "worse than before", "--author", "grace")
    assert (ran.code, ran.out) == (0, "resend_s: 30 -> 60\n")
    assert f"back to what policy {was['version']} was, by ada: a test\n" in ran.err
    now = live(ruled)
    assert (now["policy"], now["author"], now["reason"]) == (was["policy"], "grace", "worse than before")
    assert now["version"].startswith("2-")
    assert len(ruled("policy", "history", "--json").jsonl) == 3  # nothing leaves the log


def test_back_twice_is_forth_again_and_asks(ruled: Cli) -> None:
    first = live(ruled)["version"]
    ruled("policy", "set", "resend_s", "30", *WHY)
    second = live(ruled)["version"]
    ruled("policy", "rollback", *ASKED)
    third = live(ruled)["version"]
    asked = ruled("policy", "rollback", *ASKED)
    assert (asked.code, asked.out) == (2, "")
    assert (
        f"policy {third}, which is live, is what {first} was: somebody went back already. Back from there is forth "
        f"again, to {second}; for an older one name it" in asked.err
    )
    assert live(ruled)["version"] == third
    assert ruled("policy", "rollback", *WHY).code == 0
    assert live(ruled)["policy"]["resend_s"] == 30


def test_rollback_goes_to_any_version_that_was_live(ruled: Cli) -> None:
    first = live(ruled)
    for resend_s in ("30", "31", "32"):
        ruled("policy", "set", "resend_s", resend_s, *WHY)
    versions = [entry["version"] for entry in ruled("policy", "history", "--json").jsonl]
    for named in (first["version"], "1"):  # a version's offset will do
        assert ruled("policy", "rollback", named, *ASKED).code == 0
    assert live(ruled)["policy"]["resend_s"] == 30
    same = ruled("policy", "rollback", live(ruled)["version"], *ASKED)
    assert (same.code, "nothing written" in same.err) == (0, True)
    gone = ruled("policy", "rollback", "9-0123abcd", *ASKED)
    assert gone.code == 2
    assert gone.err.startswith("VERSION 9-0123abcd: no such version on the log, the latest are ")
    assert versions[-1] in gone.err
    assert gone.err.endswith("nothing written; the live policy stands\n")


def test_the_first_policy_has_nothing_before_it(ruled: Cli) -> None:
    ran = ruled("policy", "rollback", *ASKED)
    version = live(ruled)["version"]
    assert (ran.code, ran.err) == (
        2,
        f"policy {version} is the first on the log: nothing is before it; nothing written; the live policy stands\n",
    )


def test_a_version_whose_labels_nobody_gives_is_refused(ruled: Cli, tmp_path: Path) -> None:
    """Labels that the present classifier does not give."""
    ruled("policy", "unset", "labels.insult", *WHY)  # the manifest's model gives toxicity only, from here on
    ruled("policy", "unset", "alerts.bias_spike", *WHY)
    one = write_one(tmp_path, labels=["toxicity", "threat"], prompt_labels=None, experimental=None)
    ran = ruled("policy", "rollback", "0", *ASKED, TIDEGATE_CLASSIFIER="", TIDEGATE_CLASSIFIER_MANIFEST=str(one))
    assert ran.code == 2
    assert "labels.insult: screen-en does not give it; expected one of toxicity, threat; refused" in ran.err
    assert "the live policy stands" in ran.err


def test_rollback_asks_where_it_loosens(ruled: Cli) -> None:
    ruled("policy", "set", "labels.toxicity.block", "0.95", *WHY)
    ran = ruled("policy", "rollback", *ASKED)
    assert (ran.code, "labels.toxicity.block: 0.95 -> 0.98" in ran.err, "expected --yes" in ran.err) == (2, True, True)
    assert live(ruled)["policy"]["labels"]["toxicity"]["block"] == 0.95
