"""`score` gives what a worker would decide, line by line, and needs no server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import POLICY, TWIN, Cli
from tests.support.manifests import write_cascade
from tidegate.classifiers import Cascade, Scored
from tidegate.streams.core.policy.model import digest
from tidegate.streams.policy_log.file import read_policy


def line(id: str, completion: object, **more: object) -> str:
    return json.dumps({"id": id, "completion": completion, **more})


def test_each_line_becomes_scores_an_action_and_its_reasons(offline: Cli) -> None:
    ran = offline("score", "-", stdin=line("a", "toxicity=0.91234 insult=0.2") + "\n" + line("b", "fine"))
    assert ran.code == 0, ran.err
    a, b = ran.jsonl
    assert list(a) == ["id", "scores", "action", "reasons", "model", "policy"]
    assert a["scores"]["toxicity"] == 0.9123  # 4 decimals, as every decision
    assert a["action"] == "review"  # policy.toml: review 0.9, block 0.98
    assert [(r["label"], r["score"], r["threshold"]) for r in a["reasons"]] == [("toxicity", 0.9123, 0.9)]
    assert (a["model"], a["policy"]) == ("twin@1", f"file-{digest(read_policy(POLICY))}")
    assert (b["id"], b["action"], b["reasons"]) == ("b", "allow", [])


def test_score_knows_scopes_and_prompts(offline: Cli, tmp_path: Path) -> None:
    """A scope in the policy file holds, and the prompt is scored apart."""
    policy = tmp_path / "p.toml"
    policy.write_text(
        '[labels.toxicity]\nflag = 0.5\n[prompt_labels.threat]\nflag = 0.5\n'
        '[[scopes]]\ntenant = "acme"\nlabels.toxicity.block = 0.6\n'
    )  # fmt: skip
    lines = [
        line("a", "toxicity=0.7", tenant="acme"),
        line("b", "toxicity=0.7", prompt="threat=0.8"),
        line("c", ["toxicity=0.1", "toxicity=0.9"]),
    ]
    ran = offline("score", "-", "--policy", str(policy), stdin="\n".join(lines))
    a, b, c = ran.jsonl
    assert (a["action"], a["reasons"][0]["scope"]) == ("block", "tenant=acme")
    assert [(r["label"], r["of"]) for r in b["reasons"]] == [("threat", "prompt"), ("toxicity", "completion")]
    assert b["prompt_scores"] == {"threat": 0.8}
    assert (c["scores"]["toxicity"], c["reasons"][0]["choice"]) == (0.9, 1)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"not json", "line 2: not_json at byte 1; expected JSON; left out"),
        (b'{"id": "x"}', "line 2: invalid at completion; expected this key: a string, or a list"),
        (b"\xff", "line 2: not_utf8 at byte 0; expected UTF-8; left out"),
        (b'{"id": "x", "completion": "boom"}', "line 2: not scored: classifier_error"),
    ],
)
def test_a_bad_line_is_named_and_its_neighbours_are_scored(offline: Cli, bad: bytes, said: str) -> None:
    stdin = line("a", "x").encode() + b"\n" + bad + b"\n\n" + line("b", "x").encode() + b"\n"
    ran = offline("score", "-", stdin=stdin)
    assert ran.code == 1
    assert said in ran.err
    assert "1 line not scored" in ran.err
    assert [found["id"] for found in ran.jsonl if found["id"] != "x"] == ["a", "b"]


def test_more_lines_than_a_batch_keep_their_order(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(line(str(i), f"toxicity={i % 10 / 10}") for i in range(1000)))
    ran = offline("score", str(file))
    assert [found["id"] for found in ran.jsonl] == [str(i) for i in range(1000)]
    assert [found["scores"]["toxicity"] for found in ran.jsonl[:10]] == [i / 10 for i in range(10)]


def test_a_label_that_the_classifier_does_not_give_is_refused(offline: Cli, tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text("[labels.sarcasm]\nflag = 0.5\n")
    ran = offline("score", "-", "--policy", str(policy), stdin=line("a", "x"))
    assert ran.code == 2
    assert "sarcasm: twin@1 does not give it; expected one of toxicity, insult, threat" in ran.err


def test_the_model_that_tidegate_carries_scores(offline: Cli) -> None:
    ran = offline("score", "-", stdin=line("a", "I will kill you, you idiot"), TIDEGATE_CLASSIFIER="")
    (found,) = ran.jsonl
    assert found["action"] != "allow"
    assert found["model"].startswith("cascade-en@")


# --- who, and where


def test_explain_quotes_what_each_score_comes_from(offline: Cli) -> None:
    text = "well, 🙂 toxicity=0.9 and insult=0.2"
    ran = offline("score", "-", "--explain", stdin=line("a", text))
    (found,) = ran.jsonl
    assert found["spans"] == [
        {"start": 8, "end": 20, "label": "toxicity", "added": 0.9, "text": "toxicity=0.9"},
        {"start": 25, "end": 35, "label": "insult", "added": 0.2, "text": "insult=0.2"},
    ]
    assert "spans" not in offline("score", "-", stdin=line("a", text)).jsonl[0]


def test_a_label_is_explained_in_the_choice_that_scored(offline: Cli) -> None:
    """Of several choices, each label in the one that gave its score."""
    texts = ["toxicity=0.1 insult=0.7", "toxicity=0.3 insult=0.2"]
    (found,) = offline("score", "-", "--explain", stdin=line("a", texts)).jsonl
    assert [(s["choice"], s["text"]) for s in found["spans"]] == [(0, "insult=0.7"), (1, "toxicity=0.3")]


def test_one_text_that_cannot_be_scored_stops_no_other(offline: Cli) -> None:
    """It is said, and the rest is written."""
    stdin = "\n".join([line("a", "boom"), line("b", "mute toxicity=0.9"), line("c", "", status="failed")])
    ran = offline("score", "-", "--explain", stdin=stdin)
    assert "line 1: not scored: classifier_error" in ran.err
    assert "line 2: not explained; its scores stand" in ran.err
    assert [found.get("spans") for found in ran.jsonl] == [None, [], None]


def test_a_redact_decision_says_what_to_hide(offline: Cli, tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text("[labels.toxicity]\nredact = 0.5\n")
    (found,) = offline("score", "-", "--policy", str(policy), stdin=line("a", "oh toxicity=0.7")).jsonl
    assert found["action"] == "redact"
    assert found["spans"] == [{"start": 3, "end": 15, "label": "toxicity"}]


def test_with_a_cascade_every_score_says_who_gave_it(offline: Cli) -> None:
    ran = offline(
        "score",
        "-",
        stdin=line("a", "toxicity=0.91! insult=0.2"),
        TIDEGATE_CLASSIFIER="tests.support.scorers:CascadeScorer",
    )
    (found,) = ran.jsonl
    assert (found["by"]["toxicity"], found["by"]["insult"]) == ("encoder", "screen")
    assert [reason["by"] for reason in found["reasons"]] == ["encoder"]


def test_what_a_cascade_s_encoder_read_the_encoder_explains(
    offline: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    score = Cascade.score

    def listening(self: Cascade, texts: list[str], *, explain: bool = False, by_encoder: bool = False) -> Scored:
        if explain:
            asked.append(by_encoder)
        return score(self, texts, explain=explain, by_encoder=by_encoder)

    monkeypatch.setattr(Cascade, "score", listening)
    manifest = write_cascade(tmp_path, {"toxicity": (0.0, 1.0)})
    text = "The train leaves at nine, you fool."
    env = {"TIDEGATE_CLASSIFIER": "both", "TIDEGATE_CLASSIFIER_MANIFEST": str(manifest)}
    (found,) = offline("score", "-", "--explain", stdin=line("a", text), **env).jsonl
    assert asked == [True]
    assert set(found["by"].values()) == {"encoder"}
    assert found["spans"]
    assert all(s["text"] == text[s["start"] : s["end"]] for s in found["spans"])


def test_a_text_that_hangs_the_classifier_ends(tmp_path: Path) -> None:
    """It is said, and does not keep the command."""
    file = tmp_path / "in.jsonl"
    file.write_text(line("a", "HANG") + "\n" + line("b", "toxicity=0.5"))
    env = {
        **os.environ,
        **TWIN,
        "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted",
        "TIDEGATE_SCORE_TIMEOUT_S": "0.5",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "tidegate", "score", str(file)], env=env, capture_output=True, timeout=60
    )
    assert (ran.returncode, [json.loads(told)["id"] for told in ran.stdout.splitlines()]) == (1, ["a", "b"])
    assert b"line 1: not scored: classifier_timeout" in ran.stderr
