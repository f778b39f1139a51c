"""The model card: measured twice it is the same, it holds no labelled text, the committed one is what was measured."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="training needs the train extra")

from tests.training.made import made_data
from tidegate.classifiers import DEFAULT_MANIFEST, Scored
from training.contrast import contrast
from training.contrast.people import GROUPS
from training.contrast.sentence import Sentence
from training.corpus import Part
from training.evaluate import bias, by_model
from training.evaluate.board import Board, load_models
from training.evaluate.card import SECTIONS, TEMPLATE, render
from training.evaluate.compare import differences
from training.evaluate.markdown import count, number, percent, table
from training.evaluate.material import Material, gather
from training.evaluate.written import EXAMPLES
from training.label_map import LABELS
from training.recipe import read_recipe

ROOT = Path(__file__).parents[2]
RECIPE = read_recipe(ROOT / "training" / "recipes" / "cascade-en.toml")
CARD, RESULTS = ROOT / "docs" / "models.md", ROOT / "training" / "results" / "evaluation.json"
ROWS = 3


class Counting:
    """A scorer of two labels that counts what it was asked; `sent` says that it sent every text that has an "a"."""

    labels = ("insult", "toxicity")
    version = "counting@1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, texts: Any, *, explain: bool = False) -> Scored:
        self.asked += texts
        values = np.array([[0.25, len(text) / 3] for text in texts], np.float32)
        return Scored(values, sent=sum("a" in text for text in texts))


# --- what is asked


def test_a_text_is_scored_once_a_model_whoever_asks():
    scorer = Counting()
    board = Board({"cascade": scorer})
    rows = board.scores("cascade", ["a", "bb", "a"])
    board.scores("cascade", ["bb", "c"])
    assert sorted(scorer.asked) == ["a", "bb", "c"]
    assert rows[:, LABELS.index("toxicity")].tolist() == [0.3333, 0.6667, 0.3333]  # as decisions see them
    assert np.isnan(rows[:, LABELS.index("threat")]).all()
    assert board.sent("cascade", ["a", "bb", "c", "ca"]) == 0.5


def test_a_single_model_sends_nothing_anywhere():
    class Single(Counting):
        def score(self, texts: Any, *, explain: bool = False) -> Scored:
            return Scored(super().score(texts).values)

    assert Board({"screen": Single()}).sent("screen", ["a"]) is None


def test_an_identity_is_found_by_its_words():
    """One that nobody names is left out."""
    texts = ["A blind man.", "Blinds for the window.", "Three deaf women."]
    found = bias.by_identity(texts, np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3]))
    assert {name: row["texts"] for name, row in found.items()} == {"disabled": 2, "men": 1, "women": 1}


def test_frames_are_templates_where_the_group_alone_is_open():
    def sentence(template: str, family: str) -> Sentence:
        return Sentence("", template, family, {})

    made = bias.frames(
        [
            sentence("{g} are here.", "fair_many"),
            sentence("{g} are {n}.", "fair_quoted"),
            sentence("{g} and {a} people.", "fair_many"),
            sentence("Rain.", "fair_many"),
            sentence("I hate {g}.", "hate_dislike"),
        ],
        "fair_",
    )
    assert made.templates == ["{g} are here.", "{g} are {n}."]
    assert made.texts[: len(GROUPS)] == [f"{g[0].upper()}{g[1:]} are here." for g in GROUPS]


def test_the_trade_off_runs_from_screen_to_encoder():
    """From one alone to the other alone."""
    y = np.zeros((60, len(LABELS)), np.float32)
    y[:30, 0] = 1
    part = Part(np.array(["made"] * 60), [""] * 60, y, np.ones_like(y))
    screen, encoder = np.full(y.shape, 0.5), y.astype(np.float64)
    points = by_model.trade_off(part, screen, encoder, 0.5)
    assert points[0] == (0.0, 0.5)
    assert points[-1] == (1.0, 1.0)


def test_no_example_is_a_sentence_of_training():
    assert {text for _, text, _ in EXAMPLES} & {sentence.text for sentence in contrast(RECIPE.seed)} == set()


# --- what is written


def test_numbers_stand_to_the_right_and_bars_are_escaped():
    assert table(["a", "b"], [["x|y", number(None)], ["z", percent(0.5)], ["z", count(1234)]]) == (
        "| a | b |\n| --- | ---: |\n| x\\|y | – |\n| z | 50.0% |\n| z | 1,234 |"
    )
    assert table(["a"], []) == "None."


def test_every_place_of_the_card_is_filled():
    """And every section has a place."""
    places = re.findall(r"\{\{(\w+)\}\}", TEMPLATE.read_text("utf-8"))
    assert sorted(places) == sorted(SECTIONS)


def test_a_difference_is_more_than_one_step_of_the_last_decimal():
    old = {"a": [0.5, 0.5], "b": {"c": "x"}, "d": None, "gone": 1}
    new = {"a": [0.5001, 0.5002], "b": {"c": "y"}, "d": None, "new": 1}
    assert differences(old, new) == [
        "a[1]: 0.5002, expected 0.5", "b.c: 'y', expected 'x'", "gone: missing", "new: not expected",
    ]  # fmt: skip


# --- a whole run, on made-up sets


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return gather(made_data(tmp_path_factory.mktemp("data")), RECIPE, ROWS)


@pytest.fixture(scope="module")
def accounts(material: Material) -> list[dict[str, Any]]:
    pytest.importorskip("profanity_check", reason="training needs the train extra")
    pytest.importorskip("better_profanity", reason="training needs the train extra")
    from training.evaluate.account import evaluate

    models = load_models(DEFAULT_MANIFEST, None)
    return [evaluate(material, RECIPE, models, ROWS, lambda line: None) for _ in range(2)]


def test_sets_are_cut_to_the_rows_asked_for_and_ours_are_apart(material: Material):
    assert "contrast" not in material.test.sets
    assert max(Counter(material.test.sets.tolist()).values()) == ROWS
    assert len(material.written.texts) == 4 * ROWS
    assert set(material.sentences) == set(material.written.texts)


def test_measured_twice_the_numbers_and_the_card_are_the_same(accounts: list[dict[str, Any]]):
    one, two = accounts
    assert json.dumps(one) == json.dumps(two)
    assert differences(one, two) == []
    assert render(one) == render(json.loads(json.dumps(one)))
    assert "{{" not in render(one)


def test_no_labelled_text_is_written(accounts: list[dict[str, Any]], material: Material):
    written = json.dumps(accounts[0], ensure_ascii=False) + render(accounts[0])
    texts = [*material.test.texts, *material.dev, *material.madlibs[0], *chain.from_iterable(material.benign.values())]
    assert [text for text in (*texts, *material.any_harm.texts) if text in written] == []


def test_no_hostile_text_breaks_a_model(accounts: list[dict[str, Any]]):
    assert all(all(found.values()) for found in accounts[0]["hostile"].values())


def test_drawings_are_the_same_byte_for_byte(accounts: list[dict[str, Any]], tmp_path: Path):
    pytest.importorskip("matplotlib", reason="training needs the train extra")
    from training.evaluate.plots import draw

    account = accounts[0] | {"trade_off": [[0.0, 0.9], [1.0, 0.95]]}
    one, two = draw(account, tmp_path / "one"), draw(account, tmp_path / "two")
    assert [file.name for file in one] == ["reliability.svg", "roc.svg", "sent.svg"]
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


def test_the_committed_card_is_what_the_committed_numbers_give():
    if not RESULTS.is_file():
        pytest.skip("no evaluation is committed yet: python -m training.evaluate")
    assert CARD.read_text("utf-8") == render(json.loads(RESULTS.read_text("utf-8"))), "run with --render and commit it"
