"""The classifier that the settings mean, and the one in force under a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.manifests import write_cascade
from tests.support.scorers import LABELS, scripted
from tidegate.classifiers import Cascade, Classifier, Scored
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import SettingsError
from tidegate.streams.moderation.scorer import LiveScorer, load_scorer


class Own:
    """A scorer of somebody's own, that gives back what a test says."""

    labels = LABELS
    version = "own@1"
    gives: Any = Scored(np.zeros((1, len(LABELS)), np.float32))

    def score(self, texts: Any, *, explain: bool = False) -> Any:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


class Older:
    """One that knows nothing of explaining."""

    labels = LABELS
    version = "older@1"

    def score(self, texts: Any) -> Any:
        return Own.gives


def live(**labels: Any) -> LivePolicy:
    return LivePolicy("1-0123abcd", parse({"labels": labels}, "p"))


def beside(shadow: LivePolicy, **labels: Any) -> LivePolicy:
    """A live policy with that shadow."""
    return LivePolicy("1-0123abcd", live(**labels).policy, shadow)


# --- loading


def test_a_scorer_of_ones_own_is_what_its_factory_makes() -> None:
    assert isinstance(load_scorer("tests.moderation.test_scorer:Own"), Own)


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (np.zeros((1, 10), np.float32), "score([one text]) gave ndarray; expected a classifiers.Scored with values of "
         "shape (1, 10), a row a text and a column a label; not started"),
        (Scored(np.zeros((1, 5), np.float32)), "gave values of shape (1, 5); expected"),
        (None, "gave NoneType; expected"),
        (RuntimeError("no weights"), 'score(["word"], explain=True) raised RuntimeError: no weights; expected'),
    ],
)  # fmt: skip
def test_a_scorer_that_returns_no_scored_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, gives: Any, message: str
) -> None:
    monkeypatch.setattr(Own, "gives", gives)
    with pytest.raises(SettingsError) as caught:
        load_scorer("tests.moderation.test_scorer:Own")
    assert str(caught.value).startswith("TIDEGATE_CLASSIFIER: tests.moderation.test_scorer:Own: ")
    assert message in str(caught.value)


def test_a_scorer_without_explain_is_refused_at_start() -> None:
    with pytest.raises(SettingsError, match="raised TypeError"):
        load_scorer("tests.moderation.test_scorer:Older")


@pytest.mark.parametrize(
    ("name", "message"),
    [("nope:x", "No module named"), ("tests.support.scorers:nope", "no attribute"), ("nope", "no 'nope'")],
)
def test_an_unknown_scorer_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_scorer(name)


def test_only_a_cascade_takes_threads(tmp_path: Path) -> None:
    assert isinstance(load_scorer("screen-en", None, 4), Classifier)
    cascade = load_scorer("", write_cascade(tmp_path, {"toxicity": (0.1, 0.9)}), 2)
    assert isinstance(cascade, Cascade)
    assert cascade._pool is not None


# --- in force


def test_a_cascades_bands_hold_every_live_threshold(tmp_path: Path) -> None:
    versions: list[str] = []
    cascade = load_scorer("", write_cascade(tmp_path, {"toxicity": (0.2, 0.8), "insult": (0.2, 0.8)}))
    scorer = LiveScorer(cascade, versions.append)
    inside, outside = live(toxicity={"flag": 0.5}), live(toxicity={"flag": 0.5, "block": 0.9}, sarcasm={"flag": 1})
    one, other = scorer.under(inside), scorer.under(outside)
    assert isinstance(one, Cascade)
    assert isinstance(other, Cascade)
    assert (one.bands["toxicity"].high, one.version) == (0.8, cascade.version)
    assert other.bands["toxicity"].high > 0.9
    assert other.bands["insult"] == one.bands["insult"]
    assert versions == [one.version, other.version]
    assert one.version != other.version


def test_the_view_is_rebuilt_only_on_a_change() -> None:
    """Of the policy or of the scorer."""
    versions: list[str] = []
    scorer, policy = LiveScorer(scripted(), versions.append), live(toxicity={"flag": 0.5})
    for _ in range(3):
        assert scorer.under(policy) is scorer.loaded
    assert versions == ["scripted@1"]
    scorer.loaded = Own()
    assert scorer.under(policy).version == "own@1"
    scorer.under(live(toxicity={"flag": 0.6}))
    assert versions == ["scripted@1", "own@1", "own@1"]


# --- in force, beside a shadow


def test_the_bands_hold_a_running_shadows_thresholds(tmp_path: Path) -> None:
    cascade = load_scorer("", write_cascade(tmp_path, {"toxicity": (0.2, 0.8), "insult": (0.2, 0.8)}))
    scorer, shadow = LiveScorer(cascade, lambda _: None), live(toxicity={"block": 0.95}, insult={"flag": 0.1})
    alone = scorer.under(live(toxicity={"flag": 0.5}))
    wider = scorer.under(beside(shadow, toxicity={"flag": 0.5}))
    promoted = scorer.under(shadow)
    assert isinstance(alone, Cascade)
    assert isinstance(wider, Cascade)
    assert isinstance(promoted, Cascade)
    assert wider.bands["toxicity"].high > 0.95
    assert wider.bands["insult"].low < 0.1
    assert wider.version != alone.version  # decisions say under which bands they were scored
    assert scorer.under(live(toxicity={"flag": 0.5})).version == alone.version  # and it has ended
    assert promoted.bands == wider.bands  # what was tried is what it gets


def test_a_missing_label_of_the_shadow_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """It changes nothing else."""
    scorer = LiveScorer(scripted(), lambda _: None)
    policy = beside(live(toxicity={"flag": 0.4}, sarcasm={"block": 0.9}), toxicity={"flag": 0.5})
    for _ in range(3):
        assert scorer.under(policy) is scorer.loaded
    assert caplog.messages == [
        "shadow 1-0123abcd names sarcasm, which scripted@1 does not give: the shadow asks for nothing of it"
    ]
