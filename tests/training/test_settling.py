"""What the screen is taught and what it settles: soft targets, bands within a budget, pieces as the cascade cuts."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="training needs the evaluate extra")

from tidegate.classifiers import Cascade, load
from training.bands import Budget, Windows, choose
from training.cut import slices
from training.disguise import DISGUISES, disguised
from training.distil import targets

STRICT = Budget(recall=0.0, fpr=0.01, auroc=0.0)


def column(*values):
    return np.array(values, np.float32)[:, None]


def test_a_target_is_the_encoders_word_beside_the_label():
    """Where there is a label."""
    said = column(0.8, 0.8, 0.8, 0.1)
    y = column(1, 0, 1, 1)
    w = column(1, 1, 0, 1)
    #            0.7*0.8+0.3   0.7*0.8   unknown: 0.8   the label is of another window: 0.1
    np.testing.assert_allclose(targets(said, y, w, 0.7), column(0.86, 0.56, 0.8, 0.1), atol=1e-6)


def share_sent(screen, encoder, y, traffic, budget=STRICT):
    """(the band's lower end, the share of the traffic it sends), a window a text and one label."""
    n = len(y)
    dev = Windows(np.arange(n), column(*screen), column(*encoder))
    mix = Windows(np.arange(len(traffic)), column(*traffic))
    band = choose(column(*y), np.ones((n, 1), np.float32), dev, mix, [0], budget)[0]
    return band.low, float((np.array(traffic) >= band.low).mean())


def test_screen_that_is_as_good_as_the_encoder_sends_nothing():
    rng = np.random.default_rng(1)
    y = rng.random(2000) < 0.3
    scores = np.where(y, 0.9, 0.1) + rng.normal(0, 0.02, 2000)
    assert share_sent(scores, scores, y, rng.random(1000) * 0.2) == (1.0, 0.0)


def test_band_holds_what_only_the_encoder_tells_apart():
    #  screen 0.4 on every positive and on a third of the negatives; the encoder knows which
    rng = np.random.default_rng(2)
    y = rng.random(3000) < 0.3
    unsure = y | (rng.random(3000) < 0.3)
    screen = np.where(unsure, 0.4, 0.05) + rng.normal(0, 0.001, 3000)
    encoder = np.where(y, 0.9, 0.02) + rng.normal(0, 0.005, 3000)
    traffic = np.where(rng.random(1000) < 0.2, 0.4, 0.05) + rng.normal(0, 0.001, 1000)
    low, sent = share_sent(screen, encoder, y, traffic)
    assert low < 0.41
    assert 0.17 <= sent <= 0.3


def test_looser_budget_never_sends_more():
    rng = np.random.default_rng(3)
    y = rng.random(3000) < 0.3
    truth = np.where(y, 1.0, 0.0)
    screen = 1 / (1 + np.exp(-(3 * truth - 1.5 + rng.normal(0, 1.2, 3000))))
    encoder = 1 / (1 + np.exp(-(6 * truth - 3 + rng.normal(0, 1.2, 3000))))
    sent = [
        share_sent(screen, encoder, y, screen, Budget(recall, 0.01, auroc))[1]
        for recall, auroc in ((0.0, 0.0), (0.05, 0.01), (0.3, 0.1))
    ]
    assert sent == sorted(sent, reverse=True)
    assert sent[0] > sent[-1]


def test_window_that_one_label_sends_is_read_for_the_other():
    #  the second label's screen is blind, but where it matters the first label's sends the window anyway
    rng = np.random.default_rng(4)
    y = rng.random(3000) < 0.3
    first = np.where(y, 0.5, 0.05) + rng.normal(0, 0.001, 3000)
    encoder = np.where(y, 0.9, 0.02) + rng.normal(0, 0.005, 3000)
    truth = np.column_stack([y, y]).astype(np.float32)
    dev = Windows(
        np.arange(3000),
        np.column_stack([np.where(y, first, rng.random(3000) * 0.6), rng.random(3000)]).astype(np.float32),
        np.column_stack([encoder, encoder]).astype(np.float32),
    )
    mix = Windows(dev.owner, dev.screen)
    bands = choose(truth, np.ones_like(truth), dev, mix, [0, 1], Budget(0.01, 0.01, 0.01))
    alone = choose(truth, np.ones_like(truth), dev, mix, [1], Budget(0.01, 0.01, 0.01))
    assert bands[1].low > alone[1].low


def test_pieces_are_cut_as_the_cascade_cuts_them():
    cascade = load()
    assert isinstance(cascade, Cascade)
    text = " ".join(f"Sentence number {i} is here to fill the windows, naïve and 😀 plain." for i in range(40))
    (pieces,) = slices(cascade.screen.windower, [text])
    owners, _ = cascade.screen.read([text])
    cut = cascade._pieces([text], owners, range(len(owners)))
    assert pieces == [text[piece.start : piece.end] for piece in cut]
    assert len(pieces) > 3


@pytest.mark.parametrize("name", DISGUISES)
def test_disguise_changes_the_text_the_same_way_for_a_seed(name):
    text = "what a terrible fool you are"
    found = [disguised(text, DISGUISES[name], 1.0, random.Random(7)) for _ in range(2)]
    assert found[0] == found[1] != text
    assert found[0].count(" ") >= text.count(" ")
