"""The benign suite: nothing teaches with it, and no more of it is acted on than the figures here say."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="training needs the train extra")

from tidegate.classifiers import load
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Source
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.policy_log.file import read_policy
from training.__main__ import RECIPE
from training.contrast import contrast
from training.evaluate.account import POLICY
from training.evaluate.acted_on import ALL, by_kind, lowest_bars, reasons
from training.evaluate.benign_suite import KINDS, PROMPTS, suite
from training.label_map import LABELS
from training.recipe import read_recipe

ROOT = Path(__file__).parents[2]
EACH = 4  # the test scores every fourth text, one or two of each template; `python -m training.evaluate` all of them
RUN = 7  # words: no run so long may stand both here and in what is trained on
# Of every fourth text, how many the default model and policy.toml act on. Lower it with better models, never raise it.
MOST = {
    "all": 25, "animals": 5, "garden and kitchen words": 1, "explained words": 3, "dialect and praise": 3,
    "self-reproach": 5, "code": 1, "letters": 1, "fiction": 3, "groups named": 2, "prompts that sound harmful": 1,
}  # fmt: skip
ROUNDING = 1  # texts of a kind that may be more on another processor, whose int8 sums round otherwise


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    return list(suite())


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def runs(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + RUN]) for i in range(len(found) - RUN + 1)}


def key(text: str) -> str:
    """The words of a template without its places."""
    return " ".join(words(re.sub(r"\{\w+\}", " ", text)))


def test_two_thousand_texts_of_many_kinds_always_the_same(texts):
    assert len(texts) >= 2000
    assert len({text for _, text in texts}) == len(texts)
    assert texts == list(suite())
    counts = Counter(kind for kind, _ in texts)
    assert list(counts) == [kind.name for kind in KINDS]
    assert len(counts) >= 20
    assert min(counts.values()) >= 60
    assert counts.keys() >= PROMPTS


def test_no_place_of_a_template_is_left_open(texts):
    assert [text for _, text in texts if re.search(r"\{[a-z_0-9]+\}", text, re.IGNORECASE)] == []


def test_nothing_of_it_is_taught(texts):
    """No template, no text and no run of seven words of the suite is in training/contrast."""
    taught = contrast(read_recipe(RECIPE).seed)
    templates = {key(sentence.template) for sentence in taught} - {""}
    assert [t for kind in KINDS for t in kind.templates if key(t) in templates] == []
    known = {" ".join(words(sentence.text)) for sentence in taught}
    assert [text for _, text in texts if " ".join(words(text)) in known] == []
    taught_runs = set().union(*(runs(sentence.text) for sentence in taught))
    assert [text for _, text in texts if runs(text) & taught_runs] == []


def test_training_cannot_reach_it():
    """No module that trains imports one that evaluates, the suite least of all."""
    files = [file for file in (ROOT / "training").rglob("*.py") if "evaluate" not in file.parts]
    assert len(files) > 40
    strays = {
        (str(file.relative_to(ROOT)), module)
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for module in imported(node)
        if module == "training.evaluate" or module.startswith("training.evaluate.")
    }
    assert strays == set()


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


@pytest.mark.parametrize("step", [-0.0001, 0.0])
def test_acted_on_is_what_decide_does_not_allow(step):
    """A score at the lowest bar of a label is acted on, one just below it is not: here as in a worker."""
    bars, live = lowest_bars(POLICY), LivePolicy("1", read_policy(POLICY))
    assert set(bars.completions) == set(live.policy.labels)
    for label, bar in bars.completions.items():
        score = round(bar + step, 4)
        row = [score if name == label else 0.0 for name in LABELS]
        source = Source(topic="t", partition=0, offset=0)
        inputs = Inputs(id="1", source=source, epoch=0, record_ms=0, model_version="m", scores={label: score})
        acted_on = bool(reasons("letters", row, bars))
        assert acted_on == (decide(inputs, live).action is not Action.ALLOW) == (step == 0.0)


def test_counted_by_kind_and_by_label():
    bars = lowest_bars(POLICY)
    low, high = [0.0] * len(LABELS), [float(label == "insult") for label in LABELS]
    texts = [("letters", "a"), ("letters", "b"), ("trivia", "c")]
    found = by_kind(texts, lambda asked: np.array([low, high, high]), bars)
    assert found[ALL] == {"texts": 3, "acted_on": 2, "labels": {"insult": 2}}
    assert found["letters"] == {"texts": 2, "acted_on": 1, "labels": {"insult": 1}}


def test_no_more_is_acted_on_than_stated(texts):
    """Every fourth text, scored by the default model: of no kind, and not of all together, are more acted on."""
    cascade = load()
    columns = [LABELS.index(label) for label in cascade.labels if label in LABELS]
    given = [i for i, label in enumerate(cascade.labels) if label in LABELS]

    def score(asked: list[str]) -> np.ndarray:
        rows = np.full((len(asked), len(LABELS)), np.nan)
        for start in range(0, len(asked), 64):
            rows[start : start + 64, columns] = cascade.score(asked[start : start + 64]).values[:, given].round(4)
        return rows

    found = by_kind(texts[::EACH], score, lowest_bars(POLICY))
    counts = {kind: one["acted_on"] for kind, one in found.items() if one["acted_on"]}
    more = {kind: n for kind, n in counts.items() if n > MOST.get(kind, 0) + ROUNDING}
    assert more == {}, f"acted on: {counts}; expected at most {MOST}"
