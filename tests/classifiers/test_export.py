"""Any Hugging Face sequence-classification export works by its manifest entry alone.

In the tiny export a window says -3 as such, +6 a `rude` on rudeness, +6 a `scary` on menace.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tidegate.classifiers import ScoreError, load

from .conftest import TINY


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_scores_are_the_logits_through_a_sigmoid(tiny):
    scores = tiny.score(["rude word", "a kind word", "rude scary", "Rude, rude"]).values
    assert scores.dtype == np.float32
    assert tiny.labels == ("rudeness", "menace")
    expected = [
        [sigmoid(3), sigmoid(-3)],  # -3 + 6 | -3
        [sigmoid(-3), sigmoid(-3)],
        [sigmoid(3), sigmoid(3)],
        [sigmoid(9), sigmoid(-3)],  # -3 + 6 + 6
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_softmax_shares_one_between_labels(write_manifest):
    tiny = load("tiny", manifest=write_manifest(activation='"softmax"'))
    np.testing.assert_allclose(tiny.score(["rude"]).values, [[sigmoid(6), sigmoid(-6)]], rtol=1e-6)


def test_output_that_is_no_probability_is_an_error(write_manifest):
    tiny = load("tiny", manifest=write_manifest(activation='"none"'))
    with pytest.raises(ScoreError, match="gave a number that is no probability after none"):
        tiny.score(["rude"])


def test_truncation_in_the_tokenizer_file_is_not_obeyed(tiny):
    assert json.loads((TINY / "tokenizer.json").read_text())["truncation"]["max_length"] == 8
    # 6 tokens of text fit into a window beside [CLS] and [SEP]: the rude one is far behind the first.
    assert tiny.score(["word " * 40 + "rude"]).values[0, 0] == pytest.approx(sigmoid(3))


def test_strongest_window_wins_for_each_label(tiny):
    #  rude word word word word word word word scary scary
    #  [----------------------------)                        rudeness -3 + 6        menace -3
    #                      [----------------------------)    rudeness -3            menace -3 + 6 + 6
    scores = tiny.score(["rude " + "word " * 7 + "scary scary"]).values
    np.testing.assert_allclose(scores, [[sigmoid(3), sigmoid(9)]], rtol=1e-6)


@pytest.mark.parametrize("batching", ["alone", "padded"])
def test_both_ways_of_batching_give_the_same(write_manifest, tiny, batching):
    other = load("tiny", manifest=write_manifest(batching=f'"{batching}"'))
    texts = ["rude", "a " * 30, "scary word", "", "the"]
    np.testing.assert_array_equal(other.score(texts).values, tiny.score(texts).values)


def test_tiny_export_is_what_its_script_makes():
    pytest.importorskip("onnx", reason="the train extra makes the fixture anew")
    from .make_tiny_export import model, tokenizer

    assert model() == (TINY / "model.onnx").read_bytes()
    assert json.loads(tokenizer().to_str()) == json.loads((TINY / "tokenizer.json").read_text())
